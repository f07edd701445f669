# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from psycopg2.errors import QueryCanceled

from odoo import fields, models

from ..api.errors import deadline_exceeded
from ..api.plain_values import number
from ..limits.admission import CONFLICTS
from ..limits.preview_turn import TURN, PreviewTurn, busy
from .sale_order_days import TODAY
from .sale_order_invoicing import CLOSING, LAST


class _PreviewDoneError(Exception):
    """Ends the savepoint of a preview, so that nothing of it stays."""


class SaleOrder(models.Model):
    """Preview: the invoice that a subscription would get, made by what makes invoices, and undone."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_preview_invoice(self, at="now"):
        """Return the invoice that the subscription would get now, or for the billing period that runs.

        Rating and invoicing run as they always do, in a savepoint that is rolled back: taxes, adjustments
        and the minimum commitment are those of the real invoice. Usage counts as far as it was pushed.

        It waits for nobody and gives way to whoever waits for it: see limits/preview_turn.py.

        :param at: ``now`` or ``period_end``
        :return: plain values, with amounts as decimal text in ``currency``; without lines if there is nothing to bill
        :raises ConflictError: ``busy``, if another transaction has the subscription, or wants it
        :raises DeadlineExceededError: if it takes too long
        """
        self.ensure_one()
        period = self._fc_get_running_period() if at == "period_end" else None
        day = self._fc_get_invoice_day(period) if at == "period_end" else self._fc_get_today()
        values = {}
        turn = PreviewTurn(self.env)
        try:
            with self.env.cr.savepoint(), turn.running():
                # sudo: as in the recurring run; whoever previews need not be allowed to invoice.
                order = self.sudo().with_company(self.company_id)
                order = order.with_context(**{TODAY: day, TURN: turn}, tracking_disable=True)
                values = order._fc_describe_preview(order._fc_make_previewed_invoice(period), day)
                raise _PreviewDoneError
        except _PreviewDoneError:
            return values
        except CONFLICTS as exc:
            raise busy() from exc
        except QueryCanceled as exc:
            raise deadline_exceeded() from exc

    # === HELPERS === #

    def _fc_give_way(self):
        """Between two steps of a preview, stop if it holds up others. Does nothing outside of previews."""
        turn = self.env.context.get(TURN)
        if isinstance(turn, PreviewTurn):  # a client could send anything
            turn.check()

    def _fc_get_invoice_day(self, period):
        """Return the day on which a period is invoiced, or, without one, what is left; today if that is due."""
        day = self._edition_get_invoice_day(period)
        return max(day or self._fc_get_today(), self._fc_get_today())

    def _fc_make_previewed_invoice(self, period):
        """Invoice what is due, and return the invoice that closes a period; without one the last that is made."""
        order = self.with_context(raise_if_nothing_to_invoice=False)
        if period and not self._edition_end_decides() and self._edition_get_planned_end() == period[1]:
            return order._fc_make_previewed_last_invoice(period[1])
        moves = order._create_invoices(final=True)
        if not period:
            return moves[-1:]
        order._edition_pass_boundary()
        while order._edition_has_due_invoice():  # earlier periods, of which no invoice has been made yet, come first
            self._fc_give_way()
            moves |= order._create_invoices(final=True)
            order._edition_pass_boundary()
        return moves.filtered(lambda move: move.x_fc_period_end == period[1])[-1:]

    def _fc_make_previewed_last_invoice(self, end):
        """Invoice what is due until the subscription ends, and return the invoice that it gets then."""
        while self.next_invoice_date < end and self._edition_has_due_invoice():
            self._fc_give_way()
            self._create_invoices(final=True)
            self._edition_pass_boundary()
        # As if billing had seen the end: nobody is told of it.
        self.write({"x_fc_seen_state": "6_churn", "x_fc_ended_on": end})
        self._edition_preview_end()
        return self.with_context(**{CLOSING: LAST})._create_invoices(final=True)[-1:]

    def _fc_describe_preview(self, move, day):
        amount = self._fc_amount_as_text
        return {
            "subscription_id": self._fc_get_first_id(),
            "subscription_external_id": self._fc_get_external_id(),
            "type": "credit_note" if move.move_type == "out_refund" else "invoice",
            "invoice_date": fields.Date.to_string(move.invoice_date or day),
            "period_start": fields.Date.to_string(move.x_fc_period_start) or None,
            "period_end": fields.Date.to_string(move.x_fc_period_end) or None,
            "currency": self.currency_id.name,
            "lines": [
                self._fc_describe_preview_line(line) for line in move.invoice_line_ids if line.display_type == "product"
            ],
            "amount_untaxed": amount(move.amount_untaxed),
            "amount_tax": amount(move.amount_tax),
            "amount_total": amount(move.amount_total),
        }

    def _fc_describe_preview_line(self, line):
        rating = line.sale_line_ids.x_fc_rating_ids.sorted("id")[-1:]
        return {
            "description": line.name,
            "kind": rating.kind or "product",
            "product_id": line.product_id.id or None,
            "charge": rating.charge_id.name or None,
            "metric": rating.metric_id.code or None,
            "is_adjustment": rating.is_adjustment,
            "quantity": number(line.quantity),
            "price_unit": number(line.price_unit),
            "amount_untaxed": self._fc_amount_as_text(line.price_subtotal),
            "amount_total": self._fc_amount_as_text(line.price_total),
        }

    def _fc_amount_as_text(self, amount):
        return f"{amount:.{self.currency_id.decimal_places}f}"
