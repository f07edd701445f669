"""The money of an invoice is taken once, whichever process dies when, and whoever else asks at the same time.

The provider is Odoo's demo provider; its calls are counted where its network would be, in a file that
no rollback and no kill undoes. Killed runs are processes of their own, on a database without a server;
the job is run by queue_job's own controller there.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from main_job import job_queue
from main_job.back_office import BackOffice, RpcError
from runtime.progress import Fault
from runtime.server import Odoo, Server

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

TODAY = datetime.now(timezone.utc).date()
START = TODAY - timedelta(days=45)
ROUNDS = 4

# === IN SHELLS: PROCESSES OF THEIR OWN === #

#: Makes an invoice whose charge is queued, and prints the charge's id.
_BILL = """
import uuid
from odoo.fields import Command
code = uuid.uuid4().hex
product = env["product.product"].create({
    "name": "Fee", "type": "service", "recurring_invoice": True, "taxes_id": [Command.clear()]})
recurrence = env["sale.subscription.plan"].create({"name": "Monthly"})
plan = env["fusion.billing.plan"].create({
    "name": "Plan", "code": code, "plan_id": recurrence.id, "product_id": product.id, "price": 20,
    "automatic_payment": True})
service = env["fusion.billing.service"].create({"name": "App", "code": code})
partner = env["res.partner"].create({"name": "Customer"})
token = env["payment.token"].create({
    "provider_id": env.ref("payment.payment_provider_demo").id,
    "payment_method_id": env.ref("payment_demo.payment_method_demo").id,
    "partner_id": partner.id, "provider_ref": "demo", "demo_simulated_state": "done"})
order = env["sale.order"].create({
    "partner_id": partner.id, "plan_id": recurrence.id, "start_date": "%s", "x_fc_plan_code": code,
    "x_fc_service_id": service.id, "x_fc_payment_token_id": token.id,
    "order_line": [Command.create({"product_id": product.id, "price_unit": 20})]})
order.action_confirm()
charge = order._create_recurring_invoice()[0].x_fc_charge_ids
env.cr.commit()
print("charge", charge.id)
"""

#: Counts the provider's calls in CALLS, and defines what runs the job of CHARGE as the job runner has it run.
_TOOLS = """
import os, signal
from unittest.mock import patch
from odoo.addons.queue_job.controllers.main import RunJobController

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def note_call(charge):
    with open(CALLS, "a") as calls:
        calls.write(charge.reference + "\\n")
    charge._process("demo", {"reference": charge.reference, "simulated_state": "done"})

def run_jobs(*methods):
    keys = [f"fusion_centralize_billing.{method}.{CHARGE}" for method in methods]
    jobs = env["queue.job"].search([("identity_key", "in", keys), ("state", "!=", "done")])
    for uuid in jobs.mapped("uuid"):
        env.cr.execute("UPDATE queue_job SET state = 'enqueued' WHERE uuid = %s", [uuid])
        env.cr.commit()
        RunJobController._runjob(env, RunJobController._acquire_job(env, uuid))
        env.cr.commit()

charges = env.registry["payment.transaction"]
calls = env.registry["fusion.billing.payment.call"]
patch.object(charges, "_send_payment_request", note_call).start()
"""

_REPORT = """
import json
env.invalidate_all()
charge = env["payment.transaction"].browse(CHARGE)
invoice = charge.x_fc_invoice_id
jobs = env["queue.job"].search([("identity_key", "=", f"fusion_centralize_billing.charge.{CHARGE}")])
print("report", json.dumps({
    "state": charge.state,
    "payment": invoice.x_fc_payment_state,
    "invoice": invoice.payment_state,
    "payments": env["account.payment"].search_count([("payment_transaction_id", "=", CHARGE)]),
    "activities": len(invoice.x_fc_service_id.activity_ids),
    "job": jobs[-1:].state}))
