# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.exceptions import ValidationError

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}
_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_ORIGINS = 50


class BillingService(models.Model):
    """Origins: the web sites whose pages may read the answers to their customers' queries (CORS)."""

    _inherit = "fusion.billing.service"

    # === FIELDS === #

    frontend_origins = fields.Text(
        string="Web Sites",
        tracking=True,
        copy=False,
        help="Whose pages may query GraphQL with an access token of a customer: one origin a line, such as"
        " https://app.example.com. No paths and no wildcards; http for localhost only.",
    )

    # === CRUD === #

    def write(self, vals):
        return super().write(self._with_plain_origins(vals))

    # === BUSINESS === #

    def _allows_origin(self, origin):
        """Tell whether pages of an origin, as browsers write it, may read what customers of this service are told."""
        self.ensure_one()
        return origin in (self.frontend_origins or "").split()

    @api.model
    def _find_by_origin(self, origin):
        """Return the active services that list an origin."""
        listing = self.search([("frontend_origins", "!=", False)])
        return listing.filtered(lambda service: service._allows_origin(origin))

    # === HELPERS === #

    def _prepare_create_values(self, vals_list):
        return super()._prepare_create_values([self._with_plain_origins(vals) for vals in vals_list])

    @api.model
    def _with_plain_origins(self, vals):
        """Return values with origins as browsers write them, each once.

        :raises ValidationError: for a line that is no origin, or one that may not be listed
        """
        if not vals.get("frontend_origins"):
            return vals
        lines = [line.strip() for line in vals["frontend_origins"].splitlines() if line.strip()]
        origins = list(dict.fromkeys(plain_origin(line) or self._refuse_origin(line) for line in lines))
        if len(origins) > _MAX_ORIGINS:
            raise ValidationError(self.env._("A service lists at most %s web sites.", _MAX_ORIGINS))
        return {**vals, "frontend_origins": "\n".join(origins) or False}

    @api.model
    def _refuse_origin(self, line):
        raise ValidationError(
            self.env._(
                "%s is no web site that may be listed: write its origin, such as https://app.example.com, without a"
                " path or wildcards; http is for localhost only.",
                line,
            )
        )


def plain_origin(text):
    """Return an origin as browsers write it in ``Origin``, or None if it is none that may be listed."""
    try:
        parts = urlsplit(text)
        host, port = _plain_host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment or "?" in text:
        return None
    if "#" in text or not host or port == 0 or parts.netloc.endswith(":"):
        return None
    if parts.scheme not in _DEFAULT_PORTS or (parts.scheme == "http" and host not in _LOCAL):
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def _plain_host(host):
    """Return a host in ASCII, or None if it is none; raise ValueError for one that is no name at all."""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host).compressed}]"
    name = unicodedata.normalize("NFC", host.lower())
    if not name.isascii():
        # As browsers send names of other alphabets. They take some letters (ß, ς) as they are where Python's older
        # standard replaces them: that would list somebody else's web site. Such a name is written as xn--.
        encoded = name.encode("idna")
        name = encoded.decode() if encoded.decode("idna") == name else ""
    return name if _HOST.match(name) else None
