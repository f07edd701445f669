# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Cases of the operations on invoices, credit notes and ratings."""

from .payments import DemoPayments

_UNKNOWN = 2**31 - 1


class InvoiceCases(DemoPayments):
    """See ParityMixin, whose creators these cases use."""

    def _get_invoice_cases(self):
        return {
            "listInvoices": self._get_invoice_listing_cases(),
            "getInvoice": self._get_one_cases("invoice"),
            "getInvoicePdf": [*self._get_one_cases("invoice"), (self._cancelled, "invoice_not_posted", "invoice_id")],
            "voidInvoice": self._get_void_cases(),
            "retryPayment": self._get_payment_cases(),
            "previewInvoice": self._get_preview_cases(),
            "listInvoiceRatings": self._get_one_cases("invoice"),
            "listRatingUsage": self._get_rating_cases(),
            "createCreditNote": self._get_credit_cases(),
            "listCreditNotes": self._get_credit_listing_cases(),
            "getCreditNote": self._get_one_cases("credit_note"),
            "getCreditNotePdf": self._get_one_cases("credit_note"),
        }

    # === RECORDS === #

    def _bill(self, tag, **values):
        """Return the invoice of a fee of 20.00 and of 10 units at 1.00."""
        order = self._create_subscription(x_fc_external_id=tag, **values)
        self._use(order, 10, idem=tag)
        return self._invoice_on(order, "2026-02-01")

    def _cancelled(self, tag):
        invoice = self._bill(tag)
        invoice.button_cancel()
        return {"invoice_id": invoice.id}

    def _credit(self, tag):
        return self._bill(tag)._fc_credit("Goodwill")

    # === CASES === #

    def _get_one_cases(self, kind):
        name = f"{kind}_id"
        make, other = (self._bill, self._credit) if kind == "invoice" else (self._credit, self._bill)
        return [
            (lambda tag: {name: make(tag).id}, None, None),
            (lambda tag: {name: other(tag).id}, f"{kind}_not_found", name),
            (lambda tag: {name: _UNKNOWN}, f"{kind}_not_found", name),
            (lambda tag: {name: "last"}, "invalid_payload", name),
            (lambda tag: {name: 0}, "invalid_payload", name),
        ]

    def _get_invoice_listing_cases(self):
        def billed(**values):
            return lambda tag: {"subscription_external_id": self._bill(tag) and tag, **values}

        return [
            (billed(), None, None),
            (billed(state="posted", payment_state="not_paid"), None, None),
            (billed(state="cancel"), None, None),
            (billed(**{"from": "2026-02-01", "to": "2026-02-02"}), None, None),
            (billed(**{"from": "2026-02-02"}), None, None),
            (billed(state="draft"), "invalid_payload", "state"),
            (billed(payment_state="due"), "invalid_payload", "payment_state"),
            (billed(cursor="!"), "invalid_cursor", "cursor"),
            (lambda tag: {"external_customer_id": tag}, "customer_not_found", "external_customer_id"),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
        ]

    def _get_payment_cases(self):
        def billed(prepare=lambda invoice: None, **values):
            def build(tag):
                invoice = self._bill(tag, partner_id=self.env["res.partner"].create({"name": "Of one case"}).id)
                prepare(invoice)
                return {"invoice_id": invoice.id, **values}

            return build

        def save_token(invoice):
            invoice.x_fc_subscription_id.x_fc_payment_token_id = self._create_token(partner=invoice.partner_id)

        def begin(invoice):
            save_token(invoice)
            invoice._fc_retry_payment()

        refused = self._by_edition(None, "handled_by_edition")
        return [
            (billed(save_token), refused, None),
            (billed(), refused or "no_payment_token", None),
            *self._by_edition([(billed(begin), "payment_in_progress", None)], []),
            (billed(self._pay), refused or "invoice_already_paid", None),
            (billed(lambda invoice: invoice._fc_void("Test")), refused or "nothing_due", None),
            (billed(amount=5), "invalid_payload", "amount"),
            (lambda tag: {"invoice_id": _UNKNOWN}, "invoice_not_found", "invoice_id"),
        ]

    def _get_preview_cases(self):
        def used(**values):
            def build(tag):
                self._use(self._open(tag), 10)
                return {"subscription_external_id": tag, **values}

            return build

        return [
            (used(), None, None),
            (used(at="now"), None, None),
            (used(at="period_end"), None, None),
            (used(at="tomorrow"), "invalid_payload", "at"),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
        ]

    def _get_void_cases(self):
        def billed(prepare=lambda invoice: None, **values):
            def build(tag):
                invoice = self._bill(tag)
                prepare(invoice)
                return {"invoice_id": invoice.id, "reason": "Wrong customer", **values}

            return build

        return [
            (billed(), None, None),
            (billed(lambda invoice: invoice._fc_void("Twice")), "invoice_void", "invoice_id"),
            (billed(lambda invoice: invoice.button_cancel()), "invoice_not_posted", "invoice_id"),
            (billed(self._pay), "invoice_paid", "invoice_id"),
            (billed(reason=""), "invalid_payload", "reason"),
            (lambda tag: {"invoice_id": _UNKNOWN, "reason": "None"}, "invoice_not_found", "invoice_id"),
            (lambda tag: {"invoice_id": 1}, "invalid_payload", "reason"),
        ]

    def _get_rating_cases(self):
        def billed(tag):
            return {"rating_id": self._bill(tag).x_fc_rating_ids.id}

        return [
            (billed, None, None),
            (lambda tag: {"rating_id": _UNKNOWN}, "rating_not_found", "rating_id"),
            (lambda tag: {"rating_id": "x"}, "invalid_payload", "rating_id"),
        ]

    def _get_credit_cases(self):
        def billed(*amounts, **values):
            def build(tag):
                invoice = self._bill(tag)
                line = self._get_line(invoice, self.usage_product)
                lines = [{"invoice_line_id": line.id, "amount": amount} for amount in amounts]
                return {"invoice_id": invoice.id, "reason": "Goodwill", **({"lines": lines} if lines else {}), **values}

            return build

        def credited(tag):
            return {"invoice_id": self._credit(tag).reversed_entry_id.id, "reason": "Twice"}

        unknown_line = {"invoice_line_id": _UNKNOWN, "amount": "1"}
        return [
            (billed(), None, None),
            (billed("2.50"), None, None),
            (billed(10), None, None),
            (billed("10.01"), "credit_exceeds_invoice", "lines.0.amount"),
            (billed(1, 1), "repeated_line", "lines.1.invoice_line_id"),
            (billed("0.001"), "invalid_amount", "lines.0.amount"),
            (billed(0), "invalid_payload", "lines.0.amount"),
            (billed(lines=[]), "invalid_payload", "lines"),
            (billed(lines=[unknown_line]), "invoice_line_not_found", "lines.0.invoice_line_id"),
            (credited, "credit_exceeds_invoice", "invoice_id"),
            (lambda tag: {"invoice_id": _UNKNOWN, "reason": "None"}, "invoice_not_found", "invoice_id"),
        ]

    def _get_credit_listing_cases(self):
        def credited(tag):
            return {"invoice_id": self._credit(tag).reversed_entry_id.id}

        return [
            (credited, None, None),
            (lambda tag: {"subscription_external_id": self._credit(tag) and tag}, None, None),
            (lambda tag: {"invoice_id": _UNKNOWN}, "invoice_not_found", "invoice_id"),
            (lambda tag: {"invoice_id": "x"}, "invalid_payload", "invoice_id"),
            (lambda tag: {"state": "posted"}, "invalid_payload", "state"),
        ]
