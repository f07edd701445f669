# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo import fields
from odoo.tools import SQL

from . import shape

_RUNNING = ("3_progress", "4_paused")
#: The only service that knows the customer, in the order's company. Several: nobody knows whose it is.
_SERVICES = """
    SELECT sale_order.id, MIN(link.service_id)
      FROM sale_order JOIN fusion_billing_account_link AS link ON link.partner_id = sale_order.partner_id
     WHERE sale_order.is_subscription AND sale_order.state = 'sale'
     GROUP BY sale_order.id, sale_order.company_id
    HAVING COUNT(DISTINCT link.service_id) = 1 AND MIN(link.company_id) = sale_order.company_id
"""
#: The only plan that prices what a subscription has used.
_PLANS = """
    SELECT usage.subscription_id, MIN(charge.plan_code)
      FROM %s AS usage
      JOIN sale_order ON sale_order.id = usage.subscription_id
      JOIN fusion_billing_charge AS charge
        ON charge.metric_id = usage.metric_id AND charge.active AND charge.company_id = sale_order.company_id
     GROUP BY 1 HAVING COUNT(DISTINCT charge.plan_code) = 1
"""
_KNOWN = """
    SELECT sale_order.id FROM sale_order
     WHERE is_subscription AND state = 'sale'
       AND (id IN (SELECT subscription_id FROM %s)
            OR partner_id IN (SELECT partner_id FROM fusion_billing_account_link))
     ORDER BY id
"""


def take_over(env, report):
    """Tell of each subscription whose it is, which plan prices it, and until when the scaffold has billed it."""
    cr, usage = env.cr, SQL.identifier(shape.aside("usage"))
    cr.execute(SQL(_KNOWN, usage))
    orders = env["sale.order"].browse(order_id for (order_id,) in cr.fetchall())
    cr.execute(_SERVICES)
    services = dict(cr.fetchall())
    cr.execute(SQL(_PLANS, usage))
    plans = dict(cr.fetchall())
    codes = set(env["fusion.billing.charge"].search([]).mapped("plan_code"))
    only = next(iter(codes)) if len(codes) == 1 else None
    for order in orders:
        plan_code = plans.get(order.id, only)
        billed_until, ended_on = _find_boundary(order)
        _store(order, services.get(order.id), plan_code, billed_until, ended_on)
        if order.subscription_state in _RUNNING:
            _tell_doubt(order, services.get(order.id), plan_code, report)
    env.invalidate_all()


def _find_boundary(order):
    """Return (the first day that was not billed yet, the end) of a subscription; an end only where it has come.

    The scaffold put the usage of a period on the order, and the invoice of the boundary took it along: what the
    last invoice closed is billed, and nothing else.
    """
    if order.subscription_state not in _RUNNING:
        end = order._edition_get_planned_end() or order.next_invoice_date or fields.Date.today()
        return end, end
    day = order.next_invoice_date
    period = day and order._fc_get_period_around(day - datetime.timedelta(days=1))
    is_first = not period or not order.start_date or period[0] <= order.start_date or day <= order.start_date
    return (None if is_first else period[0]), None


def _store(order, service_id, plan_code, billed_until, ended_on):
    # Not by the ORM: it would send webhooks, and refuse what is right for once. The days are those of UTC, as before.
    order.env.cr.execute(
        """
        UPDATE sale_order
           SET x_fc_service_id = %s, x_fc_plan_code = COALESCE(x_fc_plan_code, %s), x_fc_billed_until = %s,
               x_fc_billed_from = %s, x_fc_ended_on = %s, x_fc_billing_tz = 'UTC'
         WHERE id = %s
        """,
        [service_id, plan_code, billed_until, billed_until, ended_on, order.id],
    )


def _tell_doubt(order, service_id, plan_code, report):
    if not service_id:
        report.tell(
            f"{order.name}: not just one service knows the customer. All of them may send usage; "
            "give the subscription to one of them (Billing Service) to let it hear of invoices.",
        )
    if not plan_code:
        report.tell(
            f"{order.name}: no charge applies until it has a plan code, for several plans price its usage.", service_id
        )


def quieten_overage_lines(env, report):
    """Let the scaffold's overage lines bill nothing more: their open period is rated anew, on lines of our own.

    A line that was invoiced and does not recur is left as it is.
    """
    env.cr.execute(
        SQL(
            """
            SELECT DISTINCT line.id
              FROM sale_order_line AS line
              JOIN sale_order ON sale_order.id = line.order_id
               AND sale_order.is_subscription AND sale_order.state = 'sale'
              JOIN %(charges)s AS charge ON charge.product_id = line.product_id
              JOIN fusion_billing_usage AS usage
                ON usage.subscription_id = line.order_id AND usage.metric_id = charge.metric_id
             WHERE line.x_fc_charge_id IS NULL AND line.display_type IS NULL
            """,
            charges=SQL.identifier(shape.aside("charge")),
        )
    )
    lines = env["sale.order.line"].browse(line_id for (line_id,) in env.cr.fetchall())
    for order, of_order in lines.grouped("order_id").items():
        waiting = of_order.filtered(lambda line: not line.invoice_lines or line.product_id.recurring_invoice)
        was_locked, order.locked = order.locked, False
        for line in waiting.filtered("price_unit"):
            report.tell(
                f"{order.name}: {line.name} over {line.price_subtotal} is rated anew.", order.x_fc_service_id.id
            )
        # Both: the price in case an edition bills what the quantity lacks of what was invoiced.
        waiting.write({"price_unit": 0, "product_uom_qty": 0})
        order.locked = was_locked
