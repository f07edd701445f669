# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""What a subscription owes by a day: its rules written down a second time, in fractions, without the product.

Deliberately shares nothing with ``rating/`` or with the subscription addon, not even the rounding.
"""

import calendar
import datetime
import itertools
import math
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from .agreements import PRICE_RISE

FEE, COMMITMENT = "fee", "commitment"


def get_owed(agreement, day, price_rise_from):
    """Return ``{item: Decimal}`` of fees, charges and commitment that are invoiced when a day is over.

    :param price_rise_from: periods that begin on this day or later have the higher prices
    """
    owed = defaultdict(Fraction)
    for start, end, full_days in get_periods(agreement, day):
        fee_share = _get_fee_share(agreement, start, end, full_days)
        fee = round_half_up(agreement.fee * fee_share, agreement.offer.step)
        is_closed = agreement.is_closed(end, day)
        fee_day = max(start, agreement.first_fee_day)
        if is_closed or (agreement.in_advance and fee_day <= day):
            owed[FEE] += fee
        if not is_closed:
            continue
        share = Fraction((end - start).days, full_days) if agreement.prorated else Fraction(1)
        is_dear = start >= price_rise_from
        usage = {
            charge.code: _get_usage_amount(agreement, charge, start, end, share, is_dear)
            for charge in agreement.offer.charges
        }
        for code, amount in usage.items():
            owed[code] += amount
        minimum = round_half_up(agreement.minimum * fee_share, agreement.offer.step)
        owed[COMMITMENT] += max(Fraction(0), minimum - fee - sum(usage.values())) if minimum else 0
    return {item: to_decimal(amount) for item, amount in owed.items() if amount}


def get_periods(agreement, day):
    """Yield (start, end, days of the full period) of the periods that have begun by a day."""
    anchor = _get_anchor(agreement)
    number = 0
    while True:
        full_start, full_end = (_add_months(anchor, agreement.months * (number + each)) for each in (0, 1))
        number += 1
        start = max(full_start, agreement.start)
        end = min(full_end, agreement.ends_on or full_end)
        if start > day or start >= end:
            return
        yield start, end, (full_end - full_start).days


def _get_anchor(agreement):
    if not agreement.aligned:
        return agreement.start
    return agreement.start.replace(month=1, day=1) if agreement.months == 12 else agreement.start.replace(day=1)


def round_half_up(amount, step):
    """Round a fraction from zero up."""
    return math.floor(amount / step + Fraction(1, 2)) * step


def to_decimal(amount):
    return Decimal(amount.numerator) / Decimal(amount.denominator)


def _add_months(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _get_fee_share(agreement, start, end, full_days):
    """Return the part of the fee, and of the minimum, that a period owes."""
    first = max(start, agreement.first_fee_day)
    if first >= end:
        return Fraction(0)
    if agreement.prorated:
        return Fraction((end - first).days, full_days)
    # In full, an end lowers nothing; the trial does, day by day.
    return 1 - Fraction((first - start).days, (_get_full_end(agreement, start) - start).days)


def _get_full_end(agreement, start):
    """Return when the period of a day would end if the subscription went on."""
    anchor = _get_anchor(agreement)
    ends = (_add_months(anchor, agreement.months * number) for number in itertools.count(1))
    return next(end for end in ends if end > start)


def _get_usage_amount(agreement, charge, start, end, share, is_dear):
    window = [datetime.datetime.combine(day, datetime.time.min) for day in (start, end)]
    counters = [
        counter
        for counter in agreement.counters.values()
        if counter.charge == charge.code and not counter.is_void and window[0] <= _last_instant(counter) < window[1]
    ]
    # One that is not by region has a price also without usage.
    groups = {counter.region for counter in counters} if charge.by_region else {None}
    price = {
        "standard": _price_standard,
        "package": _price_package,
        "graduated": _price_graduated,
        "volume": _price_volume,
        "percentage": _price_percentage,
    }[charge.model]
    total = Fraction(0)
    for group in groups:
        mine = [counter for counter in counters if not charge.by_region or counter.region == group]
        quantity = _aggregate(charge.aggregation, mine, window)
        rise = PRICE_RISE if is_dear else Fraction(1)
        amount = price(charge, quantity, share, rise, mine, agreement.offer.scale)
        total += round_half_up(amount, agreement.offer.step)
    return total


def _last_instant(counter):
    return max(counter.start, counter.end - datetime.timedelta(microseconds=1))


def _aggregate(aggregation, counters, window):
    if not counters:
        return Fraction(0)
    quantities = [counter.quantity for counter in counters]
    if aggregation == "weighted_sum":
        weighted = sum(counter.quantity * _seconds(counter.end - counter.start) for counter in counters)
        # Odoo keeps 18 decimals of a quotient.
        return round_half_up(weighted / _seconds(window[1] - window[0]), Fraction(1, 10**18))
    if aggregation == "average":
        return round_half_up(sum(quantities) / len(quantities), Fraction(1, 10**18))
    return {
        "sum": lambda: sum(quantities),
        "max": lambda: max(quantities),
        "last": lambda: max(counters, key=_last_instant).quantity,
        "unique_count": lambda: Fraction(len(set(quantities))),
        "count": lambda: Fraction(len(quantities)),
    }[aggregation]()


def _seconds(duration):
    return Fraction(duration // datetime.timedelta(microseconds=1), 10**6)


def _granted(quantity, share):
    return round_half_up(quantity * share, Fraction(1, 10**6))


def _price_standard(charge, total, share, rise, _counters, scale):
    above = max(Fraction(0), total - _granted(charge.quota, share))
    batches = above if charge.batch == 1 else math.ceil(above / charge.batch)
    return batches * charge.price * rise * scale


def _price_package(charge, total, share, rise, _counters, scale):
    above = max(Fraction(0), total - _granted(charge.free_units, share))
    return math.ceil(above / charge.batch) * charge.price * rise * scale


def _price_graduated(charge, total, _share, rise, _counters, scale):
    amount, lower = Fraction(0), Fraction(0)
    for number, (up_to, price, flat_fee) in enumerate(charge.tiers):
        if number and total <= lower:
            break
        upper = total if up_to is None else min(total, up_to)
        amount += (upper - lower) * price * (rise if number == 0 else 1) + flat_fee
        lower = upper
    return amount * scale


def _price_volume(charge, total, _share, rise, _counters, scale):
    for number, (up_to, price, flat_fee) in enumerate(charge.tiers):
        if up_to is None or total <= up_to:
            return (total * price * (rise if number == 0 else 1) + flat_fee) * scale
    raise AssertionError("the last tier is open")


def _price_percentage(charge, total, share, rise, counters, scale):
    above = max(Fraction(0), total - _granted(charge.free_amount * scale, share))
    rows = sum(1 for counter in counters if counter.quantity)
    paid = max(0, rows - round_half_up(charge.free_rows * share, 1))
    return above * charge.rate * rise / 100 + paid * charge.row_fee * scale
