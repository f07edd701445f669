# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
import contextlib
import datetime
import json
from decimal import Decimal

from hypothesis import given, note
from hypothesis import strategies as st

from odoo.addons.queue_job.tests.common import trap_jobs
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from ..models.usage_row import UsageRow
from ..models.usage_window import group_dimensions
from ..proof import Scope, prove
from ..rating import StoredRow, aggregate
from .common import BillingCase, unique
from .history_model import COMMITMENT, SPECS, Counter, HistoryModel
from .random_histories import SETTINGS, UndoneError

_ROUNDINGS = {"CAD": "0.01", "JPY": "1", "KWD": "0.001"}
_START = datetime.date(2026, 1, 1)
_DAY = datetime.timedelta(days=1)
_REGIONS = (None, "eu", "us")
#: Time zones with days of 23, 24, 24.5 and 25 hours soon after the start, and one that leaves out a day.
_ZONES = {
    "America/Toronto": datetime.date(2026, 2, 20),
    "Asia/Kolkata": _START,
    "Australia/Lord_Howe": datetime.date(2026, 3, 15),
    "Pacific/Apia": datetime.date(2011, 12, 10),
    "UTC": _START,
}

_quantities = st.one_of(
    st.sampled_from(["0", "1", "10", "10.5", "20", "50", "100"]).map(Decimal),
    st.integers(0, 200_000).map(lambda number: Decimal(number).scaleb(-3)),
)
#: Days ago (None for the last boundary), hour, and hours that the counter lasts.
_times = st.tuples(
    st.none() | st.integers(0, 75) | st.integers(0, 75), st.integers(0, 23), st.sampled_from([0, 0, 1, 24, 24, 24 * 40])
)
_which = st.integers(0, 50)
_regions = st.sampled_from(_REGIONS)

#: What happens to a subscription; numbers are taken modulo what there is.
_STEPS = {
    "push": st.tuples(_which, _quantities, _times, _regions),
    "push again": st.tuples(_which, _quantities, st.none() | _times, _regions),
    "amend": st.tuples(_which, _quantities),
    "void": st.tuples(_which),
    "remove": st.tuples(_which),
    "let time pass": st.tuples(st.sampled_from([1, 5, 15, 31, 31, 62])),
    "rate": st.just(()),
    "invoice": st.just(()),
    "invoice one period": st.just(()),
    "invoice by button": st.just(()),
    "post": st.just(()),
    "cancel": st.tuples(_which),
    "delete": st.just(()),
    "delete a line": st.tuples(_which),
    "credit": st.tuples(_which),
    "change a price": st.tuples(_which, st.sampled_from(["by default", "this period", "later"])),
    "end": st.tuples(st.integers(-20, 40)),
    "prove": st.just(()),
}
_OFTEN = ["push"] * 6 + ["push again"] * 2 + ["let time pass"] * 4 + ["invoice"] * 2
_steps = st.sampled_from([*_OFTEN, *_STEPS]).flatmap(lambda name: st.tuples(st.just(name), _STEPS[name]))


def _refused_is_good():
    """Let a step go by that Odoo refuses: nothing may have changed then."""
    return contextlib.suppress(UserError)


