"""Who refers to whom, asked the other way round: what a record shows of the records that refer to it."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.seeding.entries import DocumentForm, FigureForm, SourceForm
from app.seeding.numbers import arranged, in_order, of_text

CHAINS = (("organisation", "parent"), ("source", "derived_from"), ("event", "parent"), ("figure", "relative_to"))
"""Kinds and fields by which records lie under others of their kind; regions may lie in several."""

_FOLLOWED = {*CHAINS, ("figure", "event")}


def _counts() -> dict[str, list[int]]:
    return {}


@dataclass
class Cited:
    """How often sources are cited, by the numbers that stand for them: each once and in order, with how often, and those that come after."""

    _sources: "array[int]" = field(default_factory=lambda: array("Q"))
    _times: "array[int]" = field(default_factory=lambda: array("I"))
    _fresh: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, source: str) -> None:
        """A source is cited once more."""
        self._fresh.append(of_text(source))

    def _each(self) -> "NDArray[np.uint64]":
        return np.concatenate([np.repeat(np.asarray(self._sources), np.asarray(self._times)), np.asarray(self._fresh)])

    def sort(self) -> None:
        """Count what came after, if anything did."""
        if self._fresh:
            sources, times = np.unique(self._each(), return_counts=True)
            self._sources, self._times = array("Q", sources.tobytes()), array("I", times.astype(np.uint32).tobytes())
            self._fresh = array("Q")

    def join(self, others: "Cited") -> None:
        """Sources are cited as often again as others tell."""
        self._fresh.frombytes(others._each().tobytes())

    def count(self, source: str) -> int:
        """How often a source is cited."""
        self.sort()
        number = of_text(source)
        place = bisect_left(self._sources, number)
        return self._times[place] if place < len(self._sources) and self._sources[place] == number else 0


@dataclass
class Parts:
    """The parts of documents that hold a source, by the numbers that stand for them."""

    _documents: "array[int]" = field(default_factory=lambda: array("Q"))
    _sources: "array[int]" = field(default_factory=lambda: array("Q"))
    _starts: "array[int]" = field(default_factory=lambda: array("I"))
    _ends: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, document: str, start: int, end: int, source: str) -> None:
        """A part of a document holds a source."""
        self._documents.append(of_text(document))
        self._sources.append(of_text(source))
        self._starts.append(start)
        self._ends.append(end)

    def join(self, others: "Parts") -> None:
        """Add the parts of others."""
        self._documents.extend(others._documents)
        self._sources.extend(others._sources)
        self._starts.extend(others._starts)
        self._ends.extend(others._ends)

    def overlaps(self) -> Iterator[tuple[int, int, int, int]]:
        """The parts that overlap an earlier one of their document: start, end, and the numbers of the source and of the earlier one."""
        for _, places in groupby(in_order(self._documents), key=self._documents.__getitem__):
            earlier: list[int] = []
            for place in places:
                start, end = self._starts[place], self._ends[place]
                for other in earlier:
                    if start < self._ends[other] and self._starts[other] < end:
                        yield start, end, self._sources[place], self._sources[other]
                earlier.append(place)


@dataclass
class Under:
    """What lies under what: ids by the number that stands for what each of them names. One takes 40 bytes, in a mapping of texts 300."""

    _numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    _names: bytearray = field(default_factory=bytearray)
    _ends: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where in the names each one ends."""
    _sorted: bool = True

    def add(self, above: str, below: str) -> None:
        """One lies under another, or under whatever else a text names."""
        self._numbers.append(of_text(above))
        self._names += below.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._names))
        self._sorted = False

    def join(self, others: "Under") -> None:
        """Add what others lie under."""
        self._numbers.extend(others._numbers)
        self._ends.frombytes((np.asarray(others._ends) + len(self._names)).tobytes())
        self._names += others._names
        self._sorted = False

    def sort(self) -> None:
        """Put all in order by what they lie under, unless it is."""
        if not self._sorted:
            order = in_order(self._numbers)
            self._numbers = arranged(self._numbers, order)
            names, ends = bytearray(), array("Q")
            for place in order:
                names += self._name(place)
                ends.append(len(names))
            self._names, self._ends, self._sorted = names, ends, True

    def _name(self, place: int) -> bytearray:
        return self._names[self._ends[place - 1] if place else 0 : self._ends[place]]

    def _text(self, place: int) -> str:
        return self._name(place).decode("utf-8", "surrogatepass")

    def of(self, above: str) -> list[str]:
        """What lies under one, in the order in which it was added."""
        self.sort()
        number = of_text(above)
        first = bisect_left(self._numbers, number)
        return [self._text(place) for place in range(first, bisect_right(self._numbers, number, first))]

    def shared(self) -> Iterator[list[str]]:
        """Those that lie under the same, where they are several."""
        self.sort()
        for _, places in groupby(range(len(self._numbers)), key=self._numbers.__getitem__):
            names = list(dict.fromkeys(map(self._text, places)))
            if len(names) > 1:
                yield names

    def chained(self) -> dict[str, set[str]]:
        """Those that lie under one that itself lies under something, and under which; of an id that was added again, as it was first."""
        own = array("Q", (of_text(self._text(place)) for place in range(len(self._numbers))))
        order = in_order(own)
        sought = arranged(own, order)
        found: dict[str, set[str]] = {}
        for place, number in enumerate(self._numbers):
            at = bisect_left(sought, number)
            if at < len(sought) and sought[at] == number:
                found.setdefault(self._text(place), {self._text(order[at])})
        return found