"""


@dataclass
class Charge:
    """A queued charge on a database that no server works on."""

    id: int
    calls_file: Path
    shell: Callable[[str], str]

    def run(self, code: str) -> dict[str, Any]:
        """Run code with the tools in a new process and return what the database has then."""
        return dict(json.loads(_printed("report", self.shell(self._setting() + code + _REPORT))))

    def die_in(self, code: str) -> None:
        with pytest.raises(Fault, match="ended with -9"):
            self.shell(self._setting() + code + "\nprint('still alive')")

    def calls(self) -> int:
        return len(self.calls_file.read_text().splitlines()) if self.calls_file.exists() else 0

    def _setting(self) -> str:
        return f"CHARGE = {self.id}\nCALLS = {str(self.calls_file)!r}\n{_TOOLS}"


@pytest.fixture(scope="module")
def quiet_shell(odoo: Odoo, new_database: Callable[[], str]) -> Callable[[str], str]:
    database = new_database()
    return lambda code: odoo.shell(database, code)


@pytest.fixture
def charge(quiet_shell: Callable[[str], str], tmp_path: Path) -> Charge:
    printed = _printed("charge", quiet_shell(_BILL % START))
    return Charge(int(printed), tmp_path / "calls", quiet_shell)


_RUN = "\nrun_jobs('charge')\n"
_REGISTER = "\nrun_jobs('post_process')\n"
_WEBHOOK = """
charge = env["payment.transaction"].browse(CHARGE)
charge._process("demo", {"reference": charge.reference, "simulated_state": "done"})
env.cr.commit()
"""
_UNCLEAR = {"state": "draft", "payment": "unclear", "invoice": "not_paid", "payments": 0, "activities": 1}
_PAID = {"state": "done", "payment": "paid", "invoice": "paid", "payments": 1}


def test_an_undisturbed_charge_is_sent_once_and_paid(charge: Charge) -> None:
    report = charge.run(_RUN + _RUN + _REGISTER)
    assert report.items() >= _PAID.items()
    assert charge.calls() == 1


def test_killed_before_the_right_to_call_is_taken_the_next_run_charges(charge: Charge) -> None:
    charge.die_in("patch.object(calls, '_take', die).start()" + _RUN)
    assert charge.calls() == 0
    assert charge.run(_RUN + _REGISTER).items() >= _PAID.items()
    assert charge.calls() == 1


def test_killed_just_before_the_call_nobody_knows_and_nothing_is_sent(charge: Charge) -> None:
    charge.die_in("patch.object(charges, '_send_payment_request', die).start()" + _RUN)
    assert charge.run(_RUN).items() >= _UNCLEAR.items()
    assert charge.calls() == 0


def test_killed_after_the_call_it_is_not_repeated_and_the_webhook_pays(charge: Charge) -> None:
    charge.die_in(
        "def call_and_die(charge):\n    note_call(charge)\n    die()\n"
        "patch.object(charges, '_send_payment_request', call_and_die).start()" + _RUN
    )
    assert charge.calls() == 1
    assert charge.run(_RUN + _RUN).items() >= _UNCLEAR.items()
    assert charge.calls() == 1
    assert charge.run(_WEBHOOK + _REGISTER).items() >= _PAID.items()
    assert charge.calls() == 1


def test_a_webhook_before_the_second_run_leaves_it_nothing_to_do(charge: Charge) -> None:
    charge.die_in(
        "def call_and_die(charge):\n    note_call(charge)\n    die()\n"
        "patch.object(charges, '_send_payment_request', call_and_die).start()" + _RUN
    )
    assert charge.run(_WEBHOOK + _RUN + _REGISTER).items() >= {**_PAID, "activities": 0}.items()
    assert charge.calls() == 1


def test_a_serialization_failure_after_the_call_does_not_repeat_it(charge: Charge) -> None:
    """Another connection changes the customer during the call; the job's own change of it then fails."""
    report = charge.run(
        """
def call_and_collide(charge):
    note_call(charge)
    with env.registry.cursor() as other:
        other.execute("UPDATE res_partner SET comment = 'theirs' WHERE id = %s", [charge.partner_id.id])
    charge.env.cr.execute("UPDATE res_partner SET comment = 'ours' WHERE id = %s", [charge.partner_id.id])

patch.object(charges, '_send_payment_request', call_and_collide).start()
"""
        + _RUN
    )
    assert (report["job"], report["state"], charge.calls()) == ("pending", "draft", 1)
    assert charge.run(_RUN).items() >= _UNCLEAR.items()
    assert charge.calls() == 1


def test_two_workers_call_once(charge: Charge) -> None:
    """Both run the job at once, in transactions of their own; the provider takes a while."""
    report = charge.run(
        """
import threading, time
from psycopg2 import OperationalError
from odoo import api, SUPERUSER_ID

def call_slowly(charge):
    note_call(charge)
    time.sleep(1)

patch.object(charges, '_send_payment_request', call_slowly).start()
barrier = threading.Barrier(4)

def work():
    barrier.wait()
    try:
        with env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["payment.transaction"].browse(CHARGE)._job_charge()
    except OperationalError as error:
        assert error.pgcode == "40001", error

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
env.cr.commit()
"""
        + _RUN
        + _REGISTER
    )
    assert report.items() >= _PAID.items()
    assert charge.calls() == 1


# === ON A RUNNING SERVER === #


@dataclass
class Customer:
    invoice: int
    client: "ServiceClient"


@pytest.fixture(scope="module")
def held(backoffice: BackOffice) -> Iterator[None]:
    """Invoices are made when a test says so."""
    with job_queue.held_back(backoffice, job_queue.CREATE_INVOICES):
        yield


