# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What the probe says of what it finds: rows, and never a traceback."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from enterprise_probe import bundle, subscriptions, table
from enterprise_probe.assumptions import FieldFact, MethodFact
from enterprise_probe.verdicts import CONFIRMED, DIFFERENT, FAILED, NOT_FOUND, Question


class Cursor:
    """A cursor of a database that has nothing."""

    def __init__(self) -> None:
        self.executed: list[str] = []

    def execute(self, query: str, _values: object = None) -> None:
        self.executed.append(query)

    def fetchall(self) -> list[tuple[Any, ...]]:
        raise RuntimeError("the table is not there")

    def rollback(self) -> None:
        self.executed.append("ROLLBACK")

    @contextlib.contextmanager
    def savepoint(self, flush: bool) -> Iterator[None]:
        yield


def make_env(**models: type) -> Any:
    return SimpleNamespace(cr=Cursor(), registry={name.replace("_", "."): model for name, model in models.items()})


def make_field(**values: Any) -> Any:
    defaults = {"type": "date", "store": True, "readonly": False, "related": None, "compute": None}
    return SimpleNamespace(**{**defaults, "relational": False, "_module": "sale_subscription", **values})


def make_model(module: str, **methods: Callable[..., Any]) -> type:
    return type("Order", (), {"__module__": f"odoo.addons.{module}.models.sale_order", "_fields": {}, **methods})


# === FIELDS === #


@pytest.mark.parametrize(
    ("facts", "field", "verdict", "told"),
    [
        ({}, make_field(), CONFIRMED, "date, stored, editable, by sale_subscription"),
        ({"stored": True}, make_field(compute="_compute_day"), CONFIRMED, "computed _compute_day"),
        ({"stored": True}, make_field(store=False), DIFFERENT, "differs in: stored"),
        ({}, make_field(type="datetime"), DIFFERENT, "differs in: type"),
        ({"readonly": False}, make_field(readonly=True), DIFFERENT, "read-only"),
        ({}, make_field(related="order_id.day"), CONFIRMED, "related order_id.day"),
    ],
)
def test_a_field_is_confirmed_if_it_is_as_assumed(facts: dict[str, Any], field: Any, verdict: str, told: str) -> None:
    model = make_model("sale_subscription")
    model._fields = {"day": field}  # type: ignore[attr-defined]
    found = subscriptions.look_at_field(make_env(sale_order=model), FieldFact("sale.order", "day", "date", "m", facts))
    assert found[0] == verdict
    assert told in found[1]


@pytest.mark.parametrize(
    ("values", "verdict"), [(("a", "b"), CONFIRMED), (("a", "b", "c"), CONFIRMED), (("a",), DIFFERENT), ((), DIFFERENT)]
)
def test_a_selection_needs_the_values_that_we_know_and_may_have_more(values: tuple[str, ...], verdict: str) -> None:
    model = make_model("sale_subscription")
    model._fields = {"state": make_field(type="selection", get_values=lambda env: values)}  # type: ignore[attr-defined]
    fact = FieldFact("sale.order", "state", "selection", "m", {"values": ("a", "b")})
    assert subscriptions.look_at_field(make_env(sale_order=model), fact)[0] == verdict


def test_what_is_missing_is_told_with_what_is_similar() -> None:
    model = make_model("sale_subscription")
    model._fields = {"x_fc_end_date": None, "date_of_next_invoice": None, "name": None}  # type: ignore[attr-defined]
    fact = FieldFact("sale.order", "next_invoice_date", "date", "m")
    found = subscriptions.look_at_field(make_env(sale_order=model), fact)
    assert found == (NOT_FOUND, "similar names: date_of_next_invoice")
    assert subscriptions.look_at_field(make_env(), fact) == (NOT_FOUND, "there is no model sale.order")


# === METHODS === #


@pytest.mark.parametrize(
    ("method", "by_name", "verdict"),
    [
        (lambda self, reason=None, renew=False: None, True, CONFIRMED),
        (lambda self, *args, **kwargs: None, True, CONFIRMED),
        (lambda self, why=None, renew=False: None, True, DIFFERENT),
        (lambda self, why=None, renew=False: None, False, CONFIRMED),
        (lambda self: None, False, DIFFERENT),
        (lambda self, reason, renew, day: None, False, DIFFERENT),
    ],
)
def test_a_method_is_confirmed_if_it_can_be_called_as_we_do(
    method: Callable[..., Any], by_name: bool, verdict: str
) -> None:
    env = make_env(sale_order=make_model("sale_subscription", set_close=method))
    fact = MethodFact("sale.order", "set_close", ("reason", "renew"), "m", by_name)
    assert subscriptions.look_at_method(env, fact)[0] == verdict


