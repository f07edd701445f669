# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Whether the lines of invoices and the ledger agree: every billed row is on one, every rated cent comes from one."""

from odoo.tools import SQL

from .outcome import Finding

#: The sign of an invoice's amounts in the ledger, as in account_move_line.py.
_SIGN = SQL("CASE line_of.move_type WHEN 'out_invoice' THEN 1 WHEN 'out_refund' THEN -1 ELSE 0 END")


def find_rows_without_line(env, scope):
    """Return Findings of billed rows with an amount that are on no valid invoice line of their subscription."""
    env.cr.execute(
        SQL(
            """
            SELECT rating.subscription_id, rating.id, rating.metric_id, rating.first_day, rating.amount::text
              FROM fusion_billing_rating AS rating
              JOIN proof_order AS known ON known.id = rating.subscription_id
              LEFT JOIN account_move_line AS line ON line.id = rating.invoice_line_id
             WHERE rating.state = 'billed' AND rating.amount <> 0
               AND (line.id IS NULL OR line.parent_state = 'cancel'
                    OR line.x_fc_subscription_id IS DISTINCT FROM rating.subscription_id)
               AND %s
             ORDER BY rating.id
            """,
            scope.touches(SQL("rating.period_start"), SQL("rating.period_end")),
        )
    )
    return [
        Finding("line_missing", order, row, metric_id=metric, start_on=day, expected=amount)
        for order, row, metric, day, amount in env.cr.fetchall()
    ]


def find_wrong_lines(env, scope):
    """Return Findings of invoice lines whose price, subtotal or booking is not the sum of their rows."""
    env.cr.execute(
        SQL(
            """
            SELECT rated.subscription_id, line.id, rated.first_day, rated.amount::text,
                   CASE WHEN price.amount <> rated.amount THEN price.amount
                        WHEN price.subtotal <> rated.amount AND NOT price.has_tax_within THEN price.subtotal
                        ELSE -line.amount_currency END::text
              FROM (%(rated)s) AS rated
              JOIN account_move_line AS line ON line.id = rated.invoice_line_id
              JOIN account_move AS line_of ON line_of.id = line.move_id
              JOIN res_currency AS currency ON currency.id = rated.currency_id
             CROSS JOIN LATERAL (
                SELECT ROUND(%(sign)s * line.price_unit * line.quantity * (100 - line.discount) / 100
                             / currency.rounding) * currency.rounding AS amount,
                       %(sign)s * line.price_subtotal AS subtotal,
                       EXISTS (SELECT FROM account_move_line_account_tax_rel AS rel
                                WHERE rel.account_move_line_id = line.id
                                  AND rel.account_tax_id = ANY(%(within)s)) AS has_tax_within) AS price
             WHERE rated.is_in_scope AND line.parent_state <> 'cancel'
               AND (price.amount <> rated.amount
                    OR (price.subtotal <> rated.amount AND NOT price.has_tax_within)
                    -- As _fc_check_rated_booking of account.move.line has it
                    OR ABS(-line.amount_currency - price.subtotal) > currency.rounding * (
                        SELECT COUNT(*) FROM account_move_line AS each
                         WHERE each.move_id = line.move_id AND each.display_type = 'product')
                    OR line.currency_id <> rated.currency_id)
             ORDER BY line.id
            """,
            rated=_rated_query(scope),
            sign=_SIGN,
            within=_get_taxes_within(env),
        )
    )
    return [
        Finding("line_amount", order, invoice_line_id=line, start_on=day, expected=rated, found=found)
        for order, line, day, rated, found in env.cr.fetchall()
    ]


def _rated_query(scope):
    """Return the query of what the ledger has billed on each invoice line."""
    return SQL(
        """
        SELECT rating.invoice_line_id, MIN(rating.subscription_id) AS subscription_id,
               SUM(rating.amount) AS amount, MIN(rating.first_day) AS first_day,
               BOOL_OR(%s) AS is_in_scope, MIN(rating.currency_id) AS currency_id
          FROM fusion_billing_rating AS rating JOIN proof_order AS known ON known.id = rating.subscription_id
         WHERE rating.state = 'billed' AND rating.invoice_line_id IS NOT NULL
         GROUP BY rating.invoice_line_id
        """,
        scope.touches(SQL("rating.period_start"), SQL("rating.period_end")),
    )


def find_unrated_lines(env, scope):
    """Return Findings of lines of posted invoices that bill usage of which the ledger does not know.

    What a void invoice bills was given back, and a reversal takes money back, not usage.
    """
    env.cr.execute(
        SQL(
            """
            SELECT DISTINCT ordered.order_id, line.id, ordered.x_fc_period_start::date,
                   (%(sign)s * line.price_subtotal)::text
              FROM proof_order AS known
              JOIN account_move_line AS line ON line.x_fc_subscription_id = known.id
              JOIN account_move AS line_of ON line_of.id = line.move_id
              JOIN sale_order_line_invoice_rel AS rel ON rel.invoice_line_id = line.id
              JOIN sale_order_line AS ordered ON ordered.id = rel.order_line_id
             WHERE line_of.state = 'posted' AND line_of.x_fc_void_reason IS NULL AND line_of.reversed_entry_id IS NULL
               AND ordered.x_fc_is_rated AND line.price_subtotal <> 0 AND %(scope)s
               AND NOT EXISTS (
                    SELECT FROM fusion_billing_rating AS rating
                     WHERE rating.invoice_line_id = line.id AND rating.state = 'billed')
             ORDER BY line.id
            """,
            sign=_SIGN,
            scope=scope.touches(SQL("ordered.x_fc_period_start"), SQL("ordered.x_fc_period_end")),
        )
    )
    return [
        Finding("line_unrated", order, invoice_line_id=line, start_on=day, found=amount)
        for order, line, day, amount in env.cr.fetchall()
    ]


def _get_taxes_within(env):
    """Return the ids of taxes that are within the price, or have one among them that is."""
    # sudo: taxes count, whoever looks.
    taxes = env["account.tax"].sudo().with_context(active_test=False).search([])
    return taxes.filtered(lambda tax: any(tax.flatten_taxes_hierarchy().mapped("price_include"))).ids
