# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models
from odoo.fields import Command

from ..jobs import repeated_on_conflict
from .billing_usage_change import Change
from .sale_order_life import ENDED_STATES

#: Context key of the last invoice of an ended subscription. Its value is an object that no client can send.
CLOSING = "fusion_billing_closing"
LAST = object()


class SaleOrder(models.Model):
    """Invoicing: a subscription is rated before it is invoiced, and its ledger frozen with the invoice."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Rate subscriptions, invoice them, and freeze what was billed, in one transaction.

        Hooked here, and not into the recurring run, because the recurring runs of both editions and
        the button on the order all come through this method.
        """
        subscriptions = self.filtered(lambda order: order._fc_is_rated())
        if not subscriptions:
            return super()._create_invoices(grouped=grouped, final=final, date=date)
        subscriptions._fc_lock()
        boundaries = {}
        for order in subscriptions:
            boundaries[order] = order._fc_get_due_boundary() if order._fc_rate_before_invoice() else None
            order._fc_give_way()
        moves = super()._create_invoices(grouped=grouped, final=final, date=date)
        for order in subscriptions:
            order._fc_close_period(moves, boundaries[order])
        return moves

    def _prepare_invoice(self):
        """Tell the invoice whose subscription and which period it bills."""
        values = super()._prepare_invoice()
        if self.is_subscription:
            values["x_fc_subscription_ids"] = [Command.set(self.ids)]
            values["x_fc_service_id"] = self.x_fc_service_id.id
            values["x_fc_period_start"], values["x_fc_period_end"] = self._fc_get_invoiced_days() or (False, False)
        return values

    def _get_update_prices_lines(self):
        """Leave rated lines alone when prices are updated from the pricelist."""
        return super()._get_update_prices_lines().filtered(lambda line: not line.x_fc_is_rated)

    def _get_invoiceable_lines(self, final=False):
        """Of an edition that bills the rest of ended subscriptions itself, have all invoiced that is rated.

        On the last invoice of an ended one nothing else.
        """
        lines = super()._get_invoiceable_lines(final)
        if len(self) != 1 or not self._edition_bills_rest() or not self._fc_is_rated():
            return lines
        if self.env.context.get(CLOSING) is LAST:
            lines = lines.filtered("x_fc_is_rated")
        wanted = lines | self.order_line.filtered(lambda line: line.x_fc_is_rated and line.qty_to_invoice)
        return self.order_line.filtered(lambda line: line in wanted) if wanted - lines else lines

    def _before_recurring_invoice(self):
        """Rate what the recurring run is about to look at: without usage it might find nothing to invoice."""
        super()._before_recurring_invoice()
        for order in self.sudo().filtered(lambda order: order._fc_is_rated()):
            order._fc_attempt_rating(order._fc_rate)

    def _before_next_period(self):
        """Rate and close the period that ends, whatever moves the next invoice date on.

        If it cannot be rated, it is once that is mended: by itself, as a period that has passed.
        """
        super()._before_next_period()
        # sudo: whoever moves it on need not be allowed to rate.
        for order in self.sudo().filtered(lambda order: order._fc_is_rated()):
            order._fc_lock()
            order._fc_attempt_rating(lambda order=order: order._fc_close_passed_periods(order.next_invoice_date))

    def _get_rest_lines(self):
        """Leave rated lines of an ended subscription to the closing job (Community's rest; see there)."""
        return super()._get_rest_lines().filtered(lambda line: not line.x_fc_is_rated)

    # === JOBS === #

    def _schedule_closing_invoice(self):
        """Enqueue the invoice of what an ended subscription still owes, or the credit note of what it is owed."""
        for order in self:
            # sudo: the job invoices and posts, whoever caused it.
            order.sudo().with_company(order.company_id).with_delay(
                description=self.env._("Invoice remaining usage of %s", order.name),
                identity_key=order._fc_get_closing_identity_key(),
            )._job_invoice_remaining_usage()

    @repeated_on_conflict
    def _job_invoice_remaining_usage(self):
        """Invoice and post the unbilled usage of an ended subscription. Does nothing if it is billed."""
        self._fc_lock()
        order = self.exists()
        if not order:
            return self.env._("The order does not exist any more.")
        return order._attempt_job("closing", order._fc_invoice_remaining_usage)

    # === HELPERS === #

    def _fc_is_rated(self):
        """Tell whether the order is a subscription whose usage is billed: the order of an upsell is none."""
        return self.is_subscription and self.state == "sale" and self.subscription_state != "7_upsell"

    def _fc_rate_before_invoice(self):
        """Rate before an invoice is made, and tell whether that went well.

        Enterprise's run invoices many subscriptions at once: one that cannot be rated must not keep it from the
        others. It is invoiced without its usage, which waits, period by period, until that is mended.
        """
        if self._edition_is_in_recurring_run():
            return self._fc_attempt_rating(self._fc_rate)
        self._fc_rate()
        return True

    def _fc_attempt_rating(self, work):
        """Rate within something that many subscriptions share; note a fault, and tell whether there was none."""
        done = []
        self._attempt_job("rating", lambda: done.append(work()))
        return bool(done)

    def _fc_close_passed_periods(self, until=None):
        """Rate and close the periods whose boundary has passed without an invoice.

        What they bill waits for the next invoice, each with its own quota and minimum.

        :param until: a boundary that is passed now, before its day if need be
        """
        self.ensure_one()
        reached = self.x_fc_billed_until or self.start_date
        if not reached:
            return
        ended_on = self._fc_get_ended_on()
        passed = self._edition_get_passed_boundaries(reached, ended_on)
        passed = [day for day in passed if (until and day < until) or self._fc_is_reached(day)]
        for boundary in sorted({*passed, *([until] if until and until > reached else [])}):
            if not ended_on or boundary < ended_on:
                self._fc_close_passed_period(boundary)
        if until == reached:
            self._fc_close_days(until)
            self._fc_note_later_usage(self._fc_start_of(until))

    def _fc_close_passed_period(self, boundary):
        start, end = self._fc_start_of(self.x_fc_billed_until or self.start_date), self._fc_start_of(boundary)
        if start >= end:
            return
        self._fc_rate_period(start, end)
        self._fc_close_days(boundary)
        self._fc_note_later_usage(end)
        rows = self.sudo().x_fc_rating_ids.filtered(lambda row: row.state == "open" and row.period_end <= end)
        rows.filtered(lambda row: not row.amount)._freeze(self.env["account.move"])

    def _fc_get_closing_identity_key(self):
        self.ensure_one()
        return f"fusion_centralize_billing.closing.{self.id}"

    def _fc_invoice_remaining_usage(self):
        if self.subscription_state not in ENDED_STATES:
            return self.env._("The subscription has not ended.")
        if self._fc_waits_for_last_period():
            return self.env._("The last period is not due yet.")
        if not self._fc_has_unbilled_amount():
            return self.env._("Nothing is left to invoice.")
        order = self.with_context(**{CLOSING: LAST, "raise_if_nothing_to_invoice": False})
        moves = order._create_invoices(final=True)
        moves.filtered(lambda move: move.state == "draft").action_post()
        return self.env._("Invoiced: %s", moves.mapped("name"))

    def _fc_get_due_boundary(self):
        """Return the day up to which usage is due to be billed now, or None."""
        self.ensure_one()
        return self._edition_get_due_boundary(self._fc_get_ended_on())

    def _fc_get_invoiced_days(self):
        """Return the days [start, end) that the invoice being made is about, or None."""
        period = self._fc_get_current_period()
        return self._edition_get_invoiced_days(period and tuple(map(self._fc_day_of, period)))

    def _fc_waits_for_last_period(self):
        """Tell whether the last period of an ended subscription is not over, or is invoiced by the edition later."""
        self.ensure_one()
        ended_on = self._fc_get_ended_on()
        return bool(ended_on and not self._fc_is_reached(ended_on)) or self._edition_waits_for_last_period()

    def _fc_close_period(self, moves, boundary):
        """Freeze the ratings that were invoiced, and move on the boundary if it was due."""
        self.ensure_one()
        ratings = self.sudo().x_fc_rating_ids.filtered(lambda rating: rating.state == "open")
        invoiced = ratings.filtered(lambda rating: rating.order_line_id.invoice_lines & moves.invoice_line_ids)
        if boundary:
            end = self._fc_start_of(boundary)
            invoiced |= ratings.filtered(lambda rating: rating.period_end <= end and not rating.amount)
            self._fc_close_days(boundary)
            self._fc_note_later_usage(end)
        invoiced._freeze(moves)

    def _fc_close_days(self, boundary):
        """Move on the day until which usage is billed, and keep the period that it closes."""
        start = self.x_fc_billed_until or self.start_date
        # sudo: nobody writes periods by hand.
        order = self.sudo()
        if start and start < boundary:
            order.env["fusion.billing.period"]._close(order, start, boundary)
        if not order.x_fc_billed_until or order.x_fc_billed_until < boundary:
            order.x_fc_billed_until = boundary

    def _fc_note_later_usage(self, instant):
        """Have the next period rated, if it has usage already: its changes were taken from the feed before."""
        usage = self.env["fusion.billing.usage"].sudo()
        if usage.search_count([("subscription_id", "=", self.id), ("attributed_at", ">=", instant)], limit=1):
            self.env["fusion.billing.usage.change"]._append([(self.id, Change(None, instant, instant))])
