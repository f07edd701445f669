# Part of Fusion Billing. Copyright 2026 Nexa Systems Inc. License OPL-1.
"""Asks all questions and prints the table."""

import collections
import json

from . import sandbox, subscriptions
from .assumptions import BY_HAND_STEPS, FIELDS, METHODS, NAMES, USES
from .verdicts import BY_HAND, CONFIRMED, DIFFERENT, FAILED, NOT_FOUND, Question, Row


def get_questions(addons_path):
    """Return all questions, in the order of the table."""
    return [*sandbox.get_questions(addons_path), *_ask_about_enterprise()]


def _ask_about_enterprise():
    for fact in FIELDS:
        expected = ", ".join(f"{name} {value}" for name, value in fact.facts.items())
        assumed = f"{fact.type}{', ' if expected else ''}{expected}"
        look = lambda env, fact=fact: subscriptions.look_at_field(env, fact)  # noqa: E731
        yield Question("Fields", f"{fact.model}.{fact.name}", assumed, fact.meaning, look)
    for fact in METHODS:
        assumed = f"takes ({', '.join(fact.call)}){' by name' if fact.by_name else ''}, and needs no more"
        look = lambda env, fact=fact: subscriptions.look_at_method(env, fact)  # noqa: E731
        yield Question("Methods", f"{fact.model}.{fact.name}", assumed, fact.meaning, look)
    for fact in NAMES:
        subject = f"{fact.where} named like {fact.pattern or 'any'}"
        look = lambda env, fact=fact: subscriptions.look_for_name(env, fact)  # noqa: E731
        yield Question("Names", subject, fact.expected, fact.meaning, look)
    for name, meaning in USES:
        look = lambda env, name=name: subscriptions.look_for_uses(env, name)  # noqa: E731
        yield Question("Who uses it", name, "used by sale_subscription itself", meaning, look)
    for subject, steps, meaning in BY_HAND_STEPS:
        look = lambda env, steps=steps: (BY_HAND, steps)  # noqa: E731
        yield Question("To be tested by hand", subject, "not known", meaning, look)


def answer(env, question):
    """Return the row of a question; whatever goes wrong in it is told there, and harms no other one."""
    try:
        with env.cr.savepoint(flush=False):
            verdict, found = question.look(env)
    except Exception as error:
        verdict, found = FAILED, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return Row(question.section, question.subject, question.assumed, verdict, found, question.meaning)


def format_table(rows):
    """Return the lines of the table, one block per row."""
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            yield from ("", f"=== {section} ===")
        yield f"{row.verdict.upper():<16} {row.subject}"
        label = "steps:   " if row.verdict == BY_HAND else "found:   "
        if row.verdict not in (CONFIRMED, BY_HAND):
            yield f"    assumed: {row.assumed}"
        yield from (
            f"    {label if not number else ' ' * 9}{line}" for number, line in enumerate(row.found.splitlines())
        )
        yield f"    means:   {row.meaning}"


def summarize(rows):
    counts = collections.Counter(row.verdict for row in rows)
    order = (CONFIRMED, DIFFERENT, NOT_FOUND, BY_HAND, FAILED)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])
    return f"probe: {len(rows)} rows: {told}"


def main(env, addons_path, as_json=False):
    """Ask everything and print the answers; the last line, which begins with "probe:", tells that all were asked."""
    env.cr.rollback()
    env.cr.execute("SET TRANSACTION READ ONLY")
    env.cr.execute("SET LOCAL statement_timeout = '60s'")
    rows = [answer(env, question) for question in get_questions(addons_path)]
    env.cr.rollback()
    lines = [json.dumps({"rows": [row._asdict() for row in rows]})] if as_json else format_table(rows)
    for line in (*lines, summarize(rows)):
        # The terminal's encoding is not known, and the log may hold any.
        print(line.encode("ascii", "backslashreplace").decode(), flush=True)
