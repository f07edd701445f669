# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from datetime import timedelta, timezone

from dateutil.relativedelta import relativedelta

from odoo import models

from ..api import list_payloads
from ..api.errors import BusinessRuleError, InvalidPayloadError, NotFoundError
from ..api.plain_values import instant, number, text

#: The most windows in one answer of queryUsage.
_MAX_WINDOWS = 1000
_UNITS = {"day": timedelta(days=1), "month": relativedelta(months=1)}


class BillingService(models.Model):
    """Handlers: reading usage."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_query_usage(self, payload):
        """Aggregate the usage that this service has recorded for a subscription."""
        request = list_payloads.QueryUsage.parse(payload)
        service = self._as_technical_user()
        order = service._get_subscription(request.subscription_external_id)
        start, end = service._get_usage_window(order, request)
        domain = [("subscription_id", "=", order.id), ("attributed_at", ">=", start), ("attributed_at", "<", end)]
        domain += service._get_metric_domain(request)
        totals = service.env["fusion.billing.usage"]._summarize(domain, request.group_by)
        if len(totals) > _MAX_WINDOWS:
            raise InvalidPayloadError(
                f"There are {len(totals)} windows; an answer may have {_MAX_WINDOWS}.",
                code="too_many_windows",
                path="group_by",
            )
        totals.sort(key=lambda total: (total[1] or start, total[0].code))
        rows = []
        for metric, begin, quantity, count in totals:
            until = begin + _UNITS[request.group_by] if begin else end
            rows.append(
                {
                    "from": instant(max(begin or start, start)),
                    "to": instant(min(until, end)),
                    "metric_code": metric.code,
                    "quantity": number(quantity),
                    "rows": count,
                }
            )
        return {"status": "ok", "usage": rows}

    def _api_list_usage(self, payload=None):
        request = list_payloads.ListUsage.parse(payload or {})
        service = self._as_technical_user()
        domain = service._get_metric_domain(request)
        if request.subscription_external_id is not None:
            order = service._get_subscription(request.subscription_external_id)
            domain.append(("subscription_id", "=", order.id))
        if request.from_ is not None:
            domain.append(("attributed_at", ">=", _naive(request.from_)))
        if request.to is not None:
            domain.append(("attributed_at", "<", _naive(request.to)))
        return service._answer_usage_page(request, domain)

    def _api_list_rating_usage(self, payload):
        request = list_payloads.ListRatingUsage.parse(payload)
        service = self._as_technical_user()
        rating = service.env["fusion.billing.rating"].search([("id", "=", request.rating_id)])
        if not rating:
            raise NotFoundError(self.env._("There is no such rating."), code="rating_not_found", path="rating_id")
        return service._answer_usage_page(request, rating.sudo()._get_usage_domain())

    # === HELPERS === #

    def _get_usage_window(self, order, request):
        """Return (start, end) in naive UTC: as asked for, or the billing period that is not invoiced yet."""
        if request.from_ is not None:
            return _naive(request.from_), _naive(request.to)
        period = order._fc_get_current_period()
        if not period:
            raise BusinessRuleError(
                self.env._("The subscription has no open billing period: say from when to when."),
                code="no_billing_period",
                path="from",
            )
        return period

    def _get_metric_domain(self, request):
        if request.metric_code is None:
            return []
        metric_id = self._get_metric_ids({request.metric_code}).get(request.metric_code)
        if metric_id is None:
            raise NotFoundError(
                self.env._("There is no metric %s.", request.metric_code), code="metric_not_found", path="metric_code"
            )
        return [("metric_id", "=", metric_id)]

    def _answer_usage_page(self, request, domain):
        page, cursor = self._read_page(request, self.env["fusion.billing.usage"], domain)
        quantities = page._get_exact_quantities()
        rows = [_describe_usage(usage, quantities[usage.id]) for usage in page.sudo()]
        return {"status": "ok", "usage": rows, "next_cursor": cursor}


def _naive(moment):
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def _describe_usage(usage, quantity):
    return {
        "usage_id": usage.id,
        "subscription_id": usage.subscription_id.id,
        "subscription_external_id": text(usage.subscription_id.x_fc_external_id),
        "metric_code": usage.metric_id.code,
        "quantity": number(quantity),
        "period_start": instant(usage.period_start),
        "period_end": instant(usage.period_end),
        "attributed_at": instant(usage.attributed_at),
        "idempotency_key": text(usage.idempotency_key),
        "source": usage.source,
        "created_at": instant(usage.create_date),
        "updated_at": instant(usage.write_date),
    }
