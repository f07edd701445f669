# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Lines of invoices know their subscription. Companies that bill already keep one invoice per subscription.

New companies have one per customer and service; for customers who get invoices now that would come as a surprise, so
people choose it, for the company or for one service after the other.
"""


def migrate(cr, version):
    cr.execute(
        """
        INSERT INTO fusion_billing_invoice_subscription_rel (move_id, order_id)
        SELECT id, x_fc_subscription_id FROM account_move WHERE x_fc_subscription_id IS NOT NULL
        ON CONFLICT DO NOTHING
        """
    )
    cr.execute(
        """
        UPDATE account_move_line AS line SET x_fc_subscription_id = move.x_fc_subscription_id
          FROM account_move AS move
         WHERE move.id = line.move_id AND move.x_fc_subscription_id IS NOT NULL AND line.x_fc_subscription_id IS NULL
           AND line.display_type IN ('product', 'line_section', 'line_subsection', 'line_note')
        """
    )
    cr.execute(
        """
        UPDATE res_company SET x_fc_invoice_grouping = 'subscription'
         WHERE id IN (SELECT company_id FROM sale_order WHERE is_subscription AND state = 'sale')
        """
    )
