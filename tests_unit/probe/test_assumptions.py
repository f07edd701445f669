# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The probe asks for everything that our addons rest on: nobody has to think of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from enterprise_probe import assumptions

CHECKOUT = Path(__file__).resolve().parents[2]
BINDING = CHECKOUT / "enterprise" / "fusion_subscription"
STAND_IN = CHECKOUT / "tests_integration" / "stand_ins" / "enterprise" / "sale_subscription"
EDITION = CHECKOUT / "fusion_centralize_billing" / "models" / "edition.py"
ADDONS = ("fusion_centralize_billing", "fusion_billing_graphql")
#: Odoo's own names, which the stand-in defines for models of its own or extends.
COMMUNITY = {"active", "company_id", "create", "order_id", "_action_confirm"}


def parse(folder: Path) -> Iterator[ast.AST]:
    """Yield all nodes of the syntax trees of an addon."""
    for path in sorted(folder.rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text()))


def get_used_names(folder: Path) -> set[str]:
    """Return what code names: attributes, methods that it defines, and the words of its texts, such as "a.b"."""
    used = set()
    for node in parse(folder):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.FunctionDef):
            used.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used |= {node.value, *node.value.split(".")}
    return used


def get_defined_names(folder: Path) -> set[str]:
    """Return the methods, fields and models that an addon has."""
    defined = set()
    for node in parse(folder):
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef):
                defined.add(part.name)
            elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
                defined |= {target.id for target in part.targets if isinstance(target, ast.Name)}
            elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant):
                names = {target.id for target in part.targets if isinstance(target, ast.Name)}
                defined |= {part.value.value} if "_name" in names else set()
    return defined


def get_asked_names() -> set[str]:
    facts = (*assumptions.FIELDS, *assumptions.METHODS)
    expected = {fact.expected for fact in assumptions.NAMES}
    return {fact.name for fact in facts} | {fact.model for fact in facts} | expected


def read_texts(path: Path, name: str) -> set[str]:
    """Return the texts in the value that is assigned to a name somewhere in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return {part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)}
    raise LookupError(name)


def test_what_the_binding_names_of_enterprise_is_asked_for() -> None:
    """Enterprise's names are those of the stand-in: the binding runs on it, so it has all that the binding uses."""
    used = get_used_names(BINDING) & get_defined_names(STAND_IN) - COMMUNITY
    assert {"_create_recurring_invoice", "set_close", "next_invoice_date"} <= used
    assert used - get_asked_names() == set()


def test_fields_that_the_core_reads_of_an_edition_are_asked_for() -> None:
    fields = read_texts(EDITION, "FIELDS")
    assert "next_invoice_date" in fields
    assert fields - {fact.name for fact in assumptions.FIELDS} == set()


def test_packages_are_those_of_the_manifests() -> None:
    named: list[str] = []
    for addon in ADDONS:
        manifest = ast.literal_eval((CHECKOUT / addon / "__manifest__.py").read_text())
        named += manifest["external_dependencies"]["python"]
    assert sorted(assumptions.PACKAGES) == sorted(named)


def test_every_assumption_says_what_it_means() -> None:
    facts = (*assumptions.FIELDS, *assumptions.METHODS, *assumptions.NAMES)
    assert all(fact.meaning for fact in facts)
    assert all(meaning for *_question, meaning in (*assumptions.USES, *assumptions.BY_HAND_STEPS))
