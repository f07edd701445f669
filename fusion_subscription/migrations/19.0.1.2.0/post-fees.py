# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Bring fees that were billed before into the ledger as it is now, as far as periods that are still open need it.

The ledger is compared with what is owed, so it has to tell the same of what is billed: in full, a fee reaches to
the end of its period; what was credited is a row of its own; a part of a period that was invoiced in arrears is on
record. Periods that are invoiced need nothing: they are not looked at again.
"""

from decimal import Decimal

from odoo import SUPERUSER_ID, api
from odoo.addons.fusion_subscription.amounts import get_line_amount
from odoo.addons.fusion_subscription.fee_ledger import FeePart


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    fees = env["fusion.subscription.fee"].search([])
    for fee in fees:
        fee.invoice_line_id = fee.invoice_line_ids.sorted("id")[:1]
    _record_credits(env, fees)
    _lengthen_fees_in_full(fees)
    _record_invoiced_parts(env)


def _record_credits(env, fees):
    """Record what was credited of fees in advance, which were invoice lines of the fee itself before."""
    for fee in fees:
        order = fee.order_id
        reached = order.x_fc_fee_invoiced_until
        credited = fee.invoice_line_ids.filtered(_is_credit)
        if not credited or not reached or reached >= fee.date_to:
            continue
        amount = -sum((_get_amount(line) for line in credited), Decimal(0))
        part = FeePart(max(fee.date_from, reached), fee.date_to, fee._get_terms(), amount, is_credit=True)
        row = env["fusion.subscription.fee"]._open(fee.order_line_id, [part])
        row.write({"state": "billed", "invoice_line_id": credited[:1].id})
        credited.x_fc_fee_id = row


def _lengthen_fees_in_full(fees):
    for fee in fees:
        order = fee.order_id
        if order.x_fc_proration == "none" and order.plan_id:
            end = order.plan_id._get_recurrence().period_around(order.start_date, fee.date_from)[1]
            fee.date_to = max(fee.date_to, end)


def _record_invoiced_parts(env):
    """Record the part of a period that an earlier end has made an invoice of its own, if the end was moved out."""
    domain = [
        ("is_subscription", "=", True),
        ("state", "=", "sale"),
        ("next_invoice_date", "!=", False),
        ("last_invoice_date", "!=", False),
        ("x_fc_fee_timing", "=", "arrears"),
    ]
    for order in env["sale.order"].search(domain):
        reached = order.last_invoice_date
        start = order.plan_id._get_recurrence().period_around(order.start_date, reached)[0]
        for period in order.x_fc_period_ids.filtered(
            lambda period, start=start, reached=reached: period.period_start >= start and period.period_end <= reached
        ):
            for line in period.invoice_id.invoice_line_ids.filtered(
                lambda line: any(line.sale_line_ids.mapped("x_fc_is_recurring"))
            ):
                _record_part(env, order, period, line)


def _record_part(env, order, period, invoice_line):
    order_line = invoice_line.sale_line_ids.filtered("x_fc_is_recurring")[:1]
    window = order._get_fee_window(period.period_start)
    end = window.full_end if order.x_fc_proration == "none" else period.period_end
    start = max(period.period_start, window.start)
    if start >= end:
        return
    terms = order_line._get_agreed()
    part = FeePart(start, end, terms, _get_amount(invoice_line))
    row = env["fusion.subscription.fee"]._open(order_line, [part])
    row.write({"state": "billed", "invoice_line_id": invoice_line.id})
    invoice_line.x_fc_fee_id = row


def _is_credit(line):
    """Tell whether this addon's own credit of unused days, not a person's reversal, is on an invoice line."""
    by_person = line.move_id.reversed_entry_id.invoice_line_ids.x_fc_fee_id & line.x_fc_fee_id
    return line.move_id.state != "cancel" and not by_person and _get_amount(line) * _get_sign(line.x_fc_fee_id) < 0


def _get_sign(fee):
    return fee._get_terms().direction


def _get_amount(line):
    amount = get_line_amount(line.quantity, line.price_unit, line.discount, line.currency_id.rounding)
    return -amount if line.move_id.move_type == "out_refund" else amount
