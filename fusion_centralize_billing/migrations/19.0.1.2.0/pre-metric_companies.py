# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""A metric that one company uses becomes that company's; what several use, or none of several, all go on sharing.

Before the addon is loaded, or Odoo would give every metric the company of the one who upgrades.
"""

_ASSIGN = """
    WITH used AS (
        SELECT metric_id, company_id FROM fusion_billing_charge
         UNION
        SELECT usage.metric_id, sale_order.company_id
          FROM fusion_billing_usage AS usage JOIN sale_order ON sale_order.id = usage.subscription_id
         UNION
        SELECT entry.metric_id, sale_order.company_id
          FROM fusion_billing_usage_history AS entry JOIN sale_order ON sale_order.id = entry.subscription_id
    ), owned AS (
        SELECT metric.id, COALESCE(MIN(used.company_id), (SELECT MIN(id) FROM res_company)) AS company_id
          FROM fusion_billing_metric AS metric LEFT JOIN used ON used.metric_id = metric.id
         GROUP BY metric.id
        HAVING COUNT(DISTINCT used.company_id) = 1
            OR COUNT(used.company_id) = 0 AND (SELECT COUNT(*) FROM res_company) = 1
    )
    UPDATE fusion_billing_metric AS metric SET company_id = owned.company_id FROM owned WHERE owned.id = metric.id
"""


def migrate(cr, version):
    cr.execute("SELECT to_regclass('fusion_billing_metric')")
    if not cr.fetchone()[0]:
        return  # an upgrade from the scaffold
    cr.execute("ALTER TABLE fusion_billing_metric ADD COLUMN IF NOT EXISTS company_id integer")
    cr.execute(_ASSIGN)
