# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
from odoo.tools import SQL

from . import shape

#: Of several links of one external id the first one is meant by it; those of other customers are kept apart from it.
_LINKS = """
    SELECT id, service_id, partner_id, create_uid, write_uid, create_date, write_date, %(email)s AS external_email,
           external_id, ROW_NUMBER() OVER same AS number,
           FIRST_VALUE(partner_id) OVER same AS first_partner_id
      FROM %(links)s WHERE service_id IS NOT NULL AND partner_id IS NOT NULL AND external_id IS NOT NULL
    WINDOW same AS (PARTITION BY service_id, external_id ORDER BY id)
"""
_INSERT = """
    INSERT INTO fusion_billing_account_link (
           id, service_id, company_id, partner_id, external_id, external_email,
           create_uid, write_uid, create_date, write_date)
    SELECT link.id, link.service_id, service.company_id, link.partner_id,
           CASE WHEN link.number = 1 THEN link.external_id ELSE link.external_id || ' (' || link.id || ')' END,
           link.external_email, link.create_uid, link.write_uid, link.create_date, link.write_date
      FROM (%s) AS link JOIN fusion_billing_service AS service ON service.id = link.service_id
     WHERE link.number = 1 OR link.partner_id <> link.first_partner_id
"""
_RENAMED = """
    SELECT link.service_id, link.external_id, link.id, partner.name
      FROM (%s) AS link JOIN res_partner AS partner ON partner.id = link.partner_id
     WHERE link.number > 1 AND link.partner_id <> link.first_partner_id
"""
_ELSEWHERE = """
    SELECT link.service_id, link.external_id, partner.name
      FROM fusion_billing_account_link AS link JOIN res_partner AS partner ON partner.id = link.partner_id
     WHERE partner.company_id <> link.company_id
"""


def take_over(env, report):
    """Keep which partner each service means by an external id."""
    cr = env.cr
    links = SQL(
        _LINKS,
        email=shape.column(cr, "account_link", "external_email"),
        links=SQL.identifier(shape.aside("account_link")),
    )
    cr.execute(SQL(_INSERT, links))
    shape.number_on(env, "fusion.billing.account.link")
    cr.execute(SQL(_RENAMED, links))
    for service_id, external_id, link_id, name in cr.fetchall():
        report.tell(f"The customer {external_id} was two: {name} is {external_id} ({link_id}) now.", service_id)
    cr.execute(_ELSEWHERE)
    for service_id, external_id, name in cr.fetchall():
        report.tell(f"The customer {external_id} is {name}, who belongs to another company.", service_id)
    env.invalidate_all()
