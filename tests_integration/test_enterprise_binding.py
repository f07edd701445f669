"""The core on Enterprise's subscriptions.

Enterprise itself is not to be had here. A stand-in ``sale_subscription`` with the publicly known
behaviour (stand_ins/enterprise) takes its place: this shows that the core needs nothing of our
Community subscriptions, not that Enterprise behaves like the stand-in. The core's own tests run on it
by ``scripts/test --enterprise``.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime import configuration, databases
from runtime.server import Odoo
from runtime.setup import Runtime

STAND_INS = Path(__file__).parent / "stand_ins" / "enterprise"

_STORY = """
import json
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from unittest.mock import patch
from odoo import fields
from odoo.addons.fusion_centralize_billing.models.usage_row import UsageRow

Usage = env["fusion.billing.usage"]
metric = env["fusion.billing.metric"].create({"name": "Calls", "code": "calls"})
product = env["product.product"].create({"name": "Calls", "type": "service", "taxes_id": False})
month = env["sale.subscription.plan"].create({"name": "Monthly", "billing_period_unit": "month"})
env["fusion.billing.charge"].create({
    "name": "Calls", "plan_code": "pro", "metric_id": metric.id, "product_id": product.id,
    "included_quota": 100, "price_per_unit": 0.1, "unit_batch": 1000,
})
order = env["sale.order"].create({
    "partner_id": env["res.partner"].create({"name": "Customer"}).id, "is_subscription": True,
    "plan_id": month.id, "start_date": "2026-01-15", "x_fc_plan_code": "pro",
})
order.action_confirm()

@contextmanager
def on(day):
    noon = datetime.combine(day, time(12))
    with patch.object(fields.Date, "today", return_value=day), patch.object(fields.Datetime, "now", return_value=noon):
        yield

def bill(day):
    with on(day):
        moves = order._create_recurring_invoice()
    return [[str(move.x_fc_period_start), str(move.x_fc_period_end), move.amount_untaxed] for move in moves]

result = {"module": env.ref("base.module_fusion_subscription").shortdesc, "first": bill(date(2026, 1, 15))}
Usage._record_usage(order, "calls", 1100, "2026-01-15 00:00:00", "2026-01-16 00:00:00")
Usage._record_usage(order, "calls", 5100, "2026-02-15 00:00:00", "2026-02-16 00:00:00")
result["second"] = bill(date(2026, 2, 15))
with on(date(2026, 3, 1)):
    order.subscription_state = "6_churn"
    order._job_rate()
    order._job_invoice_remaining_usage()
result["closing"] = order.invoice_ids.sorted("id")[-1].amount_untaxed
result["ended_on"] = str(order.x_fc_ended_on)
result["running_of_ended"] = order._fc_get_running_period()
with on(date(2026, 5, 20)):
    order.subscription_state = "3_progress"  # as Enterprise reopens one whose invoice is paid late
    result["reopened"] = [order.x_fc_ended_on, [str(day) for day in order._fc_get_running_period()]]
    days = enumerate((datetime(2026, 6, 10), datetime(2026, 8, 1)))
    rows = {number: UsageRow(order.id, metric.id, Decimal(1), day, day) for number, day in days}
    found = order._fc_find_doubtful_usage(rows).items()
    result["doubtful"] = {number: [fault.code for fault in faults] for number, faults in found}
result["open"] = sum(order.x_fc_rating_ids.filtered(lambda r: r.state == "open").mapped("amount"))
print("RESULT", json.dumps(result))
"""

_PRODUCTS = """
import json
from odoo.exceptions import ValidationError

def product(**values):
    return env["product.product"].create({"name": "Product", "type": "service", **values})

month = env["sale.subscription.plan"].create({"name": "Monthly", "billing_period_unit": "month"})
metric = env["fusion.billing.metric"].create({"name": "Calls", "code": "calls"})
fee, usage = product(recurring_invoice=True), product()
plan = env["fusion.billing.plan"].create({"name": "Pro", "code": "pro", "plan_id": month.id, "product_id": fee.id})
charge = env["fusion.billing.charge"].create({
    "name": "Calls", "plan_code": "pro", "metric_id": metric.id, "product_id": usage.id, "price_per_unit": 1,
})
attempts = {
    "a fee that does not recur": lambda: plan.write({"product_id": usage.id}),
    "usage that recurs": lambda: charge.write({"product_id": fee.id}),
    "a commitment that recurs": lambda: plan.write({"commitment_product_id": fee.id}),
    "a fee that recurs no more": lambda: fee.write({"recurring_invoice": False}),
    "usage that recurs now": lambda: usage.product_tmpl_id.write({"recurring_invoice": True}),
}
refused = []
for name, act in attempts.items():
    try:
        with env.cr.savepoint():
            act()
    except ValidationError:
        refused.append(name)
