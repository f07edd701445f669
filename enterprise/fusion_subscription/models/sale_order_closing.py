# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import str2bool

#: Whether Enterprise's end date is the last day that is covered, or the first one that is not.
_LAST_DAY_PARAMETER = "fusion_subscription.end_date_is_last_day"
ENDED_STATES = ("5_renewed", "6_churn")
#: The names of Enterprise's close reasons for the codes of reasons; they are made where they are missing.
_REASONS = {
    "customer_request": "Asked by the customer",
    "not_paid": "Not paid",
    "replaced": "Replaced by another subscription",
    "misuse": "Misuse",
    "other": "Another reason",
}


class SaleOrder(models.Model):
    """Ends of Enterprise's subscriptions: closed by Enterprise itself, with a reason, so that its history is right."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _edition_get_planned_end(self):
        if not self.end_date:
            return None
        end_date = self.end_date + self._get_end_date_offset()
        if self.subscription_state in ENDED_STATES:
            # Closed before the end that was planned.
            end_date = min(end_date, max(self._get_subscription_today(), self.start_date or end_date))
        return end_date

    def _edition_plan_end(self, end_date):
        """Enterprise closes subscriptions on their end date."""
        self.end_date = end_date and end_date - self._get_end_date_offset()

    def _edition_close(self, end_date, reason):
        if end_date > self._get_subscription_today():
            self._edition_plan_end(end_date)
        else:
            self.set_close(close_reason_id=self._get_close_reason(reason).id)

    def _edition_pause(self):
        self.subscription_state = "4_paused"

    # === HELPERS === #

    @api.model
    def _get_subscription_today(self):
        return fields.Date.today()

    @api.model
    def _get_end_date_offset(self):
        # sudo: a parameter of the installation.
        value = self.env["ir.config_parameter"].sudo().get_param(_LAST_DAY_PARAMETER, "")
        return timedelta(days=1 if str2bool(value, False) else 0)

    @api.model
    def _get_close_reason(self, reason):
        """Return Enterprise's close reason of a code; none for no reason."""
        # sudo: whoever closes need not be allowed to make reasons.
        reasons = self.env["sale.order.close.reason"].sudo()
        if not reason:
            return reasons
        name = _REASONS[reason]
        return reasons.search([("name", "=", name)], limit=1) or reasons.create({"name": name})
