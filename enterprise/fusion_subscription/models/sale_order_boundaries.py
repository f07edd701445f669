# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import date

from odoo import fields, models

#: Context key of the recurring run. Its value is an object that no client can send.
_RUN = "fusion_subscription_recurring_run"
_RUNNING = object()
#: Context key of the day that counts as today in a preview. A date, which no client can send.
_PREVIEWED_DAY = "fusion_subscription_today"
#: States in which periods begin and end.
_RUNNING_STATES = ("3_progress", "4_paused")


class SaleOrder(models.Model):
    """Boundaries of Enterprise's subscriptions: every move of the next invoice date is one, whatever causes it.

    An invoice, a renewal with nothing to invoice, which Enterprise passes without one, and a person who writes it.
    Hooks tell other addons before it moves.
    """

    _inherit = "sale.order"

    # === CRUD === #

    def write(self, vals):
        if "next_invoice_date" in vals:
            day = fields.Date.to_date(vals["next_invoice_date"])
            self.filtered(lambda order: order._is_boundary_passed_by(day))._before_next_period()
        return super().write(vals)

    # === BUSINESS === #

    def _create_recurring_invoice(self, *args, **kwargs):
        """Mark what is done within the recurring run (Enterprise's: signatures are its own)."""
        run = self.with_context(**{_RUN: _RUNNING})
        return super(SaleOrder, run)._create_recurring_invoice(*args, **kwargs)

    def _get_invoiceable_lines(self, final=False):
        """Within the recurring run, which asks here whether there is anything to invoice, tell other addons before."""
        self._announce_recurring_invoice()
        lines = super()._get_invoiceable_lines(final)
        if self._is_previewed_ahead():
            # Enterprise leaves them out before their day.
            wanted = lines | self._edition_get_recurring_lines()
            lines = self.order_line.filtered(lambda line: line in wanted)
        return lines

    def _invoice_is_considered_free(self, *args, **kwargs):
        """A period with usage to bill is not free, whatever Enterprise counts of its lines."""
        self._announce_recurring_invoice()
        answer = super()._invoice_is_considered_free(*args, **kwargs)
        if not any(line._is_billed_by_usage() and line.qty_to_invoice for line in self.order_line):
            return answer
        return (False, *answer[1:]) if isinstance(answer, tuple) else False

    def _is_previewed_ahead(self):
        """Tell whether this is a preview of an invoice that Enterprise will make on a later day."""
        day = self.env.context.get(_PREVIEWED_DAY)
        return (
            type(day) is date
            and len(self) == 1
            and self.subscription_state == "3_progress"
            and bool(self.next_invoice_date)
            and self.next_invoice_date <= day
        )

    def _before_recurring_invoice(self):
        """Hook: the recurring run is about to look for what is to be invoiced of a due subscription."""

    def _before_next_period(self):
        """Hook: the next invoice date is about to move on, so that a period ends."""

    # === HELPERS === #

    def _announce_recurring_invoice(self):
        if self._is_in_recurring_run():
            # Once: what other addons do may ask for lines again.
            order = self.with_context(**{_RUN: None})
            order.filtered(lambda each: each._edition_get_due_boundary(None))._before_recurring_invoice()

    def _is_in_recurring_run(self):
        return self.env.context.get(_RUN) is _RUNNING

    def _is_boundary_passed_by(self, day):
        boundary = self.next_invoice_date
        is_running = self.state == "sale" and self.subscription_state in _RUNNING_STATES
        return bool(is_running and boundary and day and day > boundary)
