# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The charge models: one file each, and the one table that names them."""

from .base import ChargeModel
from .graduated import Graduated
from .graduated_percentage import GraduatedPercentage
from .package import Package
from .percentage import Percentage
from .standard import Standard
from .volume import Volume

CHARGE_MODELS: dict[str, ChargeModel] = {
    "standard": Standard(),
    "package": Package(),
    "graduated": Graduated(),
    "volume": Volume(),
    "percentage": Percentage(),
    "graduated_percentage": GraduatedPercentage(),
}

__all__ = ["CHARGE_MODELS", "ChargeModel"]
