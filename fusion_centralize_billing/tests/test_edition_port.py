# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import ast
import re
from pathlib import Path

from odoo.tests import TransactionCase, tagged

from ..models.edition import Edition

_ADDON = Path(__file__).parents[1]
_EDITIONS = ("odoo.addons.fusion_subscription.", "odoo.addons.sale_subscription.")
_MODELS = (
    *("sale.order", "sale.order.line", "sale.subscription.plan", "product.template", "product.product"),
    *("account.move", "account.move.line", "res.partner", "res.company"),
)
#: Where something else than a record of an edition is asked what it has.
_ASKS_OTHERS = {"limits/deadline.py"}


def _get_sources():
    """Yield (path, text) of the code and views of the core and of GraphQL, without tests and upgrades."""
    for addon in (_ADDON, _ADDON.parent / "fusion_billing_graphql"):
        for path in sorted([*addon.rglob("*.py"), *addon.rglob("*.xml")]):
            relative = path.relative_to(addon)
            if relative.parts[0] not in ("tests", "migrations"):
                yield str(relative), path.read_text()


def _get_names(path, text):
    """Return the names of attributes, and the words of texts that are one word, of a file."""
    if path.endswith(".xml"):
        return set(re.findall(r"\b[a-z_]+[a-z0-9_]*\b", text))
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return found


def _get_questions(text):
    """Return the lines of code that ask whether an object, or a model, has something."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hasattr":
            found.append(ast.unparse(node))
        is_membership = isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn))
        if is_membership and ast.unparse(node.comparators[0]).endswith("._fields"):
            found.append(ast.unparse(node))
    return found


def _get_own_names():
    """Return the names of functions and fields that the core and GraphQL define."""
    found = set()
    for path, text in _get_sources():
        for node in ast.walk(ast.parse(text)) if path.endswith(".py") else ():
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@tagged("post_install", "-at_install")
class TestEditionPort(TransactionCase):
    """All that the core asks of the installed edition goes through its port; the tests run on either edition."""

    def test_the_edition_implements_every_method_of_the_port(self):
        order = self.registry["sale.order"]
        for name in [name for name in vars(Edition) if name.startswith("_edition_")]:
            with self.subTest(name):
                owner = next(parent for parent in order.__mro__ if name in vars(parent))
                self.assertTrue(owner.__module__.startswith(_EDITIONS[0]), owner)
                self.assertTrue(getattr(Edition, name).__doc__)

    def test_the_edition_has_the_fields_of_the_port(self):
        known = {name for model in _MODELS for name in self.env[model]._fields}
        self.assertLessEqual(Edition.FIELDS, known)

    def test_the_core_names_nothing_else_of_the_edition(self):
        hidden = self._get_names_of_edition()
        self.assertTrue(hidden)
        for path, text in _get_sources():
            if path == "models/edition.py":
                continue
            with self.subTest(path):
                self.assertFalse(_get_names(path, text) & hidden)

    def test_the_core_never_asks_what_an_edition_has(self):
        for path, text in _get_sources():
            if path in _ASKS_OTHERS or not path.endswith(".py"):
                continue
            with self.subTest(path):
                self.assertFalse(_get_questions(text))

    def _get_names_of_edition(self):
        """Return the names that only the edition gives to models that the core uses, too."""
        of_edition, of_others = set(), set()
        for model in _MODELS:
            for parent in self.registry[model].__mro__:
                module = getattr(parent, "__module__", "")
                is_addon = module.startswith("odoo.addons.")
                names = of_edition if module.startswith(_EDITIONS) else of_others
                if is_addon or module.startswith("odoo."):
                    names |= {name for name in vars(parent) if not name.startswith("__")}
        port = {name for name in of_edition if name.startswith("_edition_")} | {Edition.INVOICING_JOB}
        hidden = of_edition - of_others - port - Edition.FIELDS - set(Edition.HOOKS) - _get_own_names()
        # A word without a joint may stand for anything.
        return {name for name in hidden if "_" in name.strip("_") and not name.startswith("_compute_")}
