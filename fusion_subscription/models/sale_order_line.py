# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Command
from odoo.tools import format_date

from ..amounts import get_line_amount
from ..due_invoice import RecurringCharge
from .sale_order import STARTED_STATES

# Fields of Odoo that would bill a recurring line once more, or not at all: by quantity, as a down payment, elsewhere
_BILLED_OTHERWISE = {"order_id", "qty_to_invoice", "qty_invoiced", "invoice_status", "invoice_lines", "is_downpayment"}


class SaleOrderLine(models.Model):
    """Recurring lines are invoiced per period by their subscription, never by quantity."""

    _name = "sale.order.line"
    _inherit = ["sale.order.line", "fusion.subscription.guarded"]

    # === FIELDS === #

    x_fc_is_recurring = fields.Boolean(
        string="Recurring",
        compute="_compute_x_fc_is_recurring",
        store=True,
        help="Invoiced for every period of the subscription.",
    )

    # === COMPUTE === #

    # No trigger on product_id.recurring_invoice: a later change must not turn what was billed per
    # period into a quantity that is still to be invoiced or refunded.
    @api.depends("product_id", "order_id.is_subscription")
    def _compute_x_fc_is_recurring(self):
        for line in self:
            line.x_fc_is_recurring = (
                line.order_id.is_subscription and not line.display_type and line.product_id.recurring_invoice
            )

    @api.depends("x_fc_is_recurring")
    def _compute_qty_to_invoice(self):
        super()._compute_qty_to_invoice()
        self.filtered("x_fc_is_recurring").qty_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_invoice_status(self):
        super()._compute_invoice_status()
        self.filtered("x_fc_is_recurring").invoice_status = "no"

    @api.depends("x_fc_is_recurring")
    def _compute_untaxed_amount_to_invoice(self):
        super()._compute_untaxed_amount_to_invoice()
        self.filtered("x_fc_is_recurring").untaxed_amount_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_amount_to_invoice(self):
        super()._compute_amount_to_invoice()
        self.filtered("x_fc_is_recurring").amount_to_invoice = 0

    @api.depends("x_fc_is_recurring")
    def _compute_amount_to_invoice_at_date(self):
        super()._compute_amount_to_invoice_at_date()
        self.filtered("x_fc_is_recurring").amount_to_invoice_at_date = 0

    # === CRUD === #

    def write(self, vals):
        """Keep the recurring lines of started subscriptions billed per period.

        :raise UserError: if a user would have one billed in another way
        """
        names = [] if self.env.su else [name for name in _BILLED_OTHERWISE if name in vals]
        for line in self.filtered(lambda line: line._is_billed_per_period()) if names else ():
            line._refuse_by_hand(name for name in names if line._is_changed(name, vals))
        return super().write(vals)

    # === BUSINESS === #

    def _prepare_invoice_lines_vals_list(self, **optional_values):
        """Bill a recurring line as the due invoice has it: its period, a fee in advance, a credit of one."""
        due = self.x_fc_is_recurring and self.order_id._get_due_invoice()
        if not due:
            return super()._prepare_invoice_lines_vals_list(**optional_values)
        return [self._prepare_charge_values(charge, **optional_values) for charge in self._get_due_charges(due)]

    def _prepare_charge_values(self, charge, **optional_values):
        """Prepare the invoice line of one charge and name its days in the customer's language.

        Part of a period is one unit at the rounded amount, discount included: Odoo rounds quantities to
        2 digits, and a discount on a rounded price would round a second time.
        """
        values = self._prepare_invoice_line(**optional_values)
        values["name"] = f"{values['name']}\n{self._get_charge_description(charge)}"
        values["x_fc_fee_id"] = charge.fee.id
        if charge.is_whole:
            values["quantity"] = self.product_uom_qty
        else:
            values["quantity"] = -1 if charge.is_credit else 1
            values["price_unit"] = float(charge.amount)
            values["discount"] = 0
        if charge.is_credit:
            values["tax_ids"] = [Command.set(charge.fee.invoice_line_ids.sorted("id")[:1].tax_ids.ids)]
        return values

    # === HELPERS === #

    @api.model
    def _get_guarded_fields(self):
        return super()._get_guarded_fields() | {"x_fc_is_recurring"}

    def _is_billed_per_period(self):
        return self.x_fc_is_recurring and self.order_id.subscription_state in STARTED_STATES

    def _get_due_charges(self, due):
        """Return what the due invoice bills and credits of a recurring line, as a list of RecurringCharge."""
        self.ensure_one()
        order = self.order_id
        if order.x_fc_fee_timing == "advance":
            return order._get_due_fee_charges(due).get(self, [])
        share = order._get_recurring_share(*due.period, due.period)
        if not share:
            return []
        start, end = due.period
        if share != 1:
            start = max(start, order._get_first_fee_day())
        charge = RecurringCharge(
            start,
            end,
            amount=self._get_recurring_amount(share),
            is_whole=share == 1,
            days_shown=share != 1,
            fee=self.env["fusion.subscription.fee"],
        )
        return [charge]

    def _get_recurring_amount(self, share):
        self.ensure_one()
        rounding = self.order_id.currency_id.rounding
        return get_line_amount(self.product_uom_qty, self.price_unit, self.discount, rounding, share)

    def _get_charge_description(self, charge):
        days = self._get_period_description(charge.start, charge.end)
        if not charge.days_shown:
            return days
        full_start, full_end = self.order_id.plan_id._get_recurrence().period_around(
            self.order_id.start_date, charge.start
        )
        numbers = {
            "days": (charge.end - charge.start).days,
            "full_days": (full_end - full_start).days,
            "period": self._get_period_description(full_start, full_end),
        }
        text = self.env._("%(part)s, %(days)s of the %(full_days)s days of %(period)s", part=days, **numbers)
        if charge.is_credit:
            text = self.env._("Not used: %(part)s", part=text)
        discount = charge.fee.discount if charge.fee else self.discount
        if discount:
            text += "\n" + self.env._("%(discount)s %% discount included", discount=f"{discount:g}")
        return text

    def _get_period_description(self, period_start, period_end):
        return self.env._(
            "%(first_day)s to %(last_day)s",
            first_day=format_date(self.env, period_start),
            last_day=format_date(self.env, period_end - timedelta(days=1)),
        )