@pytest.fixture
def new_customer(
    held: None,
    backoffice: BackOffice,
    service_client: Callable[[str], "ServiceClient"],
    new_plan: Callable[[BackOffice], "Plan"],
    wait_for_jobs: Callable[..., None],
) -> Callable[..., Customer]:
    """Return a function that makes a customer with a saved payment method, chosen, and an invoice of 20.00."""

    def make(outcome: str, **terms: Any) -> Customer:
        client, plan = service_client("payer"), new_plan(backoffice)
        [record] = backoffice.find("fusion.billing.plan", [("code", "=", plan.code)], ["id"])
        backoffice.call("fusion.billing.plan", "write", [record["id"]], terms)
        order = plan.open(client.api, "acme", START)["subscription_id"]
        [partner] = backoffice.find("sale.order", [("id", "=", order)], ["partner_id"])
        token = _save_token(backoffice, partner["partner_id"][0], outcome)
        backoffice.call("sale.order", "write", [order], {"x_fc_payment_token_id": token})
        job_queue.run_now(backoffice, job_queue.CREATE_INVOICES)
        wait_for_jobs()
        [invoice] = backoffice.find("account.move", [("x_fc_subscription_id", "=", order)], ["id"])
        return Customer(invoice["id"], client)

    return make


def test_a_posted_invoice_is_paid_by_itself_and_the_source_app_hears_of_it(
    backoffice: BackOffice, new_customer: Callable[..., Customer], wait_until: Callable[..., Any]
) -> None:
    customer = new_customer("done", automatic_payment=True)
    assert _read(backoffice, customer) == {"x_fc_payment_state": "paid", "payment_state": "paid"}
    wait_until(lambda: customer.client.endpoint.verified("invoice.paid"), what="the webhook")


def test_a_failed_payment_is_told_with_the_next_attempt(
    backoffice: BackOffice, new_customer: Callable[..., Customer], wait_until: Callable[..., Any]
) -> None:
    customer = new_customer("error", automatic_payment=True, payment_retry_days="2")
    assert _read(backoffice, customer) == {"x_fc_payment_state": "waiting_retry", "payment_state": "not_paid"}
    wait_until(lambda: customer.client.endpoint.verified("invoice.payment_failed"), what="the webhook")
    [told] = customer.client.endpoint.verified("invoice.payment_failed")
    payment = told.payload["payment"]
    assert (payment["payment_state"], payment["attempts"]) == ("waiting_retry", 1)
    assert date.fromisoformat(payment["next_retry_at"][:10]) - TODAY in (timedelta(2), timedelta(3))


def test_of_simultaneous_retries_one_charges(
    server: Server,
    database: str,
    backoffice: BackOffice,
    new_customer: Callable[..., Customer],
    wait_for_jobs: Callable[..., None],
) -> None:
    people = [BackOffice(server.url, database) for _ in range(4)]

    def retry(person: BackOffice, invoice: int) -> str:
        try:
            person.call("account.move", "action_x_fc_retry_payment", [invoice])
        except RpcError as error:
            return str(error.data.get("message"))
        return "begun"

    for _round in range(ROUNDS):
        customer = new_customer("done")
        with ThreadPoolExecutor(len(people)) as threads:
            answers = list(threads.map(lambda person: retry(person, customer.invoice), people))  # noqa: B023
        wait_for_jobs()
        assert answers.count("begun") == 1, answers
        assert {answer for answer in answers if answer != "begun"} <= {
            "A payment of the invoice is under way.",
            "The invoice is paid.",
        }
        assert backoffice.count("payment.transaction", [("x_fc_invoice_id", "=", customer.invoice)]) == 1
        assert _read(backoffice, customer) == {"x_fc_payment_state": "paid", "payment_state": "paid"}


# === HELPERS === #


def _printed(label: str, output: str) -> str:
    """Return what a shell printed after a label."""
    [line] = [line for line in output.splitlines() if line.startswith(f"{label} ")]
    return line.removeprefix(f"{label} ")


def _save_token(office: BackOffice, partner: int, outcome: str) -> int:
    values = {"partner_id": partner, "provider_ref": "demo", "demo_simulated_state": outcome}
    values["provider_id"] = office.record("payment.payment_provider_demo")
    values["payment_method_id"] = office.record("payment_demo.payment_method_demo")
    return office.create("payment.token", values)


def _read(office: BackOffice, customer: Customer) -> dict[str, Any]:
    names = ["x_fc_payment_state", "payment_state"]
    [values] = office.find("account.move", [("id", "=", customer.invoice)], names)
    return {name: values[name] for name in names}
