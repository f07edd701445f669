"""Deliveries on their way to receivers that check them with the packages of Standard Webhooks and Svix, as they are."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from main_job.back_office import BackOffice
from main_job.receiver import Delivery
from runtime import setup
from runtime.server import Server
from workshop import Workshop

if TYPE_CHECKING:
    from conftest import Plan, ServiceClient

DRIVERS = Path(__file__).parent / "drivers"
EVERYBODY = {"standardwebhooks of PyPI", "svix of PyPI", "standardwebhooks of npm", "svix of npm"}
#: Seconds that a delivery may be old, for these packages.
TOLERANCE = 5 * 60

Sent = dict[str, Any]
Accepts = Callable[[str, list[Sent]], list[set[str]]]


@pytest.fixture(scope="module")
def accepting(tmp_path_factory: pytest.TempPathFactory) -> Accepts:
    """Return a function that returns, for each delivery, who accepts it with a secret."""
    workshop = Workshop(setup.ensure_webhook_verifiers(), DRIVERS, tmp_path_factory.mktemp("verifiers"))

    def judge(secret: str, deliveries: list[Sent]) -> list[set[str]]:
        asked = {"secret": secret, "deliveries": deliveries}
        accepted: list[set[str]] = [set() for _delivery in deliveries]
        for driver, registry in (("verify.py", "PyPI"), ("verify.mjs", "npm")):
            for package, verdicts in workshop.run(driver, stdin=asked).items():
                for names, verdict in zip(accepted, verdicts, strict=True):
                    names.update({f"{package} of {registry}"} if verdict else ())
        return accepted

    return judge


@pytest.fixture(scope="module")
def plan(backoffice: BackOffice, new_plan: Callable[[BackOffice], "Plan"]) -> "Plan":
    return new_plan(backoffice)


@pytest.fixture
def client(service_client: Callable[[str], "ServiceClient"]) -> "ServiceClient":
    return service_client("signed")


@pytest.fixture
def deliver(plan: "Plan", client: "ServiceClient") -> Callable[[], Delivery]:
    """Return a function that lets an event happen and returns its delivery as it came in."""

    def happen() -> Delivery:
        known = len(client.endpoint.deliveries)
        plan.open(client.api, f"customer-{uuid.uuid4().hex[:8]}")
        return client.endpoint.wait_for(lambda deliveries: len(deliveries) > known)[known]

    return happen


def press_the_button(office: BackOffice, client: "ServiceClient") -> str:
    """Let the back office make a new secret, and return what it shows of it, this once."""
    action = office.call("fusion.billing.service", "action_new_webhook_secret", [client.id])
    client.endpoint.secret = action["context"]["default_raw_secret"]
    return client.endpoint.secret


def sent(delivery: Delivery) -> Sent:
    return {"headers": {name.lower(): value for name, value in delivery.headers}, "body": delivery.body.decode()}


def with_headers(delivery: Sent, **changes: str) -> Sent:
    headers = {f"webhook-{name}": value for name, value in changes.items()}
    return {**delivery, "headers": {**delivery["headers"], **headers}}


def as_if_sent_at(delivery: Sent, secret: str, moment: int) -> Sent:
    """Return a delivery as we would have sent it at a moment, signed as README describes it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{delivery['headers']['webhook-id']}.{moment}.{delivery['body']}".encode()
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return with_headers(delivery, timestamp=str(moment), signature=f"v1,{signature}")


def test_everybody_accepts_a_delivery_as_it_came(
    backoffice: BackOffice, client: "ServiceClient", deliver: Callable[[], Delivery], accepting: Accepts
) -> None:
    secret = press_the_button(backoffice, client)
    delivery = deliver()
    assert delivery.verified  # the hexadecimal signature, with the whole secret
    assert accepting(secret, [sent(delivery)]) == [EVERYBODY]
    assert sent(delivery)["headers"]["webhook-id"] == delivery.delivery_id


def test_nobody_accepts_what_was_changed_or_is_old(
    backoffice: BackOffice, client: "ServiceClient", deliver: Callable[[], Delivery], accepting: Accepts
) -> None:
    secret = press_the_button(backoffice, client)
    taken = sent(deliver())
    now = int(time.time())
    stamp = int(taken["headers"]["webhook-timestamp"])
    other_body = {**taken, "body": json.dumps({**json.loads(taken["body"]), "event_type": "invoice.paid"})}
    assert accepting(secret, [taken, as_if_sent_at(taken, secret, now)]) == [EVERYBODY] * 2
    refused = [
        with_headers(taken, id=str(uuid.uuid4())),  # a replay that a receiver would not know again
        with_headers(taken, timestamp=str(stamp + 1)),  # a replay made to look new
        other_body,
        as_if_sent_at(taken, secret, now - TOLERANCE - 60),  # captured six minutes ago, and sent again now
    ]
    assert accepting(secret, refused) == [set()] * len(refused)


def test_everybody_accepts_with_either_secret_while_one_replaces_the_other(
    backoffice: BackOffice, client: "ServiceClient", deliver: Callable[[], Delivery], accepting: Accepts
) -> None:
    former = press_the_button(backoffice, client)
    current = press_the_button(backoffice, client)
    delivery = deliver()
    assert delivery.verified
    headers = sent(delivery)["headers"]
    previous = hmac.new(former.encode(), delivery.body, hashlib.sha256).hexdigest()
    assert headers["x-fusion-signature-previous"] == previous
    for secret in (former, current):
        assert accepting(secret, [sent(delivery)]) == [EVERYBODY]
    stranger = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    assert accepting(stranger, [sent(delivery)]) == [set()]


def test_a_repetition_has_the_id_of_the_first_attempt_and_a_time_of_its_own(
    backoffice: BackOffice,
    client: "ServiceClient",
    deliver: Callable[[], Delivery],
    accepting: Accepts,
    wait_until: Callable[..., Any],
) -> None:
    secret = press_the_button(backoffice, client)
    client.endpoint.status = 500
    deliver()
    client.endpoint.status = 200
    job = [("state", "=", "pending"), ("method_name", "=", "_job_deliver"), ("eta", "!=", False)]
    waiting = wait_until(lambda: backoffice.find("queue.job", job, ["id"]), what="the job of the next attempt")
    backoffice.call("queue.job", "write", [found["id"] for found in waiting], {"eta": "2020-01-01 00:00:00"})
    client.endpoint.wait_for(lambda deliveries: len(deliveries) > 1)
    first, second = (sent(delivery) for delivery in client.endpoint.deliveries[:2])
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert int(first["headers"]["webhook-timestamp"]) <= int(second["headers"]["webhook-timestamp"])
    assert accepting(secret, [first, second]) == [EVERYBODY] * 2


def test_a_secret_of_another_form_sends_our_own_headers_only(deliver: Callable[[], Delivery]) -> None:
    delivery = deliver()  # the endpoint's own secret is plain text
    assert delivery.verified
    names = [name.lower() for name, _value in delivery.headers]
    assert not [name for name in names if name.startswith("webhook-")]


def test_no_secret_is_read_and_no_signature_logged(
    backoffice: BackOffice, server: Server, client: "ServiceClient", deliver: Callable[[], Delivery]
) -> None:
    secret = press_the_button(backoffice, client)
    headers = sent(deliver())["headers"]
    [service] = backoffice.find("fusion.billing.service", [("id", "=", client.id)], ["webhook_secret"])
    assert service["webhook_secret"] is False
    assert server.log
    logged = server.log.read_text(errors="replace")
    for text in (secret, headers["webhook-signature"], headers["x-fusion-signature"]):
        assert text not in logged
