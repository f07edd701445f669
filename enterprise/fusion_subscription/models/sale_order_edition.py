# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..recurrence import Recurrence
from .sale_order_closing import ENDED_STATES

#: States in which a period is closed by an invoice.
_INVOICED_STATES = ("3_progress", "5_renewed", "6_churn")


class SaleOrder(models.Model):
    """What other addons may ask of a subscription, answered for Enterprise's.

    Community's subscriptions answer the same questions. What each one means is written where they are asked:
    fusion.billing.edition, in the addon that bills usage. Ends and reasons stand in sale_order_closing.py, renewals in
    sale_order_renewal.py.
    """

    _inherit = "sale.order"

    # === FIELDS === #

    x_fc_proration = fields.Selection(
        selection=[("none", "In Full"), ("day", "By Day")],
        string="Usage of Partial Periods",
        required=True,
        default="none",
        help="Whether a first or last period that is shorter than a full one has the whole quota and minimum, or their "
        "share by days. Fees follow Enterprise's own rules.",
    )

    # === BUSINESS: PERIODS === #

    def _edition_get_period_around(self, day):
        anchor = self.next_invoice_date or self.start_date
        if not anchor or not self.plan_id:
            return None
        start, end = self._get_recurrence().period_around(anchor, day)
        end_date = self._edition_get_planned_end()
        # An end that lies before is one that Enterprise has not acted upon.
        is_cut = end_date and start < end_date < end
        return max(start, self.start_date or start), end_date if is_cut else end

    def _edition_get_period_end(self, start):
        """The first boundary behind it: the next invoice date may lie several periods ahead, moved by hand."""
        boundary = self.next_invoice_date
        if not boundary or boundary <= start or not self.plan_id:
            return None
        return next(iter(self._get_recurrence().boundaries_between(start, boundary, boundary)), boundary)

    def _edition_get_due_boundary(self, ended_on):
        days = [day for day in (self.next_invoice_date, ended_on) if day]
        if self.subscription_state not in _INVOICED_STATES or not days:
            return None
        return min(days) if self._edition_is_reached(min(days)) else None

    def _edition_get_passed_boundaries(self, reached, ended_on):
        """Those before the next invoice date; of an ended subscription, which no run invoices, all before its end."""
        anchor = self.next_invoice_date or self.start_date
        limit = ended_on or self.next_invoice_date
        if not anchor or not limit or not self.plan_id or self.subscription_state not in _INVOICED_STATES:
            return []
        return self._get_recurrence().boundaries_between(reached, limit, anchor)

    def _edition_pass_boundary(self):
        if self.next_invoice_date and self.plan_id:
            self.next_invoice_date = self._get_recurrence().period_around(
                self.next_invoice_date, self.next_invoice_date
            )[1]

    def _edition_preview_end(self):
        self.subscription_state = "6_churn"

    def _edition_is_reached(self, day):
        """Enterprise runs on the days of the server: west of UTC it passes a boundary some hours early.

        The period is closed with it, so that no quota is granted for two, and what is used until midnight comes late.
        """
        return day <= max(self._get_subscription_today(), fields.Date.today())

    def _edition_get_invoiced_days(self, current):
        """Without usage of a period, the first invoice has the fee of the one that begins."""
        if self.subscription_state in ENDED_STATES:
            return current
        if self._edition_get_due_boundary(None):
            return current or self._edition_get_period_around(self.next_invoice_date)
        return None

    def _edition_get_invoice_day(self, period):
        return period[1] if period else self.next_invoice_date or None

    def _edition_has_due_invoice(self):
        return self.subscription_state == "3_progress" and bool(self._edition_get_due_boundary(None))

    def _edition_is_in_recurring_run(self):
        return self._is_in_recurring_run()

    def _edition_waits_for_last_period(self):
        """Not Enterprise: of an ended subscription it invoices nothing more."""
        return False

    def _edition_schedule_invoicing(self):
        """Enterprise's recurring run finds by itself what is due."""

    def _edition_get_invoicing_key(self):
        return None

    def _edition_get_billed_until(self):
        """The boundary that Enterprise has passed last."""
        if self.subscription_state not in ("3_progress", "4_paused") or not self.next_invoice_date or not self.plan_id:
            return None
        reached = self.next_invoice_date - self._get_recurrence().step(1)
        return reached if self.start_date and reached > self.start_date else None

    @api.model
    def _edition_end_decides(self):
        """What Enterprise has closed is over, whatever its end date says."""
        return False

    @api.model
    def _edition_get_proof_columns(self):
        days = 1 if self._get_end_date_offset() else 0
        return SQL("sale_order.end_date + %s", days), SQL("NULL::date")

    # === BUSINESS: FEES === #

    def _edition_get_recurring_lines(self):
        # sudo: what recurs counts whoever reads the subscription.
        recurring = self.sudo().order_line.filtered(lambda line: line.product_id.recurring_invoice)
        return recurring.filtered(lambda line: not line.display_type).with_env(self.env)

    def _edition_get_recurring_fee(self, start, end):
        """Enterprise prorates the fee of a period that alignment makes shorter, and no other: no end lowers it."""
        recurrence = self._get_recurrence()
        share = recurrence.fraction(start, recurrence.end_of(start)) if recurrence.aligned else Fraction(1)
        step = Decimal(str(self.currency_id.rounding))
        fees = (_share(line.price_subtotal, share, step) for line in self._edition_get_recurring_lines())
        return sum(fees, Decimal(0))

    def _edition_owes_fee(self, start, end):
        return True

    def _edition_get_period_fraction(self, start, end):
        return self._get_recurrence().fraction(start, end) if self.x_fc_proration == "day" else Fraction(1)

    def _edition_get_committed_days(self, start, end):
        is_by_day = self.x_fc_proration == "day"
        full_days = self._get_recurrence().full_days(start) if is_by_day else 0
        return start, end, max(full_days, (end - start).days)

    # === BUSINESS: CHANGES === #

    def _edition_get_change_day(self, chosen=None):
        """Nobody chooses one: what is agreed now holds from the next period on."""
        today = self._get_subscription_today()
        if self.start_date and today < self.start_date:
            return self.start_date
        period = self._edition_get_period_around(today)
        return period[1] if period else today

    def _edition_get_earliest_change(self):
        """Enterprise reads lines when it invoices them."""
        return None

    def _edition_change_recurring_lines(self, values_by_line, day):
        raise UserError(self.env._("Enterprise's subscriptions change at once, not from a day on."))

    def _edition_get_effective_from(self, line):
        return None

    # === BUSINESS: CATALOGUE === #

    @api.model
    def _edition_prepare_line_role(self, role):
        return {}

    @api.model
    def _edition_product_decides(self):
        return True

    @api.model
    def _edition_get_order_terms(self):
        return {"proration": "x_fc_proration"}

    # === BUSINESS: MONEY === #

    @api.model
    def _edition_collects_payments(self):
        return True

    @api.model
    def _edition_give_back(self, moves):
        """Enterprise bills fees and one-off lines of void invoices by its own rules."""

    @api.model
    def _edition_bills_rest(self):
        return True

    # === HELPERS === #

    def _get_recurrence(self):
        # sudo: what a period is counts whoever reads the subscription.
        plan = self.sudo().plan_id
        return Recurrence(plan.billing_period_value, plan.billing_period_unit, plan.billing_first_day)


def _share(amount, share, step):
    """Return a share of an amount, rounded half up to a currency."""
    exact = Decimal(str(amount)) * share.numerator / share.denominator
    return (exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step
