# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import datetime
import os
from fractions import Fraction

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from ..proof import Scope, prove
from .common import unique
from .enterprise import EnterpriseMixin
from .enterprise_history_model import Counter, EnterpriseModel, Life, PlanSpec

#: How many histories each test makes up; more find more.
_EXAMPLES = int(os.environ.get("FUSION_EXAMPLES", "10"))
_DAY = datetime.timedelta(days=1)
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
_OFTEN = ["push"] * 8 + ["let time pass"] * 5 + ["run"] * 4 + ["renew", "close"] + ["reopen"] * 3
_steps = st.sampled_from([*_OFTEN, *_STEPS]).flatmap(lambda name: st.tuples(st.just(name), _STEPS[name]))
_settings = settings(
    max_examples=_EXAMPLES,
    derandomize="FUSION_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate] + [Phase.shrink] * ("FUSION_SHRINK" in os.environ),
)


class _UndoneError(Exception):
    """Ends the savepoint of an example."""


@tagged("post_install", "-at_install", "enterprise")
class TestEnterpriseHistories(EnterpriseMixin, TransactionCase):
    """Whatever Enterprise does to a subscription, each period is billed once, with its own quota and minimum.

    Histories are made up by hypothesis: counters late, ahead and corrected, runs late and in between, free renewals,
    dates moved by hand, renewals, upsells, ends and reopenings, invoices undone. What is owed is worked out by
    enterprise_history_model.py from what was acknowledged and what Enterprise did. FUSION_EXAMPLES=300 makes up more
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

    @_settings
    @given(
        st.sampled_from(_SPECS),
        st.sampled_from([1, 1, 15]),
        st.sampled_from(_ZONES),
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _SWITCHES.items()}),
        st.lists(_steps, min_size=10, max_size=30),
    )
    def test_each_period_is_billed_once_with_its_own_quota_and_minimum(self, spec, day, zone, switches, steps):
        try:
            with self.env.cr.savepoint(), trap_jobs() as trap:
                history = _History(self, trap, spec, datetime.date(2026, 1, day), zone, switches)
                history.run("run")
                for name, arguments in steps:
                    history.run(name, *arguments)
                history.settle()
                history.check()
                raise _UndoneError
        except _UndoneError:
            self.env.invalidate_all()
            self.env.registry.clear_cache()


class _History:
    """A subscription in the database beside its model, which is told what Enterprise did after each step."""

    def __init__(self, test, trap, spec, start, zone, switches):
        self.test, self.env, self.trap = test, test.env, trap
        self.today = start
        self.zone, self.time = zone
        self.switches = switches
        for name, value in switches.items():
            test._switch(name, value)
        is_last_day = switches["end_date"] == "last_day"
        self.env["ir.config_parameter"].set_param("fusion_subscription.end_date_is_last_day", str(is_last_day))
        with self._now():
            plan = test.plans[spec]
            order = test._create_subscription(
                plan,
                with_fee=bool(plan.product_id),
                plan_id=plan.plan_id.id,
                start_date=str(start),
                x_fc_billing_tz=self.zone,
                x_fc_minimum_commitment=float(spec.minimum),
                x_fc_proration=plan.proration,
            )
        self.name = order.x_fc_external_id
        self.orders = [order]
        self.offer = None
        self.model = EnterpriseModel(spec, [Life(start, start, order.next_invoice_date, spec.aligned)])
        self.keys = []

    @property
    def order(self):
        return self.orders[-1]

    @property
    def life(self):
        return self.model.lives[-1]

    # === STEPS === #

    def run(self, name, *arguments):
        note(f"{self.today}: {name} {arguments}")
        with self._now():
            getattr(self, "_" + name.replace(" ", "_"))(*arguments)
            self._follow()

    def _now(self):
        return self.test._on(str(self.today), self.zone, self.time)

    def _push(self, quantity, times):
        self._send(unique("key"), quantity, *self._get_time(times))

    def _push_again(self, number, quantity, times):
        for key in self._pick_counters(number):
            counter = self.model.counters[key]
            self._send(key, quantity, *(self._get_time(times) if times else (counter.day, 12)))

    def _void(self, number):
        for key in self._pick_counters(number):
            self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])._void("Counted twice")
            counter = self.model.counters[key]
            self.model.counters[key] = Counter(counter.day, counter.quantity, is_void=True)

    def _let_time_pass(self, days):
        self.test._notice()  # each minute
        self.today += days * _DAY

    def _run(self):
        reached = None
        while self._is_due() and self.order.next_invoice_date != reached:
            reached = self.order.next_invoice_date
            self._run_once()
            self._follow()

    def _run_once(self):
        if self._is_due():
            self.order._create_recurring_invoice()

    def _do_jobs(self):
        """Do what crons and jobs do."""
        self.trap.enqueued_jobs = []
        for order in self.orders:
            order._job_rate()
        with self.test._commits_ignored():
            self.env["sale.order"]._cron_find_work()
        while self.trap.enqueued_jobs:
            jobs, self.trap.enqueued_jobs = self.trap.enqueued_jobs, []
            for job in jobs:
                if job.method_name in ("_job_rate", "_job_invoice_remaining_usage") and job.recordset in self._all():
                    getattr(job.recordset, job.method_name)()

    def _invoice_by_button(self):
        with _refused_is_good(self.env):
            wizard = self.env["sale.advance.payment.inv"].with_context(
                active_model="sale.order", active_ids=self.order.ids, active_id=self.order.id
            )
            wizard.create({"advance_payment_method": "delivered"}).create_invoices()
            self.life.invoice(self._get_reached())

    def _post(self):
        self._get_invoices("draft").action_post()

    def _delete_a_draft(self, number):
        for move in self._pick(number, self._get_invoices("draft")):
            move.unlink()

    def _cancel_an_invoice(self, number):
        for move in self._pick(number, self._get_invoices("posted")):
            if move.payment_state == "not_paid":
                move.button_draft()
                move.button_cancel()

    def _pay(self, number):
        for move in self._pick(number, self._get_invoices("posted")):
            if move.move_type == "out_invoice" and move.payment_state == "not_paid":
                self.test._pay(move)

    def _move_the_date(self, days):
        if self.order.subscription_state == "3_progress":
            self._do_jobs()
            self._follow()
            day = self.order.next_invoice_date + days * _DAY
            if self.switches["next_invoice_date"] == "computed" and self.model.spec.aligned:
                day = day.replace(day=1)  # else nobody could tell afterwards which day was passed
            # Not the last days of a month, from which nobody comes back by months.
            self.order.next_invoice_date = min(day, day.replace(day=28))

    def _offer_a_renewal(self):
        with _refused_is_good(self.env):
            self.offer = self.env["sale.order"].browse(self.order.prepare_renewal_order()["res_id"])

    def _renew(self):
        if not self.offer:
            self._offer_a_renewal()
        if self.offer and self.order.subscription_state in ("3_progress", "4_paused"):
            self._do_jobs()
            self._follow()
            day = max(self.order.next_invoice_date, self.life.opened)
            self.offer.action_confirm()
            self.test._notice()
            self.life.pass_days(self._get_reached())
            self.model.renew(day)
            self.life.next_date = self.offer.next_invoice_date
            self.orders.append(self.offer)
            self.offer = None

    def _upsell(self):
        if self.order.subscription_state == "3_progress" and self.order.next_invoice_date != self.order.start_date:
            self._do_jobs()
            self._follow()
            upsell = self.env["sale.order"].browse(self.order.prepare_upsell_order()["res_id"])
            lines = upsell.order_line.filtered("recurring_invoice")
            lines.product_uom_qty = 1
            upsell.action_confirm()
            self.life.seats += len(lines)
            self.test.assertFalse(upsell.order_line.filtered("x_fc_is_rated"))

    def _close(self):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                self.order.set_close()

    def _terminate(self, days):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                self.order._fc_terminate(self.today + days * _DAY, "other")

    def _plan_an_end(self, days):
        if self.order.subscription_state == "3_progress":
            with _refused_is_good(self.env):
                self.order.end_date = self.today + days * _DAY

    def _reopen(self):
        self.order.reopen_order()
        # Who closes it again within the minute in which nobody looks has not reopened it.
        self.test._notice()

    def _expire(self):
        with _refused_is_good(self.env):
            self.env["sale.order"]._close_expired_subscriptions()

    def _prove(self):
        """At any time every counter is explained, at the least by waiting for its rating."""
        outcome = prove(self.env, Scope((self.order.company_id.id,), service_id=self.test.service.id))
        self.test.assertEqual((outcome.unexplained, outcome.findings), (0, []))
        self.test.assertEqual(outcome.counters, len(self.model.counters))

    # === WHAT ENTERPRISE DID === #

    def _follow(self):
        """Tell the model how Enterprise's state, end and next invoice date have changed."""
        life, order = self.life, self.order
        has_ended = order.subscription_state == "6_churn"
        if has_ended and not life.ended_on:
            offset = _DAY if self.switches["end_date"] == "last_day" else 0 * _DAY
            day = min(order.end_date + offset, max(self.today, order.start_date))
            life.pass_days(min(self._get_reached(), day))
            life.end(day, bool(self.model.get_counters(life)))
        elif not has_ended and life.ended_on:
            life.reopen()
        if order.next_invoice_date != life.next_date:
            life.move(order.next_invoice_date)
        for each in self.model.lives:
            each.pass_days(self._get_reached())

    def _get_reached(self):
        """Return the latest day that is today, for the subscription or for the server."""
        return max(self.today, fields.Date.today())

    # === THE END === #

    def settle(self):
        """Let runs and jobs do what is left to do; end the subscription."""
        days = [(counter.day - self.today).days for counter in self.model.counters.values()]
        self.run("let time pass", max(0, *days, 0))
        self.run("post")
        self.run("run")
        self.run("do jobs")
        self.today += 32 * _DAY
        self.run("run")
        self.run("post")
        self.run("close")
        for _month in range(2):
            self.run("do jobs")
            self.today += 40 * _DAY
        self.run("post")
        self.run("prove")

    def check(self):
        self.env.flush_all()
        for order, life in zip(self.orders, self.model.lives, strict=True):
            owed = self.model.price(life)
            note(f"{order.name} {order.subscription_state}: {life.get_periods()} owes {owed}")
            self.test.assertEqual(self._sum_ledger(order), owed)
            self.test.assertEqual(self._sum_invoiced(order), sum(owed.values()))
            left = order.x_fc_rating_ids.filtered(lambda row: row.state == "open" and row.amount)
            self.test.assertFalse(left, f"left open: {left.mapped('display_name')}")
            self.test.assertFalse(order.x_fc_attention_ids)
            self._check_periods(order, life)

    def _check_periods(self, order, life):
        """Closed periods do not overlap, leave no gap, and are those of the model."""
        closed = self.env["fusion.billing.period"].search([("subscription_id", "=", order.id)], order="start_on")
        expected = [(period.start, period.end) for period in life.closed]
        expected += [(period.start, period.end) for period in life.get_periods() if period not in life.closed]
        found = [(period.start_on, period.end_on) for period in closed]
        self.test.assertEqual(found, expected[: len(found)])

    def _sum_ledger(self, order):
        sums = {}
        for row in order.x_fc_rating_ids.filtered(lambda row: row.state != "cancelled"):
            sums[row.first_day] = sums.get(row.first_day, 0) + _to_money(row.amount)
        return {day: amount for day, amount in sums.items() if amount}

    def _sum_invoiced(self, order):
        """Return what invoices less credit notes bill of usage and minimum."""
        moves = order.invoice_ids.filtered(lambda move: move.state == "posted")
        products = self.test.usage_product | self.test.commitment_product
        lines = moves.invoice_line_ids.filtered(lambda line: line.product_id in products)
        return sum(_to_money(line.price_subtotal) * -line.move_id.direction_sign for line in lines)

    # === HELPERS === #

    def _send(self, key, quantity, day, hour):
        instant = datetime.datetime.combine(day, datetime.time(hour), tzinfo=datetime.timezone.utc)
        start = self.order._fc_start_of(day) + (instant - instant.replace(hour=0))
        event = {
            "subscription_external_id": self.name,
            "metric_code": self.test.metric.code,
            "quantity": quantity,
            "period_start": f"{start.isoformat()}Z",
            "period_end": f"{start.isoformat()}Z",
            "idempotency_key": key,
        }
        answer = self.test.service._api_record_usage({"events": [event], "error_policy": "reject_failed_rows"})
        [result] = answer["results"]
        note(f"    {day}: {quantity} {result['status']}")
        if result["status"] != "rejected":
            self.model.counters[key] = Counter(day, quantity)

    def _get_time(self, times):
        days_ago, hour = times
        return max(self.today - days_ago * _DAY, self.model.lives[0].first), hour

    def _is_due(self):
        day = self.order.next_invoice_date
        is_running = self.order.subscription_state == "3_progress"
        return is_running and bool(day) and day <= fields.Date.today()

    def _all(self):
        return self.env["sale.order"].union(*self.orders)

    def _get_invoices(self, state):
        return self._all().invoice_ids.filtered(lambda move: move.state == state).sorted("id")

    def _pick(self, number, things):
        return [things[number % len(things)]] if things else []

    def _pick_counters(self, number):
        """Return the key of a number that is not void, or nothing."""
        return self._pick(number, [key for key, counter in self.model.counters.items() if not counter.is_void])


@contextlib.contextmanager
def _refused_is_good(env):
    """Let a step go by that is refused: nothing may have changed then."""
    with contextlib.suppress(UserError), env.cr.savepoint():
        yield


def _to_money(amount):
    return Fraction(str(amount))
