# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models


class SaleOrder(models.Model):
    """Orders that Enterprise makes from a subscription: a renewal continues it, an upsell adds to it."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _prepare_upsell_renew_order_values(self, subscription_state):
        """Take along what a renewal continues, and no line that is billed by usage."""
        values = super()._prepare_upsell_renew_order_values(subscription_state)
        if subscription_state == "2_renewal":
            values.update(self._get_renewal_values())
        if "order_line" in values:
            products = self.order_line.filtered(lambda line: line._is_billed_by_usage()).product_id
            kept = self._edition_get_recurring_lines().product_id
            values["order_line"] = [command for command in values["order_line"] if not _adds(command, products - kept)]
        return values

    def _get_renewal_values(self):
        """Hook: return values that the order of a renewal takes over."""
        return {}

    def _edition_get_renewed(self):
        """The order that Enterprise calls its subscription; an upsell has one, too, but does not run."""
        return self.subscription_id - self if self.subscription_state in ("2_renewal", "3_progress") else self.browse()


def _adds(command, products):
    """Tell whether an x2many command creates a line of one of some products."""
    return len(command) == 3 and isinstance(command[2], dict) and command[2].get("product_id") in products.ids
