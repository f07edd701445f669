# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from decimal import Decimal

from odoo import api, models
from odoo.tools import SQL

from ..rating import Components, finish
from .usage_window import COMPONENTS


class BillingUsage(models.Model):
    """Reading usage with exact numbers, for those who ask and not for rating."""

    _inherit = "fusion.billing.usage"

    # === BUSINESS === #

    @api.model
    def _summarize_windows(self, windows, limit, after=None):
        """Return a page of (window, group, quantity, number of counters), as rating adds them up; only where any are.

        Groups follow in the order of their windows, and of a hash: a group may be longer than a cursor.

        :param limit: how many at most
        :param after: (number of the window, hash of the group) of the last one of the page before
        """
        places = {window: place for place, window in enumerate(windows)}

        def page(query, ordered):
            return _page(query, [places[window] for window in ordered], limit, after or (-1, ""))

        result = []
        found = self._query_windows(places, lambda aggregation: f"{COMPONENTS[aggregation]}, COUNT(*)", page)
        for window, group, numerator, denominator, count in found:
            components = Components(Decimal(numerator), denominator and Decimal(denominator))
            result.append((window, group, window.metric._round_units(finish(components)), count))
        return result

    def _get_exact_quantities(self):
        """Return ``{id: quantity}`` as PostgreSQL has it; Odoo would read it into a float."""
        if not self:
            return {}
        self.flush_recordset(["quantity"])
        query = SQL("SELECT id, quantity::text FROM fusion_billing_usage WHERE id IN %s", tuple(self.ids))
        return {usage_id: Decimal(text) for usage_id, text in self.env.execute_query(query)}


def _page(query, places, limit, after):
    """Return the query of the first rows of another one behind a place: numbers of windows, groups, and the rest.

    :param places: of the windows by their numbers
    """
    place = SQL("(%s::int[])[found.number + 1]", places)
    group = SQL('MD5(found.group_key) COLLATE "C"')
    return SQL(
        """
        SELECT found.* FROM (%(query)s) AS found (number, group_key)
         WHERE (%(place)s, %(group)s) > (%(after_place)s, %(after_group)s)
         ORDER BY %(place)s, %(group)s
         LIMIT %(limit)s
        """,
        query=query,
        place=place,
        group=group,
        after_place=after[0],
        after_group=after[1],
        limit=limit,
    )
