# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import dataclasses
import datetime

from psycopg2.errors import UniqueViolation

from odoo import Command, fields, models
from odoo.exceptions import ConcurrencyError

from ..api import payloads
from ..api.errors import BusinessRuleError, ConflictError, FieldError, NotFoundError
from .usage_row import UsageRow


class BillingService(models.Model):
    """The handlers of the API's operations (see api/operations.py).

    Each takes a payload object, or the dict it is made from, and returns plain values. They work as
    the service's technical user, so that its record rules confine them, whoever calls.
    """

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_upsert_customer(self, payload):
        """Create or change a customer: see _resolve_or_create_partner for how services share partners."""
        request = payloads.UpsertCustomer.parse(payload)
        service = self._as_technical_user()
        link = service.env["fusion.billing.account.link"]._resolve_or_create_partner(
            service, request.external_id, name=request.name, email=request.email
        )
        return {"status": "ok", "partner_id": link.sudo().partner_id.id, "external_id": link.external_id}

    def _api_record_usage(self, payload):
        """Record a batch of counters; ``results`` tells in order what became of each."""
        request = payloads.RecordUsage.parse(payload)
        service = self._as_technical_user()
        # sudo: the rows name only subscriptions that were found under the service's own rules.
        usage = service.env["fusion.billing.usage"].sudo()
        rows, faults = service._resolve_usage(request.events)
        if request.error_policy == "reject_failed_rows":
            refused = usage._get_faults(service, list(rows.values()))
            for number, index in enumerate(list(rows)):
                if number in refused:  # rows are fewer than events
                    path = f"events.{index}.{refused[number].path}"
                    faults[index] = (dataclasses.replace(refused[number], path=path),)
                    del rows[index]
        elif faults:
            raise _usage_error([fault for index in sorted(faults) for fault in faults[index]])
        outcomes = dict(zip(rows, usage._upsert(service, list(rows.values())), strict=True))
        results = [
            _describe_result(index, outcomes.get(index), faults.get(index)) for index in range(len(request.events))
        ]
        return {"status": "ok", "accepted": len(outcomes), "results": results}

    def _api_catalog(self, payload=None):
        """List the charges, and the plans, that this service may sell."""
        payloads.Empty.parse(payload or {})
        service = self._as_technical_user()
        charges = service.env["fusion.billing.charge"].search([])
        plans = service.env["fusion.billing.plan"].search([])
        return {
            "status": "ok",
            "charges": [_describe_charge(charge) for charge in charges],
            "plans": [_describe_plan(plan) for plan in plans.sudo()],
        }

    def _api_create_subscription(self, payload):
        """Open a subscription and start it.

        The same request again, with the same external id, returns the subscription that it made.
        """
        request = payloads.CreateSubscription.parse(payload)
        service = self._as_technical_user()
        link = service._get_account_link(request.external_customer_id)
        order = service._get_existing_subscription(request, link)
        if not order:
            try:
                with service.env.cr.savepoint():
                    order = service._open_subscription(request, link)
            except UniqueViolation as exc:
                # Another request opened it after our snapshot: only a new transaction can see it.
                raise ConcurrencyError("subscription opened by a concurrent request") from exc
        return _describe_subscription(order)

    def _api_terminate_subscription(self, payload):
        """End a subscription; ending it once more, for the same day, changes nothing."""
        request = payloads.TerminateSubscription.parse(payload)
        service = self._as_technical_user()
        order = service._get_subscriptions({request.subscription_external_id}).get(request.subscription_external_id)
        if order is None:
            raise NotFoundError(
                self.env._("There is no subscription %s.", request.subscription_external_id),
                code="subscription_not_found",
                path="subscription_external_id",
            )
        order._fc_terminate(request.end_date)
        return _describe_subscription(order)

    # === HELPERS: USAGE === #

    def _resolve_usage(self, events):
        """Return ``({index: UsageRow}, {index: faults})`` of a batch."""
        parsed = [event for event in events if isinstance(event, payloads.UsageEvent)]
        subscriptions = self._get_subscriptions({event.subscription_external_id for event in parsed})
        metrics = self._get_metric_ids({event.metric_code for event in parsed})
        rows, faults = {}, {}
        for index, event in enumerate(events):
            if isinstance(event, payloads.RejectedEvent):
                faults[index] = tuple(
                    FieldError(f"events.{index}.{fault.path}".rstrip("."), fault.code, fault.message)
                    for fault in event.errors
                )
                continue
            subscription, metric_id = subscriptions.get(event.subscription_external_id), metrics.get(event.metric_code)
            fault = self._get_usage_fault(event, subscription, metric_id)
            if fault:
                faults[index] = (FieldError(f"events.{index}.{fault[0]}", fault[1], fault[2]),)
            else:
                rows[index] = _usage_row(event, subscription, metric_id)
        return rows, faults

    def _get_subscriptions(self, external_ids):
        """Return ``{external id: sale.order}`` of those that this service can reach.

        An external id is the one given at creation, or the order's id as text.
        """
        orders = self.env["sale.order"]
        domain = [("is_subscription", "=", True)]
        named = orders.search(
            [*domain, ("x_fc_service_id", "=", self.id), ("x_fc_external_id", "in", list(external_ids))]
        )
        found = {order.x_fc_external_id: order for order in named.sudo()}
        numbers = {int(text): text for text in external_ids - set(found) if _is_record_id(text)}
        numbered = orders.search([*domain, ("id", "in", list(numbers))]) if numbers else orders
        return found | {numbers[order.id]: order for order in numbered.sudo()}

    def _get_metric_ids(self, codes):
        metrics = self.env["fusion.billing.metric"].search([("code", "in", list(codes))])
        return {metric.code: metric.id for metric in metrics}

    def _get_usage_fault(self, event, subscription, metric_id):
        """Return ``(field, code, message)`` of what keeps a counter from being billed, or None."""
        if subscription is None:
            text = self.env._("There is no subscription %s.", event.subscription_external_id)
            return "subscription_external_id", "subscription_not_found", text
        if metric_id is None:
            return "metric_code", "metric_not_found", self.env._("There is no metric %s.", event.metric_code)
        if subscription.state == "cancel" and not subscription.x_fc_ended_on:
            text = self.env._("The subscription was cancelled before it started.")
            return "subscription_external_id", "subscription_cancelled", text
        day = max(event.period_start, event.period_end - datetime.timedelta(microseconds=1)).date()
        if subscription.start_date and day < subscription.start_date:
            return (
                "period_end",
                "usage_before_start",
                self.env._("The subscription starts on %s.", subscription.start_date),
            )
        ended_on = subscription._fc_get_end_date()
        if ended_on and day >= ended_on:
            return "period_end", "usage_after_end", self.env._("The subscription ends on %s.", ended_on)
        return None

    # === HELPERS: SUBSCRIPTIONS === #

    def _get_account_link(self, external_id):
        link = self.env["fusion.billing.account.link"].search(
            [("service_id", "=", self.id), ("external_id", "=", external_id)], limit=1
        )
        if not link:
            raise NotFoundError(
                self.env._("There is no customer %s.", external_id),
                code="customer_not_found",
                path="external_customer_id",
            )
        return link.sudo()

    def _get_existing_subscription(self, request, link):
        """Return what an earlier request with this external id opened; it must have asked for the same."""
        if request.external_id is None:
            return self.env["sale.order"].sudo()
        order = (
            self.env["sale.order"]
            .search([("x_fc_service_id", "=", self.id), ("x_fc_external_id", "=", request.external_id)], limit=1)
            .sudo()
        )
        if order and not self._is_same_subscription(order, request, link):
            raise ConflictError(
                self.env._("The external id %s names another subscription.", request.external_id),
                code="external_id_conflict",
                path="external_id",
            )
        return order

    def _is_same_subscription(self, order, request, link):
        return (
            order.partner_id == link.partner_id
            and (order.x_fc_plan_code or None) == request.plan_code
            and request.plan_id in (None, order.plan_id.id)
            and request.start_date in (None, order.start_date)
        )

    def _open_subscription(self, request, link):
        plan = self._get_catalog_plan(request)
        recurrence = self._get_recurrence(request, plan)
        # sudo: services have no rights on orders; every record used here was checked to be theirs, or to be catalogue.
        order = (
            self.env["sale.order"]
            .sudo()
            .create(
                {
                    "company_id": self.company_id.id,
                    "partner_id": link.partner_id.id,
                    "user_id": False,
                    "is_subscription": True,
                    "plan_id": recurrence.id,
                    "start_date": request.start_date or fields.Date.today(),
                    "x_fc_service_id": self.id,
                    "x_fc_external_id": request.external_id,
                    "x_fc_plan_code": request.plan_code,
                    **({"pricelist_id": plan.pricelist_id.id} if plan.pricelist_id else {}),
                    "order_line": self._prepare_order_lines(request, plan),
                }
            )
        )
        if plan and order.currency_id != plan.currency_id:
            raise BusinessRuleError(
                self.env._("The plan is priced in %s; it needs a pricelist in that currency.", plan.currency_id.name),
                code="currency_mismatch",
                path="plan_code",
            )
        order.action_confirm()
        return order

    def _get_catalog_plan(self, request):
        plans = self.env["fusion.billing.plan"]
        if request.plan_code is None:
            return plans.sudo()
        plan = plans.search([("code", "=", request.plan_code)], limit=1).sudo()
        charges = self.env["fusion.billing.charge"].search_count([("plan_code", "=", request.plan_code)], limit=1)
        if not plan and not (charges and request.plan_id):
            raise NotFoundError(
                self.env._("There is no plan %s.", request.plan_code), code="plan_not_found", path="plan_code"
            )
        return plan

    def _get_recurrence(self, request, plan):
        recurrences = self.env["sale.subscription.plan"].sudo()
        if request.plan_id is None:
            return plan.plan_id
        domain = [("id", "=", request.plan_id), ("company_id", "in", [False, self.company_id.id])]
        recurrence = recurrences.search(domain, limit=1)
        if not recurrence:
            raise NotFoundError(
                self.env._("There is no recurrence %s.", request.plan_id), code="recurrence_not_found", path="plan_id"
            )
        if plan and recurrence != plan.plan_id:
            raise BusinessRuleError(
                self.env._("The plan %s has another recurrence.", plan.code), code="recurrence_mismatch", path="plan_id"
            )
        return recurrence

    def _prepare_order_lines(self, request, plan):
        lines = []
        if plan.product_id:
            lines.append({"product_id": plan.product_id.id, "product_uom_qty": 1, "price_unit": plan.price})
        for index, line in enumerate(request.lines):
            self._check_product(line.product_id, index)
            lines.append({"product_id": line.product_id, "product_uom_qty": float(line.quantity)})
        return [Command.create(values) for values in lines]

    def _check_product(self, product_id, index):
        domain = [("id", "=", product_id), ("sale_ok", "=", True), ("company_id", "in", [False, self.company_id.id])]
        # sudo: services see no products; what may be sold to everybody may be sold by a service.
        if not self.env["product.product"].sudo().search_count(domain, limit=1):
            raise NotFoundError(
                self.env._("There is no product %s for sale.", product_id),
                code="product_not_found",
                path=f"lines.{index}.product_id",
            )


