"""Queries as readers ask them, drawn from the data itself: what is frequent there is asked for often. No query comes twice."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.records import Entry, World
from benchmarks.words import COMMON, COMMON_ZH, RARE

Pairs = list[tuple[str, str]]


class Queries:
    """Draws queries about a data set."""

    def __init__(self, world: World, seed: int = 1) -> None:
        self.world = world
        self.draw = random.Random(seed)
        self.parents = {entry["id"]: entry.get("parent", "world") for entry in world.regions}

    def above(self, region: str) -> str:
        """A region that this one lies in, or itself."""
        for _ in range(self.draw.randint(0, 3)):
            region = self.parents.get(region, "world")
        return region

    def distinct(self, kind: str, most: int) -> list[str]:
        """So many paths of `/events` or `/figures`, fewer where there are no more; each is another query."""
        make = self._event if kind == "events" else self._figure
        found: dict[str, None] = {}
        numbers = self.world.counts[kind]
        for _ in range(5 * most):
            if len(found) == most:
                break
            entry = make(self.draw.randrange(numbers))
            found[f"/{kind}?{urlencode(entry)}"] = None
        return list(found)

    def _event(self, number: int) -> Pairs:
        event = self.world.event(number)
        shapes: list[Callable[[Entry], Pairs]] = [
            lambda e: [("type", e["type"]), ("region", e["region"])],
            lambda e: [("type", e["type"]), ("region", e["region"]), *self._span("from", "to", e["date"])],
            lambda e: [("type", e["type"]), ("region", self.above(e["region"])), *self._span("from", "to", e["date"])],
            lambda e: [("region", self.above(e["region"])), *self._span("from", "to", e["date"])],
            lambda e: [("topic", self._any(e["topics"])), ("region", self.above(e["region"]))],
            lambda e: [("topic", self._any(e["topics"])), *self._span("from", "to", e["date"])],
            lambda e: [("organisation", self._any(e["organisations"])["organisation"]), ("type", e["type"])],
            lambda e: [(name, part[name]) for part in [self._any(e["organisations"])] for name in ("organisation", "role")],
            lambda e: [("role", self._any(e["organisations"])["role"]), ("region", e["region"])],
            lambda e: [("source", self._any(e["cite"])["source"])],
            lambda e: [("status", e["status"]), ("type", e["type"]), *self._span("from", "to", e["date"])],
            lambda e: [("type", e["type"]), ("topic", self._any(e["topics"])), ("region", self.above(e["region"])), ("status", e["status"])],
        ]
        return self._shaped(shapes, event)

    def _figure(self, number: int) -> Pairs:
        figure = self.world.figure(number)
        figure["unit"] = figure["value"].rsplit(" ", 1)[1]
        period: Callable[[Entry], Pairs] = lambda f: self._span("period_from", "period_to", f["period"])  # noqa: E731
        shapes: list[Callable[[Entry], Pairs]] = [
            lambda f: [("metric", f["metric"]), ("region", f["region"])],
            lambda f: [("metric", f["metric"]), ("region", self.above(f["region"])), *period(f)],
            lambda f: [("metric", f["metric"]), ("subject", f["subject"]), *period(f)],
            lambda f: [("subject", f["subject"]), ("region", self.above(f["region"])), ("basis", f["basis"])],
            lambda f: [("metric", f["metric"]), ("unit", f["unit"]), *period(f)],
            lambda f: [("basis", f["basis"]), ("metric", f["metric"]), ("region", f["region"])],
            lambda f: [("organisation", f["organisation"])],
            lambda f: [("source", self._any(f["cite"])["source"])],
            lambda f: [("agreement", "contested"), ("metric", f["metric"]), ("region", self.above(f["region"]))],
            lambda f: [("unit", f["unit"]), ("region", self.above(f["region"])), *period(f)],
        ]
        return self._shaped(shapes, figure)

    def _shaped(self, shapes: list[Callable[[Entry], Pairs]], entry: Entry) -> Pairs:
        while True:
            try:
                return self.draw.choice(shapes)(entry)
            except KeyError:  # the record does not say what the query would be about
                continue

    def _any(self, items: list[Any]) -> Any:
        return self.draw.choice(items)

    def _span(self, since: str, until: str, edtf: str) -> Pairs:
        """A year, quarter or month as a record names it, to that or some years on; or only one end."""
        year, month = [*re.findall(r"\d{4}(?:-\d\d)?", edtf)[0].split("-"), "13"][:2]
        whole = f"{year}-{month}" if month <= "12" else f"{year}-Q{self.draw.randint(1, 4)}"
        first = self.draw.choice([year, year, whole])
        last = str(int(year) + self.draw.choice([0, 0, 1, 2, 5]))
        return self.draw.choice([[(since, first), (until, last)], [(since, first), (until, last)], [(since, first)], [(until, last)]])

    def places(self, kind: str, most: int) -> list[tuple[str, str]]:
        """So many pairs of a type of event, or a metric, and a region: those that most of them have, fewer where there are no more."""
        make, field = (self.world.event, "type") if kind == "events" else (self.world.figure, "metric")
        drawn = (make(self.draw.randrange(self.world.counts[kind])) for _ in range(30 * most))
        found = Counter((entry[field], entry["region"]) for entry in drawn if "region" in entry)
        return [pair for pair, _ in found.most_common(most)]


def otherwise(path: str, number: int) -> str:
    """A path with its query in other letters, by each number in others: some are encoded, which no cache of answers knows again."""
    place = path.index("?")
    letters = count()
    return path[:place] + re.sub("[a-z]", lambda found: f"%{ord(found[0]):02X}" if number >> next(letters) & 1 else found[0], path[place:])


def cold(paths: list[str], least: int) -> Iterator[str]:
    """At least so many queries that were never asked for: where there are fewer, the same ones in other letters."""
    return (otherwise(path, number) for number in range(-(-least // max(1, len(paths)))) for path in paths)


def searches() -> dict[str, str]:
    """The worst that can be looked for: what nearly every record has, alone and together, in both languages."""
    return {
        "the commonest word": COMMON[0],
        "a common word": "therapy",
        "four common words": " ".join(COMMON[:4]),
        "a common and a rare word": f"therapy {RARE[1]}",
        "common words in Chinese": "".join(COMMON_ZH[:3]),
        "one character": COMMON_ZH[0][0],
        "both languages": f"therapy {COMMON_ZH[1]}",
    }


def with_parameter(paths: list[str], parameter: str) -> Iterator[str]:
    """The paths with one more parameter."""
    return (f"{path}{'&' if '?' in path else '?'}{parameter}" for path in paths)


def write(file: Path, lines: Iterable[str]) -> Path:
    """Write lines to a file."""
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return file
