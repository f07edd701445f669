# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, models
from odoo.tools import SQL

from .billing_usage import _AGGREGATES


class BillingUsage(models.Model):
    """Reading usage with exact numbers, under the record rules of whoever reads."""

    _inherit = "fusion.billing.usage"

    # === BUSINESS === #

    @api.model
    def _summarize(self, domain, unit=None):
        """Aggregate the visible counters of a domain, each metric as it says.

        :param unit: ``day`` or ``month`` (UTC) to have one result for each; None for one in all
        :return: ``[(metric, first instant of the day or month or None, quantity, number of counters)]``
        """
        self.flush_model()
        metrics = self.env["fusion.billing.metric"].search([])
        found = []
        for aggregation, group in metrics.grouped("aggregation").items():
            visible = self._search([*domain, ("metric_id", "in", group.ids)])
            found += self.env.execute_query(
                SQL(
                    "SELECT usage.metric_id, %(begin)s, (%(aggregate)s)::text, COUNT(*)"
                    " FROM fusion_billing_usage AS usage WHERE usage.id IN %(visible)s GROUP BY 1, 2",
                    begin=SQL("date_trunc(%s, usage.attributed_at)", unit) if unit else SQL("NULL::timestamp"),
                    aggregate=SQL(_AGGREGATES[aggregation]),
                    visible=visible.subselect(),
                )
            )
        metric_of = {metric.id: metric for metric in metrics}
        return [(metric_of[metric_id], begin, Decimal(total), rows) for metric_id, begin, total, rows in found]

    def _get_exact_quantities(self):
        """Return ``{id: quantity}`` as PostgreSQL has it; Odoo would read it into a float."""
        if not self:
            return {}
        self.flush_recordset(["quantity"])
        query = SQL("SELECT id, quantity::text FROM fusion_billing_usage WHERE id IN %s", tuple(self.ids))
        return {usage_id: Decimal(text) for usage_id, text in self.env.execute_query(query)}
