# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import base64
import hashlib
import json

from odoo import models
from odoo.fields import Domain

from ..api.errors import InvalidPayloadError

#: What of a page's payload says which page, not which list.
_PAGING = {"limit", "cursor"}
_MARK_LENGTH = 12


class BillingService(models.Model):
    """Pages of lists. By number, newest first: what is added while a client reads shifts nothing."""

    _inherit = "fusion.billing.service"

    # === HELPERS === #

    def _read_page(self, request, records, domain):
        """Return ``(records of a page, cursor of the next page or None)``.

        :param request: a Page payload
        :param records: of the model to list, in the environment whose record rules apply
        """
        domain, before = Domain(domain), self._read_cursor(request)
        if before is not None:
            domain &= Domain("id", "<", before)
        found = records.search(domain, order="id desc", limit=request.limit + 1)
        page = found[: request.limit]
        return page, self._make_cursor(request, page[-1:].id) if len(found) > len(page) else None

    def _read_cursor(self, request):
        """Return the number of the last record of the page before, or None for the first page."""
        return None if request.cursor is None else _decode_cursor(request.cursor, self._get_list_mark(request))

    def _make_cursor(self, request, record_id):
        """Return the cursor of the page after a record."""
        return _encode_cursor(record_id, self._get_list_mark(request))

    def _get_list_mark(self, request):
        """Return what binds a cursor to this service, list and filters: elsewhere it would skip rows unnoticed."""
        asked = {name: value for name, value in request.canonical().items() if name not in _PAGING}
        text = json.dumps([self.id, type(request).__name__, asked], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_MARK_LENGTH]


def _encode_cursor(record_id, mark):
    return base64.urlsafe_b64encode(f"{mark}{record_id}".encode()).decode().rstrip("=")


def _decode_cursor(cursor, mark):
    """Return the number of the last record of the page before, or raise InvalidPayloadError."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        text = ""
    number = text[_MARK_LENGTH:]
    if text[:_MARK_LENGTH] != mark or not number.isdigit() or len(number) > 10 or int(number) >= 2**31:
        raise InvalidPayloadError("The cursor is not of this list.", code="invalid_cursor", path="cursor")
    return int(number)
