# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class SaleOrder(models.Model):
    """Billing periods by their days, whatever was invoiced. The one to be invoiced: _fc_get_current_period."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_get_period_around(self, day):
        """Return the billing period [first day, day after the last) that holds a day; the first one for earlier days.

        It is cut short where the subscription starts and ends. None if nothing says when periods begin.
        """
        self.ensure_one()
        if not self.plan_id or not self.start_date:
            return None
        return self._edition_get_period_around(max(day, self.start_date))

    def _fc_get_running_period(self):
        """Return the days [start, end) of the billing period that runs today, invoiced or not, or None if none does.

        The one that is to be invoiced may be an earlier one, in its days of grace or while jobs are late.
        """
        is_running = self.next_invoice_date and not self._fc_has_ended()
        return self._fc_get_period_around(self._fc_get_today()) if is_running else None

    def _fc_get_usage_horizon(self):
        """Return the first day that lies too far ahead for usage (see res.company), or None."""
        period = self._fc_get_period_around(self._fc_get_today())
        for _number in range(self.company_id.x_fc_usage_periods_ahead if period else 0):
            period = self._fc_get_period_around(period[1])
        return period and period[1]
