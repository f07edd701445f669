# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    # === FIELDS === #

    x_fc_fee_id = fields.Many2one(
        "fusion.subscription.fee",
        string="Fee in Advance",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Subscription fee in advance that this line bills or credits.",
    )

    # === BUSINESS === #

    def _copy_data_extend_business_fields(self, values):
        """Keep the fee on the lines of a reversal: what people credit by hand is not credited again."""
        super()._copy_data_extend_business_fields(values)
        values["x_fc_fee_id"] = self.x_fc_fee_id.id
