# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, models
from odoo.tools import SQL

from ..rating import Components, finish
from .usage_window import COMPONENTS


class BillingUsage(models.Model):
    """Reading usage with exact numbers, for those who ask and not for rating."""

    _inherit = "fusion.billing.usage"

    # === BUSINESS === #

    @api.model
    def _summarize_windows(self, windows):
        """Return ``{(window, group): (quantity, number of counters)}``, as rating adds them up; only where any are."""
        found = self._query_windows(windows, lambda aggregation: f"{COMPONENTS[aggregation]}, COUNT(*)")
        result = {}
        for window, group, numerator, denominator, count in found:
            components = Components(Decimal(numerator), denominator and Decimal(denominator))
            result[window, group] = window.metric._round_units(finish(components)), count
        return result

    def _get_exact_quantities(self):
        """Return ``{id: quantity}`` as PostgreSQL has it; Odoo would read it into a float."""
        if not self:
            return {}
        self.flush_recordset(["quantity"])
        query = SQL("SELECT id, quantity::text FROM fusion_billing_usage WHERE id IN %s", tuple(self.ids))
        return {usage_id: Decimal(text) for usage_id, text in self.env.execute_query(query)}