@dataclass
class Links:
    """What is known of the references of all entries of a data set."""

    under: dict[tuple[str, str], Under] = field(default_factory=lambda: defaultdict(Under))
    """By kind and field: the records that have another in this field. Of documents: those that have a value in it."""
    of_regions: dict[str, list[int]] = field(default_factory=_counts)
    """How many events and figures each region has itself."""
    by_events: Cited = field(default_factory=Cited)
    """How many events cite a source."""
    by_figures: Cited = field(default_factory=Cited)
    citations: int = 0
    parts: Parts = field(default_factory=Parts)

    def figures_of(self, event: str) -> list[str]:
        """The figures of an event."""
        return self.under["figure", "event"].of(event)

    def children_of(self, event: str) -> list[str]:
        """The events that are part of an event."""
        return self.under["event", "parent"].of(event)

    def resting_on(self, figure: str) -> list[str]:
        """The figures that are told in relation to a figure."""
        return self.under["figure", "relative_to"].of(figure)

    def forget(self) -> None:
        """Drop what only the checks of the whole need, and put in order what is asked for by each process that is handed this."""
        self.parts = Parts()
        for place in (("document", "name"), ("document", "sha256"), ("organisation", "parent"), ("source", "derived_from")):
            self.under.pop(place, None)
        self.by_events.sort()
        self.by_figures.sort()
        for found in self.under.values():
            found.sort()

    def join(self, others: "Links") -> None:
        """Add the references of others, which come behind these."""
        for place, found in others.under.items():
            self.under[place].join(found)
        for region, counts in others.of_regions.items():
            mine = self.of_regions.setdefault(region, [0, 0])
            mine[:] = map(add, mine, counts)
        self.by_events.join(others.by_events)
        self.by_figures.join(others.by_figures)
        self.parts.join(others.parts)
        self.citations += others.citations

    def raw(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Take the references of an entry as it stands in a file, as far as they have the right form."""
        if kind == "document":
            self.document(entry["id"], {name: value for name in ("name", "sha256") if isinstance(value := entry.get(name), str)})
            return
        relative, cited, part = entry.get("relative_to"), entry.get("cite"), entry.get("part")
        if kind == "source" and isinstance(part, dict) and isinstance(document := entry.get("document"), str):
            ends = [int(end) for name in ("start", "end") if isinstance(end := part.get(name), str) and end.isdecimal() and len(end) < 10]
            if len(ends) == 2:
                self.parts.add(document, ends[0], ends[1], entry["id"])
        refers = {name: value for name in ("parent", "region", "event", "derived_from") if isinstance(value := entry.get(name), str)}
        if isinstance(relative, dict) and isinstance(relative.get("figure"), str):
            refers["relative_to"] = relative["figure"]
        sources = [one.get("source") for one in cited if isinstance(one, dict)] if isinstance(cited, list) else []
        self.take(kind, entry["id"], refers, sources)

    def form(self, kind: str, form: Any) -> None:
        """Take the references of an entry of the right form."""
        if isinstance(form, DocumentForm):
            self.document(form.id, {"name": form.name, "sha256": form.sha256})
            return
        if isinstance(form, SourceForm) and form.document and form.part:
            self.parts.add(form.document, form.part.start, form.part.end, form.id)
        refers = {name: value for name in ("parent", "region", "event", "derived_from") if (value := getattr(form, name, None))}
        if isinstance(form, FigureForm) and form.relative_to and form.relative_to.figure:
            refers["relative_to"] = form.relative_to.figure
        self.take(kind, form.id, refers, [citation.source for citation in form.cite])

    def document(self, identifier: str, values: Mapping[str, str]) -> None:
        """Take the fields of a document that no other one may have."""
        for name, value in values.items():
            self.under["document", name].add(value, identifier)

    def doubles(self) -> Iterator[tuple[str, str, str]]:
        """Documents that have the same value of a field as an earlier one: the field, the earlier one, the later one."""
        for name in ("name", "sha256"):
            for first, *others in self.under["document", name].shared():
                yield from ((name, first, other) for other in others)

    def take(self, kind: str, identifier: str, refers: Mapping[str, str], cited: Iterable[Any]) -> None:
        """Take the references of a record and the sources that it cites."""
        for place in ((kind, name) for name in refers):
            if place in _FOLLOWED:
                self.under[place].add(refers[place[1]], identifier)
        sources = list(cited)
        self.citations += len(sources)
        if kind in {"event", "figure"}:
            if "region" in refers:
                self.of_regions.setdefault(refers["region"], [0, 0])[int(kind == "figure")] += 1
            by = self.by_events if kind == "event" else self.by_figures
            for source in {source for source in sources if isinstance(source, str)}:
                by.add(source)

    def rolled_up(self, within: Mapping[str, set[str]]) -> dict[str, list[int]]:
        """How many events and figures each region has with all that lies in it; `within` tells what each region lies in."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for region, (events, figures) in self.of_regions.items():
            for above in within.get(region, ()):
                counts[above][0] += events
                counts[above][1] += figures
        return counts
