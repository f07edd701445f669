"""The core on Enterprise's subscriptions.

Enterprise itself is not to be had here. A stand-in ``sale_subscription`` with the publicly known
fields (stand_ins/enterprise) takes its place: this shows that the core needs nothing of our
Community subscriptions, not that Enterprise behaves like the stand-in.
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
from datetime import date
from unittest.mock import patch
from odoo import fields

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

def bill(day):
    with patch.object(fields.Date, "today", return_value=day):
        moves = order._create_recurring_invoice()
    return [[str(move.x_fc_period_start), str(move.x_fc_period_end), move.amount_untaxed] for move in moves]

result = {"module": env.ref("base.module_fusion_subscription").shortdesc, "first": bill(date(2026, 1, 15))}
Usage._record_usage(order, "calls", 1100, "2026-01-15 00:00:00", "2026-01-16 00:00:00")
Usage._record_usage(order, "calls", 5100, "2026-02-15 00:00:00", "2026-02-16 00:00:00")
result["second"] = bill(date(2026, 2, 15))
with patch.object(fields.Date, "today", return_value=date(2026, 3, 1)):
    order.subscription_state = "6_churn"
    order._job_rate()
    order._job_invoice_remaining_usage()
result["closing"] = order.invoice_ids.sorted("id")[-1].amount_untaxed
result["ended_on"] = str(order.x_fc_ended_on)
result["open"] = sum(order.x_fc_rating_ids.filtered(lambda r: r.state == "open").mapped("amount"))
print("RESULT", json.dumps(result))
"""

_CHANGES = """
import json
from datetime import date
from unittest.mock import patch
from odoo import fields
from odoo.addons.fusion_centralize_billing.api.errors import BusinessRuleError

service = env["fusion.billing.service"].create({"name": "App", "code": "app"})
month = env["sale.subscription.plan"].create({"name": "Monthly", "billing_period_unit": "month"})
product = env["product.product"].create({"name": "Seats", "type": "service", "taxes_id": False})
order = env["sale.order"].create({
    "partner_id": env["res.partner"].create({"name": "Customer"}).id, "is_subscription": True,
    "plan_id": month.id, "start_date": "2026-01-15", "x_fc_service_id": service.id, "x_fc_external_id": "one",
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
with patch.object(fields.Date, "today", return_value=date(2026, 2, 20)):
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


def test_a_day_for_a_change_is_refused_and_a_minimum_begins_with_the_next_period(
    enterprise_shell: Callable[[str], Any],
) -> None:
    result = enterprise_shell(_CHANGES)
    assert result["refused"] == ["effective_at_refused", "effective_at_refused"]
    assert result["minimums"] == [["False", 0.0], ["2026-03-15", 50.0]]
    assert result["owed"] == ["0.00", "50.00"]
