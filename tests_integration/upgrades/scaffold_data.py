"""What the scaffold had in its tables: code for ``odoo shell`` on a database in which it is installed.

Two apps. "crm" has the customer "acme" with a subscription in its second month: the first one was invoiced with its
1,100 calls (0.10 above 100, by the thousand), the open one has 5,100.1 so far, with an order line for them.
"desk" shares the customer "shared" with "crm", so that nothing tells whose the usage of that one's subscription is.
"""

KEYS = {"crm": "crm-key-from-before-the-upgrade", "desk": "desk-key-from-before-the-upgrade"}
SECRET = "the-secret-of-before"

CODE = """
import hashlib, json
from datetime import date, datetime, timedelta
from dateutil.relativedelta import relativedelta

KEYS, SECRET, URL, RECURRING = {keys!r}, {secret!r}, {url!r}, {recurring!r}
today = date.today()
start = today - timedelta(days=10) - relativedelta(months=1)
first_boundary = start + relativedelta(months=1)

def create(model, **values):
    return env[model].create(values)

services = {{
    code: create("fusion.billing.service", name=code.upper(), code=code, webhook_url=URL, webhook_secret=SECRET,
                 api_key_hash=hashlib.sha256(key.encode()).hexdigest())
    for code, key in KEYS.items()
}}
crm, desk = services["crm"], services["desk"]
acme = create("res.partner", name="Customer 1", email="one@customer.example")
shared = create("res.partner", name="Customer 2", email="two@customer.example")
other = create("res.partner", name="Customer 3")
for service, external_id, partner in (
        (crm, "acme", acme), (crm, "shared", shared), (desk, "shared", shared), (crm, "acme", other),
        (crm, "acme", acme)):
    create("fusion.billing.account.link", service_id=service.id, external_id=external_id, partner_id=partner.id,
           external_email=partner.email)

# For this version: webhooks of the tests go to this machine.
env["ir.config_parameter"].set_param("fusion_centralize_billing.webhook_allow_loopback", "True")
calls = create("fusion.billing.metric", name="Calls", code="calls", aggregation="sum")
seats = create("fusion.billing.metric", name="Seats", code="seats", aggregation="max")
month = create("sale.subscription.plan", name="Monthly, scaffold", billing_period_value=1, billing_period_unit="month")
usage_product = create("product.product", name="Calls", type="service", taxes_id=False,
                       recurring_invoice=RECURRING)
fee_product = create("product.product", name="Fee", type="service", taxes_id=False, recurring_invoice=True)
charge = create("fusion.billing.charge", name="Calls", plan_code="pro", metric_id=calls.id, product_id=usage_product.id,
                included_quota=100, price_per_unit=0.1, unit_batch=1000)
create("fusion.billing.charge", name="Seats", plan_code="pro", metric_id=seats.id, price_per_unit=2.5)
create("fusion.billing.charge", name="Old", plan_code="old", metric_id=calls.id, price_per_unit=9, active=False)

def open_subscription(partner):
    order = create("sale.order", partner_id=partner.id, plan_id=month.id, is_subscription=True, start_date=start,
                   order_line=[(0, 0, {{"product_id": fee_product.id, "price_unit": 20}})])
    order.action_confirm()
    return order

def count(order, metric, quantity, day, key):
    moment = datetime.combine(day, datetime.min.time())
    return create("fusion.billing.usage", subscription_id=order.id, metric_id=metric.id, quantity=quantity,
                  idempotency_key=key, period_start=moment, period_end=moment + timedelta(days=1))

order, undecided = open_subscription(acme), open_subscription(shared)
count(order, calls, 1100, start, "crm:old")
overage = create("sale.order.line", order_id=order.id, product_id=usage_product.id, product_uom_qty=1, price_unit=0.1)
while (order.next_invoice_date or today) <= today:
    order._create_recurring_invoice()
while (undecided.next_invoice_date or today) <= today:
    undecided._create_recurring_invoice()
if RECURRING:  # one line, which bills each period's usage
    overage.price_unit = 0.5
else:
    create("sale.order.line", order_id=order.id, product_id=usage_product.id, product_uom_qty=1, price_unit=0.5)
count(order, calls, 5100.1, first_boundary, "crm:open")
count(order, calls, -5, first_boundary, "crm:negative")
count(undecided, calls, 7, first_boundary, "whose")

for state, attempts in (("pending", 0), ("failed", 2), ("sent", 1), ("failed", 8)):
    create("fusion.billing.webhook", service_id=crm.id, event_type="invoice.finalized", payload={{"state": state}},
           signature="f" * 64, state=state, attempts=attempts, next_retry_at=datetime.now(),
           last_error=state == "failed" and "HTTP 500")
create("fusion.billing.reconciliation", service_id=crm.id, partner_id=acme.id, period_start=start,
       period_end=first_boundary, odoo_amount=20.1, external_amount=20.1, note="Compared by hand")
env.cr.commit()
print("RESULT", json.dumps({{
    "order": order.id, "undecided": undecided.id, "boundary": str(first_boundary), "start": str(start),
    "next": str(order.next_invoice_date), "invoiced": sum(order.invoice_ids.mapped("amount_untaxed")),
    "charge": charge.id, "service": crm.id,
}}))
"""


def code(url: str, *, recurring: bool) -> str:
    """Return the code.

    :param url: where its services hear of events
    :param recurring: whether the product of usage is billed in each period (Enterprise's way), or each line once
    """
    return CODE.format(keys=KEYS, secret=SECRET, url=url, recurring=recurring)
