# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import itertools
from decimal import Decimal
from functools import partial

from odoo import api, models
from odoo.tools import SQL

from ..api.errors import BusinessRuleError
from ..rating import Components, finish
from .usage_window import COMPONENTS, WHOLE, UsageWindow, windows_query

_QUANTITIES = "ARRAY_AGG(quantity::text ORDER BY attributed_at, usage.id)"


class BillingUsage(models.Model):
    """Aggregation: the counters of a window become one quantity, or one per group.

    PostgreSQL adds its exact numeric type; results travel as text because Odoo reads numeric columns
    into floats (odoo/sql_db.py). The rules are those of ``rating/aggregations.py``.
    """

    _inherit = "fusion.billing.usage"

    # === BUSINESS === #

    @api.model
    def _aggregate(self, subscription, metric, period_start, period_end):
        """Return the aggregated quantity of a window [start, end) as a float; 0.0 without usage."""
        return float(self._aggregate_exactly(subscription, metric, period_start, period_end))

    @api.model
    def _aggregate_exactly(self, subscription, metric, period_start, period_end):
        """Return what :meth:`_aggregate` returns, as a Decimal."""
        window = UsageWindow(subscription, metric, *map(subscription._fc_to_instant, (period_start, period_end)))
        return self._aggregate_windows([window])[window][WHOLE]

    @api.model
    def _aggregate_windows(self, windows, max_groups=None):
        """Return ``{window: {group: quantity}}`` for many windows in one query, with exact Decimals.

        Units are rounded as the metric says. A window that is not grouped has one quantity, under the
        group :data:`WHOLE`, also without usage; a grouped one has a quantity for each group that has usage.

        :param max_groups: for those who only show them: more groups in all are refused
        :raises BusinessRuleError: ``too_many_groups``
        """
        result = {window: {} if window.group_by else {WHOLE: Decimal(0)} for window in windows}
        found = self._query_windows(result, COMPONENTS.get, max_groups and partial(_first, max_groups + 1))
        for count, (window, group, numerator, denominator) in enumerate(found):
            if max_groups and count == max_groups:
                message = self.env._("These are more than %s groups of counters: too many to be shown.", max_groups)
                raise BusinessRuleError(message, code="too_many_groups")
            components = Components(Decimal(numerator), denominator and Decimal(denominator))
            result[window][group] = window.metric._round_units(finish(components))
        return result

    @api.model
    def _get_quantities_of_windows(self, windows):
        """Return ``{window: {group: quantities}}``: the single quantities in order of time, as Decimals."""
        result = {window: {} for window in windows}
        for window, group, quantities in self._query_windows(result, lambda _aggregation: _QUANTITIES):
            result[window][group] = tuple(map(Decimal, quantities))
        return result

    @api.model
    def _get_used_windows(self, windows):
        """Return the set of those windows that hold a counter."""
        used = dict.fromkeys(windows)
        return {window for window, *_rest in self._query_windows(used, lambda _aggregation: "NULL::text")}

    # === HELPERS === #

    def _query_windows(self, windows, components_of, part=None):
        """Yield (window, group, components...), in one query for all windows.

        :param part: takes the query and the windows in the order of their numbers, returns that of a part of it
        """
        self.flush_model()
        ordered = sorted(windows, key=lambda window: str(window.selection))
        batches = [list(batch) for _selection, batch in itertools.groupby(ordered, key=lambda window: window.selection)]
        if not batches:
            return
        first_numbers = itertools.accumulate([0, *map(len, batches)])
        queries = [
            windows_query(components_of(batch[0].metric.aggregation), batch, first)
            for batch, first in zip(batches, first_numbers, strict=False)
        ]
        query = SQL(" UNION ALL ").join(queries)
        for number, *rest in self.env.execute_query(part(query, ordered) if part else query):
            yield ordered[number], *rest


def _first(count, query, _windows):
    """Return the query of the first rows of another one."""
    return SQL("SELECT * FROM (%s) AS found LIMIT %s", query, count)
