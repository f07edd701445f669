# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import UniqueViolation

from odoo import fields, models
from odoo.exceptions import ConcurrencyError

from ..api import payloads
from ..api.errors import BusinessRuleError, ConflictError, InvalidPayloadError, NotFoundError


class BillingService(models.Model):
    """Handlers: changing a subscription."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_update_subscription(self, payload):
        """Change what a running subscription may change; the same request again changes nothing."""
        request = payloads.UpdateSubscription.parse(payload)
        service = self._as_technical_user()
        order = service._get_given_subscription(request.subscription_external_id)
        order._fc_lock()
        service._check_plan_kept(order, request)
        if request.external_id is not None:
            service._rename_subscription(order, request.external_id)
        if "end_date" in request.model_fields_set:
            service._plan_end(order, request.end_date)
        if request.lines:
            service._change_quantities(order, request.lines, request.effective_at)
        return {"status": "ok", **service._describe_subscription(order)}

    # === HELPERS === #

    def _check_plan_kept(self, order, request):
        """Refuse another plan: its fee, recurrence and currency are those of the lines that are there."""
        if request.plan_code is not None and request.plan_code != order.x_fc_plan_code:
            raise BusinessRuleError(
                self.env._("A subscription keeps its plan. End it and open another one."),
                code="plan_change_refused",
                path="plan_code",
            )

    def _rename_subscription(self, order, external_id):
        if order.x_fc_external_id == external_id:
            return
        named = [("x_fc_service_id", "=", self.id), ("x_fc_external_id", "=", external_id)]
        if self.env["sale.order"].search_count(named, limit=1):
            raise ConflictError(
                self.env._("The external id %s names another subscription.", external_id),
                code="external_id_conflict",
                path="external_id",
            )
        try:
            with self.env.cr.savepoint():
                order.x_fc_external_id = external_id
        except UniqueViolation as exc:
            # Another request took the name after our snapshot: only a new transaction can see it.
            raise ConcurrencyError("external id taken by a concurrent request") from exc

    def _plan_end(self, order, end_date):
        """Set, move or take back the planned end of a running subscription."""
        self._check_active(order, "end_date")
        if end_date == order._fc_get_end_date():
            return
        if end_date is None:
            order._edition_plan_end(None)
            return
        if end_date <= order._fc_get_today():
            raise BusinessRuleError(
                self.env._("A planned end lies after today: terminate the subscription instead."),
                code="end_date_refused",
                path="end_date",
            )
        order._fc_terminate(end_date)

    def _change_quantities(self, order, changes, effective_at):
        self._check_active(order, "lines")
        first_day = self._get_first_day(order, effective_at)
        lines = {line.id: line for line in order.order_line if not line.x_fc_is_rated and not line.display_type}
        recurring = order._edition_get_recurring_lines()
        seen = set()
        for index, change in enumerate(changes):
            path = f"lines.{index}.line_id"
            line = lines.get(change.line_id)
            if line is None:
                text = self.env._("The subscription has no such line.")
                raise NotFoundError(text, code="line_not_found", path=path)
            if line in seen:
                text = self.env._("The line is named twice.")
                raise InvalidPayloadError(text, code="repeated_line", path=path)
            if line not in recurring:
                text = self.env._("The line is billed once: its quantity cannot change.")
                raise BusinessRuleError(text, code="line_not_recurring", path=path)
            seen.add(line)
            # With the price and discount that it has: Odoo would look them up anew for another quantity.
            agreed = {"price_unit": line.price_unit, "discount": line.discount}
            quantity = {"product_uom_qty": float(change.quantity)}
            if first_day:
                order._edition_change_recurring_lines({line: quantity}, first_day)
            else:
                line.write({**quantity, **agreed})

    def _get_first_day(self, order, effective_at):
        """Return the first day of a change, or None for that of the subscription's rule.

        :raises BusinessRuleError: ``effective_at_refused``, of a day that is invoiced, or where lines have no days
        """
        if effective_at is None:
            return None
        earliest = order._edition_get_earliest_change()
        if earliest is None:
            if effective_at == "now":
                return None
            raise self._effective_at_refused(self.env._("This edition changes quantities at once, not later."))
        today = max(order._fc_get_today(), order.start_date)
        if effective_at == "period_end":
            return order._fc_get_period_around(today)[1]
        first_day = max(today, earliest) if effective_at == "now" else fields.Date.to_date(effective_at)
        if first_day < earliest:
            text = self.env._("The subscription is invoiced, or starts, later: from %s on it can change.", earliest)
            raise self._effective_at_refused(text)
        return first_day

    def _effective_at_refused(self, message):
        return BusinessRuleError(message, code="effective_at_refused", path="effective_at")

    def _check_active(self, order, path):
        if order.subscription_state not in ("3_progress", "4_paused"):
            raise BusinessRuleError(
                self.env._("The subscription is not active."), code="subscription_not_active", path=path
            )
