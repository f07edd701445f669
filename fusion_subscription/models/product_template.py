# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    _inherit = "product.template"

    # === FIELDS === #

    recurring_invoice = fields.Boolean(
        string="Recurring",
        help="On a subscription, this product is invoiced for every period. "
        "Other products on a subscription are invoiced once. "
        "A change counts for order lines added later and for quotations not confirmed yet.",
    )

    # === CONSTRAINTS AND INDEXES === #

    @api.constrains("recurring_invoice", "type")
    def _check_recurring_not_combo(self):
        if any(template.recurring_invoice and template.type == "combo" for template in self):
            raise ValidationError(
                self.env._("A combo cannot be recurring. Make its products recurring and sell them one by one.")
            )
