"""Coverage: how many events are on record by region, type and year, and where nobody has looked.

Pure functions of counts that a database makes. The cells are never all built: most of them are empty, and of those only the page that is
asked for is. Their number follows from the counts.

What an event does not say stands under null: events without a region, or without a date, have cells of their own. Those are there only
where there is such an event, for of no place and no time it cannot be said that nothing is known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from app.citations import DateSpan, Ref, Shape, TitleRef, term

UNKNOWN = "unknown"
"""What stands in the id of a cell for a region or year that its events do not have; it sorts behind every year."""

Place = tuple[str | None, str, int | None]
"""A region's id, a type of event and a year."""


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
    def place(self) -> Place:
        """What it is the cell of."""
        return self.region, self.type, self.year

    @property
    def id(self) -> str:
        """Two hyphens occur in no id, so that different cells have different ids; they sort by region, type and year."""
        return cell_id(self.region, self.type, self.year)


def cell_id(region: str | None, kind: str, year: int | None) -> str:
    """The id of a cell."""
    return f"{region or UNKNOWN}--{kind}--{UNKNOWN if year is None else f'{year:04}'}"


def spread(rows: Iterable[tuple[str | None, str, int | None, int | None, int, int]], years: range, *, undated: bool) -> dict[Place, Tally]:
    """Counts by region, type, first and last year with the newest release, put to each year that they touch within `years`."""
    found: dict[Place, Tally] = {}
    for region, kind, first, last, events, release in rows:
        touched: Iterable[int | None] = [None] * undated
        if first is not None and last is not None:
            touched = range(max(first, years.start), min(last + 1, years.stop))
        for year in touched:
            before = found.get((region, kind, year), Tally(0, 0))
            found[region, kind, year] = Tally(before.events + events, max(before.release, release))
    return found


class Grid:
    """The cells of some regions, types and years."""

    def __init__(
        self, regions: Iterable[str], types: Collection[str], years: range, known: Mapping[Place, Tally], read: Mapping[str, Reading]
    ) -> None:
        self.regions, self.types, self.years, self.read = list(regions), types, years, read
        self._rows: dict[tuple[str | None, str], dict[int | None, Tally]] = defaultdict(dict)
        for (region, kind, year), tally in known.items():
            self._rows[region, kind][year] = tally

    def counts(self) -> Counter[str]:
        """How many cells are in each state."""
        counted: Counter[str] = Counter()
        for region in self.regions:
            looked = self._looked(region)
            counted["none-known"] += len(looked) * len(self.types)
            counted["not-looked-at"] += (len(self.years) - len(looked)) * len(self.types)
        for (where, _), row in self._rows.items():
            counted["known"] += len(row)
            if where is not None:
                looked = self._looked(where)
                counted["none-known"] -= sum(year in looked for year in row)
                counted["not-looked-at"] -= sum(year is not None and year not in looked for year in row)
        return counted

    def cells(self, states: Collection[str], last: str = "") -> Iterator[Cell]:
        """The cells in some states behind an id, in the order of their ids."""
        places: list[str | None] = [*self.regions, None]
        for region in sorted(places, key=lambda place: place or UNKNOWN):
            for kind in sorted(self.types):
                if cell_id(region, kind, None) <= last:
                    continue
                row = self._rows.get((region, kind), {})
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
