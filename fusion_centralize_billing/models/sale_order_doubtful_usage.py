# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo import models

from ..api.errors import FieldError


class SaleOrder(models.Model):
    """Usage that is right in itself, but that nothing would bill, or not for long."""

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_find_doubtful_usage(self, rows):
        """Return ``{index: [FieldError]}`` of counters that no charge prices, or that lie too far ahead.

        The number of queries does not depend on how many they are.

        :param rows: ``{index: UsageRow}`` of these subscriptions
        :return: codes ``unpriced_metric`` and ``far_future``; paths are field names of an event
        """
        orders = {order.id: order for order in self}
        horizons = {order.id: order._fc_get_usage_horizon() for order in self}
        is_priced = _PriceSearch(self)
        found = {}
        for index, row in rows.items():
            faults = []
            if not is_priced(row):
                message = self.env._("No charge of the subscription's plan prices this usage.")
                faults.append(FieldError("metric_code", "unpriced_metric", message))
            horizon = horizons[row.subscription_id]
            if horizon and orders[row.subscription_id]._fc_day_of(row.attributed_at) >= horizon:
                message = self.env._("The usage lies ahead: on %s or later.", horizon)
                faults.append(FieldError("period_end", "far_future", message))
            if faults:
                found[index] = faults
        return found


class _PriceSearch:
    """Tells of counters of some subscriptions whether a charge prices them, with one search for all charges."""

    def __init__(self, orders):
        self._charges = {order.id: charges for order, charges in orders._fc_get_charges_by_subscription().items()}
        self._orders = {order.id: order for order in orders}
        self._starts = {}
        self._terms = {}

    def __call__(self, row):
        day = self._orders[row.subscription_id]._fc_day_of(row.attributed_at)
        start = self._get_period_start(row.subscription_id, day)
        return any(
            terms and terms.takes(row.properties)
            for charge in self._charges[row.subscription_id]
            if charge.metric_id.id == row.metric_id
            for terms in [self._get_terms(charge, start)]
        )

    def _get_period_start(self, order_id, day):
        """Return the first day of the billing period of a day, which decides the price."""
        key = order_id, day
        if key not in self._starts:
            period = self._orders[order_id]._fc_get_period_around(day)
            self._starts[key] = period[0] if period else day
        return self._starts[key]

    def _get_terms(self, charge, day):
        key = charge.id, day
        if key not in self._terms:
            self._terms[key] = charge._get_price_terms(day)
        return self._terms[key]
