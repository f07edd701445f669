# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models


class ProductTemplate(models.Model):
    """The flag by which Enterprise tells what is billed in each period (documentation: Product form configuration)."""

    _inherit = "product.template"

    recurring_invoice = fields.Boolean("Subscription Product")