def test_the_signature_is_that_of_enterprise_and_not_of_our_override() -> None:
    theirs = make_model("sale_subscription", run=lambda self, batch_size=30: None)
    ours = type(
        "Order",
        (theirs,),
        {"__module__": "odoo.addons.fusion_subscription.models.sale_order", "run": lambda self, *args: None},
    )
    found = subscriptions.look_at_method(make_env(sale_order=ours), MethodFact("sale.order", "run", (), "m"))
    assert found == (CONFIRMED, "(self, batch_size=30) by sale_subscription")


def test_who_uses_a_name_is_found_in_attributes_and_in_texts() -> None:
    model = make_model(
        "sale_subscription",
        by_attribute=lambda self: self.next_invoice_date,
        by_text=lambda self: self.write({"next_invoice_date": None}),
        within=lambda self: [order.next_invoice_date for order in self],
        by_nobody=lambda self: self.write({}),
    )
    found = subscriptions.look_for_uses(make_env(sale_order=model), "next_invoice_date")
    assert found == (CONFIRMED, "by_attribute, by_text, within")


# === THE TABLE === #


def test_a_question_that_fails_is_a_row_and_harms_no_other_one(capsys: pytest.CaptureFixture[str]) -> None:
    env = make_env()
    table.main(env, "/opt/odoo/custom-addons")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("probe: ")
    assert "question failed" in lines[-1]
    assert any("RuntimeError: the table is not there" in line for line in lines)
    assert not any(line.startswith("Traceback") for line in lines)
    assert sum(not line.startswith((" ", "=")) and bool(line) for line in lines) == 1 + int(lines[-1].split()[1])


def test_everything_is_asked_in_one_read_only_transaction_that_is_rolled_back() -> None:
    env = make_env()
    table.main(env, "/opt/odoo/custom-addons")
    assert env.cr.executed[:2] == ["ROLLBACK", "SET TRANSACTION READ ONLY"]
    assert env.cr.executed[-1] == "ROLLBACK"
    assert env.cr.executed.count("ROLLBACK") == 2


def test_a_row_tells_assumption_finding_and_meaning() -> None:
    def fail(env: Any) -> tuple[str, str]:
        raise KeyError("two\nlines")

    asked = [
        Question("Fields", "sale.order.day", "date", "It begins.", lambda env: (DIFFERENT, "datetime")),
        Question("Fields", "sale.order.name", "char", "It is shown.", lambda env: (CONFIRMED, "char\nof sale")),
        Question("Methods", "sale.order.run", "takes ()", "It runs.", fail),
    ]
    rows = [table.answer(make_env(), question) for question in asked]
    assert [row.verdict for row in rows] == [DIFFERENT, CONFIRMED, FAILED]
    assert list(table.format_table(rows)) == [
        "",
        "=== Fields ===",
        "DIFFERENT        sale.order.day",
        "    assumed: date",
        "    found:   datetime",
        "    means:   It begins.",
        "CONFIRMED        sale.order.name",
        "    found:   char",
        "             of sale",
        "    means:   It is shown.",
        "",
        "=== Methods ===",
        "QUESTION FAILED  sale.order.run",
        "    assumed: takes ()",
        "    found:   KeyError: 'two\\nlines'",
        "    means:   It runs.",
    ]
    assert table.summarize(rows) == "probe: 3 rows: 1 confirmed, 1 different, 1 question failed"


def test_one_file_holds_the_whole_probe(tmp_path: Path) -> None:
    """Run as odoo shell runs it: with nothing of ours to be imported, and an env that has nothing."""
    script = (
        "import contextlib, types\n"
        "cr = types.SimpleNamespace(execute=print, rollback=int, savepoint=lambda flush: contextlib.nullcontext())\n"
        "env = types.SimpleNamespace(cr=cr, registry={})\n"
    )
    text = script + bundle.bundle("/opt/odoo/custom-addons", "json")
    command = [sys.executable, "-I", "-"]
    done = subprocess.run(command, input=text, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    rows = json.loads(lines[-2])["rows"]
    assert lines[-1].startswith(f"probe: {len(rows)} rows: ")
    assert {"section", "subject", "assumed", "verdict", "found", "meaning"} == set(rows[0])
