# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a subscription owes, worked out from what was pushed and agreed, without looking into the database.

The yardstick of test_histories.py: it knows the counters as they were sent and corrected, the prices as
they were saved, and the pure core; not the ledger, the change feed or any order line.
"""

import datetime
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from dateutil import tz
from dateutil.relativedelta import relativedelta

from ..rating import StoredRow, Terms, Tier, Usage, aggregate, price, prorate_amount, prorate_terms, true_up
from ..rating.charge_models import CHARGE_MODELS

_MICROSECOND = datetime.timedelta(microseconds=1)
COMMITMENT = "commitment"


@dataclass(frozen=True)
class ChargeSpec:
    """A charge as a test creates it; numbers are text, so that no float comes between.

    :param tiers: (up_to or None, price or rate, flat fee)
    :param region: only counters of this region are priced
    :param by_region: each region is priced by itself
    """

    name: str
    aggregation: str
    model: str
    terms: tuple[tuple[str, str], ...] = ()
    tiers: tuple[tuple[str | None, str, str], ...] = ()
    region: str | None = None
    by_region: bool = False

    @property
    def price_name(self):
        """What a price change changes: of the first tier, if there are tiers."""
        percent = "percentage" in self.model
        return "rate" if percent else "price_per_unit"

    def with_price(self, text):
        if self.tiers:
            (up_to, _price, flat_fee), *rest = self.tiers
            return replace(self, tiers=((up_to, text, flat_fee), *rest))
        return replace(self, terms=tuple({**dict(self.terms), self.price_name: text}.items()))

    def as_terms(self):
        tiers = tuple(
            Tier(Decimal(up_to) if up_to else None, flat_fee=Decimal(fee), **{self.price_name: Decimal(each)})
            for up_to, each, fee in self.tiers
        )
        numbers = {name: int(text) if name == "free_rows" else Decimal(text) for name, text in self.terms}
        return Terms(tiers=tiers, **numbers)


@dataclass(frozen=True)
class Counter:
    """A counter as it was sent last.

    :param sequence: its number in the order in which counters were first sent
    """

    sequence: int
    metric: str
    quantity: Decimal
    start: datetime.datetime
    end: datetime.datetime
    region: str | None = None
    is_void: bool = False

    @property
    def instant(self):
        return self.start if self.start == self.end else self.end - _MICROSECOND


@dataclass
class HistoryModel:
    """A monthly subscription: its counters by key, its charges with their prices by day of effect, its end."""

    start: datetime.date
    step: Decimal
    charges: dict[str, ChargeSpec]
    zone: str = "UTC"
    fee: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    prorated: bool = False
    end: datetime.date | None = None
    counters: dict[str, Counter] = field(default_factory=dict)
    prices: dict[str, list[tuple[datetime.date | None, ChargeSpec]]] = field(default_factory=dict)

    def midnight(self, day):
        """Return the first instant of a day, naive and in UTC; by another library than the product's."""
        local = datetime.datetime.combine(day, datetime.time.min, tzinfo=tz.gettz(self.zone))
        return tz.resolve_imaginary(local).astimezone(tz.UTC).replace(tzinfo=None)

    def get_periods(self, until):
        """Return the periods [start, end) that have ended by a day, and whether each is whole."""
        periods, number, begin = [], 0, self.start
        while not self.end or begin < self.end:
            number += 1
            whole = self.start + relativedelta(months=number)
            end = min(whole, self.end or whole)
            if end > until:
                break
            periods.append((begin, end, Fraction((end - begin).days, (whole - begin).days)))
            begin = end
        return periods

    def save_price(self, name, spec, effective_from):
        self.prices.setdefault(name, [(None, self.charges[name])]).append((effective_from, spec))

    def get_spec(self, name, day):
        """Return the charge as it holds for a period that begins on a day: of those that have begun, the last saved."""
        saved = self.prices.get(name, [(None, self.charges[name])])
        return [spec for effective_from, spec in saved if not effective_from or effective_from <= day][-1]

    def price_all(self, until):
        """Return ``{(charge, group): amount}`` of what is owed for all periods that have ended by a day."""
        owed = {}
        for start, end, share in self.get_periods(until):
            of_period = self.price_period(start, end, share if self.prorated else Fraction(1))
            for item, amount in of_period.items():
                owed[item] = owed.get(item, 0) + amount
        return {item: amount for item, amount in owed.items() if amount}

    def price_period(self, start, end, share):
        owed = {
            (name, group): amount
            for name in self.charges
            for group, amount in self._price_charge(self.get_spec(name, start), start, end, share).items()
        }
        if self.minimum:
            reached = prorate_amount(self.fee, share, self.step) + sum(owed.values(), Decimal(0))
            minimum = prorate_amount(self.minimum, share, self.step)
            owed[COMMITMENT, None] = true_up(minimum, reached).rounded(self.step)
        return owed

    def _price_charge(self, spec, start, end, share):
        window = tuple(map(self.midnight, (start, end)))
        # The last period bills also what was acknowledged for later.
        limit = datetime.datetime.max if self.end and end >= self.end else window[1]
        counters = [
            counter
            for counter in self.counters.values()
            if counter.metric == spec.name and not counter.is_void and window[0] <= counter.instant < limit
        ]
        if spec.region:
            counters = [counter for counter in counters if counter.region == spec.region]
        groups = {counter.region for counter in counters} if spec.by_region else {None}
        return {
            group: self._price_group(
                spec, [each for each in counters if not spec.by_region or each.region == group], window, share
            )
            for group in groups
        }

    def _price_group(self, spec, counters, window, share):
        rows = [StoredRow(each.sequence, each.quantity, each.start, each.end) for each in counters]
        rows.sort(key=lambda row: (row.attributed_at, row.sequence))
        total = aggregate(spec.aggregation, rows, window)
        terms = prorate_terms(spec.as_terms(), share)
        single = tuple(row.quantity for row in rows) if CHARGE_MODELS[spec.model].needs_rows(terms) else ()
        return price(spec.model, terms, Usage(total, single)).rounded(self.step)


