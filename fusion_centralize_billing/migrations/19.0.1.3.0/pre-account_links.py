# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Subscriptions learn of which of their service's customers they are, where only one of them has the contact.

In SQL, and before Odoo makes the column: it would work it out in Python for every order there is. What is ambiguous
stays empty, and is shown by no frontend.
"""

_ADD = "ALTER TABLE sale_order ADD COLUMN IF NOT EXISTS x_fc_account_link_id integer"
_FILL = """
    UPDATE sale_order AS subscription SET x_fc_account_link_id = sole.link_id
      FROM (SELECT service_id, partner_id, MIN(id) AS link_id FROM fusion_billing_account_link
             GROUP BY service_id, partner_id HAVING COUNT(*) = 1) AS sole
     WHERE subscription.x_fc_service_id = sole.service_id AND subscription.partner_id = sole.partner_id
       AND subscription.x_fc_account_link_id IS NULL
"""


def migrate(cr, version):
    cr.execute("SELECT to_regclass('fusion_billing_account_link')")
    if not cr.fetchone()[0]:
        return  # an upgrade from the scaffold: its subscriptions get their customers with their services
    cr.execute(_ADD)
    cr.execute(_FILL)
