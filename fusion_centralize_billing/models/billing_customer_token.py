# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import hashlib
import secrets
from datetime import timedelta

from odoo import api, fields, models

from ..api.http_request import TOKEN_PREFIX
from ..limits.clients import Client
from .last_use import note_after_commit

#: How exact the time of last use is.
_LAST_USE_PRECISION = timedelta(minutes=1)
_MAX_RAW_LENGTH = 200
_VACUUM_BATCH = 10_000


class BillingCustomerToken(models.Model):
    """A short-lived access token, with which a frontend reads one customer of a service over GraphQL.

    A row and not a signature: it ends at once with its key, its service, its customer or by button. 256 random bits,
    of which only the SHA-256 is kept.
    """

    _name = "fusion.billing.customer.token"
    _inherit = ["fusion.billing.guarded"]
    _description = "Billing Customer Token"
    _rec_name = "prefix"
    _order = "id desc"

    # === FIELDS === #

    account_link_id = fields.Many2one(
        "fusion.billing.account.link",
        string="Customer",
        required=True,
        ondelete="cascade",
        index=True,
        readonly=True,
        help="Whom it shows, and nobody else.",
    )
    service_id = fields.Many2one(related="account_link_id.service_id", store=True)
    company_id = fields.Many2one(related="account_link_id.company_id", store=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Contact",
        required=True,
        ondelete="cascade",
        index=True,
        readonly=True,
        help="Who the customer was when the token was made: it ends if the customer becomes another contact.",
    )
    api_key_id = fields.Many2one(
        "fusion.billing.api.key",
        string="Made With",
        required=True,
        ondelete="cascade",
        index=True,
        readonly=True,
        help="The service's key that has made it: it ends with the key.",
    )
    prefix = fields.Char(readonly=True, required=True, help="The visible start of the token, to tell tokens apart.")
    token_hash = fields.Char(readonly=True, required=True, help="SHA-256 of the token, hexadecimal.")
    expires_at = fields.Datetime(readonly=True, required=True, index=True, help="From then on it opens nothing.")
    last_used_at = fields.Datetime(readonly=True, help="Exact to a minute.")

    # === CONSTRAINTS AND INDEXES === #

    _token_hash_uniq = models.Constraint("UNIQUE(token_hash)", "This token exists already.")

    # === BUSINESS === #

    @api.model
    def _generate(self, link, api_key, seconds):
        """Make a token and return ``(its clear text, its record)``; only its hash is kept."""
        prefix = f"{TOKEN_PREFIX}{secrets.token_hex(4)}"
        raw = f"{prefix}_{secrets.token_urlsafe(32)}"
        # sudo: tokens are made here and nowhere else.
        token = self.sudo().create(
            {
                "account_link_id": link.id,
                "partner_id": link.partner_id.id,
                "api_key_id": api_key.id,
                "prefix": prefix,
                "token_hash": self._hash(raw),
                "expires_at": fields.Datetime.now() + timedelta(seconds=seconds),
            }
        )
        return raw, token

    @api.model
    def _authenticate(self, raw):
        """Return the usable token for ``raw``, or an empty recordset."""
        if not raw or len(raw) > _MAX_RAW_LENGTH:
            return self.browse()
        # The column is unique and indexed. Comparing hashes in the index leaks no more than the hash's start.
        token = self.search([("token_hash", "=", self._hash(raw))])
        now = fields.Datetime.now()
        if not token or not token._is_usable(now):
            return self.browse()
        if not token.last_used_at or token.last_used_at < now - _LAST_USE_PRECISION:
            note_after_commit(token, now, _LAST_USE_PRECISION)
        return token

    def _as_client(self):
        """Return what the token is to the limits on clients: all of a customer's share its limits."""
        self.ensure_one()
        return Client(f"customer {self.account_link_id.id}", f"customers of {self.service_id.id}", is_customer=True)

    # === JOBS === #

    @api.autovacuum
    def _gc_ended(self):
        """Forget tokens that have ended a day ago, so that people can see who has used them until then."""
        ended = [("expires_at", "<", fields.Datetime.now() - timedelta(days=1))]
        tokens = self.search(ended, limit=_VACUUM_BATCH, order="id")
        tokens.unlink()
        return len(tokens), len(tokens) == _VACUUM_BATCH

    # === HELPERS === #

    @api.model
    def _fc_get_guarded_fields(self):
        # Whom a token opens, and with which text: tokens are made by _generate() only.
        return set(self._fields)

    def _is_usable(self, now):
        """Tell whether the token has not ended, nor its key, its service or its customer as it was."""
        self.ensure_one()
        link, key = self.account_link_id, self.api_key_id
        return (
            self.expires_at > now
            and key.active
            and (not key.expires_at or key.expires_at > now)
            and key.service_id == link.service_id
            and link.service_id.active
            and link.partner_id == self.partner_id
        )

    @staticmethod
    def _hash(raw):
        return hashlib.sha256(raw.encode(errors="surrogatepass")).hexdigest()
