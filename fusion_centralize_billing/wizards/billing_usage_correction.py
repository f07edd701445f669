# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import fields, models

from ..rating import to_decimal


class BillingUsageCorrection(models.TransientModel):
    """Asks why, and then voids counters or amends one."""

    _name = "fusion.billing.usage.correction"
    _description = "Billing Usage Correction Request"

    usage_ids = fields.Many2many("fusion.billing.usage", required=True, readonly=True)
    kind = fields.Selection([("void", "Void"), ("amend", "Amend")], required=True, readonly=True)
    quantity = fields.Float(string="Right Quantity", min_display_digits=0)
    reason = fields.Char(required=True)

    def action_correct(self):
        self.ensure_one()
        self.usage_ids.check_access("write")
        if self.kind == "void":
            self.usage_ids._void(self.reason)
        else:
            self.usage_ids.ensure_one()._amend(to_decimal(self.quantity), self.reason)
        return {"type": "ir.actions.act_window_close"}
