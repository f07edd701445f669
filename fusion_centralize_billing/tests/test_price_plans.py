# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import BillingCase

_TODAY = "2026-01-15"
_DAYS = ("2026-01-15", "2026-01-16", "2026-02-01", "2026-03-01", "2026-04-01")


@tagged("post_install", "-at_install")
class TestPricePlans(BillingCase):
    """A change concerns what was changed: a price that is planned for a later day is neither lost nor early."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with trap_jobs():
            cls.order = cls._create_subscription(with_fee=False)
        cls.charge = cls._create_charge()

    def _save(self, charge, **values):
        with self._on(values.pop("on", _TODAY)):
            charge.write(values)

    def _plan(self, charge, day, **values):
        self._save(charge, price_effective_from=day, **values)

    def _get_prices(self, charge):
        """Return {day: price/quota} of the periods that begin on a day."""
        terms = {day: charge._get_price_terms(datetime.date.fromisoformat(day)) for day in _DAYS}
        return {day: each and f"{each.terms.price_per_unit}/{each.terms.included_quota}" for day, each in terms.items()}

    # === WHAT A CHANGE CONCERNS === #

    def test_a_change_leaves_alone_what_it_does_not_name(self):
        march, april = {"price_effective_from": "2026-03-01"}, {"price_effective_from": "2026-04-01"}
        february = {"price_effective_from": "2026-02-01"}
        # (changes of January 15th one after the other, price/quota of periods that begin on each of _DAYS, reason)
        cases = [
            ([{"included_quota": 100}], "1/0 1/100 1/100 1/100 1/100", "nothing is planned"),
            ([{"price_per_unit": 2, **march}], "1/0 1/0 1/0 2/0 2/0", "a price is planned"),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100}],
                "1/0 1/100 1/100 2/100 2/100",
                "the quota is saved meanwhile",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100, **february}],
                "1/0 1/0 1/100 2/100 2/100",
                "the quota is planned for a day before",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100, **april}],
                "1/0 1/0 1/0 2/0 2/100",
                "the quota is planned for a day after",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100, **march}],
                "1/0 1/0 1/0 2/100 2/100",
                "the quota joins the price",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 5}],
                "1/0 5/0 5/0 5/0 5/0",
                "the price itself is changed, for good",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 5, **march}],
                "1/0 1/0 1/0 5/0 5/0",
                "the planned price is changed",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 1}],
                "1/0 1/0 1/0 1/0 1/0",
                "the price stays as it is",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 2, **february}],
                "1/0 1/0 2/0 2/0 2/0",
                "the planned price comes earlier",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 3, **april}, {"included_quota": 100}],
                "1/0 1/100 1/100 2/100 3/100",
                "two prices are planned",
            ),
            (
                [{"price_per_unit": 3, **april}, {"price_per_unit": 2, **march}],
                "1/0 1/0 1/0 2/0 2/0",
                "a price that is planned for a day before holds from then on",
            ),
            (
                [{"included_quota": 100, **april}, {"price_per_unit": 2, **march}],
                "1/0 1/0 1/0 2/0 2/100",
                "what is planned in the wrong order comes on its days",
            ),
            (
                [{"price_per_unit": 2, **march}, {"name": "Other"}, {"price_per_unit": 2}],
                "1/0 1/0 1/0 2/0 2/0",
                "nothing is changed",
            ),
            (
                [{"price_per_unit": 2, "included_quota": 100, **march}, february],
                "1/0 1/0 2/100 2/100 2/100",
                "a day alone brings forward all that is shown",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100, "price_effective_from": "2025-12-01"}],
                "1/100 1/100 1/100 2/100 2/100",
                "a day in the past",
            ),
        ]
        for changes, expected, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                for values in changes:
                    self._save(self.charge, **values)
                self.assertEqual(" ".join(self._get_prices(self.charge).values()), expected)
                savepoint.rollback()

    def test_without_subscriptions_a_change_concerns_all_periods_and_keeps_what_is_planned(self):
        charge = self._create_charge(self._create_plan(), price_effective_from=False)
        self._plan(charge, "2026-03-01", price_per_unit=2)
        self._save(charge, included_quota=100)
        self.assertEqual(" ".join(self._get_prices(charge).values()), "1/100 1/100 1/100 2/100 2/100")

    def test_tiers_filters_groups_and_the_charge_model_are_one_term_each(self):
        charge = self._create_charge(
            self._create_plan_with_subscription(), charge_model="graduated", tiers=[{"price_per_unit": 1}]
        )
        region = [Command.create({"name": "region", "value": "eu"})]
        self._plan(charge, "2026-03-01", tier_ids=[Command.update(charge.tier_ids.id, {"price_per_unit": 2})])
        self._save(charge, filter_ids=region)
        self._save(charge, group_by="team")
        self._save(charge, charge_model="volume")
        march, tomorrow = (charge._get_price_terms(datetime.date(2026, *day)) for day in ((3, 1), (1, 16)))
        for terms, price in ((tomorrow, 1), (march, 2)):
            self.assertEqual(terms.terms.tiers[0].price_per_unit, price)
            self.assertEqual(terms.filters, (("region", ("eu",)),))
            self.assertEqual((terms.group_by, terms.charge_model), (("team",), "volume"))

    def test_a_changed_tier_keeps_what_is_planned(self):
        charge = self._create_charge(
            self._create_plan_with_subscription(), charge_model="graduated", tiers=[{"price_per_unit": 1}]
        )
        self._plan(charge, "2026-03-01", included_quota=100)
        with self._on(_TODAY):
            charge.tier_ids.price_per_unit = 7
        terms = [charge._get_price_terms(datetime.date(2026, *day)).terms for day in ((1, 15), (1, 16), (3, 1))]
        found = [(each.tiers[0].price_per_unit, each.included_quota) for each in terms]
        self.assertEqual(found, [(1, 0), (7, 0), (7, 100)])

    def test_a_change_that_does_not_fit_the_prices_of_a_day_asks_which_day_is_meant(self):
        package = {"charge_model": "package", "unit_batch": 1000, "included_quota": 0}
        self._plan(self.charge, "2026-03-01", **package)
        with self.assertRaisesRegex(ValidationError, "01/16/2026"), self.env.cr.savepoint():
            self._save(self.charge, free_units=10)
        self._plan(self.charge, "2026-03-01", free_units=10)
        self.assertEqual(self.charge._get_price_terms(datetime.date(2026, 3, 1)).terms.free_units, 10)

    def test_what_was_planned_is_invoiced_on_its_day(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        self._save(self.charge, included_quota=100)
        amounts = []
        for month in (1, 2, 3):
            self._use(self.order, 110, f"2026-0{month}-10")
            amounts.append(self._invoice_on(self.order, f"2026-0{month + 1}-01").amount_untaxed)
        self.assertEqual(amounts, [110, 10, 20])

    # === THE FORM === #

    def test_the_form_shows_what_holds_today_and_what_is_planned(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        self._plan(self.charge, "2026-04-01", price_per_unit=3)
        with self._on(_TODAY):
            self.assertEqual(self.charge.price_per_unit, 3)
            self.assertEqual(str(self.charge.prices_from), "2026-04-01")
            self.assertEqual(str(self.charge.current_prices_until), "2026-03-01")
            self.assertIn("Price 1", self.charge.current_prices)
            planned = self.charge.planned_version_ids
            self.assertEqual(planned.mapped(lambda version: str(version.effective_from)), ["2026-03-01", "2026-04-01"])
        with self._on("2026-04-01"):
            self.assertFalse(self.charge.planned_version_ids)
            self.assertFalse(self.charge.prices_from)

    def test_the_form_edits_one_version_at_a_time(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        with self._on(_TODAY), Form(self.charge) as form:
            form.included_quota = 100
            form.price_effective_from = "2026-03-01"
        self.assertEqual(" ".join(self._get_prices(self.charge).values()), "1/0 1/0 1/0 2/100 2/100")

    # === TAKING BACK === #

    def _discard(self, charge, day, on=_TODAY, user=None):
        with self._on(on):
            version = charge.planned_version_ids.filtered(lambda each: str(each.effective_from) == day)
            version.with_user(user or self.env.user).action_discard()

    def test_a_planned_price_is_taken_back(self):
        march, april = {"price_effective_from": "2026-03-01"}, {"price_effective_from": "2026-04-01"}
        # (changes, day to take back, price/quota by day, price/quota shown then, reason)
        cases = [
            ([{"price_per_unit": 2, **march}], "03", "1/0 1/0 1/0 1/0 1/0", "1/0", "the only one"),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 3, **april}],
                "04",
                "1/0 1/0 1/0 2/0 2/0",
                "2/0",
                "the last one",
            ),
            (
                [{"price_per_unit": 2, **march}, {"price_per_unit": 3, **april}],
                "03",
                "1/0 1/0 1/0 1/0 3/0",
                "3/0",
                "the first one: the later one changes the same",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100, **april}],
                "03",
                "1/0 1/0 1/0 1/0 1/100",
                "1/100",
                "the first one: the later one changes something else",
            ),
            (
                [{"price_per_unit": 2, **march}, {"included_quota": 100}],
                "03",
                "1/0 1/100 1/100 1/100 1/100",
                "1/100",
                "what was saved meanwhile stays",
            ),
        ]
        for changes, month, expected, shown, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                for values in changes:
                    self._save(self.charge, **values)
                self._discard(self.charge, f"2026-{month}-01")
                self.assertEqual(" ".join(self._get_prices(self.charge).values()), expected)
                self.assertEqual(f"{self.charge.price_per_unit:g}/{self.charge.included_quota:g}", shown)
                savepoint.rollback()

    def test_tiers_and_filters_come_back_when_their_change_is_taken_back(self):
        charge = self._create_charge(
            self._create_plan_with_subscription(),
            charge_model="graduated",
            tiers=[{"up_to": 10, "price_per_unit": 1}, {"price_per_unit": 0.5}],
            filter_ids=[Command.create({"name": "region", "value": "eu"})],
        )
        before = charge._get_price_terms()
        self._plan(charge, "2026-03-01", tier_ids=[Command.unlink(charge.tier_ids[0].id)], filter_ids=[Command.clear()])
        self._discard(charge, "2026-03-01")
        self.assertEqual(charge._get_price_terms(), before)
        self.assertEqual(charge._get_price_terms(datetime.date(2026, 3, 1)), before)

    def test_what_holds_already_and_the_first_price_of_a_charge_stay(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        version = self.charge.version_ids.sorted("id")[-1]
        with self._on("2026-03-01"), self.assertRaises(UserError):
            version.action_discard()
        self._plan(self.charge, "2026-03-01", price_per_unit=3)
        with self._on(_TODAY), self.assertRaises(UserError):
            version.action_discard()  # a newer one has taken its place
        later = self._create_charge(
            self._create_plan_with_subscription(), price_effective_from="2026-03-01"
        ).version_ids
        with self._on(_TODAY), self.assertRaisesRegex(UserError, "archive"):
            later.action_discard()

    def test_who_may_not_change_a_charge_takes_nothing_back(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        reader = self._create_user("fusion_centralize_billing.group_billing_user")
        with self.assertRaises(AccessError):
            self._discard(self.charge, "2026-03-01", user=reader)
        manager = self._create_user("fusion_centralize_billing.group_billing_manager")
        self._discard(self.charge, "2026-03-01", user=manager)
        self.assertEqual(self.charge.price_per_unit, 1)

    # === ARCHIVED AND USED AGAIN === #

    def test_an_archived_charge_that_is_used_again_was_never_archived_unless_a_day_is_given(self):
        # (what is planned before, what is written on February 15th, price/quota by day, reason)
        cases = [
            ({}, {}, "1/0 1/0 1/0 1/0 1/0", "as if never archived"),
            ({}, {"price_effective_from": "2026-04-01"}, "1/0 None None None 1/0", "the gap stays"),
            (
                {},
                {"price_effective_from": "2026-04-01", "price_per_unit": 4},
                "1/0 None None None 4/0",
                "with another price",
            ),
            ({}, {"price_per_unit": 4}, "1/0 1/0 1/0 4/0 4/0", "another price without a day"),
            (
                {"price_per_unit": 2, "price_effective_from": "2026-03-01"},
                {},
                "1/0 1/0 1/0 2/0 2/0",
                "with a price that was planned",
            ),
            (
                {"price_per_unit": 2, "price_effective_from": "2026-03-01"},
                {"price_effective_from": "2026-04-01"},
                "1/0 None None None 2/0",
                "what was planned has begun in the gap",
            ),
            (
                {"price_per_unit": 2, "price_effective_from": "2026-04-01"},
                {"price_effective_from": "2026-03-01"},
                "1/0 None None 1/0 2/0",
                "what was planned is to come",
            ),
        ]
        for planned, values, expected, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                if planned:
                    self._save(self.charge, **planned)
                self._save(self.charge, active=False)
                self._save(self.charge, active=True, on="2026-02-15", **values)
                self.assertEqual(" ".join(map(str, self._get_prices(self.charge).values())), expected)
                self.assertFalse(self.charge.effective_until)
                savepoint.rollback()

    def test_a_charge_whose_end_is_taken_away_was_never_ended_unless_a_day_is_given(self):
        april = {"price_effective_from": "2026-04-01"}
        # (its end, what is written on February 15th, price/quota by day, reason)
        cases = [
            ("2026-02-01", {}, "1/0 1/0 1/0 1/0 1/0", "as if never ended"),
            ("2026-02-01", april, "1/0 1/0 None None 1/0", "the gap stays"),
            ("2026-03-01", {"price_per_unit": 2, **april}, "1/0 1/0 1/0 1/0 2/0", "it had not ended yet"),
        ]
        for end, values, expected, reason in cases:
            with self.subTest(reason), self.env.cr.savepoint() as savepoint:
                self._save(self.charge, effective_until=end)
                self._save(self.charge, effective_until=False, on="2026-02-15", **values)
                self.assertEqual(" ".join(map(str, self._get_prices(self.charge).values())), expected)
                savepoint.rollback()

    def test_the_gap_of_an_archived_charge_is_not_invoiced(self):
        self._save(self.charge, active=False)
        self._save(self.charge, active=True, on="2026-02-15", price_effective_from="2026-03-01")
        amounts = []
        for month in (1, 2, 3):
            self._use(self.order, 5, f"2026-0{month}-10")
            amounts.append(self._invoice_on(self.order, f"2026-0{month + 1}-01").amount_untaxed)
        self.assertEqual(amounts, [5, 0, 5])
        self.assertIn("not charged", self.charge.version_ids.mapped("summary"))

    def test_a_charge_nobody_runs_on_applies_no_more_once_it_is_archived(self):
        plan = self._create_plan()
        charge = self._create_charge(plan)
        self._save(charge, active=False)
        self.assertFalse(charge.effective_until)
        self._create_charge(plan, price_per_unit=2)

    # === THE CATALOGUE === #

    def test_the_catalogue_tells_when_a_charge_begins_and_what_is_to_come(self):
        self._plan(self.charge, "2026-03-01", price_per_unit=2)
        later = self._create_charge(
            self._create_plan_with_subscription(), price_effective_from="2026-02-01", effective_until="2026-03-01"
        )
        self._plan(later, "2026-04-01", price_per_unit=9)
        with self._on(_TODAY):
            charges = {each["plan_code"]: each for each in self.service._api_catalog()["charges"]}
        running, begins = charges[self.plan.code], charges[later.plan_code]
        self.assertEqual((running["effective_from"], running["price_per_unit"]), (None, 1))
        upcoming = [(each["effective_from"], each["price_per_unit"]) for each in running["upcoming"]]
        self.assertEqual(upcoming, [("2026-03-01", 2)])
        self.assertEqual((begins["effective_from"], begins["price_per_unit"]), ("2026-02-01", 1))
        # The price of April comes after the charge has ended.
        self.assertEqual([each["effective_from"] for each in begins["upcoming"]], ["2026-02-01"])

    def _create_plan_with_subscription(self):
        plan = self._create_plan()
        with trap_jobs():
            self._create_subscription(plan)
        return plan
