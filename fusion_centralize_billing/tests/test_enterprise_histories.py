# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import datetime

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.tests import TransactionCase, tagged

from .enterprise import EnterpriseMixin
from .enterprise_history import History
from .enterprise_history_model import PlanSpec
from .random_histories import SETTINGS, UndoneError

_SPECS = (
    PlanSpec("usage alone with a quota", quota="100"),
    PlanSpec("fee and quota", quota="50", fee="20"),
    PlanSpec("minimum without a fee", minimum="50"),
    PlanSpec("minimum with a fee", quota="10", fee="20", minimum="50"),
    PlanSpec("tiers", tiers=(("100", "0.35"), ("300", "0.125"), (None, "0.05"))),
    PlanSpec("by day", quota="100", minimum="50", by_day=True),
    PlanSpec("aligned, by day", quota="100", minimum="50", by_day=True, aligned=True),
    PlanSpec("aligned, in full, with a fee", quota="100", fee="20", minimum="50", aligned=True),
)
#: Time zone and local time of what happens: at noon, and where UTC has another day.
_ZONES = (
    ("UTC", "12:00:00"),
    ("America/Toronto", "12:00:00"),
    ("America/Toronto", "21:30:00"),
    ("Asia/Tokyo", "05:00:00"),
)
_SWITCHES = {
    "states": ("written", "computed"),
    "next_invoice_date": ("written", "computed"),
    "end_date": ("first_day_after", "last_day"),
    "renewal_lines": ("recurring", "all"),
}
_which = st.integers(0, 50)
#: Below and above the quotas.
_quantities = st.sampled_from([0, 7, 40, 60, 90, 110, 150, 250, 333])
#: Days before today (after it, if negative; not before the start) and hour.
_times = st.tuples(
    st.sampled_from([0, 0, 1, 3, 10, 20, 30, 31, 45, 60, 75, -1, -2, -5, -15]), st.sampled_from([0, 4, 12, 23])
)

#: What happens; numbers are taken modulo what there is.
_STEPS = {
    "push": st.tuples(_quantities, _times),
    "push again": st.tuples(_which, _quantities, st.none() | _times),
    "void": st.tuples(_which),
    "let time pass": st.tuples(st.sampled_from([1, 5, 10, 15, 31, 31, 62])),
    "go to the boundary": st.just(()),
    "run": st.just(()),
    "run once": st.just(()),
    "do jobs": st.just(()),
    "invoice by button": st.just(()),
    "post": st.just(()),
    "delete a draft": st.tuples(_which),
    "cancel an invoice": st.tuples(_which),
    "pay": st.tuples(_which),
    "move the date": st.tuples(st.sampled_from([-10, -3, 5, 12, 31, 62])),
    "renew": st.just(()),
    "offer a renewal": st.just(()),
    "upsell": st.just(()),
    "close": st.just(()),
    "terminate": st.tuples(st.integers(-3, 30)),
    "plan an end": st.tuples(st.integers(0, 40)),
    "reopen": st.just(()),
    "expire": st.just(()),
    "prove": st.just(()),
}
_OFTEN = (
    ["push"] * 8
    + ["let time pass"] * 4
    + ["go to the boundary"] * 2
    + ["run"] * 4
    + ["renew", "close", "move the date"]
    + ["reopen"] * 3
)
_steps = st.sampled_from([*_OFTEN, *_STEPS]).flatmap(lambda name: st.tuples(st.just(name), _STEPS[name]))


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseHistories(EnterpriseMixin, TransactionCase):
    """Whatever Enterprise does to a subscription, each period is billed once, with its own quota and minimum.

    Histories are made up by hypothesis: counters late, ahead and corrected, runs late and in between, free renewals,
    dates moved by hand, renewals, upsells, ends and reopenings, invoices undone. What is owed is worked out by
    enterprise_history_model.py from what was acknowledged and what Enterprise did. FUSIONEXAMPLES=300 makes up more
    histories, and others each time.
    """

    leaves_out_first_fee = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.commitment_product = cls._create_product(name="Minimum")
        cls.recurrence.auto_close_limit = 40
        aligned = {"name": "Aligned", "billing_first_day": True, "auto_close_limit": 40}
        cls.recurrences = {False: cls.recurrence, True: cls.env["sale.subscription.plan"].create(aligned)}
        cls.plans = {spec: cls._create_plan_of(spec) for spec in _SPECS}

    @classmethod
    def _create_plan_of(cls, spec):
        plan = cls._create_plan(
            name=spec.name,
            plan_id=cls.recurrences[spec.aligned].id,
            product_id=cls.fee.id if float(spec.fee) else False,
            price=float(spec.fee),
            minimum_commitment=float(spec.minimum),
            commitment_product_id=cls.commitment_product.id,
            proration="day" if spec.by_day else "none",
        )
        tiers = [
            {"sequence": number, "up_to": float(up_to or 0), "price_per_unit": float(price)}
            for number, (up_to, price) in enumerate(spec.tiers)
        ]
        model = {"charge_model": "graduated"} if tiers else {"price_per_unit": float(spec.price)}
        cls._create_charge(plan, tiers=tiers, included_quota=float(spec.quota), **model)
        return plan

    @SETTINGS
    @given(
        st.sampled_from(_SPECS),
        st.sampled_from([1, 1, 15]),
        st.sampled_from(_ZONES),
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _SWITCHES.items()}),
        st.lists(_steps, min_size=10, max_size=30),
        st.booleans(),
    )
    def test_each_period_is_billed_once_with_its_own_quota_and_minimum(self, spec, day, zone, switches, steps, late):
        try:
            with self.env.cr.savepoint(), trap_jobs() as trap:
                history = History(self, trap, spec, datetime.date(2026, 1, day), zone, switches)
                history.run("run")
                for name, arguments in steps:
                    history.run(name, *arguments)
                history.settle(late)
                history.check()
                raise UndoneError
        except UndoneError:
            self.env.invalidate_all()
            self.env.registry.clear_cache()
