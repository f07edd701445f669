"""Measuring ways to the same answer: checked to be the same, warmed up, then in turn, round by round."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from runtime.progress import Fault, say

from .counting import CountingClient
from .report import Round, Way
from .server_log import ServerLog

#: Takes a client for its calls and returns the answer, in the form that all ways share.
Read = Callable[[CountingClient], Any]
#: Calls, at least, by which a way warms the server's workers; any of them may take a call.
_WARMING_CALLS = 40


class Measurement:
    """Ways to one answer, by name, each with the API key that it needs."""

    def __init__(self, url: str, log: ServerLog, ways: Mapping[str, tuple[str, Read]]):
        self._url = url
        self._log = log
        self._ways = ways

    def check(self) -> Any:
        """Return the answer; a Fault if a way answers something else than the first, or nothing."""
        answers = {name: self._take(name)[0] for name in self._ways}
        first, *others = answers
        if not answers[first]:
            raise Fault(f"{first} answered nothing")
        for other in others:
            if answers[other] != answers[first]:
                raise Fault(f"{other} and {first} differ:\n{_first_difference(answers[first], answers[other])}")
        return answers[first]

    def warm_up(self, workers: int) -> None:
        """Take the ways side by side, so that each of the server's workers has filled its caches.

        By half as many clients as there are workers: a key has no more costly requests at a time.
        """
        with ThreadPoolExecutor(max(1, workers // 2)) as pool:
            for name in self._ways:
                _answer, _seconds, client = self._take(name)
                list(pool.map(self._take, [name] * (_WARMING_CALLS // client.calls)))

    def measure(self, rounds: int, about: Mapping[str, str]) -> list[Way]:
        """Take every way in every round, in an order of the round's own: none always follows the same other."""
        ways = [Way(name, about[name]) for name in self._ways]
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for way in Random(number).sample(ways, len(ways)):
                self._log.skip()
                _answer, seconds, client = self._take(way.name)
                queries = self._log.queries_of(client.calls)
                way.rounds.append(Round(round(seconds, 6), client.calls, client.bytes, queries))
        return ways

    def _take(self, name: str) -> tuple[Any, float, CountingClient]:
        key, read = self._ways[name]
        with CountingClient(self._url, key) as client:
            begun = time.perf_counter()
            answer = read(client)
            return answer, time.perf_counter() - begun, client


def _first_difference(expected: Any, found: Any) -> str:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                return f"{name}: {_first_difference(expected.get(name), found.get(name))}"
    return f"{found} instead of {expected}"
