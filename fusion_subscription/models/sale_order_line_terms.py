# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from dataclasses import asdict, replace
from datetime import date

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..fee_ledger import Terms, get_terms_on

# What is agreed about a recurring line, and how Terms call it
_TERMS = {"product_uom_qty": "quantity", "price_unit": "price_unit", "discount": "discount"}
# Context key: the first day of a change, as a date, which no client can send
_CHANGE_DAY = "fusion_subscription_change_day"


class SaleOrderLine(models.Model):
    """Terms of recurring lines by day: quantity, price and discount of a started subscription.

    The fields of the line hold what was agreed last, which may begin later. Each change, whoever makes it, is on record
    with its first day (fusion.subscription.line.term), and a period is billed with the terms of its days.
    """

    _inherit = "sale.order.line"

    # === FIELDS === #

    x_fc_term_ids = fields.One2many(
        "fusion.subscription.line.term", "order_line_id", string="Agreed Terms", readonly=True
    )

    # === COMPUTE === #

    def _compute_price_unit(self):
        """Leave agreed prices alone: they are terms, not looked up again for another quantity or pricelist."""
        super(SaleOrderLine, self.filtered(lambda line: not line._is_agreed()))._compute_price_unit()

    def _compute_discount(self):
        super(SaleOrderLine, self.filtered(lambda line: not line._is_agreed()))._compute_discount()

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        for line in lines:
            if line._is_billed_per_period():
                # Nothing was agreed for the days before
                line._record_terms(line._get_agreed(), line._get_change_day())
        return lines

    def write(self, vals):
        """Put a change of what was agreed on record, from the day on which it begins.

        :raise UserError: if that day is invoiced already
        """
        before = (
            {line: line._get_agreed() for line in self if line._is_billed_per_period()}
            if set(_TERMS) & set(vals)
            else {}
        )
        result = super().write(vals)
        for line, terms in before.items():
            agreed = asdict(line._get_agreed())
            changes = {name: value for name, value in agreed.items() if value != getattr(terms, name)}
            if changes:
                line._agree(terms, changes, line._get_change_day())
        return result

    # === BUSINESS === #

    def _agree(self, before, changes, day):
        """Record changed terms from a day on; what was agreed for a later day keeps what is not changed.

        :param before: the Terms that the line had
        :param changes: {name of a term: new value}
        """
        self.ensure_one()
        # sudo: the history is complete, whoever changes the line
        if not self.sudo().x_fc_term_ids:
            self._record_terms(before, None)
        timeline = self._get_terms_timeline()
        planned = sorted({begins_on for begins_on, _terms in timeline if begins_on and begins_on > day})
        for begins_on in (day, *planned):
            terms = get_terms_on(begins_on, timeline)
            # Of a line that begins later nothing is agreed yet: an earlier day is its new beginning
            self._record_terms(replace(terms or before, **changes), begins_on)

    def _bring_forward(self, names, day):
        """Let what the line says of some fields hold from a day on, if it was agreed for a later one before."""
        self.ensure_one()
        agreed = self._get_agreed()
        held = get_terms_on(day, self._get_terms_timeline())
        wanted = {_TERMS[name]: getattr(agreed, _TERMS[name]) for name in names if name in _TERMS}
        if held is None or any(getattr(held, name) != value for name, value in wanted.items()):
            self.order_id._check_change_day(day)
            self._agree(agreed, wanted, day)

    # === HELPERS === #

    def _get_agreed(self):
        """Return what was agreed last."""
        self.ensure_one()
        return Terms(*(self[name] for name in _TERMS))

    def _is_agreed(self):
        """Tell whether price and discount are terms: those of a saved recurring line of a started subscription."""
        return bool(self._origin) and self._is_billed_per_period()

    def _get_terms_timeline(self):
        """Return (first day or None, Terms) of the line, as they were agreed."""
        self.ensure_one()
        # sudo: what was agreed counts whoever invoices
        return self.sudo().x_fc_term_ids._get_timeline() or [(None, self._get_agreed())]

    def _get_change_day(self):
        """Return the first day of a change made now: the one that was chosen, or that of the subscription's rule."""
        day = self.env.context.get(_CHANGE_DAY)
        if type(day) is not date:
            return self.order_id._get_change_day()
        self.order_id._check_change_day(day)
        return day

    def _record_terms(self, terms, day):
        # sudo: the history of terms has no other writer
        self.env["fusion.subscription.line.term"].sudo().create(
            {"order_line_id": self.id, "effective_from": day, **asdict(terms)}
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    # === BUSINESS === #

    def _change_recurring_lines(self, values_by_line, effective_from=None):
        """Change quantities, prices or discounts of recurring lines from a day on.

        :param values_by_line: {order line: values of product_uom_qty, price_unit, discount}
        :param effective_from: first day with the new terms; None for that of the subscription's rule
        :raise UserError: if that day is invoiced already
        """
        self.ensure_one()
        for line, values in values_by_line.items():
            line.with_context(**{_CHANGE_DAY: effective_from}).write(values)
            if effective_from:
                line._bring_forward(values, effective_from)

    def _get_update_prices_lines(self):
        """Leave agreed prices alone when prices are updated from the pricelist."""
        return super()._get_update_prices_lines().filtered(lambda line: not line._is_agreed())

    # === HELPERS === #

    def _check_change_day(self, day):
        first_day = self._get_period_start()
        if day < first_day:
            raise UserError(
                self.env._(
                    "%(order)s is invoiced, or starts, later: terms change on %(date)s at the earliest.",
                    order=self.name,
                    date=format_date(self.env, first_day),
                )
            )

    def _start_terms(self):
        """Record what is agreed when the subscription starts; what an earlier life left does not count any more."""
        # sudo: the history of terms has no other writer
        self.order_line.sudo().x_fc_term_ids.unlink()
        for line in self.order_line.filtered("x_fc_is_recurring"):
            line._record_terms(line._get_agreed(), None)
