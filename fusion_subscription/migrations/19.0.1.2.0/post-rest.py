# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Credits of one-off lines made before are known as such, and nothing of subscriptions that ended before is billed."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    env.flush_all()
    cr.execute(
        SQL(
            """
            UPDATE account_move_line credit
               SET x_fc_reversed_line_id = billed.id
              FROM account_move_line billed, account_move note,
                   sale_order_line_invoice_rel of_credit, sale_order_line_invoice_rel of_billed,
                   sale_order_line line, sale_order
             WHERE note.id = credit.move_id AND note.reversed_entry_id = billed.move_id
               AND of_credit.invoice_line_id = credit.id AND of_billed.invoice_line_id = billed.id
               AND of_billed.order_line_id = of_credit.order_line_id AND line.id = of_credit.order_line_id
               AND sale_order.id = line.order_id AND sale_order.is_subscription
         RETURNING of_credit.order_line_id
            """
        )
    )
    lines = env["sale.order.line"].browse({row[0] for row in cr.fetchall()})
    env.invalidate_all()
    env.add_to_compute(lines._fields["qty_to_invoice"], lines)
    env.flush_all()
    # Whoever runs the billing looks at old rests: an upgrade is no reason to send invoices
    cr.execute("UPDATE sale_order SET x_fc_rest_due_on = NULL WHERE x_fc_rest_due_on IS NOT NULL")
    env.invalidate_all()
