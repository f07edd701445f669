# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..fee_ledger import Terms, get_terms_on


class FusionSubscriptionChange(models.TransientModel):
    """Asks from when other quantities, prices and discounts of a subscription hold, and tells what that means."""

    _name = "fusion.subscription.change"
    _description = "Change of a Subscription"

    # === FIELDS === #

    order_id = fields.Many2one("sale.order", string="Subscription", required=True, readonly=True)
    timing = fields.Selection(
        selection=[("now", "At Once"), ("next_period", "From the Next Period"), ("day", "On a Day")],
        string="Changes Apply",
        required=True,
        default="next_period",
    )
    day = fields.Date(string="First Day", help="The first day with the new terms; not a day that is invoiced already.")
    line_ids = fields.One2many("fusion.subscription.change.line", "change_id", string="Lines")
    summary = fields.Text(compute="_compute_summary", string="What This Means")

    # === COMPUTE === #

    @api.depends("timing", "day", "line_ids.quantity", "line_ids.price_unit", "line_ids.discount")
    def _compute_summary(self):
        for change in self:
            first_day = change._get_first_day()
            lines = change.line_ids.filtered(lambda line: line._is_changed())
            texts = [line._describe(first_day) for line in lines] if first_day else []
            change.summary = "\n".join([*texts, change._describe_period(first_day)]) if texts else False

    # === CRUD === #

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        order = self.env["sale.order"].browse(values.get("order_id"))
        if order:
            values["timing"] = "now" if order.x_fc_change_timing == "by_day" else "next_period"
            values["line_ids"] = [
                Command.create(
                    {
                        "order_line_id": line.id,
                        "quantity": line.product_uom_qty,
                        "price_unit": line.price_unit,
                        "discount": line.discount,
                    }
                )
                for line in order.order_line.filtered("x_fc_is_recurring")
            ]
        return values

    # === ACTIONS === #

    def action_change(self):
        """Put the new terms on record, from the chosen day on.

        :raise UserError: if nothing is changed, or the day is invoiced already
        """
        self.ensure_one()
        lines = self.line_ids.filtered(lambda line: line._is_changed())
        first_day = self._get_first_day()
        if not lines or not first_day:
            raise UserError(self.env._("Enter a new quantity, price or discount, and from when it holds."))
        self.order_id._change_recurring_lines({line.order_line_id: line._get_values() for line in lines}, first_day)
        return {"type": "ir.actions.act_window_close"}

    # === HELPERS === #

    def _get_first_day(self):
        """Return the first day of the change, or False while it is not chosen."""
        order = self.order_id
        if self.timing == "day":
            return self.day
        today = order._get_subscription_today()
        if today < order.start_date:
            return order.start_date
        if self.timing == "now":
            return max(today, order._get_period_start())
        return order._get_period_around(today)[1]

    def _describe_period(self, first_day):
        order = self.order_id
        if first_day < order._get_period_start():
            return self.env._("This day is invoiced already: choose a later one.")
        window = order._get_fee_window(first_day)
        day = format_date(self.env, first_day)
        if first_day <= window.full_start:
            return self.env._("The period that begins on %s is the first one with the new terms.", day)
        text = self.env._(
            "The period %(period)s is billed in two parts. Days as before: %(old)s, with the new terms: %(new)s, "
            "of %(full)s.",
            period=order.order_line[:1]._get_period_description(window.full_start, window.full_end),
            old=(first_day - window.full_start).days,
            new=(window.full_end - first_day).days,
            full=window.full_days,
        )
        if order.x_fc_fee_invoiced_until and first_day < order.x_fc_fee_invoiced_until:
            text += " " + self.env._("Its fee is billed: the next invoice credits the rest of it and bills it anew.")
        return text


class FusionSubscriptionChangeLine(models.TransientModel):
    """A recurring line with the terms that are asked for."""

    _name = "fusion.subscription.change.line"
    _description = "Changed Line of a Subscription"

    # === FIELDS === #

    change_id = fields.Many2one("fusion.subscription.change", required=True, ondelete="cascade")
    order_line_id = fields.Many2one("sale.order.line", string="Line", required=True)
    product_id = fields.Many2one(related="order_line_id.product_id")
    currency_id = fields.Many2one(related="order_line_id.currency_id")
    quantity = fields.Float(digits="Product Unit", required=True)
    price_unit = fields.Float(string="Unit Price", min_display_digits="Product Price", required=True)
    discount = fields.Float(string="Discount (%)", digits="Discount")

    # === HELPERS === #

    def _get_values(self):
        return {"product_uom_qty": self.quantity, "price_unit": self.price_unit, "discount": self.discount}

    def _is_changed(self):
        """Tell whether the line asks for other terms than hold from the first day on."""
        line, first_day = self.order_line_id, self.change_id._get_first_day()
        if not first_day:
            return False
        asked = Terms(self.quantity, self.price_unit, self.discount)
        return asked != line._get_agreed() or asked != get_terms_on(first_day, line._get_terms_timeline())

    def _describe(self, first_day):
        held = get_terms_on(first_day, self.order_line_id._get_terms_timeline())
        return self.env._(
            "%(line)s: %(old)s until then, %(new)s from %(day)s on.",
            line=(self.order_line_id.name or "").split("\n", 1)[0],
            old=self._describe_terms(held) if held else self.env._("nothing"),
            new=self._describe_terms(Terms(self.quantity, self.price_unit, self.discount)),
            day=format_date(self.env, first_day),
        )

    def _describe_terms(self, terms):
        text = self.order_line_id._get_terms_description(terms)
        if not terms.discount:
            return text
        return self.env._("%(terms)s less %(discount)s %%", terms=text, discount=f"{terms.discount:g}")
