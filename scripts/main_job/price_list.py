"""What the airlines pay: a monthly fee and three charges, each with its own charge model.

Prices have more decimals than a cent, so that rounding happens in the amounts.
"""

from dataclasses import dataclass

CURRENCY = "CAD"
PLAN_CODE = "airline"
PLAN_NAME = "Airline, monthly"
MONTHLY_FEE = "250.00"


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (0: all further ones)."""

    up_to: int
    price_per_unit: str
    flat_fee: str = "0.00"


@dataclass(frozen=True)
class Charge:
    metric: str
    name: str
    charge_model: str
    included_quota: int = 0
    price_per_unit: str = "0"
    unit_batch: int = 1
    tiers: tuple[Tier, ...] = ()


CHARGES = (
    Charge("flights", "Flights above the quota", "standard", 1000, price_per_unit="1.255", unit_batch=10),
    Charge(
        "air_minutes",
        "Minutes in the air above the quota",
        "graduated",
        included_quota=10_000,
        tiers=(
            Tier(100_000, "0.0125"),
            Tier(500_000, "0.0093", flat_fee="25.00"),
            Tier(0, "0.0057", flat_fee="40.00"),
        ),
    ),
    Charge("miles", "Miles, in packages", "package", price_per_unit="4.755", unit_batch=25_000),
)
