# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta

from odoo import models
from odoo.fields import Command
from odoo.tools import float_repr, format_date, formatLang


class SaleOrderLine(models.Model):
    """Invoice lines of recurring lines: one for each row of the fee ledger that the due invoice bears."""

    _inherit = "sale.order.line"

    # === BUSINESS === #

    def _prepare_invoice_lines_vals_list(self, **optional_values):
        if not self.x_fc_is_recurring or not self.order_id._get_due_invoice():
            return super()._prepare_invoice_lines_vals_list(**optional_values)
        return [self._prepare_fee_values(fee, **optional_values) for fee in self._get_open_fees()]

    def _prepare_fee_values(self, fee, **optional_values):
        """Prepare the invoice line of one fee and name its days in the customer's language.

        Part of a fee is one unit at the rounded amount, discount included: Odoo rounds quantities to
        2 digits, and a discount on a rounded price would round a second time.
        """
        values = self._prepare_invoice_line(**optional_values)
        values["name"] = f"{values['name']}\n{self._get_fee_description(fee)}"
        values["x_fc_fee_id"] = fee.id
        if self._is_whole(fee):
            values.update(quantity=fee.quantity, price_unit=fee.price_unit, discount=fee.discount)
        else:
            sign = -1 if fee.is_credit else 1
            values.update(quantity=sign, price_unit=sign * fee.amount, discount=0)
        if fee.is_credit:
            values["tax_ids"] = [Command.set(self._get_billed_taxes(fee).ids)]
        return values

    # === HELPERS === #

    def _get_open_fees(self):
        """Return the rows of the ledger that the due invoice bears of this line, oldest first, credits foremost."""
        self.ensure_one()
        fees = self.order_id._get_open_fees().filtered(lambda fee: fee.order_line_id.id == self.id)
        return fees.sorted(lambda fee: (fee.date_from, not fee.is_credit, fee.id))

    def _is_whole(self, fee):
        """Tell whether a row is the whole fee of a period, which quantity, price and discount give."""
        window = self.order_id._get_fee_window(fee.date_from)
        if fee.is_credit or (fee.date_to - fee.date_from).days < window.full_days:
            return False
        # Less than the whole is left of a fee of which people have credited some
        return fee._as_part().amount == fee._get_terms().get_amount(fee.currency_id.rounding)

    def _get_billed_taxes(self, fee):
        """Return the taxes with which the days of a credit were billed."""
        billed = (
            self.env["fusion.subscription.fee"]
            .sudo()
            .search(
                [
                    ("order_line_id", "=", self.id),
                    ("is_credit", "=", False),
                    ("state", "=", "billed"),
                    ("date_from", "<", fee.date_to),
                    ("date_to", ">", fee.date_from),
                ],
                order="id",
            )
        )
        return billed.filtered(lambda row: row._get_terms() == fee._get_terms()).invoice_line_id[:1].tax_ids

    def _get_fee_description(self, fee):
        order = self.order_id
        if self._is_whole(fee):
            # In full, also the fee of a period that is cut short; by day, one that was billed before the end was known
            is_cut = order.x_fc_proration == "none" and order.end_date and fee.date_from < order.end_date
            return self._get_period_description(
                fee.date_from, min(fee.date_to, order.end_date if is_cut else fee.date_to)
            )
        window = order._get_fee_window(fee.date_from)
        text = self.env._(
            "%(terms)s, %(part)s, %(days)s of the %(full_days)s days of %(period)s",
            terms=self._get_terms_description(fee._get_terms()),
            part=self._get_period_description(fee.date_from, fee.date_to),
            days=(fee.date_to - fee.date_from).days,
            full_days=window.full_days,
            period=self._get_period_description(window.full_start, window.full_end),
        )
        if fee.is_credit:
            text = self.env._("Not used: %(part)s", part=text)
        if fee.discount:
            text += "\n" + self.env._("%(discount)s %% discount included", discount=f"{fee.discount:g}")
        return text

    def _get_terms_description(self, terms):
        """Return quantity and price as text; a discount is told apart."""
        return self.env._(
            "%(quantity)s x %(price)s",
            quantity=float_repr(terms.quantity, 6).rstrip("0").rstrip("."),
            price=formatLang(self.env, terms.price_unit, dp="Product Price"),
        )

    def _get_period_description(self, period_start, period_end):
        return self.env._(
            "%(first_day)s to %(last_day)s",
            first_day=format_date(self.env, period_start),
            last_day=format_date(self.env, period_end - timedelta(days=1)),
        )