def _is_record_id(text):
    return text.isascii() and text.isdigit() and len(text) <= 9 and not text.startswith("0")


def _naive(instant):
    return instant.replace(tzinfo=None)


def _usage_row(event, subscription, metric_id):
    start, end = _naive(event.period_start), _naive(event.period_end)
    key, properties = event.idempotency_key, event.properties or None
    return UsageRow(subscription.id, metric_id, event.quantity, start, end, key, properties)


def _usage_error(faults):
    """Return one error for a batch: of the first fault's class, listing all faults."""
    first = faults[0]
    error_class = NotFoundError if first.code.endswith("_not_found") else BusinessRuleError
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    listed = faults[: payloads.MAX_REPORTED_ERRORS]
    return error_class(f"{first.path}: {first.message}{more}", code=first.code, errors=listed)


def _describe_subscription(order):
    return {
        "status": "ok",
        "subscription_id": order.id,
        "subscription_state": order.subscription_state,
        "external_id": order.x_fc_external_id or None,
        "start_date": fields.Date.to_string(order.start_date) or None,
        "next_invoice_date": fields.Date.to_string(order.next_invoice_date) or None,
        "end_date": fields.Date.to_string(order._fc_get_end_date()) or None,
    }


def _describe_result(index, outcome, faults):
    """Return what became of one counter of a batch."""
    if outcome:
        return {"index": index, "status": outcome}
    return {"index": index, "status": "rejected", "errors": [fault.as_dict() for fault in faults]}


def _describe_charge(charge):
    return {
        "plan_code": charge.plan_code,
        "name": charge.name,
        "metric": charge.metric_id.code,
        "charge_model": charge.charge_model,
        "currency": charge.sudo().currency_id.name,
        "included_quota": charge.included_quota,
        "price_per_unit": charge.price_per_unit,
        "unit_batch": charge.unit_batch,
        "free_units": charge.free_units,
        "rate": charge.rate,
        "fixed_fee": charge.fixed_fee,
        "free_rows": charge.free_rows,
        "free_amount": charge.free_amount,
        "row_minimum": charge.row_minimum or None,
        "row_maximum": charge.row_maximum or None,
        "tiers": [
            {
                "up_to": tier.up_to or None,
                "price_per_unit": tier.price_per_unit,
                "flat_fee": tier.flat_fee,
                "rate": tier.rate,
            }
            for tier in charge.tier_ids
        ],
    }


def _describe_plan(plan):
    return {
        "code": plan.code,
        "name": plan.name,
        "plan_id": plan.plan_id.id,
        "billing_period_value": plan.plan_id.billing_period_value,
        "billing_period_unit": plan.plan_id.billing_period_unit,
        "price": plan.price,
        "currency": plan.currency_id.name,
    }
