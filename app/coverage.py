"""Coverage: how many events are on record by region, type and year, and where nobody has looked.

Pure functions of counts (`survey`). The cells are never all built: most of them are empty, and of those only the page that is
asked for is. Their number follows from the counts.

What an event does not say stands under null: events without a region, or without a date, have cells of their own. Those are there only
where there is such an event, for of no place and no time it cannot be said that nothing is known.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from app.citations import DateSpan, Ref, Shape, TitleRef, term

UNKNOWN = "unknown"
"""What stands in the id of a cell for a region or year that its events do not have; it sorts behind every year."""

Numbers = NDArray[np.integer[Any]]

_TYPE, _REGION = 16, 32
"""Bits behind which type and region stand in the number of a cell, which ends in the year."""
_YEAR = (1 << _TYPE) - 1


class NewestSource(TitleRef):
    """A work that an event cites."""

    published: DateSpan | None
    """When it was published; null: not known."""


class LastCurated(Shape):
    """A release that changed an event."""

    release: int
    """Its number."""
    released_at: datetime
    """When it was loaded."""


class Coverage(Shape):
    """What is on record of a region, a type of event and a year."""

    id: str
    """Made of region, type and year: `cn-bj--policy--2025`; `unknown` stands for null."""
    region: Ref | None
    """Where the events took place; null: they do not say."""
    type: Annotated[str, term("event-type")]
    """Kind of event."""
    year: int | None
    """A year that the events' dates touch; null: they have no date."""
    state: Annotated[str, term("coverage")]
    """Whether events are known, and if not, whether anybody has looked."""
    events: int
    """How many events are on record."""
    newest_source: NewestSource | None
    """Of the works that these events cite the one that was published last; null: there is no event."""
    last_curated: LastCurated | None
    """The newest release that changed one of these events; null: there is no event."""
    looked_at_until: date | None
    """The last day up to which works on the region were read, whatever the year of the cell; null: none were."""
    works: int
    """How many works on the region were read that were published in this year or the next (of a null year: in any)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The events of a cell."""

    events: int
    release: int
    """The newest release that changed one of them."""
    newest: int
    """The place in the order of publication of the newest work that they cite."""


@dataclass(frozen=True, slots=True)
class Events:
    """How many events there are by region, type, first and last year, as columns of equal length, each as wide as its numbers."""

    regions: list[str | None]
    """What the numbers in `region` stand for."""
    types: list[str]
    region: Numbers
    type: Numbers
    first: Numbers
    """0: they have no date."""
    last: Numbers
    events: Numbers
    release: Numbers
    """The newest release that changed one of them."""
    newest: Numbers
    """The place in the order of publication of the newest work that they cite."""

    @property
    def _columns(self) -> tuple[Numbers, ...]:
        return self.region, self.type, self.first, self.last, self.events, self.release, self.newest

    @property
    def nbytes(self) -> int:
        """How much room it takes."""
        return sum(column.nbytes for column in self._columns)

    def of(self, types: Collection[str], *, unplaced: bool) -> "Events":
        """Those of some types, or of all where none are named, with those that name no region or without; in columns wide enough to count with."""
        kept = np.full(len(self.region), True)
        if types:
            kept &= np.isin(self.type, [number for number, name in enumerate(self.types) if name in types])
        if not unplaced:
            kept &= np.isin(self.region, [number for number, name in enumerate(self.regions) if name is not None])
        return Events(self.regions, self.types, *(column[kept].astype(np.int64) for column in self._columns))


