# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What has become of the counters of each item."""

import json
from decimal import Decimal

from odoo.tools import SQL

from ..models.price_terms import PriceTerms
from .ledger import CORRECTION, Prices
from .totals import FILTERED, GROUP, IN_WINDOW


def decide(env, wrong_rows):
    """Give each item a status, and a reason where it has one.

    An item is explained by its last ledger row, if that agrees with what it saw, and what it says is what the counters
    add up to now, or makes no other price; otherwise it waits for its rating if the change feed says so.

    :param wrong_rows: ledger rows that do not agree with what they saw, with their price, or with an invoice
    """
    wrong = list(wrong_rows)
    env.cr.execute(
        """
        UPDATE proof_item AS item SET is_wrong = COALESCE(item.row_id = ANY(%s), FALSE)
        """,
        [wrong],
    )
    _accept_same_totals(env)
    env.cr.execute(
        """
        UPDATE proof_item AS item SET status = 'open', reason = 'pending_rating'
          FROM proof_window AS win
         WHERE item.status IS NULL AND NOT item.is_wrong AND win.id = item.window_id
           AND EXISTS (
                SELECT FROM fusion_billing_usage_change AS change
                 WHERE change.subscription_id = win.order_id
                   AND (change.metric_id IS NULL OR change.metric_id = win.metric_id)
                   AND change.from_at < win.until_at AND change.to_at >= win.start_at)
        """
    )
    _accept_same_prices(env)
    env.cr.execute(
        """
        UPDATE proof_item
           SET status = 'unexplained',
               reason = CASE WHEN row_id IS NULL THEN 'no_rating' WHEN is_wrong THEN 'wrong_rating'
                             ELSE 'not_rated_anew' END
         WHERE status IS NULL
        """
    )


def _accept_same_totals(env):
    """Accept items whose last row has their total of now.

    Where the single counters are priced, a total says nothing of them: there the row must have seen them all.
    """
    env.cr.execute("SELECT DISTINCT terms::text FROM proof_row WHERE terms ->> 'charge_model' <> 'standard'")
    by_rows = [text for (text,) in env.cr.fetchall() if PriceTerms.from_json(json.loads(text)).needs_rows]
    env.cr.execute(
        """
        UPDATE proof_item AS item
           SET status = CASE WHEN last.period_amount = 0 THEN 'included'
                             WHEN last.has_billed AND last.has_open THEN 'mixed'
                             WHEN last.has_billed THEN 'invoiced'
                             ELSE 'open' END
          FROM proof_row AS last
          LEFT JOIN proof_asof AS asof ON asof.row_id = last.id
         WHERE last.id = item.row_id AND last.total = item.total AND NOT item.is_wrong
           AND (asof.is_known OR NOT last.terms::text = ANY(%s))
        """,
        [by_rows],
    )


def _accept_same_prices(env):
    """Accept items that have changed since their invoice without changing their price: no row tells of that."""
    env.cr.execute(
        SQL(
            """
            SELECT item.window_id, item.group_key, item.total::text, rated.terms::text, currency.rounding::text, %s,
                   rated.period_amount::text,
                   ARRAY(SELECT usage.quantity::text FROM fusion_billing_usage AS usage
                          WHERE %s AND %s AND %s = item.group_key
                          ORDER BY usage.attributed_at, usage.id)
              FROM proof_item AS item
              JOIN proof_window AS win ON win.id = item.window_id
              JOIN proof_row AS rated ON rated.id = item.row_id
              JOIN res_currency AS currency ON currency.id = rated.currency_id
             WHERE item.status IS NULL AND NOT item.is_wrong AND rated.is_applied AND NOT rated.has_open
            """,
            CORRECTION,
            IN_WINDOW,
            FILTERED,
            GROUP,
        )
    )
    prices = Prices()
    for window, group, total, terms, rounding, correction, amount, quantities in env.cr.fetchall():
        counters = quantities if prices.needs_rows(terms) else ()
        if prices.find(terms, rounding, total, counters, correction) == Decimal(amount):
            env.cr.execute(
                "UPDATE proof_item SET status = %s WHERE window_id = %s AND group_key = %s",
                ["invoiced" if Decimal(amount) else "included", window, group],
            )
