# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import models

from .billing_usage_change import Change
from .price_terms import PriceTerms


class SaleOrder(models.Model):
    """What a rating concerns: of changed usage, the billing periods that hold it and the charges that held then.

    A charge without a row in the ledger is rated for a closed period, too: one that was added, or applies again,
    with an earlier first day. It costs nothing there as long as it has no counter: the period was invoiced without it.
    """

    _inherit = "sale.order"

    # === BUSINESS === #

    def _fc_get_touched_periods(self, changes):
        """Return the periods that hold changed usage, as ``{start: (end, metric ids)}``; None for every metric.

        They are those that were closed, and those that the ledger has.
        """
        periods = {}
        for start, end in self._fc_get_known_periods(changes).items():
            touching = [change for change in changes if change.from_at < end and change.to_at >= start]
            metric_ids = {change.metric_id for change in touching}
            if touching:
                periods[start] = end, None if None in metric_ids else metric_ids
        return periods

    def _fc_get_touched_windows(self, periods, rows):
        """Return ``{(charge, start, end): PriceTerms}`` of what has to be rated anew in touched periods.

        :param periods: see :meth:`_fc_get_touched_periods`
        :param rows: what the ledger has of them
        """
        wanted, late = {}, {}
        charges = self._fc_get_charges_by_subscription()[self] if periods else ()
        usage_rows = rows.filtered(lambda row: row.kind == "usage")
        # One row of a charge and period stands for all its groups, of which there may be thousands.
        known = {(row.charge_id, row.period_start): row for row in usage_rows.sorted("id")}
        for start, (end, metric_ids) in periods.items():
            rated = {charge for charge, period_start in known if period_start == start}
            for charge in rated.union(charges if self._fc_is_closed(start) else ()):
                if metric_ids is not None and charge.metric_id.id not in metric_ids:
                    continue
                if charge in rated:
                    wanted[charge, start, end] = self._fc_get_terms_again(known[charge, start], end, rows)
                elif terms := self._fc_find_terms(charge, start, end):
                    late[charge, start, end] = terms.without_unused()
        return wanted | self._fc_get_used(late)

    # === HELPERS === #

    def _fc_reach_last_period(self, changes):
        """Return changes so that they reach the last period once an end is known.

        That period bills also the usage behind the end, which was changed, or rated elsewhere, before.
        """
        end_date = self._fc_get_end_date()
        if not end_date:
            return changes
        last = self._fc_start_of(end_date) - datetime.timedelta(microseconds=1)
        # Usage behind the end belongs to it, of whatever metric it is.
        return [*(change for change in changes if change.from_at <= last), Change(None, last, last)]

    def _fc_get_known_periods(self, changes):
        """Return ``{start: end}`` of the periods, closed or in the ledger, between the first and the last change."""
        if not changes:
            return {}
        span = min(change.from_at for change in changes), max(change.to_at for change in changes)
        # sudo: ledger and periods have no other writer than rating and invoicing.
        ledger, periods = self.env["fusion.billing.rating"].sudo(), self.env["fusion.billing.period"].sudo()
        known = dict(ledger._get_touched_periods(self, *span))
        return known | {period.start_at: period.end_at for period in periods._get_touched(self, *span)}

    def _fc_is_closed(self, instant):
        """Tell whether the period that begins at an instant was invoiced."""
        return bool(self.x_fc_billed_until and self._fc_day_of(instant) < self.x_fc_billed_until)

    def _fc_get_terms_again(self, row, end, rows):
        """Return the terms for a period that the ledger knows: those it was billed with, or that hold for its start."""
        charge, start, last = row.charge_id, row.period_start, PriceTerms.from_json(row.terms)
        billed = rows._get_billed_terms(charge, start)
        if billed:
            return billed if self._fc_is_closed(start) else self._fc_fit_terms(billed, start, end)
        found = self._fc_find_terms(charge, start, end) or last
        # A charge that was rated for the first time when the period was closed: see the top of this class.
        is_late = self._fc_is_closed(start) and not last.bills_unused
        return found.without_unused() if is_late else found

    def _fc_get_used(self, wanted):
        """Return those of ``{(charge, start, end): PriceTerms}`` that have a counter."""
        windows = {
            (charge, start, end): terms.window(self, charge.metric_id, start, end)
            for (charge, start, end), terms in wanted.items()
        }
        # sudo: usage counts whoever rates.
        used = self.env["fusion.billing.usage"].sudo()._get_used_windows(windows.values())
        return {key: wanted[key] for key, window in windows.items() if window in used}
