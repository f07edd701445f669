# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import hashlib
import re
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import models

from ..api import list_payloads
from ..api.errors import BusinessRuleError, InvalidPayloadError, NotFoundError
from ..api.plain_values import instant, number, text
from .usage_row import naive_utc
from .usage_window import UsageWindow, group_dimensions

#: The most windows that queryUsage adds up, over all metrics.
_MAX_WINDOWS = 1000
# What a cursor of queryUsage says of a group, behind the mark of its list.
_GROUP_PLACE = re.compile(r"([0-9]{1,6})\.([0-9a-f]{32})\Z")
_UNITS = {"day": timedelta(days=1), "month": relativedelta(months=1)}


class BillingService(models.Model):
    """Handlers: reading usage."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_query_usage(self, payload):
        """Add up the usage of a subscription as rating would."""
        request = list_payloads.QueryUsage.parse(payload)
        service = self._as_technical_user()
        order = service._get_subscription(request.subscription_external_id)
        start, end = service._get_usage_window(order, request)
        orders = order._fc_get_lives()
        domain = [("subscription_id", "in", orders.ids), ("attributed_at", ">=", start), ("attributed_at", "<", end)]
        domain += service._get_metric_domain(request)
        metrics = service._get_used_metrics(domain)
        spans = {each: each._fc_clip(start, end) for each in orders}
        windows = [
            window for each, span in spans.items() if span for window in _cut(each, metrics, *span, request.group_by)
        ]
        windows.sort(key=lambda window: (window.start, window.metric.code, window.metric.id))
        after = service._read_group_cursor(request)
        # sudo: _get_used_metrics has seen to it that all counters of these windows are this service's.
        counters = service.env["fusion.billing.usage"].sudo()
        found = counters._summarize_windows(windows, request.limit + 1, after)
        page = found[: request.limit]
        cursor = None
        if len(found) > len(page):
            window, group, *_total = page[-1]
            cursor = service._make_group_cursor(request, windows.index(window), group)
        rows = [_describe_total(*total) for total in page]
        rows.sort(key=lambda row: (row["from"], row["metric_code"], str(row["properties"])))
        return {"status": "ok", "usage": rows, "next_cursor": cursor}

    def _api_list_usage(self, payload=None):
        request = list_payloads.ListUsage.parse(payload or {})
        service = self._as_technical_user()
        domain, to_instant = service._get_metric_domain(request), naive_utc
        if request.subscription_external_id is not None:
            order = service._get_subscription(request.subscription_external_id)
            domain.append(("subscription_id", "in", order._fc_get_lives().ids))
            to_instant = order._fc_to_instant
        if request.from_ is not None:
            domain.append(("attributed_at", ">=", to_instant(request.from_)))
        if request.to is not None:
            domain.append(("attributed_at", "<", to_instant(request.to)))
        return service._answer_usage_page(request, domain)

    def _api_list_rating_usage(self, payload):
        request = list_payloads.ListRatingUsage.parse(payload)
        service = self._as_technical_user()
        rating = service.env["fusion.billing.rating"].search([("id", "=", request.rating_id)])
        if not rating:
            raise NotFoundError(self.env._("There is no such rating."), code="rating_not_found", path="rating_id")
        before = service._read_cursor(request)
        # sudo: the rules have shown the rating, and of its counters only this service's are read.
        counters = service.env["fusion.billing.rated.counter"].sudo()
        found = counters._read_pages(rating, request.limit + 1, before, service=service)[rating.id]
        page = found[: request.limit]
        cursor = service._make_cursor(request, page[-1]["counter_id"]) if len(found) > len(page) else None
        order = rating.sudo().subscription_id
        return {
            "status": "ok",
            "usage": [_describe_rated_counter(order, counter) for counter in page],
            "next_cursor": cursor,
        }

    # === HELPERS === #

    def _get_usage_window(self, order, request):
        """Return (start, end) in naive UTC: as asked for, or the billing period that is not invoiced yet."""
        if request.from_ is not None:
            return order._fc_to_instant(request.from_), order._fc_to_instant(request.to)
        period = order._fc_get_order_on(order._fc_get_today())._fc_get_current_period()
        if not period:
            raise BusinessRuleError(
                self.env._("The subscription has no open billing period: say from when to when."),
                code="no_billing_period",
                path="from",
            )
        return period

    def _read_group_cursor(self, request):
        """Return (place of the window, hash of the group) of the last group of the page before, or None."""
        if request.cursor is None:
            return None
        mark, _dot, place_and_group = request.cursor.partition(".")
        match = _GROUP_PLACE.match(place_and_group)
        if mark != self._get_list_mark(request) or not match:
            raise InvalidPayloadError("The cursor is not of this list.", code="invalid_cursor", path="cursor")
        return int(match[1]), match[2]

    def _make_group_cursor(self, request, place, group):
        return (
            f"{self._get_list_mark(request)}.{place}.{hashlib.md5(group.encode(), usedforsecurity=False).hexdigest()}"
        )

    def _get_metric_domain(self, request):
        if request.metric_code is None:
            return []
        metric_id = self._get_metric_ids({request.metric_code}).get(request.metric_code)
        if metric_id is None:
            raise NotFoundError(
                self.env._("There is no metric %s.", request.metric_code), code="metric_not_found", path="metric_code"
            )
        return [("metric_id", "=", metric_id)]

    def _get_used_metrics(self, domain):
        """Return the metrics of counters, all of which must be this service's.

        A subscription of the back office can be used by several services. Its total would tell one what
        another has counted.
        """
        counters = self.env["fusion.billing.usage"]
        used = counters._read_group(domain, ["metric_id"], ["__count"])
        # sudo: to compare with what this service may not see; nothing of it is told.
        if sum(count for _metric, count in used) != counters.sudo().search_count(domain):
            raise BusinessRuleError(
                self.env._("Other services use this subscription too: its usage has no total for one of them."),
                code="shared_usage",
                path="subscription_external_id",
            )
        return [metric for metric, _count in used]

    def _answer_usage_page(self, request, domain):
        page, cursor = self._read_page(request, self.env["fusion.billing.usage"], domain)
        quantities = page._get_exact_quantities()
        rows = [_describe_usage(usage, quantities[usage.id]) for usage in page.sudo()]
        return {"status": "ok", "usage": rows, "next_cursor": cursor}


def _cut(order, metrics, start, end, group_by):
    """Return the UsageWindows of [start, end): one for each metric, or one for each of its days or months."""
    spans, properties = [(start, end)], ()
    if group_by in _UNITS:
        spans = list(_cut_time(order, start, end, group_by, _MAX_WINDOWS // max(1, len(metrics))))
    elif group_by:
        properties = (group_by.removeprefix(list_payloads.PROPERTY),)
    return [UsageWindow(order, metric, *span, group_by=properties) for metric in metrics for span in spans]


def _cut_time(order, start, end, unit, limit):
    """Yield the days or months, in the subscription's time zone, of [start, end), the first and last cut short."""
    day = order._fc_day_of(start)
    day = day.replace(day=1) if unit == "month" else day
    for _count in range(limit):
        following = day + _UNITS[unit]
        yield max(order._fc_start_of(day), start), min(order._fc_start_of(following), end)
        if order._fc_start_of(following) >= end:
            return
        day = following
    raise InvalidPayloadError(
        f"An answer has at most {_MAX_WINDOWS} windows: ask for a shorter time or one metric.",
        code="too_many_windows",
        path="group_by",
    )