print("RESULT", json.dumps({"all": sorted(attempts), "refused": sorted(refused)}))
"""

_CHANGES = """
import json
from datetime import datetime
from unittest.mock import patch
from odoo import fields
from odoo.addons.fusion_centralize_billing.api.errors import BusinessRuleError

service = env["fusion.billing.service"].create({"name": "App", "code": "app"})
month = env["sale.subscription.plan"].create({"name": "Monthly", "billing_period_unit": "month"})
product = env["product.product"].create({"name": "Seats", "type": "service", "taxes_id": False})
missing = env["product.product"].create({"name": "Commitment", "type": "service", "taxes_id": False})
env["fusion.billing.plan"].create(
    {"name": "Pro", "code": "pro", "plan_id": month.id, "commitment_product_id": missing.id})
order = env["sale.order"].create({
    "partner_id": env["res.partner"].create({"name": "Customer"}).id, "is_subscription": True,
    "plan_id": month.id, "start_date": "2026-01-15", "x_fc_service_id": service.id, "x_fc_external_id": "one",
    "x_fc_plan_code": "pro",
    "order_line": [(0, 0, {"product_id": product.id, "price_unit": 20})],
})
env["fusion.billing.account.link"].create(
    {"service_id": service.id, "external_id": "customer", "partner_id": order.partner_id.id})
order.action_confirm()

def change(effective_at):
    lines = [{"line_id": order.order_line.id, "quantity": 2}]
    try:
        service._api_update_subscription(
            {"subscription_external_id": "one", "lines": lines, "effective_at": effective_at})
    except BusinessRuleError as error:
        return error.code

result = {"refused": [change(effective_at) for effective_at in ("period_end", "2026-02-20")]}
noon = datetime(2026, 2, 20, 12)
with patch.object(fields.Date, "today", return_value=noon.date()), \\
        patch.object(fields.Datetime, "now", return_value=noon):
    order.x_fc_minimum_commitment = 50
result["minimums"] = [[str(each.effective_from), each.amount] for each in order.x_fc_commitment_ids.sorted("id")]
january, february = (order._fc_get_minimum(fields.Datetime.to_datetime(f"2026-0{month}-15"),
    fields.Datetime.to_datetime(f"2026-0{month + 1}-15")) for month in (2, 3))
result["owed"] = [str(january), str(february)]
print("RESULT", json.dumps(result))
"""


@pytest.fixture
def enterprise_addons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSION_EXTRA_ADDONS", str(STAND_INS))


@pytest.fixture
def enterprise_shell(runtime: Runtime, odoo: Odoo, enterprise_addons: None) -> Iterator[Callable[[str], Any]]:
    name = "fusion_test_enterprise"
    databases.create(odoo, runtime.queue_job_version, name)
    databases.install_addons(odoo, name, ("fusion_centralize_billing",))

    def run(code: str) -> Any:
        printed = odoo.shell(name, code)
        return json.loads(printed.split("RESULT", 1)[1].splitlines()[0])

    yield run
    databases.drop(odoo, name)


def test_the_binding_is_found_before_our_own_subscriptions_where_enterprise_is(
    runtime: Runtime, enterprise_addons: None
) -> None:
    [folder] = configuration.addon_folders(runtime.source, ["fusion_subscription"])
    assert folder.parent.name == "enterprise"


def test_the_core_installs_on_the_binding_and_bills_usage_in_arrears(enterprise_shell: Callable[[str], Any]) -> None:
    result = enterprise_shell(_STORY)
    assert result["first"] == []  # nothing used before the start, and no fixed fee on this order
    assert result["second"] == [["2026-01-15", "2026-02-15", 0.1]]
    # Closed in the middle of a period: what was used until then is invoiced by the core itself.
    assert result["closing"] == 0.5
    assert result["ended_on"] == "2026-03-01"
    assert result["open"] == 0
    # Reopened, its old end is forgotten, and the period of today runs although four were not invoiced.
    assert result["running_of_ended"] is None
    assert result["reopened"] == [False, ["2026-05-15", "2026-06-15"]]
    assert result["doubtful"] == {"1": ["far_future"]}


def test_a_product_that_would_be_billed_once_or_twice_is_refused_where_it_decides(
    enterprise_shell: Callable[[str], Any],
) -> None:
    result = enterprise_shell(_PRODUCTS)
    assert result["refused"] == result["all"]


def test_a_day_for_a_change_is_refused_and_a_minimum_begins_with_the_next_period(
    enterprise_shell: Callable[[str], Any],
) -> None:
    result = enterprise_shell(_CHANGES)
    assert result["refused"] == ["effective_at_refused", "effective_at_refused"]
    assert result["minimums"] == [["False", 0.0], ["2026-03-15", 50.0]]
    assert result["owed"] == ["0.00", "50.00"]
