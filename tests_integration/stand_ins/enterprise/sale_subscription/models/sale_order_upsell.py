# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models
from odoo.fields import Command


class SaleOrder(models.Model):
    """Upsells (documentation: Upsell subscriptions)."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def prepare_upsell_order(self):
        """Make the quotation of an upsell, with the subscription's products, and return its action."""
        return self._create_following_order("7_upsell")

    def update_existing_subscriptions(self):
        """Add the sold products to the subscription (public: third-party addons extend it by super()).

        "Once the quotation is confirmed by the customer, the upsold products are added to the initial subscription."
        """
        for order in self:
            subscription = order.subscription_id
            for line in order.order_line.filtered(lambda line: line.recurring_invoice and line.product_uom_qty):
                if line.parent_line_id:
                    line.parent_line_id.product_uom_qty += line.product_uom_qty
                else:
                    [values] = line.copy_data({"order_id": subscription.id})
                    subscription.order_line = [Command.create(values)]

    def _confirm_upsell(self):
        """The upsell stays an order of its own, which bills the rest of the running period.

        "The quotation's prices are then prorated based on the current invoicing period's remaining time."
        """
        self.ensure_one()
        self.update_existing_subscriptions()
        part = self.subscription_id._get_remaining_part()
        for line in self.order_line.filtered("recurring_invoice"):
            line.price_unit = self.currency_id.round(line.price_unit * part)

    # === HELPERS === #

    def _get_remaining_part(self):
        """Return the part of the running period, billed until the next invoice date, that is left."""
        end, plan = self.next_invoice_date, self.plan_id
        start = self.start_date
        while plan._get_next_boundary(start) < end:
            start = plan._get_next_boundary(start)
        today = min(max(fields.Date.today(), start), end)
        return (end - today).days / ((end - start).days or 1)