def _describe_total(window, group, quantity, count):
    return {
        "from": instant(window.start),
        "to": instant(window.end),
        "metric_code": window.metric.code,
        "properties": group_dimensions(group),
        "quantity": number(quantity),
        "rows": count,
    }


def _describe_usage(usage, quantity):
    return {
        "usage_id": usage.id,
        "subscription_id": usage.subscription_id._fc_get_first_id(),
        "subscription_external_id": text(usage.subscription_id._fc_get_external_id()),
        "metric_code": usage.metric_id.code,
        "quantity": number(quantity),
        "period_start": instant(usage.period_start),
        "period_end": instant(usage.period_end),
        "attributed_at": instant(usage.attributed_at),
        "properties": usage.properties or {},
        "idempotency_key": text(usage.idempotency_key),
        "source": usage.source,
        "voided_at": instant(usage.voided_at),
        "void_reason": text(usage.void_reason),
        "created_at": instant(usage.create_date),
        "updated_at": instant(usage.write_date),
    }


def _describe_rated_counter(order, counter):
    """Return a counter as it was when it was rated, and what it is now."""
    present = counter["current_quantity"]
    return {
        "usage_id": counter["counter_id"],
        "subscription_id": order._fc_get_first_id(),
        "subscription_external_id": text(order._fc_get_external_id()),
        "metric_code": counter["metric_code"],
        "quantity": number(counter["quantity"]),
        "period_start": instant(counter["period_start"]),
        "period_end": instant(counter["period_end"]),
        "attributed_at": instant(counter["attributed_at"]),
        "properties": counter["properties"] or {},
        "idempotency_key": text(counter["idempotency_key"]),
        "source": counter["source"],
        "voided_at": instant(counter["voided_at"]),
        "void_reason": text(counter["void_reason"]),
        "created_at": instant(counter["created_at"]),
        "updated_at": instant(counter["updated_at"]),
        "current_quantity": None if present is None else number(present),
        "correction": counter["correction"],
        "corrected_at": instant(counter["corrected_at"]),
    }


def describe_counter(usage):
    """Return one counter as lists show it."""
    return _describe_usage(usage.sudo(), usage._get_exact_quantities()[usage.id])
