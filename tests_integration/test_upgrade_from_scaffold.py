"""An early scaffold of the addon, of the same name, becomes this version: keys, usage, webhooks and all.

Real Odoo installs the scaffold, fills it, and upgrades it: on Community's subscriptions, and on the stand-in of
Enterprise's, where the binding is not installed yet.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from main_job import job_queue, proof, provisioning
from main_job.back_office import BackOffice
from main_job.receiver import Receiver
from main_job.source_app import ApiError, SourceApp
from runtime import configuration, databases, layout
from runtime.progress import Fault
from runtime.server import Odoo, serving
from runtime.setup import Runtime
from upgrades import scaffold_addon, scaffold_data, schema

NAME = scaffold_addon.NAME
STAND_INS = Path(__file__).parent / "stand_ins" / "enterprise"
#: Lower than ours in two ways, and as high.
VERSIONS = {"community": "19.0.1.0.0", "enterprise": "19.0.0.1.0"}


@dataclass
class Site:
    """A database with the scaffold and its data, and what can be done with it."""

    edition: str
    odoo: Odoo
    runtime: Runtime
    database: str
    facts: dict[str, Any] = field(default_factory=dict)

    def psql(self, query: str, database: str | None = None) -> str:
        return databases.psql(self.odoo, database or self.database, query)

    def upgrade(self, database: str | None = None) -> Path:
        """Upgrade the scaffold to the code of this checkout and return the log."""
        name = database or self.database
        log = layout.LOGS / f"{name}-upgrade.log"
        arguments = ["-d", name, "-u", NAME, "--no-http", "--workers", "0", "--stop-after-init"]
        self.odoo.run(arguments, log=log)
        return log


@pytest.fixture(scope="module")
def receiver_of_webhooks() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module", params=["community", "enterprise"])
def site(
    request: pytest.FixtureRequest,
    runtime: Runtime,
    odoo: Odoo,
    receiver_of_webhooks: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    edition = request.param
    with _extra_addons(str(STAND_INS) if edition == "enterprise" else ""):
        built = Site(edition, odoo, runtime, f"fusion_test_scaffold_{edition}")
        databases.create(odoo, runtime.queue_job_version, built.database)
        _install_scaffold(built, tmp_path_factory.mktemp("scaffold"), _webhook_url(receiver_of_webhooks, edition))
        yield built
        databases.drop(odoo, built.database)


@pytest.fixture(scope="module")
def upgraded(site: Site) -> Iterator[Site]:
    name = f"{site.database}_upgraded"
    databases.clone(site.odoo, site.database, name)
    after = Site(site.edition, site.odoo, site.runtime, name, site.facts)
    after.facts = {**site.facts, "log": after.upgrade().read_text()}
    yield after
    databases.drop(site.odoo, name)


@pytest.fixture(scope="module")
def live(upgraded: Site, receiver_of_webhooks: Receiver) -> Iterator[tuple[BackOffice, SourceApp]]:
    log = layout.LOGS / f"{upgraded.database}-server.log"
    with serving(upgraded.odoo, upgraded.database, log=log) as server:
        office = BackOffice(server.url, upgraded.database)
        provisioning.lift_limits(office)
        yield office, SourceApp(server.url, scaffold_data.KEYS["crm"])


def test_without_the_encryption_key_the_upgrade_stops_and_nothing_has_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = _describe_tables(site)
    monkeypatch.setenv("FUSION_BILLING_SECRET_KEY", "")
    with pytest.raises(Fault) as refused:
        site.upgrade()
    assert "FUSION_BILLING_SECRET_KEY" in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert _describe_tables(site) == tables


def test_a_scaffold_of_a_version_as_high_is_not_touched_and_the_sentence_to_lower_it_works(site: Site) -> None:
    if site.edition == "enterprise":
        pytest.skip("the same in both editions")
    name = f"{site.database}_high"
    databases.clone(site.odoo, site.database, name)
    site.psql(f"UPDATE ir_module_module SET latest_version = '19.0.7.0.0' WHERE name = '{NAME}'", name)
    before = schema.dump(site.odoo, name)
    with pytest.raises(Fault) as refused:
        site.upgrade(name)
    assert schema.dump(site.odoo, name) == before
    told = str(refused.value)
    sentence = told[told.index("UPDATE ir_module_module") :].splitlines()[0]
    site.psql(sentence, name)
    site.upgrade(name)
    assert site.psql("SELECT COUNT(*) FROM fusion_billing_api_key", name) == "2"
    databases.drop(site.odoo, name)


def test_the_upgrade_warns_of_nothing_and_the_schema_is_that_of_a_new_database(upgraded: Site) -> None:
    assert schema.find_warnings(upgraded.facts["log"]) == []
    fresh = f"{upgraded.database}_fresh"
    databases.create(upgraded.odoo, upgraded.runtime.queue_job_version, fresh)
    databases.install_addons(upgraded.odoo, fresh, (NAME,))
    new, old = (schema.describe(upgraded.odoo, name) for name in (fresh, upgraded.database))
    databases.drop(upgraded.odoo, fresh)
    assert "\n".join(sorted(new - old)) == ""
    # A model for it may not exist yet: its rows are kept in any case.
    assert sorted(line for line in old - new if "fusion_billing_reconciliation" not in line) == []
    assert upgraded.psql("SELECT external_amount::text || note FROM fusion_billing_reconciliation") in (
        "20.1Compared by hand",
        "20.10Compared by hand",
    )


def test_what_the_scaffold_brought_for_itself_is_gone_and_what_people_work_with_is_not(upgraded: Site) -> None:
    gone = "'cron_fc_rate_usage', 'cron_fc_dispatch_webhooks', 'menu_root', 'view_service_form', 'group_fusion_billing'"
    assert upgraded.psql(f"SELECT COUNT(*) FROM ir_model_data WHERE module = '{NAME}' AND name IN ({gone})") == "0"
    assert upgraded.psql("SELECT COUNT(*) FROM ir_act_server WHERE name->>'en_US' LIKE 'Fusion: %'") == "0"
    assert upgraded.psql("SELECT COUNT(*) FROM ir_ui_menu WHERE name->>'en_US' = 'Fusion Scaffold'") == "0"
    assert upgraded.psql("SELECT COUNT(*) FROM fusion_billing_metric WHERE code = 'cpu_seconds'") == "1"


def test_keys_move_secrets_are_encrypted_and_services_have_users(upgraded: Site) -> None:
    hashes = {hashlib.sha256(key.encode()).hexdigest() for key in scaffold_data.KEYS.values()}
    assert set(upgraded.psql("SELECT key_hash FROM fusion_billing_api_key").split()) == hashes
    assert upgraded.psql("SELECT COUNT(DISTINCT user_id) FROM fusion_billing_service") == "2"
    assert scaffold_data.SECRET.encode() not in b"".join(schema.dump(upgraded.odoo, upgraded.database))


def test_links_keep_partner_and_id_and_one_that_meant_two_customers_is_told(upgraded: Site) -> None:
    links = upgraded.psql(
        "SELECT service.code, external_id, partner.name FROM fusion_billing_account_link AS link"
        " JOIN fusion_billing_service AS service ON service.id = service_id"
        " JOIN res_partner AS partner ON partner.id = link.partner_id ORDER BY link.id"
    )
    [acme, shared, desk, double] = (line.split("|") for line in links.splitlines())
    assert acme == ["crm", "acme", "Customer 1"]
    assert (shared, desk) == (["crm", "shared", "Customer 2"], ["desk", "shared", "Customer 2"])
    assert double[1].startswith("acme (")
    assert double[2] == "Customer 3"
    assert "was two: Customer 3" in upgraded.facts["log"]
    assert "1 counters of" in upgraded.facts["log"]  # of the customer of two services


def test_counters_keep_quantity_and_key_and_get_the_service_of_their_subscription(upgraded: Site) -> None:
    rows = upgraded.psql(
        "SELECT idempotency_key, quantity, service_id IS NOT NULL, voided_at IS NOT NULL,"
        " attributed_at = period_end - interval '1 microsecond' FROM fusion_billing_usage ORDER BY id"
    )
    assert rows.splitlines() == [
        "crm:old|1100|t|f|t",
        "crm:open|5100.1|t|f|t",
        "crm:negative|0|t|t|t",
        "whose|7|f|f|t",
    ]


def test_the_open_period_is_rated_once_and_the_billed_one_never_again(
    upgraded: Site, live: tuple[BackOffice, SourceApp]
) -> None:
    office, app = live
    facts = upgraded.facts
    job_queue.wait_until_idle(office)
    counter = _counter(facts, "calls", 5100.1, facts["boundary"], "crm:open")
    answer = app.ask("POST", "/usage", {"events": [counter]})
    assert [result["status"] for result in answer["results"]] == ["duplicate"]
    more = _counter(facts, "calls", 900, facts["boundary"], "crm:more")
    assert app.record_usage([more]) == 1
    # What was billed may be sent again, but nothing is added to it.
    again = _counter(facts, "calls", 1100, facts["start"], "crm:old")
    assert app.ask("POST", "/usage", {"events": [again]})["results"][0]["status"] == "duplicate"
    with pytest.raises(ApiError, match="usage_already_billed"):
        app.record_usage([_counter(facts, "calls", 5, facts["start"], "crm:late")])
    preview = app.ask("POST", f"/subscriptions/{facts['order']}/preview", {"at": "period_end"})
    usage = [line for line in preview["lines"] if line["kind"] == "usage" and Decimal(line["amount_untaxed"])]
    # 6,000.1 calls, 5,900.1 above the quota: six thousands begun, 0.10 each. The scaffold's own line adds nothing.
    assert [Decimal(line["amount_untaxed"]) for line in usage] == [Decimal("0.60")]
    # The fee is previewed where this addon's own boundaries decide on it.
    assert Decimal(preview["amount_untaxed"]) in (Decimal("20.60"), Decimal("0.60"))


def test_the_api_works_with_the_old_key(upgraded: Site, live: tuple[BackOffice, SourceApp]) -> None:
    _office, app = live
    assert {(plan["plan_code"], plan["metric"]) for plan in app.plans()} == {("pro", "calls"), ("pro", "seats")}
    assert app.upsert_customer("acme", "Customer 1", "one@customer.example")["status"] == "ok"
    assert app.ask("GET", f"/subscriptions/{upgraded.facts['order']}")["status"] == "ok"
    app.upsert_customer("new", "Customer 4", "four@customer.example")
    with pytest.raises(ApiError) as refused:
        SourceApp(app.url, "another-key-from-before").plans()
    assert refused.value.status == 401


def test_waiting_webhooks_are_delivered_once_and_signed_with_the_old_secret(
    live: tuple[BackOffice, SourceApp],
) -> None:
    office, _app = live
    job_queue.wait_until_idle(office)
    webhooks = office.find(
        "fusion.billing.webhook", [("event_type", "=", "invoice.finalized")], ["state", "delivery_uuid"]
    )
    assert [webhook["state"] for webhook in webhooks][:4] == ["sent", "sent", "sent", "dead"]
    assert len({webhook["delivery_uuid"] for webhook in webhooks}) == len(webhooks)


def test_the_proof_finds_nothing(live: tuple[BackOffice, SourceApp]) -> None:
    office, _app = live
    found = proof.run(office)
    assert (found.unexplained, found.findings) == (0, 0)


def _counter(facts: dict[str, Any], metric: str, quantity: float, day: str, key: str) -> dict[str, Any]:
    first = date.fromisoformat(day)
    times = {"period_start": f"{first}T00:00:00Z", "period_end": f"{first + timedelta(days=1)}T00:00:00Z"}
    subscription = {"subscription_external_id": str(facts["order"]), "metric_code": metric}
    return {**subscription, **times, "quantity": quantity, "idempotency_key": key}


@contextmanager
def _extra_addons(folder: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSION_EXTRA_ADDONS", folder)
        yield


def _webhook_url(receiver: Receiver, edition: str) -> str:
    endpoint = receiver.endpoint(edition)
    endpoint.secret = scaffold_data.SECRET
    return endpoint.url


def _install_scaffold(site: Site, folder: Path, webhook_url: str) -> None:
    """Install the scaffold from a folder of its own, in place of the addon of this checkout, and fill it."""
    depends = ["sale_subscription" if site.edition == "enterprise" else "fusion_subscription"]
    scaffold_addon.write(folder, VERSIONS[site.edition], [*depends, "sale_management"])
    if site.edition == "community":
        (folder / "fusion_subscription").symlink_to(layout.CHECKOUT / "fusion_subscription")
    places = [path for path in configuration.addons_path(site.runtime.source) if path != layout.CHECKOUT]
    places = [path for path in places if path != layout.CHECKOUT / "enterprise"]
    path = ["--addons-path", ",".join(map(str, [*places, folder]))]
    log = layout.LOGS / f"{site.database}-scaffold.log"
    quiet = ["--no-http", "--workers", "0", "--stop-after-init"]
    site.odoo.run(["-d", site.database, "-i", NAME, *path, *quiet], log=log)
    shell = ["shell", "-d", site.database, "--no-http", "--log-level=warn", *path]
    printed = site.odoo.run(shell, stdin=scaffold_data.code(webhook_url, recurring=site.edition == "enterprise"))
    site.facts.update(json.loads(printed.split("RESULT", 1)[1].splitlines()[0]))


def _describe_tables(site: Site) -> list[bytes]:
    """Return all that is in the database; on Enterprise, where the binding was installed by then, what it concerns."""
    only = [] if site.edition == "community" else ["-t", "fusion_*", "-t", "ir_cron", "-t", "account_move_line"]
    return schema.dump(site.odoo, site.database, *only)
