"""What a rating saw, told exactly although transactions overlap: on real connections."""

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()

_OVERLAP = """
import json

def rate(cr):
    order = env(cr=cr)["sale.order"].browse({order})
    order._fc_rate()
    cr.commit()
    row = order.x_fc_rating_ids
    return [row.total_quantity, sorted(str(counter["quantity"]) for counter in row._get_counters())]

def record(cr, quantity, key):
    order = env(cr=cr)["sale.order"].browse({order})
    env(cr=cr)["fusion.billing.usage"]._record_usage(order, "{metric}", quantity, "{day}", "{day}", key)

found = []
with env.registry.cursor() as late, env.registry.cursor() as corrected, env.registry.cursor() as rating:
    record(late, 7, "late")           # begun and written before the rating, but committed after it
    record(corrected, 11, "early")    # so is the correction of a counter that it sees
    found.append(rate(rating))
    late.commit()
    corrected.commit()
    row = env(cr=rating)["sale.order"].browse({order}).x_fc_rating_ids
    found.append([row.total_quantity, sorted(str(counter["quantity"]) for counter in row._get_counters())])
    rating.commit()
    found.append(rate(rating))
print("RESULT", json.dumps(found))
"""


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture(scope="module")
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("overlap")


def test_a_rating_leads_to_what_it_saw_and_not_to_what_was_committed_meanwhile(
    plan: "Plan", client: "ServiceClient", odoo_shell: Callable[[str], str]
) -> None:
    order = plan.open(client.api, "overlap", TODAY)["subscription_id"]
    client.api.record_usage([plan.counter("overlap", 5, TODAY, "early")])
    printed = odoo_shell(_OVERLAP.format(order=order, metric=plan.metric, day=f"{TODAY} 00:00:00"))
    rated, after_the_others_committed, rated_again = json.loads(printed.split("RESULT", 1)[1].splitlines()[0])
    assert rated == [5, ["5"]]
    assert after_the_others_committed == rated
    assert rated_again == [18, ["11", "7"]]
