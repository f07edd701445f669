# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A fee in advance whose line has changed since keeps its price: the change was agreed to begin with the next fee."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    domain = [("x_fc_fee_timing", "=", "advance"), ("x_fc_fee_due_on", "!=", False), ("state", "=", "sale")]
    for order in env["sale.order"].search(domain):
        for line in order.order_line.filtered(lambda line: line.x_fc_is_recurring and not line.x_fc_term_ids):
            fees = order.x_fc_fee_ids.filtered(
                lambda fee, line=line: fee.order_line_id == line and not fee.is_credit
            ).sorted("date_from")
            billed = fees[-1:]._get_terms() if fees else None
            if billed and billed != line._get_agreed():
                line._record_terms(billed, None)
                line._record_terms(line._get_agreed(), order.x_fc_fee_invoiced_until)