SPECS = (
    ChargeSpec(
        "batches above a quota",
        "sum",
        "standard",
        (("included_quota", "10"), ("price_per_unit", "0.35"), ("unit_batch", "7")),
    ),
    ChargeSpec("fractions of a unit", "sum", "standard", (("included_quota", "2.5"), ("price_per_unit", "0.0875"))),
    ChargeSpec("packages", "sum", "package", (("free_units", "5"), ("price_per_unit", "2.005"), ("unit_batch", "10"))),
    ChargeSpec(
        "graduated with flat fees",
        "sum",
        "graduated",
        (("included_quota", "3"),),
        (("10", "1.255", "3"), ("50", "0.3333", "7.5"), (None, "0.1", "0")),
    ),
    ChargeSpec(
        "volume",
        "sum",
        "volume",
        (),
        (("20", "1", "0.005"), (None, "0.455", "2")),
    ),
    ChargeSpec(
        "percentage with fees of rows",
        "sum",
        "percentage",
        (("rate", "2.9"), ("fixed_fee", "0.305"), ("free_rows", "1"), ("free_amount", "20"), ("row_maximum", "9.99")),
    ),
    ChargeSpec(
        "graduated percentage",
        "sum",
        "graduated_percentage",
        (),
        (("100", "3.5", "1"), (None, "1.25", "4")),
    ),
    ChargeSpec("maximum", "max", "standard", (("included_quota", "1"), ("price_per_unit", "1.115"))),
    ChargeSpec("last", "last", "standard", (("price_per_unit", "0.995"),)),
    ChargeSpec("distinct values", "unique_count", "standard", (("price_per_unit", "3.335"),)),
    ChargeSpec("count", "count", "standard", (("included_quota", "1"), ("price_per_unit", "0.45"))),
    ChargeSpec("average", "average", "standard", (("price_per_unit", "1.5"),)),
    ChargeSpec("weighted by time", "weighted_sum", "standard", (("price_per_unit", "2.25"),)),
    ChargeSpec("by region", "sum", "standard", (("included_quota", "10"), ("price_per_unit", "0.125")), by_region=True),
    ChargeSpec(
        "flat fees by region", "sum", "graduated", (), (("10", "0.5", "2"), (None, "0.25", "1")), by_region=True
    ),
    ChargeSpec(
        "fees of rows by region",
        "sum",
        "percentage",
        (("rate", "1"), ("fixed_fee", "0.25"), ("free_rows", "1")),
        by_region=True,
    ),
    ChargeSpec("one region", "sum", "standard", (("price_per_unit", "0.755"),), region="eu"),
    ChargeSpec("highest of one region", "max", "standard", (("price_per_unit", "1.005"),), region="us"),
)
