# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Whether the rows of the ledger agree with their counters, their price, and each other."""

import json
from decimal import Decimal

from odoo.tools import SQL

from ..models.price_terms import PriceTerms
from ..models.rated_counters import rated_counters
from ..rating import Usage, plain_text, to_decimal, true_up
from .outcome import Finding


def find_wrong_totals(env):
    """Return Findings of rows whose quantity is not what their counters added up to when they were rated."""
    env.cr.execute(
        """
        SELECT rated.order_id, rated.id, rated.metric_id, rated.start_on, asof.total::text, rated.total::text
          FROM proof_row AS rated JOIN proof_asof AS asof ON asof.row_id = rated.id
         WHERE asof.total IS DISTINCT FROM rated.total
         ORDER BY rated.id
        """
    )
    return [
        Finding("rated_quantity", order, row, metric_id=metric, start_on=day, expected=_plain(now), found=_plain(kept))
        for order, row, metric, day, now, kept in env.cr.fetchall()
    ]


def find_wrong_prices(env):
    """Return Findings of rows whose price is not that of their quantity with their terms.

    Of rows whose terms price the single counters, those of older versions are left out: see ``make_rated_totals``.
    """
    prices, wrong = Prices(), []
    for text, total, rounding, amount, rows in _get_prices(env):
        if not prices.needs_rows(text) and prices.find(text, rounding, total) != Decimal(amount):
            wrong += [(row, prices.find(text, rounding, total), amount) for row in rows]
    for row, text, total, rounding, amount, quantities in _get_prices_by_rows(env, prices.texts_with_rows):
        price = prices.find(text, rounding, total, quantities)
        if price != Decimal(amount):
            wrong.append((row, price, amount))
    return _describe(env, "rated_amount", wrong)


class Prices:
    """Prices quantities with terms, which it reads once; all of them are given as text."""

    def __init__(self):
        self._terms = {}

    @property
    def texts_with_rows(self):
        """Return those terms seen so far that price the single counters, and not only their total."""
        return [text for text, terms in self._terms.items() if terms.needs_rows]

    def needs_rows(self, text):
        return self._read(text).needs_rows

    def find(self, text, rounding, total, quantities=()):
        """Return the rounded price."""
        usage = Usage(Decimal(total), tuple(map(Decimal, quantities)))
        return self._read(text).price(usage).rounded(Decimal(rounding))

    def _read(self, text):
        if text not in self._terms:
            self._terms[text] = PriceTerms.from_json(json.loads(text))
        return self._terms[text]


def _get_prices(env):
    """Return (terms, total, rounding, price, rows), each combination once; of rows whose charge was applied."""
    env.cr.execute(
        """
        SELECT rated.terms::text, rated.total::text, currency.rounding::text, rated.period_amount::text,
               ARRAY_AGG(rated.id)
          FROM proof_row AS rated JOIN res_currency AS currency ON currency.id = rated.currency_id
         WHERE rated.is_applied
         GROUP BY 1, 2, 3, 4
        """
    )
    return env.cr.fetchall()


def _get_prices_by_rows(env, texts):
    """Yield (row, terms, total, rounding, price, quantities) of rows with terms that price the single counters."""
    if not texts:
        return
    env.cr.execute(
        SQL(
            """
            SELECT rated.id, rated.terms::text, rated.total::text, currency.rounding::text, rated.period_amount::text,
                   ARRAY_REMOVE(
                       ARRAY_AGG(counter.quantity::text ORDER BY counter.attributed_at, counter.counter_id), NULL)
              FROM proof_row AS rated
              JOIN res_currency AS currency ON currency.id = rated.currency_id
              JOIN fusion_billing_rating AS rating ON rating.id = rated.id
              LEFT JOIN LATERAL (%s) AS counter ON TRUE
             WHERE rated.is_applied AND rated.snapshot IS NOT NULL AND rated.terms::text = ANY(%s)
             GROUP BY 1, 2, 3, 4, 5
            """,
            rated_counters(SQL("rating")),
            list(texts),
        )
    )
    yield from env.cr.fetchall()


def find_wrong_sums(env):
    """Return Findings of items whose rows do not come to the last one's price of the whole period."""
    env.cr.execute(
        """
        SELECT id, period_amount::text, item_amount::text FROM proof_row
         WHERE is_last AND item_amount <> period_amount
           AND (has_open OR NOT EXISTS (
                SELECT FROM fusion_billing_usage_change AS change
                 WHERE change.subscription_id = proof_row.order_id
                   AND change.from_at < proof_row.end_at AND change.to_at >= proof_row.start_at))
         ORDER BY id
        """
    )
    return _describe(env, "rated_sum", [(row, Decimal(price), amounts) for row, price, amounts in env.cr.fetchall()])


def find_wrong_commitments(env, scope):
    """Return Findings of minimum commitments that do not fill their period up to what was agreed."""
    env.cr.execute(
        SQL(
            """
            SELECT last.id, last.terms ->> 'minimum', last.terms ->> 'fixed_fee', currency.rounding::text,
                   (SELECT COALESCE(SUM(usage.amount), 0)::text FROM fusion_billing_rating AS usage
                     WHERE usage.subscription_id = last.subscription_id AND usage.period_start = last.period_start
                       AND usage.kind = 'usage' AND usage.state <> 'cancelled'),
                   (SELECT SUM(item.amount)::text FROM fusion_billing_rating AS item
                     WHERE item.subscription_id = last.subscription_id AND item.period_start = last.period_start
                       AND item.kind = 'commitment' AND item.state <> 'cancelled')
              FROM (SELECT DISTINCT ON (rating.subscription_id, rating.period_start) rating.*
                      FROM fusion_billing_rating AS rating JOIN proof_order AS known ON known.id = rating.subscription_id
                     WHERE rating.kind = 'commitment' AND rating.state <> 'cancelled' AND known.state <> 'cancel'
                       AND %s
                     ORDER BY rating.subscription_id, rating.period_start, rating.sequence DESC) AS last
              JOIN res_currency AS currency ON currency.id = last.currency_id
             WHERE NOT EXISTS (
                    SELECT FROM fusion_billing_usage_change AS change WHERE change.subscription_id = last.subscription_id)
             ORDER BY last.id
            """,
            scope.touches(SQL("rating.period_start"), SQL("rating.period_end")),
        )
    )
    wrong = []
    for row, minimum, fee, rounding, usage, amount in env.cr.fetchall():
        due = true_up(to_decimal(minimum), to_decimal(fee) + to_decimal(usage)).rounded(to_decimal(rounding))
        if due != Decimal(amount):
            wrong.append((row, due, amount))
    return _describe(env, "commitment", wrong)


def _describe(env, code, wrong):
    """Return Findings of triples (row, expected, found), found as text."""
    # sudo: the ledger counts, whoever looks.
    rows = env["fusion.billing.rating"].sudo().browse(row for row, *_rest in wrong)
    return [
        Finding(
            code,
            row.subscription_id.id,
            row.id,
            metric_id=row.metric_id.id or None,
            start_on=row.first_day,
            expected=plain_text(expected),
            found=_plain(found),
        )
        for row, (_id, expected, found) in zip(rows, wrong, strict=True)
    ]


def _plain(number):
    return None if number is None else plain_text(Decimal(number))
