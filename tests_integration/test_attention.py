"""A fault that people can mend, from the counter to the API: shown while it lasts, gone when it is mended."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from main_job import job_queue
from main_job.back_office import BackOffice

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()


def test_a_charge_without_product_is_told_over_the_api_until_it_has_one_and_no_job_fails(
    backoffice: BackOffice,
    new_plan: Callable[[BackOffice], "Plan"],
    service_client: Callable[[str], "ServiceClient"],
    wait_for_jobs: Callable[..., None],
) -> None:
    plan, client = new_plan(backoffice), service_client("mended")
    [charge] = backoffice.find("fusion.billing.charge", [("plan_code", "=", plan.code)], ["product_id"])
    backoffice.call("fusion.billing.charge", "write", [charge["id"]], {"product_id": False})
    plan.open(client.api, "mended")

    def told() -> set[str]:
        wait_for_jobs()
        attention = client.api.request("GET", "/subscriptions/mended").json()["attention"]
        return {reason["code"] for reason in attention}

    assert told() == {"plan_incomplete"}
    client.api.record_usage([plan.counter("mended", 150, TODAY, "mended-1")])
    job_queue.run_now(backoffice, job_queue.RATE_USAGE)
    assert told() == {"plan_incomplete", "product_missing"}
    backoffice.call("fusion.billing.charge", "write", [charge["id"]], {"product_id": charge["product_id"][0]})
    rows = backoffice.find("fusion.billing.attention", [("service_id", "=", client.id)], ["code"])
    backoffice.call("fusion.billing.attention", "action_retry", [row["id"] for row in rows])
    assert told() == set()
