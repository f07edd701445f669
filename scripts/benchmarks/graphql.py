"""A page of customers with their usage: one GraphQL query, and Odoo's own JSON-2 API.

The answers are compared before anything is timed, with customers, subscriptions, quantities and amounts.
"""

import argparse
from typing import TYPE_CHECKING, Any

from .report import Report

if TYPE_CHECKING:
    from runtime.setup import Runtime

_ABOUT = {
    "graphql": "one GraphQL query with a service's key; usage is summed and priced in the request",
    "graphql-ledger": "one GraphQL query for ratings instead: what JSON-2 reads, so that only the APIs differ",
    "json-2": "Odoo's JSON-2 API with a back-office user's key: one search_read for each of four models",
    "json-2-each": "the same, asking for orders and ratings again for each customer",
}
_NOTES = (
    "JSON-2 prices nothing: its usage is the rating ledger, as the last rating left it. Here nothing came since.",
    "Its numbers are floats, and it tells the ids of metrics, so that their codes are a call of their own.",
    "seconds: at the client, with decoding the answers and putting them together. bytes: of the answers' bodies.",
    "ratio: seconds against the first way, round by round; the median. SQL: queries, by the server's log.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    number = {"type": _positive, "metavar": "N", "help": "%(default)s unless told otherwise"}
    parser.add_argument("--customers", default=120, **number)
    parser.add_argument("--page", default=100, **number)
    parser.add_argument("--rounds", default=7, **number)
    parser.add_argument("-d", "--database", default="fusion_bench_graphql", metavar="DB", help="made anew and dropped")


def run(runtime: "Runtime", options: argparse.Namespace) -> Report:
    from . import ways, world
    from .rounds import Measurement
    from .server_log import ServerLog

    with world.serving(runtime, options.database, options.customers) as live:
        read = {
            "graphql": (live.service.key, ways.graphql(options.page)),
            "graphql-ledger": (live.service.key, ways.graphql_ledger(options.page)),
            "json-2": (live.office_key, ways.json2(live.service.id, options.page)),
            "json-2-each": (live.office_key, ways.json2_each(live.service.id, options.page)),
        }
        measurement = Measurement(live.url, ServerLog(live.log), read)
        answer = measurement.check()
        measurement.warm_up(world.WORKERS)
        setting = {"customers": options.customers, "on_a_page": options.page, "rounds": options.rounds}
        setting |= {"days_of_usage": world.DAYS, "workers": world.WORKERS}
        return Report("graphql", setting, _sums(answer), measurement.measure(options.rounds, _ABOUT), _NOTES)


def _sums(answer: dict[str, Any]) -> dict[str, Any]:
    """Return how much there was to answer."""
    subscriptions = [found for customer in answer.values() for found in customer["subscriptions"].values()]
    usage = [item for subscription in subscriptions for item in subscription["usage"].values()]
    return {
        "customers": len(answer),
        "subscriptions": len(subscriptions),
        "priced_usages": len(usage),
        "units": int(sum(item["quantity"] for item in usage)),
        "dollars": float(sum(item["amount"] for item in usage)),
    }


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number
