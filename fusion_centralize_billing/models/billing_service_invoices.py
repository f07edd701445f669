# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta

from odoo import models

from ..api import invoice_payloads, list_payloads, payloads
from ..api.errors import NotFoundError
from ..api.plain_values import day, instant, money, number, text
from .account_move_subscriptions import describe_subscription
from .usage_window import group_dimensions


class BillingService(models.Model):
    """Handlers: invoices. Services see no drafts, which may still change: their record rules say so."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_list_invoices(self, payload=None):
        request = list_payloads.ListInvoices.parse(payload or {})
        service = self._as_technical_user()
        domain = [("move_type", "=", "out_invoice"), *service._get_move_domain(request)]
        if request.state is not None:
            domain.append(("state", "=", request.state))
        if request.payment_state is not None:
            domain.append(("payment_state", "=", request.payment_state))
        page, cursor = service._read_page(request, service.env["account.move"], domain)
        invoices = [service._describe_invoice(move) for move in page.sudo()]
        return {"status": "ok", "invoices": invoices, "next_cursor": cursor}

    def _api_get_invoice(self, payload):
        request = list_payloads.GetInvoice.parse(payload)
        service = self._as_technical_user()
        return service._answer_invoice(service._get_invoice(request.invoice_id))

    def _api_get_invoice_pdf(self, payload):
        request = list_payloads.GetInvoice.parse(payload)
        return self._as_technical_user()._get_invoice(request.invoice_id)._fc_get_pdf("invoice_id")

    def _api_void_invoice(self, payload):
        request = invoice_payloads.VoidInvoice.parse(payload)
        service = self._as_technical_user()
        invoice = service._get_invoice(request.invoice_id)
        invoice._fc_void(request.reason)
        return service._answer_invoice(invoice)

    def _api_retry_payment(self, payload):
        """Begin another payment with the saved token; a job takes the money."""
        request = invoice_payloads.RetryPayment.parse(payload)
        invoice = self._as_technical_user()._get_invoice(request.invoice_id)
        charge = invoice._fc_retry_payment()
        return {
            "status": "ok",
            "invoice_id": invoice.id,
            "reference": charge.reference,
            "state": charge.state,
            "amount": money(charge.amount, charge.currency_id),
            "currency": charge.currency_id.name,
            "saved_payment": invoice._fc_describe_payment(),
        }

    def _api_preview_invoice(self, payload):
        request = payloads.PreviewInvoice.parse(payload)
        order = self._as_technical_user()._get_subscription(request.subscription_external_id)
        return {"status": "ok", **order._fc_get_order_on(order._fc_get_today())._fc_preview_invoice(request.at)}

    def _api_list_invoice_ratings(self, payload):
        request = list_payloads.ListInvoiceRatings.parse(payload)
        service = self._as_technical_user()
        invoice = service._get_invoice(request.invoice_id)
        ratings = service.env["fusion.billing.rating"]
        page, cursor = service._read_page(request, ratings, [("invoice_id", "=", invoice.id)])
        return {"status": "ok", "ratings": [_describe_rating(rating) for rating in page.sudo()], "next_cursor": cursor}

    # === HELPERS === #

    def _get_invoice(self, invoice_id):
        return self._get_move("out_invoice", invoice_id, "invoice_not_found", "invoice_id")

    def _get_move(self, move_type, move_id, code, path):
        """Return an invoice or credit note that this service can reach, or raise NotFoundError."""
        move = self.env["account.move"].search([("move_type", "=", move_type), ("id", "=", move_id)])
        if not move:
            raise NotFoundError(self.env._("There is no such document."), code=code, path=path)
        return move.sudo()

    def _get_move_domain(self, request):
        """Return the domain of what lists of invoices and of credit notes can both be asked for."""
        domain = []
        if request.external_customer_id is not None:
            link = self._get_account_link(request.external_customer_id)
            # As in the list of subscriptions: what is nobody's in particular is shown with each that it could be of.
            whose = [("partner_id", "=", link.partner_id.id), ("x_fc_account_link_id", "in", [link.id, False])]
            # sudo: the rules of invoices hold; those of orders would leave out what a renewed one has billed.
            domain.append(("x_fc_subscription_ids", "in", self.env["sale.order"].sudo()._search(whose)))
        if request.subscription_external_id is not None:
            order = self._get_subscription(request.subscription_external_id)
            domain.append(("x_fc_subscription_ids", "in", order._fc_get_lives().ids))
        if request.from_ is not None:
            domain.append(("invoice_date", ">=", request.from_))
        if request.to is not None:
            domain.append(("invoice_date", "<", request.to))
        return domain

    # === HELPERS: ANSWERS === #

    def _answer_invoice(self, move):
        return {"status": "ok", **self._describe_invoice(move), **self._describe_lines(move)}

    def _describe_invoice(self, move):
        return {"invoice_id": move.id, **self._describe_move(move), "reason": text(move.x_fc_void_reason)}

    def _describe_move(self, move):
        orders = move.x_fc_subscription_ids
        links = orders.x_fc_account_link_id | orders.partner_id.x_fc_account_link_ids
        links = links.filtered(lambda link: link.service_id.id == self.id)
        amounts = ("amount_untaxed", "amount_tax", "amount_total", "amount_residual")
        return {
            "number": text(move.name),
            "state": move.state,
            "payment_state": move.payment_state,
            "invoice_date": day(move.invoice_date),
            "due_date": day(move.invoice_date_due),
            "period_start": day(move.x_fc_period_start),
            "period_end": day(move.x_fc_period_end),
            "currency": move.currency_id.name,
            **{name: money(move[name], move.currency_id) for name in amounts},
            **move._fc_describe_subscriptions(),
            "external_customer_id": text(links[:1].external_id),
            "created_at": instant(move.create_date),
        }

    def _describe_lines(self, move):
        products = move.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        taxes = move.line_ids.filtered(lambda line: line.display_type == "tax")
        # Odoo keeps what is owed to the state as negative, whoever owes it on an invoice.
        sign = 1 if move.move_type == "out_refund" else -1
        return {
            "lines": [_describe_line(line) for line in products],
            "taxes": [
                {
                    "name": tax.tax_line_id.name,
                    "base": money(abs(tax.tax_base_amount), move.company_currency_id),
                    "amount": money(sign * tax.amount_currency, move.currency_id),
                }
                for tax in taxes
            ],
        }


def _describe_line(line):
    ratings = line.x_fc_rating_ids.sorted("id")
    charge, metric = ratings[:1].charge_id, ratings[:1].metric_id
    return {
        "invoice_line_id": line.id,
        **describe_subscription(line.x_fc_subscription_id),
        "product_id": line.product_id.id or None,
        "description": line.name or "",
        "quantity": number(line.quantity),
        "unit_price": number(line.price_unit),
        "discount": number(line.discount),
        "subtotal": money(line.price_subtotal, line.currency_id),
        "total": money(line.price_total, line.currency_id),
        "taxes": line.tax_ids.mapped("name"),
        "period_start": day(ratings[:1].first_day),
        "period_end": day(ratings[:1].last_day and ratings[:1].last_day + timedelta(days=1)),
        "charge": text(charge.name),
        "metric_code": text(metric.code),
        "rating_ids": ratings.ids,
    }


def _describe_rating(rating):
    return {
        "rating_id": rating.id,
        "invoice_line_id": rating.invoice_line_id.id or None,
        "kind": rating.kind,
        "charge": text(rating.charge_id.name),
        "metric_code": text(rating.metric_id.code),
        "properties": group_dimensions(rating.group_key or ""),
        "period_start": instant(rating.period_start),
        "period_end": instant(rating.period_end),
        "first_day": day(rating.first_day),
        "last_day": day(rating.last_day),
        "sequence": rating.sequence,
        "state": rating.state,
        "is_adjustment": rating.is_adjustment,
        **{name: number(rating[name]) for name in ("total_quantity", "included_quantity", "billable_quantity")},
        "currency": rating.currency_id.name,
        **{name: money(rating[name], rating.currency_id) for name in ("period_amount", "amount")},
        "terms": rating.terms or None,
        "breakdown": rating.breakdown or None,
        "job_uuid": text(rating.job_uuid),
        "rated_at": instant(rating.rated_at),
    }
