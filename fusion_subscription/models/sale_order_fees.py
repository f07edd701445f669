# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from decimal import Decimal

from odoo import api, fields, models

from ..due_invoice import RecurringCharge


class SaleOrder(models.Model):
    """Recurring fees billed in advance: when they are due, and what of them is given back.

    A fee covers a period, or what is left of it after the trial. It is billed on its first day, by itself
    or on the invoice of the same day that closes a period. Over the life of a subscription the fees come
    to what they would be in arrears: with proration by day, the final invoice credits the days after the
    end; the invoice of a period that turned out to lie wholly within a pause credits its fee.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_fee_invoiced_until = fields.Date(
        string="Fees Invoiced Until",
        readonly=True,
        copy=False,
        help="First day whose recurring fee is not billed in advance yet. Empty until the first fee is invoiced.",
    )
    x_fc_fee_due_on = fields.Date(
        string="Date of Next Fee",
        compute="_compute_x_fc_fee_due_on",
        store=True,
        index="btree_not_null",
        help="Day on which the next fee in advance is invoiced, or unused days are credited that no period is left "
        "for. Empty in arrears, and when nothing of both is left.",
    )
    x_fc_fee_ids = fields.One2many("fusion.subscription.fee", "order_id", string="Fees in Advance", readonly=True)

    # === COMPUTE === #

    @api.depends(
        "is_subscription",
        "plan_id",
        "state",
        "start_date",
        "end_date",
        "next_invoice_date",
        "x_fc_fee_timing",
        "x_fc_proration",
        "x_fc_trial_end_date",
        "x_fc_fee_invoiced_until",
    )
    def _compute_x_fc_fee_due_on(self):
        for order in self:
            confirmed = order.is_subscription and order.state == "sale" and order.plan_id and order.start_date
            order.x_fc_fee_due_on = confirmed and order.x_fc_fee_timing == "advance" and order._get_fee_due_day()

    # === BUSINESS === #

    def _open_due_fees(self, due, final):
        """Record the fees in advance that the due invoice bills, with the terms of the order lines.

        :param final: whether lines of negative quantity are billed as well
        """
        self.ensure_one()
        if not due.fee:
            return
        share = self._get_recurring_share(*due.fee, self._get_period_around(due.fee[0]))
        if not share:
            return
        values_list = []
        for line in self._get_billable_recurring_lines(final):
            amount = line._get_recurring_amount(share)
            values_list.append(
                {
                    "order_line_id": line.id,
                    "currency_id": self.currency_id.id,
                    "date_from": due.fee[0],
                    "date_to": due.fee[1],
                    "quantity": line.product_uom_qty,
                    "price_unit": line.price_unit,
                    "discount": line.discount,
                    "amount": float(amount),
                }
            )
        # sudo: nobody writes fees by hand
        self.env["fusion.subscription.fee"].sudo().create(values_list)

    def _record_due_fees(self, due):
        """Move on behind the fees that the due invoice has billed, or back to the end behind which it has credited."""
        self.ensure_one()
        # sudo: only invoicing says until when fees are billed, whoever may invoice
        order = self.sudo()
        if due.fee:
            order.x_fc_fee_invoiced_until = due.fee[1]
        elif due.ends_fees:
            order.x_fc_fee_invoiced_until = self.end_date

    def _get_recurring_fee(self, period_start, period_end):
        """Return what the recurring lines cost for the days of one period, whenever they are invoiced, without tax.

        What was billed in advance counts as it was billed, whatever the order lines say by now.

        :return: Decimal, each line rounded as on the invoice
        """
        self.ensure_one()
        share = self._get_recurring_share(period_start, period_end, (period_start, period_end))
        if not share:
            return Decimal(0)
        reached = self.x_fc_fee_invoiced_until
        if self.x_fc_fee_timing == "advance" and reached and reached > period_start:
            # sudo: fees count whoever asks
            fees = self.sudo().x_fc_fee_ids.filtered(lambda fee: period_start <= fee.date_from < period_end)
            return sum((fee._get_amount(share) for fee in fees), Decimal(0))
        lines = self._get_billable_recurring_lines(final=True)
        return sum((line._get_recurring_amount(share) for line in lines), Decimal(0))

    # === HELPERS === #

    def _get_fee_due_day(self):
        """Return the first day of the next fee, the end if only a credit is left, or False."""
        self.ensure_one()
        reached = self.x_fc_fee_invoiced_until or self._get_first_fee_day()
        if not self.end_date or reached < self.end_date:
            return reached
        if self._has_unused_fee_days() and not self.next_invoice_date:
            return self.end_date
        return False

    def _has_unused_fee_days(self):
        """Tell whether days after the end are billed in advance and have to be credited."""
        self.ensure_one()
        invoiced_until = self.x_fc_fee_invoiced_until
        return bool(
            self.x_fc_proration == "day" and self.end_date and invoiced_until and invoiced_until > self.end_date
        )

    def _get_next_fee_days(self):
        """Return the days [start, end) of the next fee in advance, or None."""
        self.ensure_one()
        start = self.x_fc_fee_due_on
        if not start or (self.end_date and start >= self.end_date):
            return None
        return start, self._get_period_around(start)[1]

    def _get_due_fee_charges(self, due):
        """Return what the due invoice bills and credits in advance, as {order line: [charge]}."""
        self.ensure_one()
        charges = {}
        # sudo: fees count whoever invoices
        fees = self.sudo().x_fc_fee_ids
        for fee in fees.filtered(lambda fee: due.fee == (fee.date_from, fee.date_to)):
            share = self._get_recurring_share(*due.fee, self._get_period_around(fee.date_from))
            charge = RecurringCharge(
                *due.fee,
                amount=fee._get_amount(share),
                is_whole=share == 1,
                days_shown=share != 1,
                fee=fee,
            )
            charges.setdefault(fee.order_line_id.with_env(self.env), []).append(charge)
        for fee, used_until in self._get_fees_to_credit(due):
            owed = fee._get_amount(self._get_owed_share(fee, used_until))
            amount = fee._get_invoiced_amount() - owed
            if amount * fee._get_amount(1) > 0:
                charge = RecurringCharge(
                    used_until, fee.date_to, amount=amount, is_whole=False, days_shown=True, fee=fee, is_credit=True
                )
                charges.setdefault(fee.order_line_id.with_env(self.env), []).append(charge)
        return charges

    def _get_fees_to_credit(self, due):
        """Return [(fee, first day that is not owed)] of the fees in advance that the due invoice has to reduce."""
        self.ensure_one()
        # sudo: fees and pauses count whoever invoices
        order = self.sudo()
        paused = order.x_fc_fee_ids.browse()
        if due.period and order.x_fc_pause_ids._covers(*due.period):
            paused = order.x_fc_fee_ids.filtered(lambda fee: due.period[0] <= fee.date_from < due.period[1])
        unused = order.x_fc_fee_ids.browse()
        if due.ends_fees:
            unused = order.x_fc_fee_ids.filtered(lambda fee: fee.date_to > order.end_date) - paused
        return [
            *((fee, fee.date_from) for fee in paused),
            *((fee, max(fee.date_from, order.end_date)) for fee in unused),
        ]

    def _get_owed_share(self, fee, used_until):
        if used_until <= fee.date_from:
            return 0
        return self._get_recurring_share(fee.date_from, used_until, self._get_period_around(fee.date_from))
