"""The figures of a benchmark: a table for people, plain values for programs."""

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Round:
    """One way, taken once."""

    seconds: float
    calls: int
    bytes: int
    queries: int


@dataclass
class Way:
    """A way to the answer, with every round that counts."""

    name: str
    about: str
    rounds: list[Round] = field(default_factory=list)

    def spread(self, figure: str) -> dict[str, float]:
        values = [getattr(one, figure) for one in self.rounds]
        return {"min": min(values), "median": statistics.median(values), "max": max(values)}

    def ratio_to(self, other: "Way") -> dict[str, float]:
        """Compare seconds round by round: both ways of a round met the machine in the same mood."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        ratios = [mine.seconds / theirs.seconds for mine, theirs in pairs]
        return {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)}


@dataclass
class Report:
    """The result of one benchmark; the first way is what the others are compared with.

    :param answer: what all ways answered alike, in numbers
    :param notes: what a reader must know to judge the figures
    """

    name: str
    setting: dict[str, Any]
    answer: dict[str, Any]
    ways: list[Way]
    notes: tuple[str, ...] = ()

    def as_values(self) -> dict[str, Any]:
        ways = [
            {
                "name": way.name,
                "about": way.about,
                "calls": way.spread("calls")["median"],
                "seconds": way.spread("seconds"),
                "bytes": way.spread("bytes"),
                "queries": way.spread("queries"),
                "ratio": way.ratio_to(self.ways[0]),
                "rounds": [asdict(one) for one in way.rounds],
            }
            for way in self.ways
        ]
        return {"setting": self.setting, "answer": self.answer, "ways": ways, "notes": list(self.notes)}

    def as_table(self) -> str:
        head = f"{'way':<16}{'seconds: min':>13}{'median':>9}{'max':>9}{'ratio':>8}{'calls':>8}{'bytes':>11}{'SQL':>8}"
        lines = [f"benchmark {self.name}: {_listed(self.setting)}", f"same answer: {_listed(self.answer)}", "", head]
        lines += [self._line(way) for way in self.ways]
        lines += ["", *(f"{way.name}: {way.about}" for way in self.ways), "", *self.notes]
        return "\n".join(lines)

    def _line(self, way: Way) -> str:
        seconds, ratio = way.spread("seconds"), way.ratio_to(self.ways[0])["median"]
        times = f"{seconds['min']:>13.3f}{seconds['median']:>9.3f}{seconds['max']:>9.3f}{ratio:>8.1f}"
        calls, size, queries = (way.spread(figure)["median"] for figure in ("calls", "bytes", "queries"))
        return f"{way.name:<16}{times}{calls:>8,.0f}{size:>11,.0f}{queries:>8,.0f}"


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in values.items())
