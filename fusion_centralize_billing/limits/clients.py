# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Who is limited: an API key, or a customer whose frontend reads with access tokens."""

from __future__ import annotations

from dataclasses import dataclass

from ..api.operations import COSTLY, READ, WRITE
from .settings import Settings


@dataclass(frozen=True)
class Client:
    """:param name: what its buckets are called
    :param pool: what its slots are called, which it may share with others; its own name if there is none
    :param is_customer: whether it is a customer, with the limits of one
    """

    name: str
    pool: str = ""
    is_customer: bool = False

    def rates(self, settings: Settings) -> dict[str, int]:
        """Return how many operations of each class it may do a second, 0 for no limit."""
        if self.is_customer:
            # It writes nothing; the number is there for what is refused.
            reads, costly = settings.customer_reads_per_second, settings.customer_costly_per_second
            return {READ: reads, WRITE: reads, COSTLY: costly}
        return {
            READ: settings.reads_per_second,
            WRITE: settings.writes_per_second,
            COSTLY: settings.costly_per_second,
        }
