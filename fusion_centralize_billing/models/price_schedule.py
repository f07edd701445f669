# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Which prices of a charge hold from which day on, and what a change adds to them. Nothing here is written."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from odoo.models import BaseModel

from .price_terms import PriceTerms

#: The day of prices that held before any other.
ALWAYS = datetime.date.min


@dataclass(frozen=True)
class PriceStage:
    """What billing periods cost that begin on a day or later, until the next stage.

    :param applies: whether the charge prices such periods at all; the terms of a gap are those before it
    :param version: the record that says so, if there is one
    """

    day: datetime.date
    terms: PriceTerms
    applies: bool = True
    version: BaseModel | None = dataclasses.field(default=None, compare=False)


def arrange(stages: Iterable[PriceStage]) -> list[PriceStage]:
    """Return what holds when, by day, of stages in the order in which they were saved.

    Of those that have begun on a day the one that was saved last counts. One that changes nothing is left out.
    """
    latest, kept = datetime.date.max, []
    for stage in reversed(list(stages)):
        if stage.day < latest:
            latest = stage.day
            kept.append(stage)
    kept.reverse()
    return [
        stage
        for before, stage in zip([None, *kept], kept, strict=False)
        if not before or (before.terms, before.applies) != (stage.terms, stage.applies)
    ]


def get_stage(stages: list[PriceStage], day: datetime.date) -> PriceStage | None:
    """Return the stage that holds on a day."""
    return next((stage for stage in reversed(stages) if stage.day <= day), None)


def change(
    stages: list[PriceStage], day: datetime.date, terms: PriceTerms, names: Collection[str], begins: bool
) -> list[PriceStage]:
    """Return the stages to add so that some terms hold from a day on; all others stay as they are, or are planned.

    :param terms: have the new values
    :param names: the terms to change, see ``PriceTerms.as_fields``
    :param begins: whether the charge begins on the day if it does not apply to it so far
    """
    values = {name: value for name, value in terms.as_fields().items() if name in names}
    later = [stage for stage in stages if stage.day > day]
    held = get_stage(stages, day)
    base = held or (later[0] if later else PriceStage(day, terms))
    first = [PriceStage(day, base.terms.with_fields(values))] if begins or (held and held.applies) else []
    return [*first, *(PriceStage(stage.day, stage.terms.with_fields(values), stage.applies) for stage in later)]


def discard(stages: list[PriceStage], day: datetime.date) -> list[PriceStage]:
    """Return the stages to add so that what the stage of a day changes is not changed any more.

    Terms that a later stage changes itself stay as it has them.

    :raises ValueError: if no prices hold right before the day, so that there is nothing to fall back on
    """
    index = next((number for number, stage in enumerate(stages) if stage.day == day), 0)
    if not index or not stages[index - 1].applies or not stages[index].applies:
        raise ValueError("nothing holds before")
    before, former = stages[index - 1].terms, stages[index].terms
    names = former.changes_from(before)
    added = [PriceStage(day, before)]
    for stage in stages[index + 1 :]:
        names = names - stage.terms.changes_from(former)
        former = stage.terms
        values = {name: value for name, value in before.as_fields().items() if name in names}
        added.append(PriceStage(stage.day, stage.terms.with_fields(values), stage.applies))
    return added
