# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Whether the rows of the ledger agree with their counters, their price, and each other."""

import json
from decimal import Decimal

from odoo.tools import SQL

from ..models.price_terms import PriceTerms
from ..models.rated_counters import rated_counters
from ..rating import Usage, plain_text, to_decimal, true_up
from .outcome import Finding

#: What the rounding of a charge's groups as one sum adds to the exact price of a row; see rating/rounding.py.
CORRECTION = SQL(
    "CASE WHEN rated.breakdown #>> '{lines,-1,basis}' = 'rounding'"
    " THEN rated.breakdown #>> '{lines,-1,subtotal}' ELSE '0' END"
)


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
    for text, total, rounding, correction, amount, rows in _get_prices(env):
        price = None if prices.needs_rows(text) else prices.find(text, rounding, total, correction=correction)
        if price is not None and price != Decimal(amount):
            wrong += [(row, price, amount) for row in rows]
    for row, text, total, rounding, correction, amount, counters in _get_prices_by_rows(env, prices.texts_with_rows):
        price = prices.find(text, rounding, total, counters, correction)
        if price != Decimal(amount):
            wrong.append((row, price, amount))
    return _describe(env, "rated_amount", wrong)


def find_wrong_roundings(env):
    """Return Findings of charges that round the sum of their groups, whose rows do not come to that sum."""
    env.cr.execute(
        SQL(
            """
            SELECT MIN(last.id), SUM(last.period_amount)::text,
                   (ROUND(SUM(last.exact) / currency.rounding) * currency.rounding)::text
              FROM (SELECT *, (breakdown ->> 'amount')::numeric - (%s)::numeric AS exact FROM proof_row AS rated
                     WHERE is_last AND is_applied AND terms ->> 'amount_rounding' = 'charge') AS last
              JOIN res_currency AS currency ON currency.id = last.currency_id
             WHERE NOT EXISTS (
                    SELECT FROM fusion_billing_usage_change AS change
                     WHERE change.subscription_id = last.order_id
                       AND (change.metric_id IS NULL OR change.metric_id = last.metric_id)
                       AND change.from_at < last.end_at AND change.to_at >= last.start_at)
             GROUP BY last.order_id, last.charge_id, last.start_at, currency.rounding
            """,
            CORRECTION,
        )
    )
    sums = [(row, Decimal(price), Decimal(amount)) for row, amount, price in env.cr.fetchall()]
    return _describe(env, "rated_amount", [each for each in sums if each[1] != each[2]])


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

    def find(self, text, rounding, total, quantities=(), correction="0"):
        """Return the rounded price.

        :param correction: what the rounding of all groups of a charge together adds to the exact price of this one
        """
        rated = self._read(text).price(Usage(Decimal(total), tuple(map(Decimal, quantities))))
        return rated.amount + Decimal(correction) if Decimal(correction) else rated.rounded(Decimal(rounding))

    def _read(self, text):
        if text not in self._terms:
            self._terms[text] = PriceTerms.from_json(json.loads(text))
        return self._terms[text]


def _get_prices(env):
    """Return (terms, total, rounding, correction, price, rows), each combination once; where a charge was applied."""
    env.cr.execute(
        SQL(
            """
            SELECT rated.terms::text, rated.total::text, currency.rounding::text, %s, rated.period_amount::text,
                   ARRAY_AGG(rated.id)
              FROM proof_row AS rated JOIN res_currency AS currency ON currency.id = rated.currency_id
             WHERE rated.is_applied
             GROUP BY 1, 2, 3, 4, 5
            """,
            CORRECTION,
        )
    )
    return env.cr.fetchall()


def _get_prices_by_rows(env, texts):
    """Yield (row, terms, total, rounding, correction, price, quantities) where terms price the single counters."""
    if not texts:
        return
    env.cr.execute(
        SQL(
            """
            SELECT rated.id, rated.terms::text, rated.total::text, currency.rounding::text, %s,
                   rated.period_amount::text, ARRAY_REMOVE(
                       ARRAY_AGG(counter.quantity::text ORDER BY counter.attributed_at, counter.counter_id), NULL)
              FROM proof_row AS rated
              JOIN res_currency AS currency ON currency.id = rated.currency_id
              JOIN fusion_billing_rating AS rating ON rating.id = rated.id
              LEFT JOIN LATERAL (%s) AS counter ON TRUE
             WHERE rated.is_applied AND rated.snapshot IS NOT NULL AND rated.terms::text = ANY(%s)
             GROUP BY 1, 2, 3, 4, 5, 6
            """,
            CORRECTION,
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
                   AND (change.metric_id IS NULL OR change.metric_id = proof_row.metric_id)
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
                       AND item.kind = 'commitment' AND item.state <> 'cancelled'),
                   COALESCE(last.first_day >= last.end_on, FALSE)
              FROM (SELECT DISTINCT ON (rating.subscription_id, rating.period_start) rating.*, known.end_on
                      FROM fusion_billing_rating AS rating
                      JOIN proof_order AS known ON known.id = rating.subscription_id
                     WHERE rating.kind = 'commitment' AND rating.state <> 'cancelled' AND known.state <> 'cancel'
                       AND %s
                     ORDER BY rating.subscription_id, rating.period_start, rating.sequence DESC) AS last
              JOIN res_currency AS currency ON currency.id = last.currency_id
             WHERE NOT EXISTS (
                    SELECT FROM fusion_billing_usage_change AS change
                     WHERE change.subscription_id = last.subscription_id)
             ORDER BY last.id
            """,
            scope.touches(SQL("rating.period_start"), SQL("rating.period_end")),
        )
    )
    wrong = []
    for row, minimum, fee, rounding, usage, amount, is_behind_end in env.cr.fetchall():
        due = true_up(to_decimal(minimum), to_decimal(fee) + to_decimal(usage)).rounded(to_decimal(rounding))
        if is_behind_end:
            due = to_decimal(0)  # rated before the end was known, and taken back
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
