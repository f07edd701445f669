# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.

from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models

from ..fee_ledger import find_missing, split_by_terms

ONE_DAY = timedelta(days=1)


class SaleOrder(models.Model):
    """Recurring fees: what the lines owe for a period, when that is due in advance, and what is given back.

    For each line and full period the ledger (fusion.subscription.fee) is brought to what is owed by the days and
    terms as they are known when an invoice is made: at the end of the period, or in advance and once more at its
    end. Both timings so come to the same over the life of a subscription. A period that is invoiced is not looked
    at again; only what a void invoice gives back is billed anew, as it was.

    A fee in advance covers a period, or what is left of it after the trial. It is billed on its first day, by
    itself or on the invoice of the same day that closes a period.
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
    x_fc_fee_ids = fields.One2many("fusion.subscription.fee", "order_id", string="Fees", readonly=True)

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

    def _open_due_fees(self, due):
        """Bring the ledger to what is owed for the periods that the due invoice is about.

        What it lacks is open then, together with what void invoices gave back: the due invoice bears all of it.
        """
        self.ensure_one()
        for day in self._get_fee_days(due):
            self._get_fees_around(day).filtered(lambda fee: fee.state == "open").unlink()
            for line, parts in self._find_missing_fees(day).items():
                self.env["fusion.subscription.fee"]._open(line, parts)

    def _record_due_fees(self, due, moves):
        """Mark the open fees as billed by ``moves``, and move on behind those of the due invoice.

        Or back to the end, behind which it has credited.
        """
        self.ensure_one()
        self._get_open_fees()._settle(moves)
        # sudo: only invoicing says until when fees are billed, whoever may invoice
        order = self.sudo()
        if due.fee:
            order.x_fc_fee_invoiced_until = due.fee[1]
        elif due.ends_fees:
            order.x_fc_fee_invoiced_until = self.end_date

    def _get_recurring_fee(self, period_start, period_end):
        """Return what the recurring lines cost for the days of one period, whenever they are invoiced, without tax.

        A fee counts in its own period, once: as it was billed, unless it was given back and is not billed anew, or
        as it is going to be billed. That people credited it does not matter.

        :return: Decimal, each line rounded as on the invoice
        """
        self.ensure_one()
        # Behind the end nothing follows: what was credited there belongs to the last period
        is_last = self.end_date and period_end >= self.end_date
        fees = self._get_fees_around(period_start).filtered(
            lambda fee: period_start <= fee.date_from and (is_last or fee.date_from < period_end)
        )
        if self.last_invoice_date and period_end <= self.last_invoice_date:
            recorded = fees.filtered(lambda fee: fee.state != "cancelled")
            return sum((fee._as_part().amount for fee in recorded), Decimal(0))
        parts = [part for parts in self._find_missing_fees(period_start).values() for part in parts]
        parts += [fee._as_part() for fee in fees if fee.state == "billed"]
        return sum((part.amount for part in parts), Decimal(0))

    # === HELPERS === #

    def _get_open_fees(self):
        """Return what the due invoice has to bear, or the next one that is due."""
        # sudo: fees count whoever invoices
        return self.sudo().x_fc_fee_ids.filtered(lambda fee: fee.state == "open")

    def _get_fees_around(self, day):
        """Return the rows of the full period around a day."""
        self.ensure_one()
        start, end = self.plan_id._get_recurrence().period_around(self.start_date, day)
        # sudo: fees count whoever asks
        ledger = self.env["fusion.subscription.fee"].sudo()
        domain = [("order_id", "=", self.id), ("date_from", ">=", start), ("date_from", "<", end)]
        return ledger.search(domain, order="id")

    def _find_missing_fees(self, day):
        """Return {order line: [FeePart]} of what is not billed, or too much, for the full period around a day."""
        self.ensure_one()
        window = self._get_fee_window(day)
        recorded = self._get_fees_around(day).filtered(lambda fee: fee.state == "billed")
        missing = {}
        for line in self.order_line.filtered("x_fc_is_recurring"):
            missing[line] = find_missing(
                split_by_terms(window, line._get_terms_timeline()),
                [fee._as_part() for fee in recorded if fee.order_line_id.id == line.id],
                window.full_days,
                self.currency_id.rounding,
            )
        return missing

    def _get_fee_days(self, due):
        """Return a day of each full period whose fees the due invoice brings up to date."""
        self.ensure_one()
        if due.is_rest:
            return []
        closed = [due.period[0]] if due.period else []
        if self.x_fc_fee_timing == "arrears" or (self._has_unused_fee_days() and not due.ends_fees):
            # What is unused after the end is credited with the last period: until then the end may be moved
            return closed
        reached = due.fee[1] if due.fee else self.x_fc_fee_invoiced_until
        day, days = self._get_period_start(), []
        while reached and day < reached:
            days.append(day)
            day = self.plan_id._get_recurrence().next_boundary(self.start_date, day)
        return days or closed

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
        """Tell whether days are billed in advance that are not owed after the end, so that they have to be credited.

        In full, a fee is owed with its first day: only one that begins at the end or later is not.
        """
        self.ensure_one()
        invoiced_until = self.x_fc_fee_invoiced_until
        if not self.end_date or not invoiced_until or invoiced_until <= self.end_date:
            return False
        if self.x_fc_proration == "day":
            return True
        last_start, _end = self.plan_id._get_recurrence().period_around(self.start_date, invoiced_until - ONE_DAY)
        return max(last_start, self._get_first_fee_day()) >= self.end_date

    def _get_next_fee_days(self):
        """Return the days [start, end) of the next fee in advance, or None."""
        self.ensure_one()
        start = self.x_fc_fee_due_on
        if not start or (self.end_date and start >= self.end_date):
            return None
        return start, self._get_period_around(start)[1]