@dataclass(frozen=True, slots=True)
class Reading:
    """The works on a region that were read, by the years in which they were published, ascending."""

    years: list[int]
    works: list[int]
    """How many, year by year."""
    until: date

    def of(self, year: int | None) -> int:
        """How many were published in a year or the next, in which news of a year appears."""
        return sum(works for published, works in zip(self.years, self.works, strict=True) if year is None or published in {year, year + 1})


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it is counted, without the names of what it refers to."""

    region: str | None
    type: str
    year: int | None
    state: str
    tally: Tally | None

    @property
    def id(self) -> str:
        """Two hyphens occur in no id, so that different cells have different ids; they sort by region, type and year."""
        return cell_id(self.region, self.type, self.year)


def cell_id(region: str | None, kind: str, year: int | None) -> str:
    """The id of a cell."""
    return f"{region or UNKNOWN}--{kind}--{UNKNOWN if year is None else f'{year:04}'}"


class Known:
    """The cells that have events."""

    def __init__(self, events: Events, within: Mapping[str, Sequence[str]], years: range, *, undated: bool) -> None:
        """Each event counts in all regions that its own lies `within`, and in each of some years that its date touches."""
        names = list(dict.fromkeys([*events.regions, *chain.from_iterable(within.values())]))
        self._regions, self._types = ({name: number for number, name in enumerate(given)} for given in (names, events.types))
        above = [[number] if name is None else [self._regions[place] for place in within.get(name, ())] for number, name in enumerate(names)]
        rows, region = _each(above, events.region)
        first, last = np.maximum(events.first[rows], years.start), np.minimum(events.last[rows] + 1, years.stop)
        dated = events.first[rows] > 0
        many = np.where(dated, np.maximum(last - first, 0), int(undated))
        year = np.repeat(np.where(dated, first, 0), many) + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        rows, region = np.repeat(rows, many), np.repeat(region, many)
        self._places, cell = np.unique((region << _REGION) + (events.type[rows] << _TYPE) + year, return_inverse=True)
        many_events, release, newest = (np.zeros(len(self._places), np.int64) for _ in range(3))
        np.add.at(many_events, cell, events.events[rows])
        np.maximum.at(release, cell, events.release[rows])
        np.maximum.at(newest, cell, events.newest[rows])
        self._told = [narrow(many_events), narrow(release), newest]

    def __len__(self) -> int:
        return len(self._places)

    @property
    def nbytes(self) -> int:
        """How much room it takes."""
        return self._places.nbytes + sum(numbers.nbytes for numbers in self._told)

    def years(self, region: str) -> "NDArray[np.int64]":
        """The year of each cell of a region; 0: null."""
        found: NDArray[np.int64] = self._places[self._span(region)] & _YEAR
        return found

    def row(self, region: str | None, kind: str) -> dict[int | None, Tally]:
        """The cells of a region and type by their years."""
        if kind not in self._types:
            return {}
        span = self._span(region, kind)
        told = zip(*(numbers[span].tolist() for numbers in (self._places & _YEAR, *self._told)), strict=True)
        return {year or None: Tally(*tally) for year, *tally in told}

    def _span(self, region: str | None, kind: str | None = None) -> slice:
        if region not in self._regions:
            return slice(0)
        begin = self._regions[region] << _REGION
        behind = begin + (1 << _REGION)
        if kind is not None:
            begin += self._types[kind] << _TYPE
            behind = begin + (1 << _TYPE)
        return slice(*np.searchsorted(self._places, [begin, behind]).tolist())


def narrow(numbers: Numbers) -> Numbers:
    """Numbers from 0 on in no more room than the largest of them needs."""
    return numbers.astype(np.min_scalar_type(numbers.max(initial=0)))


def _each(of: Sequence[Sequence[int]], numbers: Numbers) -> tuple[Numbers, Numbers]:
    """The places of some numbers, each once for all that belongs to it, and what that is."""
    table = np.full((len(of), max(map(len, of), default=0)), -1)
    for number, found in enumerate(of):
        table[number, : len(found)] = found
    wide = table[numbers]
    rows, columns = np.nonzero(wide >= 0)
    return rows, wide[rows, columns]


class Grid:
    """The cells of some regions, types and years."""

    def __init__(self, regions: Iterable[str], types: Collection[str], years: range, known: Known, read: Mapping[str, Reading]) -> None:
        self.regions, self.types, self.years, self.known, self.read = list(regions), types, years, known, read

    def counts(self) -> Counter[str]:
        """How many cells are in each state."""
        counted = Counter({"known": len(self.known)})
        for region in self.regions:
            looked, taken = self._looked(region), self.known.years(region)
            both = int(np.isin(taken, list(looked)).sum())
            counted["none-known"] += len(looked) * len(self.types) - both
            counted["not-looked-at"] += (len(self.years) - len(looked)) * len(self.types) - (int(np.count_nonzero(taken)) - both)
        return counted

    def cells(self, states: Collection[str], last: str = "") -> Iterator[Cell]:
        """The cells in some states behind an id, in the order of their ids."""
        places: list[str | None] = [*self.regions, None]
        for region in sorted(places, key=lambda place: place or UNKNOWN):
            for kind in sorted(self.types):
                if cell_id(region, kind, None) <= last:
                    continue
                row = self.known.row(region, kind)
                for year, state in self._row(region, row, states):
                    if cell_id(region, kind, year) > last:
                        yield Cell(region, kind, year, state, row.get(year))

    def _row(self, region: str | None, row: Mapping[int | None, Tally], states: Collection[str]) -> list[tuple[int | None, str]]:
        """The years of a region and type that are in some states, null last."""
        found: list[tuple[int | None, str]] = [(year, "known") for year in row] if "known" in states else []
        if region is not None:
            looked = self._looked(region)
            if "none-known" in states:
                found += [(year, "none-known") for year in looked if year not in row]
            if "not-looked-at" in states:
                found += [(year, "not-looked-at") for year in self.years if year not in row and year not in looked]
        return sorted(found, key=lambda one: (one[0] is None, one[0] or 0))

    def _looked(self, region: str) -> set[int]:
        """The years of the grid in which, or in the year after which, works on a region were published that were read."""
        published = self.read[region].years if region in self.read else []
        return {year for last in published for year in (last - 1, last) if year in self.years}
