# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What is sold: prices, plans, and what a subscription agrees upon. Plain values, no Odoo."""

import datetime
from dataclasses import dataclass, field
from fractions import Fraction

#: Smallest amounts, and how much of a currency unit a dollar's price is.
CURRENCIES = {"CAD": (Fraction(1, 100), 1), "JPY": (Fraction(1), 100), "KWD": (Fraction(1, 1000), Fraction(1, 4))}
#: Percent, and whether prices include the tax.
TAXES = {"HST": (13, False), "none": (0, False), "HST included": (13, True)}
#: The price of the first tier, or the only one, is this much higher in periods that begin after its change.
PRICE_RISE = Fraction(6, 5)


@dataclass(frozen=True)
class Charge:
    """One metric and its price, in Canadian dollars.

    :param typical: a typical quantity of a week
    :param tiers: (up to or None, price, flat fee)
    """

    code: str
    aggregation: str
    model: str
    typical: int
    price: Fraction = Fraction(0)
    quota: Fraction = Fraction(0)
    batch: Fraction = Fraction(1)
    free_units: Fraction = Fraction(0)
    rate: Fraction = Fraction(0)
    row_fee: Fraction = Fraction(0)
    free_rows: int = 0
    free_amount: Fraction = Fraction(0)
    tiers: tuple = ()
    by_region: bool = False


def _of(code, aggregation, model, typical, tiers=(), by_region=False, **numbers):
    exact = {name: value if name == "free_rows" else Fraction(value) for name, value in numbers.items()}
    exact_tiers = tuple((up_to and Fraction(up_to), Fraction(price), Fraction(fee)) for up_to, price, fee in tiers)
    return Charge(code, aggregation, model, typical, tiers=exact_tiers, by_region=by_region, **exact)


CHARGES = {
    charge.code: charge
    for charge in (
        _of("cpu", "sum", "standard", 400, quota="1000", price="0.35", batch="10"),
        _of("storage", "max", "standard", 60, quota="5", price="0.115"),
        _of("seats", "last", "standard", 12, price="4.5"),
        _of("users", "unique_count", "standard", 4, price="2.25", quota="1"),
        _of("calls", "count", "standard", 1, price="0.75", quota="2"),
        _of("load", "average", "standard", 9, price="1.375"),
        _of("disk", "weighted_sum", "standard", 80, price="0.0925", quota="7"),
        _of("boxes", "sum", "package", 35, price="2.005", batch="12", free_units="20"),
        _of(
            "requests",
            "sum",
            "graduated",
            900,
            tiers=(("1000", "0.0125", "3"), ("5000", "0.00975", "7.5"), (None, "0.005", "0")),
        ),
        _of("traffic", "sum", "volume", 300, tiers=(("500", "0.031", "0"), (None, "0.0225", "2.5")), by_region=True),
        _of("sales", "sum", "percentage", 250, rate="2.9", row_fee="0.3", free_rows=3, free_amount="100"),
        _of("tokens", "sum", "standard", 50, quota="60", price="0.045", by_region=True),
    )
}
#: (currency, tax, charges); a subscription has one of them.
OFFERS = (
    ("CAD", "HST", ("cpu", "storage")),
    ("CAD", "HST", ("requests",)),
    ("CAD", "none", ("seats", "users")),
    ("CAD", "HST included", ("boxes", "tokens")),
    ("CAD", "HST", ("traffic", "load")),
    ("CAD", "none", ("sales",)),
    ("JPY", "HST", ("cpu", "requests")),
    ("JPY", "none", ("disk", "calls")),
    ("KWD", "HST", ("traffic", "boxes")),
    ("KWD", "none", ("sales", "storage")),
)


@dataclass(frozen=True)
class Offer:
    currency: str
    tax: str
    charges: tuple[Charge, ...]

    @property
    def step(self):
        return CURRENCIES[self.currency][0]

    @property
    def scale(self):
        return Fraction(CURRENCIES[self.currency][1])


@dataclass
class Counter:
    """A counter as it was sent last."""

    key: str
    charge: str
    quantity: Fraction
    start: datetime.datetime
    end: datetime.datetime
    region: str | None = None
    is_void: bool = False


@dataclass
class Agreement:
    """A subscription as it was agreed, its end, and its counters.

    :param months: of a full period
    :param fee: per full period, in the offer's currency
    :param ends_on: the first day that is not covered
    """

    number: int
    offer: Offer
    months: int
    aligned: bool
    start: datetime.date
    fee: Fraction
    in_advance: bool = False
    prorated: bool = False
    trial_days: int = 0
    grace_days: int = 0
    minimum: Fraction = Fraction(0)
    ends_on: datetime.date | None = None
    counters: dict[str, Counter] = field(default_factory=dict)

    def is_closed(self, end, day):
        """Tell whether the period that ends on ``end`` is invoiced when a day is over."""
        return end + datetime.timedelta(days=self.grace_days) <= day

    @property
    def first_fee_day(self):
        return self.start + datetime.timedelta(days=self.trial_days)
