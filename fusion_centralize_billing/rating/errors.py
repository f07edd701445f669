# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""The one error of the rating core."""

from __future__ import annotations

from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]


class RatingError(ValueError):
    """Terms, usage or a period that cannot be rated.

    :param code: stable snake_case name of the reason; programs decide by it.
    :param message: one English sentence for people.
    :param path: where the wrong value stands, as field names and indexes from zero,
        for instance ``("tiers", 1, "up_to")``; empty when no single value is at fault.
    """

    def __init__(self, code: str, message: str, path: Path = ()) -> None:
        # All arguments go to ValueError: without them a pickled error could not be restored.
        super().__init__(code, message, path)
        self.code = code
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return self.message
