# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Cases of the operations that read customers, subscriptions and usage, and that change subscriptions."""


class ListCases:
    """See ParityMixin, whose creators these cases use."""

    def _get_list_cases(self):
        return {
            "getCustomer": self._get_customer_reading_cases(),
            "listCustomers": self._get_customer_listing_cases(),
            "getSubscription": self._get_subscription_reading_cases(),
            "listSubscriptions": self._get_subscription_listing_cases(),
            "updateSubscription": self._get_subscription_change_cases(),
            "queryUsage": self._get_usage_query_cases(),
            "listUsage": self._get_usage_listing_cases(),
            "billingProof": self._get_proof_cases(),
            "voidUsage": self._get_correction_cases(),
            "amendUsage": self._get_amendment_cases(),
        }

    def _get_customer_reading_cases(self):
        def known(tag):
            return {"external_id": self._create_link(external_id=tag, external_name="Acme").external_id}

        return [
            (known, None, None),
            (lambda tag: {"external_id": tag}, "customer_not_found", "external_id"),
            (lambda tag: {"external_id": "a\x7fb"}, "invalid_payload", "external_id"),
        ]

    def _get_customer_listing_cases(self):
        def one(tag):
            self._create_link(external_id=tag)
            return {"limit": 1}

        return [
            (one, None, None),
            (lambda tag: {"limit": 0}, "invalid_payload", "limit"),
            (lambda tag: {"limit": 101}, "invalid_payload", "limit"),
            (lambda tag: {"limit": "many"}, "invalid_payload", "limit"),
            (lambda tag: {"cursor": "nonsense"}, "invalid_cursor", "cursor"),
            (lambda tag: {"page": "2"}, "invalid_payload", "page"),
        ]

    def _get_subscription_reading_cases(self):
        def known(tag):
            return {"subscription_external_id": self._open(tag).x_fc_external_id}

        return [
            (known, None, None),
            (lambda tag: {"subscription_external_id": str(self._open(tag).id)}, None, None),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
        ]

    def _get_subscription_listing_cases(self):
        def of_customer(**values):
            def build(tag):
                partner = self.env["res.partner"].create({"name": "Of one case"})
                self._create_subscription(partner_id=partner.id, x_fc_external_id=tag)
                self._create_subscription(partner_id=partner.id, x_fc_external_id=f"{tag}-2")
                return {"external_customer_id": self._create_link(None, partner, external_id=tag).external_id, **values}

            return build

        return [
            (of_customer(), None, None),
            (of_customer(plan_code=self.plan.code, subscription_state="3_progress"), None, None),
            (of_customer(plan_code="unknown"), None, None),
            (lambda tag: {"external_customer_id": tag}, "customer_not_found", "external_customer_id"),
            (lambda tag: {"subscription_state": "active"}, "invalid_payload", "subscription_state"),
            (lambda tag: {"limit": "-1"}, "invalid_payload", "limit"),
        ]

    def _get_subscription_change_cases(self):
        def one(**values):
            return lambda tag: {"subscription_external_id": self._open(tag).x_fc_external_id, **values}

        def line(quantity, request=(), **values):
            request = dict(request)

            def build(tag):
                order = self._open(tag)
                change = {"line_id": order.order_line.id, "quantity": quantity, **values}
                return {"subscription_external_id": order.x_fc_external_id, "lines": [change], **request}

            return build

        def taken(tag):
            self._open(f"{tag}-2")
            return one(external_id=f"{tag}-2")(tag)

        # Enterprise changes quantities at once.
        by_day = self._by_edition((None, None), ("effective_at_refused", "effective_at"))
        return [
            (one(end_date="2090-01-01"), None, None),
            (one(plan_code=self.plan.code), None, None),
            (line(3), None, None),
            (line(3, {"effective_at": "now"}), None, None),
            *((line(3, {"effective_at": day}), *by_day) for day in ("period_end", "2026-01-15")),
            (line(3, {"effective_at": "2025-12-31"}), "effective_at_refused", "effective_at"),
            (line(3, {"effective_at": "2026-02-30"}), "invalid_payload", "effective_at"),
            (line(3, {"effective_at": "later"}), "invalid_payload", "effective_at"),
            (one(effective_at="now", end_date="2090-01-01"), "invalid_payload", "effective_at"),
            (one(), "invalid_payload", ""),
            (one(external_id=None), "invalid_payload", "external_id"),
            (one(plan_code="other"), "plan_change_refused", "plan_code"),
            (
                lambda tag: {**self._name_unowned(tag), "end_date": "2090-01-01"},
                "subscription_not_given",
                "subscription_external_id",
            ),
            (one(end_date="2026-01-02"), "end_date_refused", "end_date"),
            (line(0), "invalid_payload", "lines.0.quantity"),
            (line(1, line_id=2**31 - 1), "line_not_found", "lines.0.line_id"),
            (taken, "external_id_conflict", "external_id"),
            (
                lambda tag: {"subscription_external_id": tag, "external_id": "x"},
                "subscription_not_found",
                "subscription_external_id",
            ),
        ]

    def _get_usage_query_cases(self):
        def used(**values):
            def build(tag):
                order = self._open(tag)
                for day, quantity in (("2026-01-10", 1.5), ("2026-01-10", 2), ("2026-01-20", 4)):
                    self._use(order, quantity, day)
                return {"subscription_external_id": tag, **values}

            return build

        window = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        return [
            (used(), None, None),
            (used(**window, group_by="day", metric_code=self.metric.code), None, None),
            (used(**window, group_by="month"), None, None),
            (used(**window, group_by="properties.region"), None, None),
            (used(**window, group_by="day", limit=1), None, None),
            (used(limit=1001), "invalid_payload", "limit"),
            (used(cursor="nonsense"), "invalid_cursor", "cursor"),
            (used(group_by="year"), "invalid_payload", "group_by"),
            (used(**{**window, "to": "2030-01-01"}, group_by="day"), "too_many_windows", "group_by"),
            (used(to="2026-02-01T00:00:00Z"), "invalid_payload", "from"),
            (used(**{**window, "to": "2026-01-01T00:00:00Z"}), "end_before_start", "to"),
            (used(metric_code="unknown"), "metric_not_found", "metric_code"),
            (lambda tag: {}, "invalid_payload", "subscription_external_id"),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
        ]

    def _get_usage_listing_cases(self):
        def used(**values):
            def build(tag):
                order = self._open(tag)
                self._use(order, 1, idem=tag)
                self._use(order, 2, "2026-01-20")
                return {"subscription_external_id": tag, **values}

            return build

        return [
            (used(), None, None),
            (used(**{"from": "2026-01-15", "to": "2026-02-01"}), None, None),
            (used(metric_code=self.metric.code, limit=1), None, None),
            (used(metric_code="unknown"), "metric_not_found", "metric_code"),
            (used(**{"from": "yesterday"}), "invalid_payload", "from"),
            (lambda tag: {"subscription_external_id": tag}, "subscription_not_found", "subscription_external_id"),
        ]

    def _get_proof_cases(self):
        # A time in which nothing happens: a proof tells of all that the service has, that of other cases, too.
        quiet = {"from": "2030-01-01T00:00:00Z", "to": "2030-02-01T00:00:00Z"}
        return [
            (lambda tag: quiet, None, None),
            (lambda tag: {"from": "2030-01-01", "to": "2030-02-01"}, None, None),
            (lambda tag: {**quiet, "to": "2029-01-01T00:00:00Z"}, "end_before_start", "to"),
            (lambda tag: {**quiet, "to": "2032-01-01T00:00:00Z"}, "invalid_payload", "to"),
            (lambda tag: {"from": "2030-01-01T00:00:00Z"}, "invalid_payload", "to"),
            (lambda tag: {**quiet, "plan_code": "x"}, "invalid_payload", "plan_code"),
        ]

    def _get_correction_cases(self, **more):
        """Return the cases that a void and an amendment have in common."""

        def recorded(**values):
            def build(tag):
                self._use(self._open(tag), 1, idem=tag)
                return {"idempotency_key": tag, "reason": "Counted twice", **more, **values}

            return build

        def locked(tag):
            # A time in which no other case records anything.
            self.company.x_fc_usage_lock_date = False
            order = self._create_subscription(x_fc_external_id=tag, start_date="2025-01-01")
            self._use(order, 1, "2025-06-10", idem=tag)
            self.company.x_fc_usage_lock_date = "2025-12-01"
            return {"idempotency_key": tag, "reason": "Too late", **more}

        return [
            (recorded(), None, None),
            (recorded(reason=" "), "invalid_payload", "reason"),
            (recorded(metric_code="x"), "invalid_payload", "metric_code"),
            (lambda tag: {"idempotency_key": tag, "reason": "None", **more}, "usage_not_found", "idempotency_key"),
            (locked, "period_locked", "period_end"),
        ]

    def _get_amendment_cases(self):
        def void(tag):
            self._use(self._open(tag), 1, idem=tag)._void("Counted twice")
            return {"idempotency_key": tag, "reason": "Too late", "quantity": 2}

        return [
            *self._get_correction_cases(quantity="2.5"),
            (lambda tag: {"idempotency_key": tag, "reason": "x", "quantity": -1}, "invalid_payload", "quantity"),
            (void, "usage_voided", "idempotency_key"),
        ]
