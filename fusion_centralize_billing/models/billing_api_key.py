# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..api.operations import SCOPES
from ..limits.clients import Client
from .last_use import note_after_commit

#: How exact the time of last use is. A write per request would make the key a hot row.
_LAST_USE_PRECISION = timedelta(minutes=10)
_MAX_RAW_LENGTH = 200


class BillingApiKey(models.Model):
    """A key of a service. 256 random bits: a plain SHA-256 is as safe as a slow hash, and fast."""

    _name = "fusion.billing.api.key"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing API Key"
    _order = "service_id, id desc"

    # === FIELDS === #

    name = fields.Char(required=True)
    service_id = fields.Many2one("fusion.billing.service", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="service_id.company_id", store=True)
    active = fields.Boolean(default=True, help="A revoked key is inactive.")
    is_default = fields.Boolean(
        "Default", readonly=True, help="The key that the service's own button makes and replaces."
    )
    prefix = fields.Char(readonly=True, required=True, help="The visible start of the key, to tell keys apart.")
    key_hash = fields.Char(readonly=True, required=True, help="SHA-256 of the key, hexadecimal.")
    scopes = fields.Char(help="What the key may do, separated by spaces; empty for everything.")
    expires_at = fields.Datetime(help="From then on the key opens nothing; empty for never.")
    last_used_at = fields.Datetime(readonly=True, help="Exact to ten minutes.")

    # === CONSTRAINTS AND INDEXES === #

    _key_hash_uniq = models.Constraint("UNIQUE(key_hash)", "This key exists already.")
    _default_uniq = models.UniqueIndex("(service_id) WHERE is_default AND active", "A service has one default key.")

    @api.constrains("scopes")
    def _check_scopes(self):
        for key in self:
            unknown = set((key.scopes or "").split()) - set(SCOPES)
            if unknown:
                raise ValidationError(
                    self.env._(
                        "Unknown scopes: %(unknown)s. There are: %(known)s.",
                        unknown=", ".join(sorted(unknown)),
                        known=", ".join(SCOPES),
                    )
                )

    # === ACTIONS === #

    def action_revoke(self):
        """Make the keys open nothing from now on."""
        self.active = False
        return True

    # === BUSINESS === #

    @api.model
    def _generate(self, service, name, scopes=False, expires_at=False, is_default=False):
        """Make a key and return it in clear text; only its hash is kept."""
        service.check_access("write")
        prefix = f"fcb_{secrets.token_hex(4)}"
        raw = f"{prefix}_{secrets.token_urlsafe(32)}"
        if is_default:
            service.api_key_ids.filtered("is_default").action_revoke()
            self.flush_model(["active"])  # or the database would see two default keys
        # sudo: keys are made here and nowhere else; the access to the service was checked above.
        self.sudo().create(
            {
                "name": name,
                "service_id": service.id,
                "prefix": prefix,
                "key_hash": self._hash(raw),
                "scopes": scopes,
                "expires_at": expires_at,
                "is_default": is_default,
            }
        )
        self.flush_model()
        return raw

    @api.model
    def _authenticate(self, raw):
        """Return the usable key of an active service for ``raw``, or an empty recordset."""
        if not raw or len(raw) > _MAX_RAW_LENGTH:
            return self.browse()
        # The column is unique and indexed. Comparing hashes in the index leaks no more than the hash's start.
        key = self.search([("key_hash", "=", self._hash(raw)), ("service_id.active", "=", True)], limit=1)
        now = fields.Datetime.now()
        if key.expires_at and key.expires_at <= now:
            return self.browse()
        if key and (not key.last_used_at or key.last_used_at < now - _LAST_USE_PRECISION):
            note_after_commit(key, now, _LAST_USE_PRECISION)
        return key

    def _allows(self, scope):
        """Tell whether the key may use ``scope``."""
        self.ensure_one()
        return not self.scopes or scope in self.scopes.split()

    def _as_client(self):
        """Return what the key is to the limits on clients."""
        self.ensure_one()
        return Client(f"key {self.id}")

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # Which service a key opens, and with which text: keys are made by _generate() only.
        return {"service_id", "company_id", "is_default", "prefix", "key_hash", "last_used_at"}

    @staticmethod
    def _hash(raw):
        return hashlib.sha256(raw.encode(errors="surrogatepass")).hexdigest()
