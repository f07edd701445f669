# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Command


class SaleOrderLine(models.Model):
    """Recurring lines: billed for the period that begins, again in each period (public: recurring_invoice)."""

    _inherit = "sale.order.line"

    # === FIELDS === #

    recurring_invoice = fields.Boolean(compute="_compute_recurring_invoice", store=True)
    # The line that a line of a renewal or an upsell was made from.
    parent_line_id = fields.Many2one("sale.order.line", copy=False, index="btree_not_null")

    # === COMPUTE === #

    @api.depends("product_id.recurring_invoice")
    def _compute_recurring_invoice(self):
        for line in self:
            line.recurring_invoice = line.product_id.recurring_invoice

    @api.depends("recurring_invoice", "order_id.next_invoice_date", "order_id.is_subscription")
    def _compute_qty_to_invoice(self):
        """A recurring line is to be invoiced once in each period, whatever was invoiced before."""
        super()._compute_qty_to_invoice()
        for line in self.filtered(lambda line: line.state == "sale" and line._is_recurring()):
            ordered = line.product_uom_qty if line.product_id.invoice_policy == "order" else line.qty_delivered
            line.qty_to_invoice = ordered - line._get_qty_invoiced_of(line.order_id.next_invoice_date)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._log_mrr()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if {"product_uom_qty", "price_unit", "discount", "product_id"} & set(vals):
            self._log_mrr()
        return result

    # === BUSINESS === #

    def _prepare_invoice_line(self, **optional_values):
        """Tell the period (public: deferred revenue from subscription dates); an aligned first one costs less."""
        values = super()._prepare_invoice_line(**optional_values)
        if self.display_type or not self._is_recurring():
            return values
        start, end = self.order_id._get_period_to_invoice()
        part = self.order_id.plan_id._get_billed_part(start, end)
        return {
            **values,
            "price_unit": values["price_unit"] if part == 1 else self.currency_id.round(values["price_unit"] * part),
            "subscription_id": self.order_id.id,
            "deferred_start_date": start,
            "deferred_end_date": end - relativedelta(days=1),
        }

    def _prepare_renewed_line(self, **values):
        """Return the command that makes a line of a renewal or an upsell from this one."""
        [copied] = self.copy_data({"order_id": False, "parent_line_id": self.id, **values})
        copied.pop("order_id")
        return Command.create(copied)

    # === HELPERS === #

    def _is_recurring(self):
        return self.recurring_invoice and self.order_id.is_subscription

    def _get_qty_invoiced_of(self, day):
        """Return what was invoiced of the period that begins on a day, drafts included."""
        lines = self.invoice_lines.filtered(
            lambda line: line.deferred_start_date == day and line.parent_state != "cancel"
        )
        return sum(line.quantity * -line.move_id.direction_sign for line in lines)

    def _log_mrr(self):
        started = self.order_id.filtered("next_invoice_date")
        started.filtered(lambda order: order.order_log_ids or order.subscription_state == "3_progress")._log_mrr()
