"""The index: which versions of records fulfil a condition, as Roaring bitmaps of their keys, the same on SQLite and PostgreSQL.

A stored posting holds the versions that have a value of a field, those of all releases and views alike: it only ever grows, so that one that
is read late is right for any earlier release as well. What stood at a moment is a set among others, and a filter is an intersection of sets,
however many records there are. Postings are read when they are first asked for and kept while there is room; those of the moment for which most
ask, the newest release, without what does not stand in it.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import cached_property, reduce
from operator import and_
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from pyroaring import BitMap

from app.models import END, UNDATED, Moment
from app.search import query_words
from app.snapshot import Snapshot

MOST_KEPT = 28_000_000
"""Bytes of postings, and of what is made from them, that a process keeps."""

MOST_MADE = 16_000_000
"""Bytes of what takes long to make for other moments than the usual one, whose stays."""

MOST_TOGETHER = 2_000
"""Postings that are read together: five times as many take no less time, and leave 7 MB of holes among Python's objects."""

NONE = ""
"""The value of a field that a record does not fill."""

TAKING = " "
"""What stands between a role and an organisation."""

T = TypeVar("T")
Keys = NDArray[np.uint32]
"""Keys of versions, or their places in an order."""


NOWHERE = np.uint32(2**32 - 1)
"""The place of what has none."""
STRETCH = 4_096
"""Places of an order that are looked at together."""
GROUP = 16
"""Stretches that are passed over together."""


def number(given: int) -> str:
    """A whole number as a value of a field, in an order that is that of the numbers."""
    return f"{given:010d}"


def years(first: str, last: str) -> Iterable[str]:
    """The years from one day to another."""
    return (f"{year:04d}" for year in range(int(first[:4]), int(last[:4]) + 1))


