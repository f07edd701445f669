# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who reaches which records of ours: a table of all models and kinds of people, tried on records of their own
company and service, of another service, and of another company."""

import re

from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import unique
from .rights_world import RightsCase

_BILLING = "fusion_centralize_billing.group_billing_"
_LETTERS = {"write": "w", "create": "c", "unlink": "d"}
_KINDS = ("service", "user", "manager", "sales", "accountant")
#: r: finds, reads and groups; w, c, d: writes, creates, deletes. Those of what is their own; of another service's
#: a service may nothing, of another company's nobody. A new model needs a row, and a reason for each letter.
_MATRIX = """
                                  service  user  manager  sales  accountant
fusion.billing.account.link       r        r     rwcd     -      -
fusion.billing.api.key            -        r     rw       -      -
fusion.billing.api.key.shown      -        -     rwcd     -      -
fusion.billing.api.key.wizard     -        -     rwcd     -      -
fusion.billing.attention          r        r     r        -      -
fusion.billing.charge             r        r     rwcd     -      -
fusion.billing.charge.filter      r        r     rwcd     -      -
fusion.billing.charge.tier        r        r     rwcd     -      -
fusion.billing.charge.version     -        r     r        -      -
fusion.billing.commitment         -        r     r        -      -
fusion.billing.customer.token     -        r     r        -      -
fusion.billing.idempotency.key    -        -     r        -      -
fusion.billing.invoice.preview    -        rwc   rwc      -      -
fusion.billing.metric             r        r     rwcd     -      -
fusion.billing.payment.call       -        -     r        -      r
fusion.billing.period             -        r     r        -      -
fusion.billing.plan               r        r     rwcd     -      -
fusion.billing.proof              -        r     rwc      -      -
fusion.billing.proof.finding      -        r     r        -      -
fusion.billing.proof.line         -        r     r        -      -
fusion.billing.rated.counter      -        r     r        -      -
fusion.billing.rating             r        r     r        -      -
fusion.billing.reconciliation     -        r     rw       -      -
fusion.billing.service            r        r     rwc      -      -
fusion.billing.usage              r        r     rwcd     -      -
fusion.billing.usage.change       -        -     r        -      -
fusion.billing.usage.correction   -        -     rwcd     -      -
fusion.billing.usage.history      -        r     r        -      -
fusion.billing.webhook            r        r     rw       -      -
fusion.billing.webhook.secret.shown -      -     rwcd     -      -
fusion.subscription.change        -        -     -        rwcd   -
fusion.subscription.change.line   -        -     -        rwcd   -
fusion.subscription.fee           -        -     -        r      r
fusion.subscription.line.term     -        -     -        r      r
fusion.subscription.pause         -        -     -        r      r
fusion.subscription.period        -        -     -        r      r
sale.subscription.plan            -        -     -        r      r
"""
#: Of Odoo's own models a service reads these; what people may do with them is Odoo's affair.
NATIVE = ("sale.order", "account.move", "account.move.line")
#: Buttons that only open a list, a form or a dialog tell nothing; the rules decide what is in it.
_OPENS = re.compile("action_(view_(?!x_fc_payment_jobs)|open|change_subscription|preview_)")
#: Of these a service sees what its company has: no other service's secrets are in it.
_COMMON = {"fusion.billing.metric"}


def read_matrix():
    """Return ``{model: {kind: letters}}``."""
    rows = (line.split() for line in _MATRIX.strip().splitlines()[1:])
    return {
        name: {kind: cell.replace("-", "") for kind, cell in zip(_KINDS, cells, strict=True)} for name, *cells in rows
    }


def get_readable():
    """Return the names of all models that a service's technical user may read."""
    return {name for name, row in read_matrix().items() if row["service"]} | set(NATIVE)


