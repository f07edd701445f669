"""What a release has in its tables when it is upgraded: code for ``odoo shell``, run by dump_release.py.

Four subscriptions of one service: one with three invoices, late usage that was adjusted, a corrected counter, a void
one and an open period; one priced in tiers by region; one that has ended; one whose last invoice was voided.
"""

CODE = """
from contextlib import contextmanager
from datetime import date, datetime, time
from unittest.mock import patch
from odoo import fields

def create(model, **values):
    return env[model].create(values)

@contextmanager
def on(day):
    noon = datetime.combine(date.fromisoformat(day), time(12))
    env.invalidate_all()
    with patch.object(fields.Date, "today", lambda *args: noon.date()), \\
            patch.object(fields.Datetime, "now", lambda *args: noon), \\
            patch.object(fields.Date, "context_today", lambda record, timestamp=None: (timestamp or noon).date()):
        yield
    env.flush_all()

with on("2026-01-01"):
    service = create("fusion.billing.service", name="App 1", code="app")
    month = create("sale.subscription.plan", name="Monthly, release", billing_period_value=1,
                   billing_period_unit="month")
    product = {"type": "service", "list_price": 0}
    fee = create("product.product", name="Fee", recurring_invoice=True, **product)
    used = create("product.product", name="Usage", **product)
    missing = create("product.product", name="Commitment", **product)
    calls = create("fusion.billing.metric", name="Calls", code="calls", aggregation="sum")
    seats = create("fusion.billing.metric", name="Seats", code="seats", aggregation="max")
    create("fusion.billing.plan", name="Pro", code="pro", plan_id=month.id, product_id=fee.id, price=20,
           minimum_commitment=25, commitment_product_id=missing.id)
    create("fusion.billing.plan", name="Regions", code="regions", plan_id=month.id, product_id=fee.id, price=5)
    create("fusion.billing.charge", name="Calls", plan_code="pro", metric_id=calls.id, product_id=used.id,
           included_quota=100, price_per_unit=0.1, unit_batch=1000)
    create("fusion.billing.charge", name="Seats", plan_code="pro", metric_id=seats.id, product_id=used.id,
           price_per_unit=2.5)
    create("fusion.billing.charge", name="Calls by region", plan_code="regions", metric_id=calls.id, product_id=used.id,
           charge_model="graduated", group_by="region",
           tier_ids=[(0, 0, {"up_to": 1000, "price_per_unit": 0.01}), (0, 0, {"up_to": 0, "price_per_unit": 0.005})])

def open_subscription(name, plan):
    with on("2026-01-15"):
        partner = create("res.partner", name=name)
        create("fusion.billing.account.link", service_id=service.id, external_id=name, partner_id=partner.id)
        order = create("sale.order", partner_id=partner.id, is_subscription=True, plan_id=month.id,
                       start_date="2026-01-15", x_fc_service_id=service.id, x_fc_external_id=name,
                       x_fc_plan_code=plan, order_line=[
                           (0, 0, {"product_id": fee.id, "price_unit": 20 if plan == "pro" else 5})])
        order.action_confirm()
    return order

def count(order, metric, quantity, day, **values):
    return create("fusion.billing.usage", subscription_id=order.id, metric_id=metric.id, quantity=quantity,
                  idempotency_key=f"{order.x_fc_external_id}:{metric.code}:{day}", period_start=f"{day} 00:00:00",
                  period_end=f"{day} 12:00:00", **values)

def bill(order, day):
    with on(day):
        return order._create_recurring_invoice()

orders = [open_subscription(f"customer-{number}", plan)
          for number, plan in enumerate(("pro", "regions", "pro", "pro"), start=1)]
first, regions, ended, voided = orders
for index, (begin, end) in enumerate((("01-20", "02-15"), ("02-20", "03-15"), ("03-20", "04-15"))):
    with on(f"2026-{begin}"):
        changed = count(first, calls, 1100 + 1000 * index, f"2026-{begin}")
        count(first, seats, 3 + index, f"2026-{begin}")
        count(ended, calls, 2500, f"2026-{begin}")
        count(voided, calls, 5000, f"2026-{begin}")
        count(regions, calls, 1500, f"2026-{begin}", properties={"region": "eu"})
        count(regions, seats, 1, f"2026-{begin}")
        if index == 2:
            count(first, calls, 7000, "2026-02-10")  # late, for an invoiced period
            changed.quantity = 4100
            create("fusion.billing.usage", subscription_id=first.id, metric_id=calls.id, quantity=9,
                   idempotency_key="mistake", period_start="2026-03-21 00:00:00",
                   period_end="2026-03-21 12:00:00")._void("A mistake")
            ended._fc_terminate(date(2026, 4, 1))
            ended._job_rate()
            ended._job_invoice_remaining_usage()
    for order in orders:
        if order.subscription_state == "3_progress":
            moves = bill(order, f"2026-{end}")
with on("2026-04-20"):
    count(first, calls, 12000.5, "2026-04-20")
    move = voided.invoice_ids.sorted("id")[-1:]
    move.button_draft()
    move.button_cancel()
for order in orders:
    with on("2026-04-21"):
        order._job_rate()
env["queue.job"].search([]).unlink()
env.cr.commit()
print("RESULT", sum(len(order.invoice_ids) for order in orders), env["fusion.billing.rating"].search_count([]))
"""
