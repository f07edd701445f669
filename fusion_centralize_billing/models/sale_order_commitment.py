# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from fractions import Fraction

from odoo import models

from ..rating import prorate_amount, to_decimal, true_up


class SaleOrder(models.Model):
    """Minimum commitment: a billing period that has ended costs at least what was agreed."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_rate_commitment(self, start, end):
        """Bring the ledger to what an ended period lacks of its minimum commitment, and put it on the order.

        Fixed fee and rated usage of the period count. Usage that comes late lowers what was added. A period
        that was invoiced keeps the fee and the minimum of its invoice, also if it had no minimum.
        """
        # sudo: the ledger has no other writer than rating.
        rows = self.env["fusion.billing.rating"].sudo()._get_rows(self, [start])
        commitment = rows.filtered(lambda row: row.kind == "commitment")
        billed = commitment.filtered(lambda row: row.state == "billed").sorted("sequence")[-1:]
        minimum = billed.terms["minimum"] if billed else self._fc_get_minimum(start, end)
        minimum = to_decimal(minimum)
        invoiced = commitment.filtered(lambda row: row.state != "open").sorted("sequence")[-1:]
        if not commitment and (self._fc_is_closed(start) or not minimum):
            return
        usage = rows.filtered(lambda row: row.kind == "usage" and row.state != "cancelled")
        # The order's lines may have changed since the period was invoiced.
        fee = to_decimal(invoiced.terms["fixed_fee"]) if invoiced else self._fc_get_fixed_fee(start, end)
        reached = fee + sum(to_decimal(row.amount) for row in usage)
        rated = true_up(minimum, reached)
        amount = rated.rounded(to_decimal(self.currency_id.rounding))
        terms = {"minimum": format(minimum, "f"), "fixed_fee": format(fee, "f")}
        item = {"kind": "commitment", "charge_id": False, "group_key": False}
        self._fc_upsert_lines(commitment._record(self, item, start, end, terms, rated, amount))

    # === HELPERS === #

    def _fc_get_minimum(self, start, end):
        """Return the commitment for a period, as Decimal: the share of it that the fee of the period has, too."""
        share = Fraction(1)
        if hasattr(self, "_get_recurring_share"):  # Community; Enterprise has no such rule
            share = self._get_recurring_share(self._fc_day_of(start), self._fc_day_of(end))
        return prorate_amount(to_decimal(self.x_fc_minimum_commitment), share, to_decimal(self.currency_id.rounding))

    def _fc_get_fixed_fee(self, start, end):
        """Return what the recurring lines cost for a period, without tax, as Decimal."""
        if hasattr(self, "_get_recurring_fee"):  # Community; Enterprise has no such method
            return self._get_recurring_fee(self._fc_day_of(start), self._fc_day_of(end))
        product = self._fc_get_catalog_plan().product_id
        lines = self.order_line.filtered(lambda line: product and line.product_id == product and not line.x_fc_is_rated)
        return sum((to_decimal(line.price_subtotal) for line in lines), to_decimal(0))
