# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import groupby


class SaleOrder(models.Model):
    """The recurring run (documentation: Scheduled actions, "generate recurring invoices and payments")."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _create_recurring_invoice(self, batch_size=30):
        """Invoice one period of each subscription that is due: the given ones, or those that it finds itself.

        Documentation: "The scheduled action creates an invoice when today's date is the same date as the Date of
        Next Invoice." What is late is invoiced as well, one period in each run.

        :return: the invoices, as account.move records
        """
        due = self.filtered_domain(self._get_due_domain()) if self else self.search(self._get_due_domain())[:batch_size]
        moves = self.env["account.move"]
        for orders in due._get_invoiced_together():
            free = orders.filtered(lambda order: order._is_free_renewal())
            for order in free:
                order._renew_freely()
            moves |= (orders - free)._invoice_period()
        return moves

    def _invoice_period(self):
        """Invoice the period that begins, of subscriptions that are invoiced together."""
        if not self:
            return self.env["account.move"]
        begun = {order: order.next_invoice_date for order in self}
        # sudo: the run is the system's
        orders = self.sudo().with_company(self.company_id).with_context(raise_if_nothing_to_invoice=False)
        moves = orders._create_invoices(grouped=len(self) == 1, final=True)
        for move in moves:
            if not orders._is_paid_by_token(move):
                # Its drafts go; the next run tries again.
                move.unlink()
                return self.env["account.move"]
            orders._process_auto_invoice(move)
        # Without a recurring line no posted invoice has moved the date on.
        for order in self.filtered(lambda order: order.next_invoice_date == begun[order]):
            order._move_next_invoice_date(order._get_period_to_invoice()[1])
        return moves

    def _process_auto_invoice(self, invoice):
        """Post an invoice of the run (public: third-party addons extend it by super(), with this signature)."""
        invoice.filtered(lambda move: move.state == "draft").action_post()

    def _get_invoiceable_lines(self, final=False):
        """Recurring lines when their period begins; others once, as ordinary orders do (public: recurring lines).

        Documentation, reports: paused and closed subscriptions are not invoiced.
        """
        lines = super()._get_invoiceable_lines(final)
        waiting = lines.filtered(lambda line: line._is_recurring() and not line.order_id._is_due())
        if not waiting:
            return lines
        kept = lines - waiting
        billed = kept.filtered(lambda line: not line.display_type)
        sections = billed.parent_id | billed.parent_id.parent_id
        return kept.filtered(lambda line: line in billed or line.display_type == "line_note" or line in sections)

    def _invoice_is_considered_free(self, invoiceable_lines):
        """Tell whether there is nothing to pay (public: third-party addons extend it by super()).

        :return: whether it is free, and whether somebody has to look at it
        """
        amount = sum(line.price_unit * line.qty_to_invoice for line in invoiceable_lines if not line.display_type)
        return self.currency_id[:1].is_zero(amount), False

    # === HELPERS === #

    @api.model
    def _get_due_domain(self):
        """Return what the run invoices: in progress, not in exception, begun, and not past its end."""
        today = fields.Date.today()
        running = Domain("state", "=", "sale") & Domain("subscription_state", "=", "3_progress")
        due = Domain("is_subscription", "=", True) & Domain("next_invoice_date", "<=", today)
        return running & due & Domain("is_in_exception", "=", False)

    def _is_due(self):
        return (
            self.subscription_state == "3_progress"
            and bool(self.next_invoice_date)
            and self.next_invoice_date <= fields.Date.today()
            and not self._is_past_end()
        )

    def _is_past_end(self):
        """Tell whether the period that would be invoiced lies behind the end."""
        day = self._get_first_day_after()
        return bool(day) and self.next_invoice_date >= day

    def _get_period_to_invoice(self):
        """Return the days [start, end) of the period that begins on the next invoice date."""
        return self.next_invoice_date, self.plan_id._get_next_boundary(self.next_invoice_date)

    def _is_free_renewal(self):
        lines = self._get_invoiceable_lines(final=True)
        return not lines or self._invoice_is_considered_free(lines)[0]

    def _renew_freely(self):
        """Go on without an invoice.

        Documentation, Create invoice: "the subscription is processed as a free recurring product"; "Automatic
        renewal succeeded. Free subscription. Next invoice:[date]. No email sent."
        """
        day = self._get_period_to_invoice()[1]
        self._move_next_invoice_date(day)
        self.message_post(body=f"Automatic renewal succeeded. Free subscription. Next invoice: {day}. No email sent.")

    def _get_invoiced_together(self):
        """Return the orders that share a call of _create_invoices (public: sale_subscription.invoice_consolidation)."""
        due = self.filtered(lambda order: not order._is_past_end())
        # sudo: a setting
        if not self.env["ir.config_parameter"].sudo().get_param("sale_subscription.invoice_consolidation"):
            return list(due)
        groups = groupby(due, lambda order: (order.company_id, order.partner_invoice_id, order.payment_token_id))
        return [self.browse([order.id for order in orders]) for _key, orders in groups]
