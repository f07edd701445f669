# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models


class AccountMoveLine(models.Model):
    _name = "account.move.line"
    _inherit = ["account.move.line", "fusion.subscription.guarded"]

    # === FIELDS === #

    x_fc_fee_id = fields.Many2one(
        "fusion.subscription.fee",
        string="Subscription Fee",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        help="Fee of a subscription that this line bills or credits.",
    )
    x_fc_reversed_line_id = fields.Many2one(
        "account.move.line",
        string="Reversed Line",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The line of a subscription's invoice that this one credits.",
    )

    # === CRUD === #

    @api.ondelete(at_uninstall=False)
    def _give_back_fees_on_unlink(self):
        self._give_back_fees()

    # === BUSINESS === #

    def _copy_data_extend_business_fields(self, values):
        """Keep on the lines of a reversal what they credit: people credit fees and one-off lines for good."""
        super()._copy_data_extend_business_fields(values)
        values["x_fc_fee_id"] = self.x_fc_fee_id.id
        # sudo: whoever reverses an invoice need not read orders
        if self.sudo().sale_line_ids.order_id.filtered("is_subscription"):
            values["x_fc_reversed_line_id"] = self.id

    def _give_back_fees(self):
        """Open the fees that these lines bill, so that the next invoice bears them again."""
        self._record_older_fees()
        # sudo: whoever takes an invoice back gives its fees back; the ledger has no other writer
        ledger = self.env["fusion.subscription.fee"].sudo()
        fees = ledger.search([("invoice_line_id", "in", self.ids), ("state", "=", "billed")])
        fees._give_back()
        fees.order_id._schedule_rest()

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        # What of a subscription the line bills or credits.
        return super()._get_guarded_fields() | {"x_fc_fee_id", "x_fc_reversed_line_id"}

    @api.model
    def _get_entitled_values(self, vals):
        """Let people reverse an invoice: the lines of the reversal keep what they credit of it."""
        credited = self.env["account.move"].browse(vals.get("move_id") or ()).reversed_entry_id.line_ids
        line = credited.filtered(lambda line: line.id == vals.get("x_fc_reversed_line_id"))
        fee = credited.x_fc_fee_id.filtered(lambda fee: fee.id == vals.get("x_fc_fee_id"))
        own = {"x_fc_reversed_line_id": line.id, "x_fc_fee_id": fee.id}
        return {**super()._get_entitled_values(vals), **own}

    def _record_older_fees(self):
        """Put on record what the lines billed of recurring lines before there was a ledger of fees in arrears."""
        # sudo: see _give_back_fees
        lines = self.sudo().filtered(
            lambda line: not line.x_fc_fee_id and any(line.sale_line_ids.mapped("x_fc_is_recurring"))
        )
        periods = self.env["fusion.subscription.period"].sudo()
        for line in lines:
            period = periods.search([("invoice_id", "=", line.move_id.id)], limit=1)
            if period:
                line.x_fc_fee_id = self.env["fusion.subscription.fee"].sudo()._record_older(line, period)
