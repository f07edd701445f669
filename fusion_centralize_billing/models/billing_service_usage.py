# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import dataclasses

from odoo import models

from ..api import payloads
from ..api.errors import BusinessRuleError, FieldError, NotFoundError
from ..rating import attributed_at
from .usage_row import UsageRow

#: Faults of counters that their subscription does not cover (any more).
_OUTSIDE = ("usage_before_start", "usage_after_end")


class BillingService(models.Model):
    """Handlers: recording usage. What reads it stands in billing_service_usage_reads.py."""

    _inherit = "fusion.billing.service"

    # === API OPERATIONS === #

    def _api_record_usage(self, payload):
        """Record a batch of counters; ``results`` tells in order what became of each."""
        request = payloads.RecordUsage.parse(payload)
        service = self._as_technical_user()
        # sudo: the rows name only subscriptions that were found under the service's own rules.
        usage = service.env["fusion.billing.usage"].sudo()
        rows, faults = service._resolve_usage(request.events)
        warnings = service._find_doubtful_usage(rows)
        # sudo: how the service is set up is the same whoever asks.
        if service.sudo().strict_usage:
            repeated = usage._find_repeated(service, {index: rows[index] for index in warnings})
            refused = {index: found for index, found in warnings.items() if index not in repeated}
            faults |= {index: _in_batch(index, found) for index, found in refused.items()}
            rows = {index: row for index, row in rows.items() if index not in refused}
        if request.error_policy == "reject_failed_rows":
            refused = usage._get_faults(service, list(rows.values()))
            for number, index in enumerate(list(rows)):
                if number in refused:  # rows are fewer than events
                    faults[index] = _in_batch(index, [refused[number]])
                    del rows[index]
        elif faults:
            raise _usage_error([fault for index in sorted(faults) for fault in faults[index]])
        outcomes = dict(zip(rows, usage._upsert(service, list(rows.values())), strict=True))
        results = [
            _describe_result(index, outcomes.get(index), faults.get(index), warnings.get(index))
            for index in range(len(request.events))
        ]
        return {"status": "ok", "accepted": len(outcomes), "results": results}

    # === HELPERS === #

    def _resolve_usage(self, events):
        """Return ``({index: UsageRow}, {index: faults})`` of a batch."""
        parsed = [event for event in events if isinstance(event, payloads.UsageEvent)]
        subscriptions = self._get_subscriptions({event.subscription_external_id for event in parsed})
        metrics = self._get_metric_ids({event.metric_code for event in parsed})
        rows, faults, outside = {}, {}, {}
        for index, event in enumerate(events):
            if isinstance(event, payloads.RejectedEvent):
                faults[index] = _in_batch(index, event.errors)
                continue
            subscription = _get_order_of(event, subscriptions.get(event.subscription_external_id))
            metric_id = metrics.get(event.metric_code)
            fault = self._get_usage_fault(event, subscription, metric_id)
            if fault:
                faults[index] = _in_batch(index, [FieldError(*fault)])
                if fault[1] in _OUTSIDE:
                    outside[index] = _usage_row(event, subscription, metric_id)
            else:
                rows[index] = _usage_row(event, subscription, metric_id)
        # sudo: these are the service's own keys. A counter that was acknowledged may be sent again at any time.
        for index in self.env["fusion.billing.usage"].sudo()._find_repeated(self, outside):
            rows[index] = outside[index]
            del faults[index]
        return dict(sorted(rows.items())), faults

    def _find_doubtful_usage(self, rows):
        # sudo: the rows name only subscriptions that were found under the service's own rules.
        orders = self.env["sale.order"].sudo().browse({row.subscription_id for row in rows.values()})
        return orders._fc_find_doubtful_usage(rows)

    def _get_metric_ids(self, codes):
        metrics = self.env["fusion.billing.metric"]._get_of_company(self.company_id, [("code", "in", list(codes))])
        return {metric.code: metric.id for metric in metrics}

    def _get_usage_fault(self, event, subscription, metric_id):
        """Return ``(field, code, message)`` of what keeps a counter from being billed, or None."""
        if subscription is None:
            text = self.env._("There is no subscription %s.", event.subscription_external_id)
            return "subscription_external_id", "subscription_not_found", text
        if metric_id is None:
            return "metric_code", "metric_not_found", self.env._("There is no metric %s.", event.metric_code)
        if subscription.state == "cancel":
            text = self.env._("The subscription is cancelled: nothing of it is billed any more.")
            return "subscription_external_id", "subscription_cancelled", text
        start, end = _get_instants(event, subscription)
        if end < start:
            return "period_end", "end_before_start", self.env._("period_end lies before period_start.")
        day = subscription._fc_day_of(attributed_at(start, end))
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


def _get_order_of(event, subscription):
    """Return the order of a subscription that bills the time of a counter: one that was renewed has several."""
    if not subscription or not subscription.x_fc_predecessor_id:
        return subscription
    return subscription._fc_get_order_on(subscription._fc_day_of(attributed_at(*_get_instants(event, subscription))))


def _get_instants(event, subscription):
    """Return start and end of a counter in naive UTC; a day begins at the subscription's midnight."""
    return subscription._fc_to_instant(event.period_start), subscription._fc_to_instant(event.period_end)


def _in_batch(index, faults):
    """Return faults of one counter with paths from the root of the payload."""
    return tuple(dataclasses.replace(fault, path=f"events.{index}.{fault.path}".rstrip(".")) for fault in faults)


def _usage_row(event, subscription, metric_id):
    start, end = _get_instants(event, subscription)
    key, properties = event.idempotency_key, event.properties or None
    return UsageRow(subscription.id, metric_id, event.quantity, start, end, key, properties)


def _usage_error(faults):
    """Return one error for a batch: of the first fault's class, listing all faults."""
    first = faults[0]
    error_class = NotFoundError if first.code.endswith("_not_found") else BusinessRuleError
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    listed = faults[: payloads.MAX_REPORTED_ERRORS]
    return error_class(f"{first.path}: {first.message}{more}", code=first.code, errors=listed)


def _describe_result(index, outcome, faults, warnings):
    """Return what became of one counter of a batch."""
    if outcome:
        told = [{"code": warning.code, "message": warning.message} for warning in warnings or ()]
        return {"index": index, "status": outcome, **({"warnings": told} if told else {})}
    return {"index": index, "status": "rejected", "errors": [fault.as_dict() for fault in faults]}