@tagged("post_install", "-at_install")
class TestRightsMatrix(RightsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.matrix = read_matrix()
        groups = {
            "user": [f"{_BILLING}user"],
            "manager": [f"{_BILLING}manager"],
            "sales": ["sales_team.group_sale_salesman_all_leads"],
            "accountant": ["account.group_account_manager"],
            "internal": [],
            "administrator": ["base.group_system", f"{_BILLING}manager"],
        }
        cls.people = {kind: cls._create_user(*names) for kind, names in groups.items()}
        company = {"company_id": cls.other_company.id, "company_ids": [(6, 0, cls.other_company.ids)]}
        cls.people_abroad = {
            kind: cls._create_user(*names, **company) for kind, names in groups.items() if kind != "internal"
        }
        cls.portal = new_test_user(cls.env, login=unique("portal"), groups="base.group_portal")

    def _get_expected(self, name, kind):
        if name in NATIVE:
            return "r"
        if kind == "administrator":
            kind = "manager"
        return self.matrix[name].get(kind, "")

    # === WHAT A USER CAN === #

    def _can(self, user, records):
        """Return the letters of what a user can do with records; finding, reading and grouping must agree."""
        self._forget()
        records = records.with_user(user).with_context(allowed_company_ids=user._get_company_ids())
        ways = (self._finds, self._groups, self._reads)
        seen = {way.__name__: way(records) for way in ways}
        self.assertEqual(len(set(seen.values())), 1, seen)
        written = (letter for operation, letter in _LETTERS.items() if records.has_access(operation))
        return ("r" if seen["_reads"] else "") + "".join(written)

    def _finds(self, records):
        try:
            return set(records.browse().search([("id", "in", records.ids)]).ids) == set(records.ids)
        except AccessError:
            return False

    def _groups(self, records):
        try:
            return records.browse()._read_group([("id", "in", records.ids)], [], ["__count"])[0][0] > 0
        except AccessError:
            return False

    def _reads(self, records):
        # What many2one fields show of other records is up to those.
        own = [f.name for f in records._fields.values() if f.store and f.column_type and not (f.relational or f.groups)]
        try:
            return bool(records.read(own))
        except AccessError:
            return False

    def _check(self, user, kind, world, is_own):
        """Compare what a user can do with the records of a world to the table, or to nothing if they are others'."""
        for name in self.matrix if kind != "service" else (*self.matrix, *NATIVE):
            if name not in world or not (name in NATIVE or self._is_ours(name)):
                continue
            expected = self._get_expected(name, kind) if is_own(name) else ""
            with self.subTest(name, kind=kind):
                self.assertEqual(self._can(user, world[name]), expected)

    # === THE TABLE === #

    def test_every_model_has_a_row_and_a_record(self):
        self.assertEqual(set(self._get_models()) - set(self.matrix), set(), "new models need a row")
        transient = {name for name in self._get_models() if self.registry[name]._transient}
        for world in (self.own, self.neighbour, self.abroad):
            empty = {name for name in self._get_models() if not world.get(name)}
            self.assertEqual(empty, transient)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_people_reach_what_is_of_their_company(self):
        for kind, user in self.people.items():
            self._check(user, kind, self.own, lambda name: True)
            self._check(user, kind, self.abroad, lambda name: False)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_people_of_another_company_reach_theirs(self):
        for kind, user in self.people_abroad.items():
            self._check(user, kind, self.abroad, lambda name: True)
            self._check(user, kind, self.own, lambda name: False)

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_a_service_reaches_its_own_only(self):
        worlds = (self.own, self.neighbour, self.abroad)
        for world in worlds:
            user = world["fusion.billing.service"].user_id
            for other in worlds:
                same_company = other["res.company"] == world["res.company"]
                self._check(
                    user,
                    "service",
                    other,
                    lambda name, is_own=other is world, near=same_company: is_own or (near and name in _COMMON),
                )

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_a_portal_user_reaches_nothing(self):
        self._check(self.portal, "portal", self.own, lambda name: True)

    def test_dialogs_are_opened_by_those_who_may_act(self):
        users = {**self.people, "service": self.service.user_id, "portal": self.portal}
        for name in self._get_models():
            for kind, user in users.items() if self.registry[name]._transient else ():
                with self.subTest(name, kind=kind):
                    model = self.env[name].with_user(user)
                    letters = {"read": "r", **_LETTERS}
                    can = "".join(letter for operation, letter in letters.items() if model.has_access(operation))
                    self.assertEqual(can, self._get_expected(name, kind))

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_a_dialog_is_of_whoever_has_opened_it(self):
        """What another one writes into it would be done in the name of who presses its button."""
        line = self.env["sale.order.line"].search([("order_id", "=", self.own["sale.order"].id)], limit=1)
        values = {
            "fusion.billing.api.key.shown": {},
            "fusion.billing.api.key.wizard": {"service_id": self.service.id, "name": "Key"},
            "fusion.billing.invoice.preview": {"order_id": self.own["sale.order"].id},
            "fusion.billing.usage.correction": {"kind": "void", "reason": "r", "usage_ids": [(6, 0, [])]},
            "fusion.billing.webhook.secret.shown": {},
            "fusion.subscription.change": {"order_id": self.own["sale.order"].id},
            "fusion.subscription.change.line": {"order_line_id": line.id, "quantity": 1, "price_unit": 1},
        }
        groups = ("sales_team.group_sale_salesman_all_leads", f"{_BILLING}manager")
        opener, other = self._create_user(*groups), self._create_user(*groups)
        for name in (name for name in self._get_models() if self.registry[name]._transient):
            given = dict(values[name])
            if name == "fusion.subscription.change.line":
                change = self.env["fusion.subscription.change"].with_user(opener)
                given["change_id"] = change.create(values[change._name]).id
            dialog = self.env[name].with_user(opener).create(given)
            with self.subTest(name):
                self.assertEqual(self._can(opener, dialog).replace("d", ""), "rwc")
                self.assertFalse(dialog.with_user(other).has_access("read"))
                self.assertFalse(dialog.with_user(other).has_access("write"))
                self.assertFalse(dialog.with_user(other).search([("id", "in", dialog.ids)]))

    # === WHAT IS REFUSED === #

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_what_the_table_denies_is_refused_when_it_is_done(self):
        manager, service = self.people["manager"], self.service.user_id
        tried = ((manager, self.abroad), (service, self.own), (service, self.neighbour), (service, self.abroad))
        for user, world in tried:
            for name in (name for name in (*self.matrix, *NATIVE) if name in world):
                records = world[name].with_user(user)
                vals = {"create_date": "2026-01-01"} if records._log_access else {}
                acts = {"write": lambda r=records, v=vals: r.write(v), "unlink": lambda r=records: r.unlink()}
                for operation, act in acts.items():
                    self._forget()
                    with self.subTest(name, operation=operation, user=user.login), self.assertRaises(AccessError):
                        act()

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_no_button_acts_on_records_of_another_company(self):
        groups = ("sales_team.group_sale_manager", "account.group_account_manager", "base.group_system")
        user = self._create_user(f"{_BILLING}manager", *groups)
        for name, records in self.abroad.items():
            for method in sorted(self._get_own_methods(name, "action_")):
                self._forget()
                with self.subTest(name, method=method):
                    act = getattr(records[:1].with_user(user), method)
                    if _OPENS.match(method):
                        continue
                    with self.assertRaises(AccessError):
                        act()

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_a_preview_shows_no_order_that_its_reader_does_not_see(self):
        previews = self.env["fusion.billing.invoice.preview"]
        for user in (self.people["user"], self.people["manager"], self.people_abroad["manager"]):
            for at in ("now", "period_end"):
                self._forget()
                with self.subTest(user=user.login, at=at), self.assertRaises(AccessError):
                    preview = previews.with_user(user).create({"order_id": self.own["sale.order"].id, "at": at})
                    self.assertFalse(preview.content)

    def _get_own_methods(self, name, prefix):
        """Return the names of the methods with a prefix that our addons define on a model."""
        return {
            method
            for parent in self.registry[name].__mro__
            if parent.__module__.startswith("odoo.addons.fusion_")
            for method, value in vars(parent).items()
            if method.startswith(prefix) and not method.startswith("__") and callable(value)
        }

    def test_private_methods_are_not_called_from_outside(self):
        """Odoo asks the rights of no method, and leaves out those whose name begins with an underscore."""
        for name in self._get_models():
            for method in self._get_own_methods(name, "_"):
                with self.subTest(name, method=method), self.assertRaises(AccessError):
                    get_public_method(self.env[name], method)
