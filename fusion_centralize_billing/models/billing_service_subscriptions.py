# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from psycopg2.errors import UniqueViolation

from odoo import Command, fields, models
from odoo.exceptions import ConcurrencyError

from ..api import list_payloads, payloads
from ..api.errors import BusinessRuleError, ConflictError, ForbiddenError, NotFoundError
from ..api.plain_values import day, instant, number, text
from ..limits import daily


class BillingService(models.Model):
    """Handlers: opening, reading and ending subscriptions. Changes stand in billing_service_subscription_changes.py."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_create_subscription(self, payload):
        """Open a subscription and start it.

        The same request again, with the same external id, returns the subscription that it made.
        """
        request = payloads.CreateSubscription.parse(payload)
        service = self._as_technical_user()
        link = service._get_account_link(request.external_customer_id)
        order = service._get_existing_subscription(request, link)
        if not order:
            daily.check_subscriptions(service)
            try:
                with service.env.cr.savepoint():
                    order = service._open_subscription(request, link)
            except UniqueViolation as exc:
                # Another request opened it after our snapshot: only a new transaction can see it.
                raise ConcurrencyError("subscription opened by a concurrent request") from exc
        return {"status": "ok", **service._describe_subscription(order)}

    def _api_get_subscription(self, payload):
        request = list_payloads.GetSubscription.parse(payload)
        service = self._as_technical_user()
        order = service._get_subscription(request.subscription_external_id)
        return {"status": "ok", **service._describe_subscription(order)}

    def _api_list_subscriptions(self, payload=None):
        request = list_payloads.ListSubscriptions.parse(payload or {})
        service = self._as_technical_user()
        domain = [("is_subscription", "=", True)]
        if request.external_customer_id is not None:
            link = service._get_account_link(request.external_customer_id)
            domain.append(("partner_id", "=", link.partner_id.id))
        if request.plan_code is not None:
            domain.append(("x_fc_plan_code", "=", request.plan_code))
        if request.subscription_state is not None:
            domain.append(("subscription_state", "=", request.subscription_state))
        page, cursor = service._read_page(request, service.env["sale.order"], domain)
        subscriptions = [service._describe_subscription(order) for order in page.sudo()]
        return {"status": "ok", "subscriptions": subscriptions, "next_cursor": cursor}

    def _api_terminate_subscription(self, payload):
        """End a subscription; ending it once more, for the same day, changes nothing."""
        request = payloads.TerminateSubscription.parse(payload)
        service = self._as_technical_user()
        order = service._get_given_subscription(request.subscription_external_id)
        end_date = service._get_period_end(order) if request.at == "period_end" else request.end_date
        order._fc_terminate(end_date, request.reason)
        return {"status": "ok", **service._describe_subscription(order)}

    # === HELPERS === #

    def _get_subscriptions(self, external_ids):
        """Return ``{external id: sale.order}`` of those that this service can reach.

        An external id is the one given at creation, or the order's id as text. An order that was renewed stands for
        the one that continues it.
        """
        orders = self.env["sale.order"]
        domain = [("is_subscription", "=", True)]
        named = orders.search(
            [*domain, ("x_fc_service_id", "=", self.id), ("x_fc_external_id", "in", list(external_ids))]
        )
        found = {order.x_fc_external_id: order for order in named.sudo()}
        numbers = {int(name): name for name in external_ids - set(found) if _is_record_id(name)}
        numbered = orders.search([*domain, ("id", "in", list(numbers))]) if numbers else orders
        found |= {numbers[order.id]: order for order in numbered.sudo()}
        return found | self._get_renewed({number: name for number, name in numbers.items() if name not in found})

    def _get_renewed(self, numbers):
        """Return ``{name: sale.order}`` of the orders that continue renewed ones, if the service reaches them."""
        if not numbers:
            return {}
        # sudo: services do not see renewed orders; what continues them is found under their rules.
        renewed = self.env["sale.order"].sudo().browse(numbers).exists().filtered("x_fc_successor_id")
        latest = {numbers[order.id]: order._fc_get_latest().id for order in renewed}
        visible = self.env["sale.order"].search([("id", "in", list(latest.values()))])
        return {name: visible.browse(number).sudo() for name, number in latest.items() if number in visible.ids}

    def _get_subscription(self, external_id):
        """Return a subscription that this service can reach, or raise NotFoundError."""
        order = self._get_subscriptions({external_id}).get(external_id)
        if order is None:
            raise NotFoundError(
                self.env._("There is no subscription %s.", external_id),
                code="subscription_not_found",
                path="subscription_external_id",
            )
        return order

    def _get_given_subscription(self, external_id):
        """Return a subscription that this service may change: its own, or one that people have given to it.

        What the back office has made for a linked customer it reads, and records usage on, but does not change.

        :raises ForbiddenError: ``subscription_not_given``
        """
        order = self._get_subscription(external_id)
        if order.x_fc_service_id.id != self.id:
            raise ForbiddenError(
                self.env._("The back office has not given the subscription to this service: it does not change it."),
                code="subscription_not_given",
                path="subscription_external_id",
            )
        return order

    def _get_period_end(self, order):
        """Return the day on which the billing period that runs ends; the end itself, if it has come already."""
        if order._fc_has_ended():
            return order._fc_get_end_date()
        period = order._fc_get_running_period()
        if not period:
            raise BusinessRuleError(
                self.env._("No billing period of the subscription runs."), code="no_billing_period", path="at"
            )
        return period[1]

    def _get_existing_subscription(self, request, link):
        """Return what an earlier request with this external id opened; it must run, and have asked for the same."""
        if request.external_id is None:
            return self.env["sale.order"].sudo()
        order = (
            self.env["sale.order"]
            .search([("x_fc_service_id", "=", self.id), ("x_fc_external_id", "=", request.external_id)], limit=1)
            .sudo()
        )
        if order and order._fc_has_ended():
            raise ConflictError(
                self.env._(
                    "The external id %s names a subscription that has ended. Give the new one another id, or the ended "
                    "one, by updateSubscription.",
                    request.external_id,
                ),
                code="external_id_ended",
                path="external_id",
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
        self._check_start_date(request.start_date)
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
                    "start_date": request.start_date,
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

    def _check_start_date(self, start_date):
        """Refuse a start so long ago that it must be a mistake: all periods since then would be invoiced."""
        # sudo: services see no companies; the limit holds for whoever asks.
        days = self.sudo().company_id.x_fc_start_days_back
        earliest = fields.Date.today() - datetime.timedelta(days=days)
        if start_date and start_date < earliest:
            raise BusinessRuleError(
                self.env._("A subscription cannot start before %s.", earliest),
                code="start_date_out_of_range",
                path="start_date",
            )

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
            # With a discount of none: a pricelist would look one up for the agreed price.
            fee = {"product_id": plan.product_id.id, "product_uom_qty": 1, "price_unit": plan.price, "discount": 0}
            lines.append({**fee, **self.env["sale.order"]._edition_prepare_line_role("recurring")})
        self._check_products(request.lines)
        lines += [{"product_id": line.product_id, "product_uom_qty": float(line.quantity)} for line in request.lines]
        return [Command.create(values) for values in lines]

    # === HELPERS: ANSWERS === #

    def _describe_subscription(self, order):
        links = order.partner_id.x_fc_account_link_ids.filtered(lambda link: link.service_id.id == self.id)
        return {
            "subscription_id": order._fc_get_first_id(),
            "subscription_state": order.subscription_state,
            "external_id": text(order.x_fc_external_id),
            "external_customer_id": text(links[:1].external_id),
            "plan_code": text(order.x_fc_plan_code),
            "plan_id": order.plan_id.id or None,
            "start_date": day(order.start_date),
            "next_invoice_date": day(order.next_invoice_date),
            "end_date": day(order._fc_get_end_date()),
            "close_reason": text(order.x_fc_close_reason),
            "billed_until": day(order.x_fc_billed_until),
            "time_zone": order.x_fc_billing_tz or "UTC",
            "currency": order.currency_id.name,
            "lines": describe_lines(order),
            "attention": order.x_fc_attention_ids._describe(),
            "created_at": instant(order.create_date),
        }


def describe_lines(order):
    """Return the lines of a subscription that are no usage."""
    lines = order.order_line.filtered(lambda line: line.product_id and not line.display_type and not line.x_fc_is_rated)
    recurring = order._edition_get_recurring_lines()
    return [
        {
            "line_id": line.id,
            "product_id": line.product_id.id,
            "name": line.name,
            "quantity": number(line.product_uom_qty),
            "unit_price": number(line.price_unit),
            "recurring": line in recurring,
            "effective_from": day(order._edition_get_effective_from(line)),
        }
        for line in lines
    ]


def _is_record_id(name):
    return name.isascii() and name.isdigit() and len(name) <= 9 and not name.startswith("0")
