"""What coverage is told from: how many events there are by region, type and years, and which works were read on each region.

It is counted once for a state of the data, as arrays that the index fills: to have the database join all that is cited takes twenty times as long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from app.coverage import Events, Numbers, Reading, narrow
from app.postings import MOST_TOGETHER, NONE, Postings
from app.snapshot import Outdated

_WORKS = (
    "SELECT id, version, published_first, published_earliest, events.versions, figures.versions FROM "
    "(SELECT id, version, published_first, published_earliest FROM source WHERE (id, version) > (?, ?) ORDER BY id, version LIMIT ?) AS works "
    "LEFT JOIN posting AS events ON events.field = 'event.source' AND events.value = id "
    "LEFT JOIN posting AS figures ON figures.field = 'figure.source' AND figures.value = id "
    "ORDER BY id, version"
)
"""What stands in the moment is told by the index: PostgreSQL does not know how many do, and would join all works for each portion."""

_HALF = 32
"""Bits of the second of two numbers in one."""
_YEARS = 10_000
_NONE = np.zeros(0, np.uint32)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is on record at a moment."""

    events: Events
    """By the regions that the events themselves name."""
    places: Numbers
    """In the order of publication, of the works that `events` names by them."""
    versions: Numbers
    """Those of these works."""
    read: dict[str, Reading]
    """The works that events and figures of the very region cite."""

    @property
    def nbytes(self) -> int:
        """How much room it takes, but for the few regions."""
        return self.events.nbytes + self.places.nbytes + self.versions.nbytes

    def version_of(self, place: int) -> int:
        """The version of the work at a place in the order of publication."""
        return int(self.versions[np.searchsorted(self.places, place)])


class _Standing:
    """The versions of a kind that stand in the moment, and what they are of."""

    def __init__(self, postings: Postings, kind: str) -> None:
        self.postings = postings
        self.versions = postings.standing(kind)
        self._size = self.versions.max() + 1 if self.versions else 0
        self._stands = np.zeros(self._size, bool)
        self._stands[_keys(self.versions)] = True

    def numbers(self, field: str, known: dict[str, int]) -> Numbers:
        """By the key of a version the number of its value of a field, which is known or will be; 0: it has none."""
        found = np.zeros(self._size, np.int64)
        for value, versions in self.postings.every(field).items():
            if value != NONE:
                found[_keys(versions & self.versions)] = known.setdefault(value, len(known) + 1)
        return found

    def values(self, field: str) -> Numbers:
        """By the key of a version its value of a field that has numbers; 0: it has none."""
        known: dict[str, int] = {}
        numbers = self.numbers(field, known)
        return np.array([0, *map(int, known)])[numbers]

    def citing(self, works: Sequence[Any]) -> tuple[NDArray[np.uint32], Numbers]:
        """The keys of what cites some works, told by their postings, and the place of each one's work among them."""
        cited = [BitMap.deserialize(bytes(versions)) if versions else BitMap() for versions in works]
        keys = np.concatenate([_NONE, *map(_keys, cited)])
        owners = np.repeat(np.arange(len(works)), [len(versions) for versions in cited])
        stands = keys < self._size
        stands[stands] = self._stands[keys[stands]]
        return keys[stands], owners[stands]


def survey(postings: Postings) -> Survey:
    """What is on record at the moment of some postings."""
    regions: dict[str, int] = {}
    events, figures = _Standing(postings, "event"), _Standing(postings, "figure")
    regions_of = {kind: standing.numbers(f"{kind}.region", regions) for kind, standing in (("event", events), ("figure", figures))}
    newest = np.full(len(regions_of["event"]), -1)
    until = np.zeros(len(regions) + 1, np.int64)
    read = [np.zeros(0, np.int64)]
    versions = [np.zeros(0, np.int64)]
    many = 0
    for works in _works(postings):
        first, earliest = (np.array([_ordinal(row[place]) for row in works], np.int64) for place in (2, 3))
        citing = events.citing([row[4] for row in works])
        np.maximum.at(newest, citing[0], (first << _HALF | np.arange(many, many + len(works)))[citing[1]])
        cited = [(regions_of["event"], citing), (regions_of["figure"], figures.citing([row[5] for row in works]))]
        pairs = np.unique(np.concatenate([region[keys] << _HALF | owners for region, (keys, owners) in cited]))
        region, days = pairs >> _HALF, earliest[pairs & ((1 << _HALF) - 1)]
        dated = (region > 0) & (days > 0)
        np.maximum.at(until, region[dated], days[dated])
        years = np.array([date.fromordinal(day).year for day in days[dated].tolist()], np.int64)
        read.append(region[dated] << _HALF | years)
        versions.append(np.array([row[1] for row in works], np.int64))
        many += len(works)
    found = _counted(events, regions_of["event"], [None, *regions], newest)
    places = np.unique(found.newest)
    if np.any(places < 0):
        raise Outdated  # an event stands without a work that it cites: the records were written anew meanwhile
    return Survey(found, places, np.concatenate(versions)[places & ((1 << _HALF) - 1)], _readings(np.concatenate(read), [None, *regions], until))


def _works(postings: Postings) -> Iterator[list[Any]]:
    """The works of the moment by id, in portions: id, version, first and earliest day of publication, the postings of what cites it."""
    standing, last = postings.standing("source"), ("", 0)
    while standing and (works := postings.snapshot.rows(_WORKS, (*last, MOST_TOGETHER))):
        yield [row for row in works if row[1] in standing]
        last = works[-1][:2]


def _counted(events: _Standing, regions: Numbers, names: list[str | None], newest: Numbers) -> Events:
    """The events by region, type, first and last year."""
    keys = _keys(events.versions)
    types: dict[str, int] = {}
    columns, sizes = [regions[keys], events.numbers("event.type", types)[keys]], [len(names), len(types) + 1]
    for field in ("event.first.year", "event.last.year"):
        columns.append(events.values(field)[keys])
        sizes.append(_YEARS)
    groups, group = np.unique(np.ravel_multi_index(columns, sizes), return_inverse=True)
    release, latest = np.zeros(len(groups), np.int64), np.full(len(groups), -1)
    np.maximum.at(release, group, events.values("since")[keys])
    np.maximum.at(latest, group, newest[keys])
    region, kind, first, last = np.unravel_index(groups, sizes)
    many = np.bincount(group, minlength=len(groups))
    return Events(names, ["", *types], narrow(region), narrow(kind), narrow(first), narrow(last), narrow(many), narrow(release), latest)


def _readings(read: Numbers, names: Sequence[str | None], until: Numbers) -> dict[str, Reading]:
    """The works by region and year, from one number of both for each."""
    found: dict[str, Reading] = {}
    for pair, works in zip(*(numbers.tolist() for numbers in np.unique(read, return_counts=True)), strict=True):
        region = pair >> _HALF
        before = found.setdefault(str(names[region]), Reading([], [], date.fromordinal(int(until[region]))))
        before.years.append(pair & ((1 << _HALF) - 1))
        before.works.append(works)
    return found


def _keys(versions: BitMap) -> NDArray[np.uint32]:
    return np.frombuffer(versions.to_array(), np.uint32)


def _ordinal(day: Any) -> int:
    """A day as a number, however a driver gives it; 0: it is not known."""
    return date.fromisoformat(str(day)).toordinal() if day else 0
