"""Who refers to whom, asked the other way round: what a record shows of the records that refer to it."""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from app.seeding.entries import DocumentForm, FigureForm, SourceForm
from app.seeding.numbers import in_order, of_text


def _counts() -> dict[str, list[int]]:
    return {}


@dataclass
class Cited:
    """How often sources are cited, by the numbers that stand for them."""

    _numbers: "array[int]" = field(default_factory=lambda: array("Q"))
    _sorted: bool = True

    def add(self, source: str) -> None:
        """A source is cited once more."""
        self._numbers.append(of_text(source))
        self._sorted = False

    def sort(self) -> None:
        """Put the numbers in order, unless they are."""
        if not self._sorted:
            self._numbers = array("Q", map(self._numbers.__getitem__, in_order(self._numbers)))
            self._sorted = True

    def count(self, source: str) -> int:
        """How often a source is cited."""
        self.sort()
        number = of_text(source)
        return bisect_right(self._numbers, number) - bisect_left(self._numbers, number)


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
class Links:
    """What is known of the references of all entries of a data set."""

    above: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """By kind and field: what each record lies under, of those that lie under one; after `forget` only the bases of figures."""
    figures_of: dict[str, list[str]] = field(default_factory=dict)
    """The figures of each event that has any."""
    children_of: dict[str, list[str]] = field(default_factory=dict)
    """The events that are part of each event."""
    of_regions: dict[str, list[int]] = field(default_factory=_counts)
    """How many events and figures each region has itself."""
    by_events: Cited = field(default_factory=Cited)
    """How many events cite a source."""
    by_figures: Cited = field(default_factory=Cited)
    citations: int = 0
    parts: Parts = field(default_factory=Parts)
    doubles: list[tuple[str, str, str]] = field(default_factory=list)
    """Documents that have the same value of a field as an earlier one: the field, the earlier one, the later one."""
    _known: dict[int, str] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop what only the checks of the whole need, and put in order what is asked for by each process that is handed this."""
        self.by_events.sort()
        self.by_figures.sort()
        self.parts, self.doubles, self._known = Parts(), [], {}
        self.above = {place: found for place, found in self.above.items() if place == ("figure", "relative_to")}

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
            if (first := self._known.setdefault(of_text(f"{name} {value}"), identifier)) != identifier:
                self.doubles.append((name, first, identifier))

    def take(self, kind: str, identifier: str, refers: Mapping[str, str], cited: Iterable[Any]) -> None:
        """Take the references of a record and the sources that it cites."""
        for name in ("parent", "derived_from", "relative_to"):
            if name in refers and kind != "region":
                self.above.setdefault((kind, name), {})[identifier] = refers[name]
        if kind == "event" and "parent" in refers:
            self.children_of.setdefault(refers["parent"], []).append(identifier)
        if kind == "figure" and "event" in refers:
            self.figures_of.setdefault(refers["event"], []).append(identifier)
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