@tagged("post_install", "-at_install", "community")
class TestHistories(BillingCase):
    """Whatever happens to a subscription, in the end its invoices come to the price of its final usage.

    Histories are made up by hypothesis: counters in and out of order, corrections, voids, new prices,
    ratings, invoices late and in between, invoices undone, the end. What is owed is worked out by
    history_model.py from what was sent. FUSIONEXAMPLES=500 makes up more histories, and others each time.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Not for each example: freezegun or new products would take most of the time.
        cls.metrics = {spec.name: cls._create_metric(spec.aggregation) for spec in SPECS}
        cls.products = {name: cls._create_product(name=name) for name in [*cls.metrics, COMMITMENT]}
        cls.pricelists = {currency: cls._create_pricelist(currency) for currency in _ROUNDINGS}

    @SETTINGS
    @given(
        st.sampled_from(["CAD", "CAD", "JPY", "KWD"]),
        st.lists(st.sampled_from(SPECS), min_size=1, max_size=3, unique_by=lambda spec: spec.name),
        st.lists(_steps, min_size=4, max_size=25),
    )
    def test_invoices_come_to_the_price_of_the_final_usage(self, currency, specs, steps):
        self._check(currency, specs, steps)

    @SETTINGS
    @given(
        st.sampled_from(SPECS),
        st.sampled_from([0, 15, 30]),
        st.booleans(),
        st.lists(_steps, min_size=4, max_size=25),
    )
    def test_with_a_minimum_commitment_they_come_to_that_at_least(self, spec, start, prorated, steps):
        self._check("CAD", [spec], steps, start=_START + start * _DAY, minimum=100, prorated=prorated)

    @SETTINGS
    @given(
        st.sampled_from(list(_ZONES)),
        st.lists(st.sampled_from(SPECS), min_size=1, max_size=2, unique_by=lambda spec: spec.name),
        st.lists(_steps, min_size=4, max_size=25),
    )
    def test_in_every_time_zone_they_come_to_the_price_of_the_usage_of_local_days(self, zone, specs, steps):
        self._check("CAD", specs, steps, start=_ZONES[zone], zone=zone)

    def _check(self, currency, specs, steps, **terms):
        try:
            with self.env.cr.savepoint(), trap_jobs():
                history = _History(self, currency, specs, **terms)
                for name, arguments in steps:
                    history.run(name, *arguments)
                history.settle()
                history.check()
                raise UndoneError
        except UndoneError:
            self.env.invalidate_all()


class _History:
    """A subscription in the database beside its model; each step is done to both."""

    def __init__(self, test, currency, specs, start=_START, minimum=0, prorated=False, zone="UTC"):
        self.test, self.env = test, test.env
        self.today = start
        self.model = HistoryModel(
            start,
            Decimal(_ROUNDINGS[currency]),
            {spec.name: spec for spec in specs},
            zone=zone,
            fee=Decimal(20),
            minimum=Decimal(minimum),
            prorated=prorated and "x_fc_proration" in self.env["sale.order"]._fields,
        )
        plan = test._create_plan(
            pricelist_id=test.pricelists[currency].id, commitment_product_id=test.products[COMMITMENT].id
        )
        self.charges = {spec.name: self._create_charge(plan, spec) for spec in specs}
        proration = {"x_fc_proration": "day"} if self.model.prorated else {}
        self.order = test._create_subscription(
            plan, start_date=str(start), x_fc_minimum_commitment=minimum, x_fc_billing_tz=zone, **proration
        )
        self.partly_billed = set()
        self.prices = 0

    def _create_charge(self, plan, spec):
        return self.test._create_charge(
            plan,
            tiers=[
                {"sequence": number, "up_to": float(up_to or 0), spec.price_name: float(each), "flat_fee": float(fee)}
                for number, (up_to, each, fee) in enumerate(spec.tiers)
            ],
            name=spec.name,
            metric_id=self.test.metrics[spec.name].id,
            product_id=self.test.products[spec.name].id,
            charge_model=spec.model,
            group_by="region" if spec.by_region else False,
            filter_ids=[Command.create({"name": "region", "value": spec.region})] if spec.region else [],
            **{"price_per_unit": 0, **{name: float(text) for name, text in spec.terms}},
        )

    # === STEPS === #

    def run(self, name, *arguments):
        note(f"{self.today}: {name} {arguments}")
        with self.test._on(str(self.today), self.model.zone):
            getattr(self, "_" + name.replace(" ", "_"))(*arguments)

    def _push(self, charge, quantity, times, region):
        metric = self._pick(charge, list(self.model.charges))
        number = len(self.model.counters)
        counter = Counter(number, metric, quantity, *self._get_times(metric, times), region)
        self._send(unique("key"), counter)

    def _push_again(self, number, quantity, times, region):
        for key, known in self._pick_counter(number):
            start, end = self._get_times(known.metric, times) if times else (known.start, known.end)
            self._send(key, Counter(known.sequence, known.metric, quantity, start, end, region))

    def _amend(self, number, quantity):
        for key, known in self._pick_counter(number):
            self._find_usage(key)._amend(quantity, "Meter was off")
            self.model.counters[key] = _replace(known, quantity=quantity)

    def _void(self, number):
        for key, known in self._pick_counter(number):
            self._find_usage(key)._void("Counted twice")
            self.model.counters[key] = _replace(known, is_void=True)

    def _remove(self, number):
        for key, _known in self._pick_counter(number):
            self._find_usage(key).unlink()
            del self.model.counters[key]

    def _let_time_pass(self, days):
        self.today += days * _DAY

    def _rate(self):
        self.test._run_closing_jobs(self.order, str(self.today), self.model.zone)

    def _invoice(self):
        self.order._create_recurring_invoice()

    def _invoice_one_period(self):
        if self.order._fc_get_due_boundary():
            self.order._invoice_due_period()

    def _invoice_by_button(self):
        period = self.order._fc_get_current_period()
        with _refused_is_good():
            with self.env.cr.savepoint():
                self.test._create_native_invoice_on(self.order, str(self.today), self.model.zone)
            self.partly_billed |= {period and self.order._fc_day_of(period[0])}

    def _post(self):
        self.order.invoice_ids.filtered(lambda move: move.state == "draft").action_post()

    def _cancel(self, number):
        for move in self._pick_invoice(number):
            move.filtered(lambda move: move.state == "posted").button_draft()
            move.button_cancel()

    def _delete(self):
        # Odoo lets only the last number of a journal go.
        for move in self._pick_invoice(-1):
            with _refused_is_good(), self.env.cr.savepoint():
                move.filtered(lambda move: move.state == "posted").button_draft()
                move.unlink()

    def _delete_a_line(self, number):
        for move in self._pick_invoice(number):
            lines = move.invoice_line_ids.filtered(lambda line: line.product_id in self._get_rated_products())
            if lines:
                posted = move.filtered(lambda move: move.state == "posted")
                posted.button_draft()
                self._pick(number, lines.sorted("id")).unlink()
                posted.action_post()

    def _credit(self, number):
        for move in self._pick_invoice(number):
            if move.state == "posted" and move.move_type == "out_invoice" and move.amount_total:
                move._reverse_moves(cancel=True)

    def _change_a_price(self, number, when):
        name = self._pick(number, list(self.model.charges))
        period = self.order._fc_get_current_period()
        begun = period and self.order._fc_day_of(period[0])
        self.prices += 1
        spec = self.model.get_spec(name, datetime.date.max).with_price(f"{self.prices}.125")
        day = self.today + _DAY
        values = {}
        if when == "this period" and begun and begun not in self.partly_billed:
            # What is billed keeps its price, so only the time after it is told to change.
            day = values["price_effective_from"] = begun
        elif when == "later":
            day = values["price_effective_from"] = self.today + 40 * _DAY
        charge = self.charges[name]
        new = {spec.price_name: float(f"{self.prices}.125")}
        if spec.tiers:
            new = {"tier_ids": [Command.update(charge.tier_ids.sorted("sequence")[0].id, new)]}
        charge.write({**new, **values})
        self.model.save_price(name, spec, day)

    def _end(self, offset):
        if self.model.end or self.order.subscription_state != "3_progress":
            return
        # With usage a subscription covers its first day.
        day = max(self.today + offset * _DAY, self.order.x_fc_billed_until or self.model.start + _DAY)
        self.order._fc_terminate(day)
        self.model.end = day

    def _prove(self):
        """At any time every counter is explained, at the least by waiting for its rating."""
        outcome = prove(self.env, Scope((self.order.company_id.id,), service_id=self.test.service.id))
        self.test.assertEqual((outcome.unexplained, outcome.findings), (0, []))
        self.test.assertEqual(outcome.counters, len(self.model.counters))

    # === THE END === #

    def settle(self):
        """Let the recurring runs and the jobs do what is left to do."""
        days = [self.order._fc_day_of(counter.instant) for counter in self.model.counters.values()]
        self.today = max([self.today, *days, self.model.end or self.today])
        for _month in range(2):
            self.today += 32 * _DAY
            self.run("rate")
            self.run("invoice")
            self.run("rate")

    def check(self):
        test = self.test
        test.env.flush_all()
        owed = self.model.price_all(self.order.x_fc_billed_until or self.today)
        note(f"owed: {owed}")
        if not self.model.end:
            test.assertGreater(self.order.x_fc_billed_until, self.today - 32 * _DAY)
        test.assertEqual(self._sum_invoiced(), owed)
        test.assertEqual(self._sum_ledger(), owed)
        self._check_rows()
        self._check_windows()
        self._check_counters()
        self._prove()

    def _sum_invoiced(self):
        """Return what invoices less credit notes bill, by charge and region; a reversal by hand leaves usage billed."""
        lines = self.env["account.move.line"].search(
            [
                ("product_id", "in", self._get_rated_products().ids),
                ("move_id.x_fc_subscription_id", "=", self.order.id),
                ("parent_state", "!=", "cancel"),
            ]
        )
        sums = {}
        for line in lines.filtered(lambda line: not line.move_id.reversed_entry_id):
            sign = {"out_invoice": 1, "out_refund": -1}[line.move_id.move_type]
            name = line.product_id.name
            group = None
            if name in self.charges and self.charges[name].group_by:
                title = line.name.split("\n")[0]
                group = next((region for region in _REGIONS if f"(region: {region or 'none'})" in title), "?")
            sums[name, group] = sums.get((name, group), 0) + sign * self._to_money(line.price_subtotal)
        return {item: amount for item, amount in sums.items() if amount}

    def _sum_ledger(self):
        sums = {}
        for row in self._get_ended().filtered(lambda row: row.state != "cancelled"):
            group = json.loads(row.group_key)["region"] if row.group_key else None
            item = (row.charge_id.name or COMMITMENT, group)
            sums[item] = sums.get(item, 0) + self._to_money(row.amount)
        return {item: amount for item, amount in sums.items() if amount}

    def _check_rows(self):
        for row in self._get_ended():
            self.test.assertFalse(row.state == "open" and row.amount, f"left open: {row.display_name}")
            if row.state == "billed" and row.amount:
                line = row.invoice_line_id
                self.test.assertTrue(line, f"no invoice line: {row.display_name}")
                self.test.assertNotEqual(line.parent_state, "cancel")
                sign = {"out_invoice": 1, "out_refund": -1}[line.move_id.move_type]
                self.test.assertEqual(sign * line.price_subtotal, row.amount, row.display_name)

    def _check_windows(self):
        """Each counter is in one window of its charge, or in none because nothing bills it."""
        for name, charge in self.charges.items():
            windows = {}
            for row in self._get_ended().filtered(lambda row, charge=charge: row.charge_id == charge):
                windows[row.period_start, row.group_key] = self._get_present_counters(row)
            found = [counter.idempotency_key for counters in windows.values() for counter in counters]
            self.test.assertEqual(len(found), len(set(found)), f"{name}: a counter is billed twice")
            # The last period holds also what was acknowledged for later.
            last = datetime.datetime.max if self.model.end else self._get_billed_until()
            spec = self.model.charges[name]
            expected = {
                key
                for key, counter in self.model.counters.items()
                if counter.metric == name
                and not counter.is_void
                and counter.instant < last
                and spec.region in (None, counter.region)
            }
            self.test.assertEqual(set(found), expected, name)

    def _check_counters(self):
        """The counters of each row, as they were when it was rated, add up to it, whatever came later."""
        for row in self.order.x_fc_rating_ids.filtered(lambda row: row.kind == "usage"):
            counters = [
                StoredRow(each["counter_id"], each["quantity"], each["period_start"], each["period_end"])
                for each in row._get_counters()
            ]
            total = aggregate(row.metric_id.aggregation, counters, (row.period_start, row.period_end))
            self.test.assertEqual(total, Decimal(row.breakdown["total"]), row.display_name)

    # === HELPERS === #

    def _get_present_counters(self, row):
        """Return the counters that stand in a row's window now."""
        domain = [
            ("subscription_id", "=", self.order.id),
            ("metric_id", "=", row.metric_id.id),
            ("attributed_at", ">=", row.period_start),
            ("attributed_at", "<", self.order._fc_get_usage_limit(row.period_end)),
            ("voided_at", "=", False),
        ]
        spec, group = self.model.charges[row.charge_id.name], group_dimensions(row.group_key or "")
        if set(group) != set(row.terms["group_by"]):
            return self.env["fusion.billing.usage"]  # a row for a charge by groups that had none
        return (
            self.env["fusion.billing.usage"]
            .search(domain)
            .filtered(
                lambda usage: (
                    spec.region in (None, (usage.properties or {}).get("region"))
                    and all((usage.properties or {}).get(name) == value for name, value in group.items())
                )
            )
        )

    def _pick(self, number, things):
        return things[number % len(things)]

    def _pick_counter(self, number):
        """Return the (key, counter) of a number that is not void, or nothing."""
        standing = [(key, counter) for key, counter in self.model.counters.items() if not counter.is_void]
        return [self._pick(number, standing)] if standing else []

    def _pick_invoice(self, number):
        """Return an invoice or credit note that nobody has cancelled or reversed, or nothing."""
        moves = self.order.invoice_ids.filtered(
            lambda move: move.state != "cancel" and not move.reversed_entry_id and not move.reversal_move_ids
        )
        return [self._pick(number, moves.sorted("id"))] if moves else []

    def _get_times(self, metric, times):
        """Return start and end of a counter: some days before today or on a boundary, within the subscription."""
        days_ago, hour, hours = times
        if days_ago is None:
            ended = self.model.get_periods(self.today)
            days_ago, hour = (self.today - ended[-1][1]).days if ended else 0, 0
        first = self.model.midnight(self.model.start)
        start = self.model.midnight(self.today - days_ago * _DAY) + datetime.timedelta(hours=hour)
        last = self.model.midnight(self.model.end) if self.model.end else start
        start = max(first, min(start, last))
        if self.model.charges[metric].aggregation == "weighted_sum":
            hours = hours or 1
        return start, start + datetime.timedelta(hours=hours)

    def _send(self, key, counter):
        row = UsageRow(
            self.order.id,
            self.test.metrics[counter.metric].id,
            counter.quantity,
            counter.start,
            counter.end,
            key,
            {"region": counter.region} if counter.region else None,
        )
        self.env["fusion.billing.usage"]._upsert(self.test.service, [row])
        self.model.counters[key] = counter

    def _get_billed_until(self):
        day = self.order.x_fc_billed_until
        return self.model.midnight(day) if day else datetime.datetime.min

    def _get_ended(self):
        """Return the ledger without the period that has not ended yet."""
        last = self._get_billed_until()
        return self.order.x_fc_rating_ids.filtered(lambda row: row.period_start < last)

    def _find_usage(self, key):
        return self.env["fusion.billing.usage"].search([("idempotency_key", "=", key)])

    def _get_rated_products(self):
        names = [*self.charges, COMMITMENT]
        return self.env["product.product"].union(*(self.test.products[name] for name in names))

    def _to_money(self, amount):
        return Decimal(str(amount)).quantize(self.model.step)


def _replace(counter, **values):
    return Counter(**{**counter.__dict__, **values})
