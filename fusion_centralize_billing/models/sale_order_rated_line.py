# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api.errors import BusinessRuleError


class SaleOrder(models.Model):
    """Order lines of what was rated: one for each row of the ledger with an amount. Texts: sale_order_rated_text.py."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_upsert_lines(self, ratings):
        """Put ratings on the order: a line each, with quantity 1 and the amount as its price.

        Not the quantity used: Odoo rounds the quantities of orders and invoices to two decimals. What the rating
        saw is kept with them.
        """
        ratings._keep_reading()
        billed = ratings._get_billed_before()
        new = ratings.filtered(lambda rating: rating.amount and not rating.order_line_id)
        # Lines first, so that a row that fell to zero is not left with its old price.
        for rating in ratings.filtered("order_line_id"):
            line, values = rating.order_line_id.sudo(), self._fc_prepare_line_update(rating, billed[rating])
            # Most lines of many groups stay as they are, and writing one costs Odoo milliseconds.
            if any(line[name] != value for name, value in values.items()):
                line.write(values)
        # Without a note for each line in the order's chatter: the ledger tells more.
        lines = self.env["sale.order.line"].sudo().with_context(sale_no_log_for_new_lines=True)
        created = lines.create([self._fc_prepare_line(rating, billed[rating]) for rating in new])
        for rating, line in zip(new, created, strict=True):
            rating.order_line_id = line

    # === HELPERS === #

    def _fc_prepare_line_update(self, rating, billed):
        return {"name": self._fc_get_line_name(rating, billed), "price_unit": rating.amount}

    def _fc_prepare_line(self, rating, billed):
        return {
            **self._fc_prepare_line_update(rating, billed),
            "order_id": self.id,
            "product_id": self._fc_get_rated_product(rating).id,
            "product_uom_qty": 1,
            "discount": 0,
            "x_fc_is_rated": True,
            "x_fc_charge_id": rating.charge_id.id,
            "x_fc_period_start": rating.period_start,
            "x_fc_period_end": rating.period_end,
            **self._edition_prepare_line_role("one_off"),
        }

    def _fc_get_rated_product(self, rating):
        is_usage = rating.kind == "usage"
        product = rating.charge_id.product_id if is_usage else self._fc_get_catalog_plan().commitment_product_id
        if not product:
            item = rating.charge_id.name if is_usage else self.env._("The minimum commitment")
            raise BusinessRuleError(
                self.env._("%s has no product: it cannot be put on an invoice.", item), code="product_missing"
            )
        return product