class Order:
    """The versions of a kind of record in the order in which lists show them by default."""

    def __init__(self, versions: Keys, placed: Keys) -> None:
        """`placed` has the place of each of the versions by its key, and may have those of other kinds."""
        self.versions, self._placed = versions, placed
        # Made as they are asked for: the first pages after a release need few of them.
        self._stretches: dict[int, BitMap] = {}
        self._groups: dict[int, BitMap] = {}

    @cached_property
    def _ends(self) -> tuple[int, int]:
        """The lowest and the highest key of a version; of none, what no key lies between."""
        return (int(self.versions.min()), int(self.versions.max())) if len(self.versions) else (1, 0)

    def spans(self, versions: BitMap) -> bool:
        """Whether versions of its kind lie between those that it knows, though perhaps not among them."""
        first, last = self._ends
        return not versions or (first <= versions.min() and versions.max() <= last)

    def places(self, versions: BitMap) -> Keys:
        """The places of versions that it `spans`, in their order: in a tenth of the time that it takes to look them up one by one.

        NOWHERE, last, for each that it does not know.
        """
        places = self._placed.take(np.frombuffer(versions.to_array(), np.uint32))
        places.sort()
        return places

    @property
    def many(self) -> int:
        """How many stretches there are."""
        return -(-len(self.versions) // STRETCH)

    def stretch(self, number: int) -> BitMap:
        """The versions of `STRETCH` places, as a set: one look tells whether any of them was chosen."""
        found = self._stretches.get(number)
        if found is None:
            some = self.versions[number * STRETCH : (number + 1) * STRETCH]
            found = self._stretches[number] = BitMap(array("I", some.tobytes()))
        return found

    def group(self, number: int) -> BitMap:
        """The same of `GROUP` stretches."""
        found = self._groups.get(number)
        if found is None:
            found = self._groups[number] = BitMap.union(*map(self.stretch, range(number * GROUP, min((number + 1) * GROUP, self.many))))
        return found


def orders(stored: Mapping[str, bytes]) -> dict[str, Order]:
    """The orders of kinds as they are stored. Their keys lie between each other, so that one array holds the places of all."""
    versions = {kind: np.frombuffer(given, "<u4").astype(np.uint32, copy=False) for kind, given in stored.items()}
    placed = np.full(1 + max((int(some.max()) for some in versions.values() if len(some)), default=0), NOWHERE)
    for some in versions.values():
        placed[some] = np.arange(len(some), dtype=np.uint32)
    return {kind: Order(some, placed) for kind, some in versions.items()}


class Index:
    """What is kept of the postings in one state of the data."""

    def __init__(self, usual: Moment) -> None:
        """`usual` is the moment that is looked at where a query names none."""
        self.usual = usual
        self._kept: LRUCache[Hashable, Any] = LRUCache(MOST_KEPT, getsizeof=_size)
        self.orders: dict[str, Order] = {}
        """By kind; not among the others, since every list needs them and they are as large as many postings."""
        self.ordering = Lock()
        """Held while the orders are read."""
        self._made: dict[str, Any] = {}
        self._made_else: LRUCache[tuple[str, Moment], Any] = LRUCache(MOST_MADE, getsizeof=_size)
        self._lock = Lock()
        self._making: defaultdict[tuple[str, Moment], Lock] = defaultdict(Lock)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for a key, made now if it is not there."""
        found = self.held(key)
        return self.keep(key, make()) if found is None else found

    def held(self, key: Hashable) -> Any:
        """What was made for a key; None where it is not there. In half the time of `get`, which looks for it twice."""
        with self._lock:
            try:
                return self._kept[key]
            except KeyError:
                return None

    def once(self, name: str, moment: Moment, make: Callable[[], T]) -> T:
        """What was made for a moment, where it takes long to make: who asks meanwhile waits for it, and that of the usual moment stays."""
        with self._lock:
            made: T | None = self._made_for(name, moment)
            making = self._making[name, moment]
        if made is None:
            with making:
                with self._lock:
                    made = self._made_for(name, moment)
                if made is None:
                    made = make()
                    with self._lock, suppress(ValueError):  # of what is larger than all that is kept
                        if moment == self.usual:
                            self._made[name] = made
                        else:
                            self._made_else[name, moment] = made
        return made

    def _made_for(self, name: str, moment: Moment) -> Any:
        return self._made.get(name) if moment == self.usual else self._made_else.get((name, moment))

    def keep(self, key: Hashable, made: T) -> T:
        """Have what was made for a key for the next one who asks, if there is room for it."""
        with self._lock, suppress(ValueError):  # of what is larger than all that is kept
            self._kept[key] = made
        return made


def _size(kept: Any) -> int:
    """About how many bytes something takes."""
    match kept:
        case _ if hasattr(kept, "nbytes"):
            size = 100 + int(kept.nbytes)
        case str() | bytes():
            size = 50 + len(kept)
        case BitMap():
            size = 200 + len(kept.serialize())
        case dict():
            size = sum(100 + _size(value) for value in kept.values())
        case list() | tuple():
            size = sum(8 + _size(value) for value in kept)
        case _:
            size = 100 + 100 * (len(kept) if hasattr(kept, "__len__") else 1)
    return size


class Postings:
    """The index as one request reads it, at a moment."""

    def __init__(self, index: Index, snapshot: Snapshot, moment: Moment) -> None:
        self.index, self.snapshot, self.now = index, snapshot, moment
        self._usual = moment == index.usual

    def standing(self, kind: str) -> BitMap:
        """The versions of a kind that stand in the moment."""
        now = self.now
        return self.index.kept(("standing", kind, now), lambda: self.any("kind", [kind]) & self._recorded(now.release) & self._seen(now.day))

    def _recorded(self, release: int) -> BitMap:
        def make() -> BitMap:
            begun, ended = (self._between(field, "", number(release)) for field in ("since", "until"))
            return begun - ended

        return self.index.kept(("recorded", release), make)

    def _seen(self, day: date) -> BitMap:
        if day == UNDATED:
            return self.any("seen_until", [END.isoformat()])
        begun, ended = (self._between(field, "", day.isoformat()) for field in ("seen_from", "seen_until"))
        return begun - ended

    def chosen(self, kind: str, found: Sequence[BitMap], together: Sequence[BitMap] = ()) -> BitMap:
        """The versions of a kind that stand in the moment and are in all of some sets, each found by a field of the kind or by words."""
        if self._usual and (found or together):
            return intersection(found, together)
        return intersection([self.standing(kind), *found], together)

    def _those(self, field: str, versions: BitMap) -> BitMap:
        """What was found by a field just now; of one of a kind, in the usual moment, only what stands.

        Nearly everybody asks for that: it takes less room to keep, and half the time to choose among it.
        """
        if self._narrows(field):
            versions &= self.standing(field.partition(".")[0])  # in its own place: the memory of another would lie between what is kept
            versions.shrink_to_fit()
        return versions

    def _narrows(self, field: str) -> bool:
        """Whether of a field only what stands is kept."""
        return self._usual and "." in field

    def any(self, field: str, values: Iterable[str]) -> BitMap:
        """The versions that have one of the values; see `_those`."""
        found = [self._with(field, value) for value in values]
        return found[0] if len(found) == 1 else BitMap.union(*found) if found else BitMap()

    def _with(self, field: str, value: str) -> BitMap:
        narrows = self._narrows(field)
        found: BitMap | None = self.index.held((field, value, narrows))
        if found is not None:
            return found
        every: dict[str, BitMap] | None = self.index.held(("every", field, narrows))
        if every is not None:
            return every.get(value) or BitMap()
        rows = self.snapshot.rows("SELECT versions FROM posting WHERE field = ? AND value = ?", (field, value))
        return self.index.keep((field, value, narrows), self._those(field, _set(rows[0][0])) if rows else BitMap())

    def every(self, field: str) -> dict[str, BitMap]:
        """As `any` for each value of a field."""
        narrows = self._narrows(field)

        def make() -> dict[str, BitMap]:
            rows = self.snapshot.rows("SELECT value, versions FROM posting WHERE field = ?", (field,))
            return {value: self.index.held((field, value, narrows)) or self._those(field, _set(versions)) for value, versions in rows}

        return self.index.kept(("every", field, narrows), make)

    def values(self, field: str) -> list[str]:
        """The values of a field that any version has."""
        rows = self.snapshot.rows("SELECT value FROM posting WHERE field = ?", (field,))
        return [value for (value,) in rows if value != NONE]

    def portions(self, field: str) -> Iterator[dict[str, BitMap]]:
        """All postings of a field that has very many, in the order of their values; none is kept."""
        last = ""
        while True:
            found = "SELECT value, versions FROM posting WHERE field = ? AND value > ? ORDER BY value LIMIT ?"
            rows = self.snapshot.rows(found, (field, last, MOST_TOGETHER))
            yield {value: _set(versions) for value, versions in rows}
            if len(rows) < MOST_TOGETHER:
                return
            last = rows[-1][0]

    def _between(self, field: str, least: str, most: str) -> BitMap:
        """The versions that have a value from one to another, both included; see `_those`."""
        rows = self.snapshot.rows("SELECT versions FROM posting WHERE field = ? AND value >= ? AND value <= ?", (field, least, most))
        return self._those(field, self._union(rows))

    @staticmethod
    def _union(rows: Sequence[Any]) -> BitMap:
        """What is in any of the postings of some rows."""
        return BitMap.union(*(_set(versions) for (versions,) in rows)) if rows else BitMap()

    def at_least(self, field: str, least: int) -> BitMap:
        """The versions whose number is at least this."""
        return self.index.kept((field, "least", least, self._usual), lambda: self._between(field, number(least), "~"))

    def from_day(self, field: str, day: date) -> BitMap:
        """The versions whose day is not before this one: later years, later months of its year, days of its month from it on.

        What is kept are years on end, which are few and large, and months, which are small. Days are many, and to keep a set for each would
        leave room for nothing else.
        """
        year, month, text = day.isoformat()[:4], day.isoformat()[:7], day.isoformat()
        if text == f"{year}-01-01":
            return self._years(field, f"{day.year - 1:04d}~", "~")
        later_years = self._years(field, f"{year}~", "~")
        if day.day == 1:
            return later_years | self._months(field, day.year, day.month, 12)
        return BitMap.union(later_years, self._months(field, day.year, day.month + 1, 12), self._between(f"{field}.day", text, f"{month}~"))

    def to_day(self, field: str, day: date) -> BitMap:
        """The versions whose day is not after this one, likewise; without a day it is neither before nor after."""
        year, month, text = day.isoformat()[:4], day.isoformat()[:7], day.isoformat()
        if text == f"{year}-12-31":
            return self._years(field, "", year)
        earlier_years = self._years(field, "", f"{day.year - 1:04d}")
        if (day + timedelta(days=1)).day == 1:
            return earlier_years | self._months(field, day.year, 1, day.month)
        return BitMap.union(earlier_years, self._months(field, day.year, 1, day.month - 1), self._between(f"{field}.day", f"{month}-", text))

    def _years(self, field: str, first: str, last: str) -> BitMap:
        """The versions whose day lies in the years between two texts."""
        return self.index.kept((field, "years", first, last, self._usual), lambda: self._between(f"{field}.year", first, last))

    def _months(self, field: str, year: int, first: int, last: int) -> BitMap:
        """The versions whose day lies in the months of a year from one to another."""
        return self.any(f"{field}.month", [f"{year:04d}-{month:02d}" for month in range(first, last + 1)])

    def within(self, field: str, regions: Sequence[str], match: str) -> BitMap:
        """The versions whose region is one of these; unless the match is `exact`, or lies in one at any depth."""
        if match == "exact":
            return self.any(field, regions)
        found = [self._inside(field, region) for region in regions]
        return found[0] if len(found) == 1 else BitMap.union(*found)

    def _inside(self, field: str, region: str) -> BitMap:
        release = self.now.release

        def make() -> BitMap:
            inside = (
                "SELECT versions FROM region_within JOIN posting ON value = region_id "
                "WHERE field = ? AND ancestor_id = ? AND since <= ? AND until > ?"
            )
            return self._those(field, self._union(self.snapshot.rows(inside, (field, region, release, release))))

        return self.index.kept((field, "inside", region, release, self._usual), make)

    def having(self, kind: str, q: str) -> BitMap:
        """The versions of a kind that stand in the moment and have every word of a query; none for no words."""
        return self.worded(q) & self.standing(kind)

    def worded(self, q: str) -> BitMap:
        """The versions of all kinds that have every word of a query, whether they stand or not."""
        wanted = query_words(q)
        return intersection([self.any("word", [word]) for word in wanted]) if wanted else BitMap()

    def order(self, kind: str) -> Order:
        """The order in which a list shows its versions by default."""
        kept = self.index.orders
        if kind not in kept:
            with self.index.ordering:
                if kind not in kept:  # all at one go: what one of them read later may be that of a newer release
                    rows = self.snapshot.rows("SELECT kind, versions FROM ordering", ())
                    kept |= orders({kind: b""} | {name: bytes(versions) for name, versions in rows})
        return kept[kind]


def _set(stored: Any) -> BitMap:
    """A posting, however a driver gives its bytes."""
    return BitMap.deserialize(bytes(stored))


def intersection(sets: Sequence[BitMap], together: Sequence[BitMap] = ()) -> BitMap:
    """What is in all of at least one set; the smallest first, so that the work shrinks at once.

    Sets whose versions lie together, such as events by their dates, come next, however large they are: what is left then lies in few parts
    of a bitmap, and of the others only those are looked at.
    """
    ordered = sorted(sets, key=len)
    ordered[1:1] = [reduce(and_, together)] if together else []
    return reduce(and_, ordered)
