# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Let fees that were billed in advance tell the ledger what it compares with what is owed.

Each names the invoice line that bills it, so that voiding that invoice gives it back; in full, it reaches to the end
of its period, also where a planned end cuts it short. Fees in arrears have no rows, and need none: the periods are
invoiced, and an invoice of then gives back what stands on it.
"""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    for fee in env["fusion.subscription.fee"].search([]):
        fee.invoice_line_id = fee.invoice_line_ids.sorted("id")[:1]
        order = fee.order_id
        if order.x_fc_proration == "none" and order.plan_id:
            fee.date_to = order.plan_id._get_recurrence().period_around(order.start_date, fee.date_from)[1]
