# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Every field of ours is written by whom field_rights.py says, tried over the ORM with that user's rights."""

import datetime
import json
import re

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import BillingHttpCase
from .field_rights import FIELD_RIGHTS
from .rights_world import RightsCase

_MUTED = ("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model", "odoo.sql_db")
#: Who has all that people may have, but is not the superuser.
_STRONGEST = (
    *("base.group_system", "base.group_partner_manager", "fusion_centralize_billing.group_billing_manager"),
    *("sales_team.group_sale_manager", "account.group_account_manager"),
)
#: What our guards say to who writes what only code writes.
_NOBODY = re.compile("nobody writes it|cannot be edited: void it")


@tagged("post_install", "-at_install")
class TestFieldRights(RightsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.strongest = cls._create_user(*_STRONGEST)
        groups = {group for rights in FIELD_RIGHTS.values() for group in (rights.people, *dict(rights.more)) if group}
        cls.people = {group: cls._create_user(*group.split(",")) for group in groups}

    # === FIELDS === #

    @classmethod
    def _get_fields(cls, name):
        """Yield the fields of ours that a model has, and that somebody could write."""
        for field in cls.registry[name]._fields.values():
            ours = (field._module or "").startswith("fusion_") and field.name not in MAGIC_COLUMNS
            if ours and (field.store or field.inverse or not (field.compute or field.related)):
                yield field

    @classmethod
    def _get_all_fields(cls):
        """Return ``{model: {name: field}}`` of ours, without the one2many fields that mirror others."""
        found = {
            name: {field.name: field for field in cls._get_fields(name) if field.type != "one2many"}
            for name, model in cls.registry.items()
            if not model._abstract and name != "product.product"  # has the fields of its template
        }
        return {name: fields for name, fields in found.items() if fields}

    def _get_rows(self, kind):
        """Yield (model, field name, group) of the rows of a kind, as far as the installed edition has them."""
        for name, rights in FIELD_RIGHTS.items():
            groups = [(rights.people, getattr(rights, kind)), *(rights.more if kind == "written" else ())]
            for group, names in groups:
                ours = {field.name for field in self._get_fields(name)} if name in self.registry else set()
                yield from ((name, field, group) for field in names.split() if field in ours)

    def _get_other_value(self, record, name):
        """Return a value that a field of a record does not have, and that is not empty."""
        field, value = record._fields[name], record.sudo()[name]
        if field.relational:
            near = self.own.get(field.comodel_name, self.env[field.comodel_name])
            near |= self.neighbour.get(field.comodel_name, near)
            others = near | self.env[field.comodel_name].with_context(active_test=False).search([], limit=2)
            other = (others - value)[:1]
            return [Command.set(other.ids)] if field.type == "many2many" else other.id
        if field.type == "selection":
            return next(option for option in field.get_values(self.env) if option != value)
        if field.type in ("date", "datetime"):
            return (value or self._get_noon(field)) + datetime.timedelta(days=1)
        if field.type == "boolean":
            return not value
        if field.type == "json":
            return {"forged": "yes"}
        return (value or 0) + 7 if field.type in ("integer", "float", "monetary") else f"{value or ''}x"

    def _get_noon(self, field):
        noon = datetime.datetime(2026, 1, 15, 12)
        return noon if field.type == "datetime" else noon.date()

    def _get_record(self, name, opener=None):
        """Return a record of a model; a dialog is made for the purpose, and is its opener's."""
        if name in self.own:
            return self.own[name][:1]
        line = self.env["sale.order.line"].search([("order_id", "=", self.own["sale.order"].id)], limit=1)
        dialog = {
            "fusion.billing.api.key.wizard": {"service_id": self.service.id, "name": "Key"},
            "fusion.billing.invoice.preview": {"order_id": self.own["sale.order"].id},
            "fusion.billing.usage.correction": {
                "kind": "void",
                "reason": "mistaken",
                "usage_ids": [Command.set(self.own["fusion.billing.usage"].ids)],
            },
            "fusion.subscription.change": {"order_id": self.own["sale.order"].id},
            "fusion.subscription.change.line": {
                "order_line_id": line.id,
                **{"quantity": 1, "price_unit": 1, "discount": 0},
            },
        }
        values = dialog.get(name, {})
        if name == "fusion.subscription.change.line":
            values["change_id"] = self._get_record("fusion.subscription.change", opener).id
        return self.env[name].with_user(opener or self.env.user).sudo().create(values)

    def _get_needed(self, name):
        """Return the values without which Odoo's own models do not look at any other one."""
        needed = {"account.move.line": ["move_id"], "payment.transaction": ["provider_id", "partner_id"]}
        return {field: self.own[name][:1][field].id for field in needed.get(name, ())}

    # === ACTS === #

    def _try(self, act):
        """Do something and undo it; return by what it was refused: ``access``, ``guard``, ``rule``, or None."""
        self._forget()
        with self.env.cr.savepoint() as savepoint:
            try:
                act()
                self.env.flush_all()
                return None
            except AccessError:
                return "access"
            except UserError as error:
                return "guard" if _NOBODY.search(str(error)) else "rule"
            except IntegrityError:
                return "rule"
            finally:
                savepoint.rollback()
                self._reset()

    def _reset(self):
        self.env.invalidate_all(flush=False)
        self.registry.clear_all_caches()

    # === THE TABLE === #

    def test_every_field_has_one_row(self):
        for name, fields in self._get_all_fields().items():
            with self.subTest(name):
                rights = FIELD_RIGHTS[name]
                rows = [rights.written, rights.fixed, rights.code, *dict(rights.more).values()]
                listed = " ".join(rows).split()
                self.assertEqual(len(set(listed)), len(listed))
                self.assertEqual(set(fields) - set(listed), set(), "new fields need a row")
                if "fusion.subscription.period" in self.registry:
                    self.assertEqual(set(listed) - set(fields), set())

    def test_every_one2many_field_mirrors_one_of_the_table(self):
        for name, model in self.registry.items():
            for field in self._get_fields(name) if not model._abstract else ():
                if field.type == "one2many":
                    with self.subTest(str(field)):
                        mirrored = self.registry[field.comodel_name]._fields[field.inverse_name]
                        self.assertIn(mirrored.name, self._get_all_fields()[field.comodel_name])

    # === PEOPLE === #

    @mute_logger(*_MUTED)
    def test_people_write_what_is_theirs(self):
        for name, field, group in self._get_rows("written"):
            user = self.people[group]
            record = self._get_record(name, user)
            # To where they move things is tried below.
            value = self.company.id if field == "company_id" else self._get_other_value(record, field)
            with self.subTest(f"{name}.{field}", group=group):
                record = self._as(user, record)
                # What its own rules refuse, such as a code that a sold plan keeps, is not refused for who writes it.
                refused = self._try(lambda r=record, f=field, v=value: r.write({f: v}))
                self.assertIn(refused, (None, "rule"))

    def _create_movable(self):
        """Return records that nothing but the rights of their user keeps in their company, by model."""
        shared = self._create_metric(company_id=False)
        plan = self._create_plan(pricelist_id=False, product_id=False, price=0)
        return {
            "fusion.billing.charge": self._create_charge(plan, metric_id=shared.id, product_id=False),
            "fusion.billing.metric": self._create_metric(),
            "fusion.billing.plan": self._create_plan(pricelist_id=False, product_id=False, price=0),
            "fusion.billing.proof": self.env["fusion.billing.proof"].create({}),
            "fusion.billing.service": self._create_service(),
        }

    @mute_logger(*_MUTED)
    def test_people_move_nothing_to_companies_that_are_not_theirs(self):
        moved = {name for name, field, _group in self._get_rows("written") if field == "company_id"}
        movable = self._create_movable()
        self.assertEqual(moved - {"sale.subscription.plan"}, set(movable), "recurrences move as Odoo's products do")
        manager = self.people["fusion_centralize_billing.group_billing_manager"]
        for name, record in movable.items():
            with self.subTest(name):
                values = {"company_id": self.other_company.id}
                refused = self._try(lambda r=record, v=values: self._as(manager, r).write(v))
                self.assertEqual(refused, "access")
                record.sudo().write(values)

    @mute_logger(*_MUTED)
    def test_people_give_a_record_what_nobody_changes_then(self):
        for name, field, group in self._get_rows("fixed"):
            record = self._get_record(name)
            value = self._get_other_value(record, field)
            user = self.people[group]
            with self.subTest(f"{name}.{field}"):
                refused = self._try(lambda r=record, u=user, v={field: value}: self._as(u, r.browse()).create(v))
                self.assertIn(refused, (None, "rule"))
                self.assertEqual(self._try_write(record, field, value), "guard")

    def test_what_people_give_a_record_is_given(self):
        manager = self.people["fusion_centralize_billing.group_billing_manager"]
        partner = self.env["res.partner"].create({"name": "By hand"})
        values = {
            "fusion.billing.account.link": {
                "service_id": self.service.id,
                "external_id": "by-hand",
                "partner_id": partner.id,
            },
            "fusion.billing.charge.tier": {
                "charge_id": self.own["fusion.billing.charge"].id,
                "sequence": 1,
                "up_to": 1,
            },
            "fusion.billing.charge.filter": {
                "charge_id": self.own["fusion.billing.charge"].id,
                "name": "region",
                "value": "us",
            },
            "fusion.billing.usage": {
                "subscription_id": self.own["sale.order"].id,
                "metric_id": self.metric.id,
                "quantity": 3,
                "idempotency_key": "by-hand",
                "period_start": "2026-02-10",
                "period_end": "2026-02-10",
            },
        }
        self.assertEqual(set(values), {name for name, _field, _group in self._get_rows("fixed")})
        for name, given in values.items():
            with self.subTest(name):
                record = self._as(manager, self.env[name]).create(given)
                fixed = FIELD_RIGHTS[name].fixed.split()
                as_given = record.read(fixed, load=None)[0]
                self.assertEqual({field: as_given[field] for field in fixed}, {field: given[field] for field in fixed})
        self.assertEqual(record.service_id, self.service)

    # === CODE === #

    def _as(self, user, records):
        self._forget()
        return records.with_user(user).with_context(allowed_company_ids=user._get_company_ids())

    def _try_write(self, record, field, value):
        return self._try(lambda: self._as(self.strongest, record).write({field: value}))

    @mute_logger(*_MUTED)
    def test_what_only_code_writes_is_refused_to_the_strongest_user(self):
        for name, field, _group in self._get_rows("code"):
            record = self._get_record(name)
            value = self._get_other_value(record, field)
            with self.subTest(f"{name}.{field}"):
                self.assertIn(self._try_write(record, field, value), ("guard", "access"))
                given = {**self._get_needed(name), field: value or True}
                refused = self._try(lambda r=record, v=given: self._as(self.strongest, r.browse()).create(v))
                self.assertIn(refused, ("guard", "access"))

    @mute_logger(*_MUTED)
    def test_what_only_code_writes_is_guarded_whoever_gets_access(self):
        """Access rights are given by administrators, too: the guard does not rely on them."""
        for name, field, _group in self._get_rows("code"):
            model = self.env[name]
            guarded = model._fc_get_guarded_fields() if hasattr(model, "_fc_get_guarded_fields") else set()
            if hasattr(model, "_get_guarded_fields"):
                guarded = guarded | model._get_guarded_fields()
            with self.subTest(f"{name}.{field}"):
                self.assertTrue(not model._auto or field in guarded)

    @mute_logger(*_MUTED)
    def test_records_of_others_are_not_taken_by_a_list_of_lines(self):
        """A one2many field is no way around the field that it mirrors."""
        kept = {(name, field) for kind in ("code", "fixed") for name, field, _group in self._get_rows(kind)}
        for name in FIELD_RIGHTS:
            for field in self._get_fields(name) if name in self.own else ():
                if field.type != "one2many" or (field.comodel_name, field.inverse_name) not in kept:
                    continue
                line = self.neighbour[field.comodel_name][:1]
                with self.subTest(str(field)):
                    record = self._as(self.strongest, self.own[name][:1])
                    taken = self._try(lambda r=record, f=field, i=line.id: r.write({f.name: [Command.link(i)]}))
                    self.assertIn(taken, ("guard", "rule", "access"))


@tagged("post_install", "-at_install")
class TestFieldRightsOverRpc(BillingHttpCase):
    """What people send to Odoo's own API, with any values and any context."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls._create_user("fusion_centralize_billing.group_billing_manager")
        tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
        cls.token = cls.env["res.users.apikeys"].with_user(cls.manager).sudo()._generate("rpc", "Test", tomorrow)
        cls.other_service = cls._create_service()
        cls.api_key = cls.service.api_key_ids.filtered("active")

    def _rpc(self, record, method, **arguments):
        response = self.url_open(
            f"/json/2/{record._name}/{method}",
            data=json.dumps({"ids": record.ids, **arguments}),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            timeout=60,
        )
        self.env.invalidate_all()
        return response.status_code

    @mute_logger("odoo.http")
    def test_a_manager_hands_no_key_to_another_service(self):
        forged = {
            "service_id": self.other_service.id,
            "key_hash": self.env["fusion.billing.api.key"]._hash("mine"),
            "prefix": "fcb_00000000",
            "is_default": False,
        }
        for name, value in forged.items():
            with self.subTest(name):
                before = self.api_key[name]
                self.assertEqual(self._rpc(self.api_key, "write", vals={name: value}), 422)
                self.assertEqual(self.api_key[name], before)
        self.assertEqual(self._rpc(self.api_key, "write", vals={"name": "Renamed"}), 200)

    @mute_logger("odoo.http")
    def test_a_manager_calls_no_method_that_only_code_calls(self):
        for method in ("_as_technical_user", "_api_upsert_customer", "_find_user_fault", "_create_technical_user"):
            with self.subTest(method):
                self.assertIn(self._rpc(self.service, method), (403, 404))
