"""Lists of records: pages of the versions that the index chose, in the order that is asked for.

The default order lies ready for all versions; a page of it is found by looking for the next of them that were chosen, or, where few were,
by the places of those. Of another order the index tells which versions have the first value, which the next, and so on; only of what it
does not know the database tells the order. Those that have the same value are put in order by what else is named, likewise.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec
from fastapi.responses import Response
from pyroaring import BitMap
from sqlalchemy import select

from app import facets
from app.caching import refuse_unchanged
from app.database import among
from app.exporting import export
from app.facets import Facet
from app.models import KINDS, columns
from app.paging import Keys, Rewrite, SortKey, applied, envelope, explained, link_to_next, only_json, opened, ordered, sealed, written
from app.parameters import ListQuery
from app.postings import GROUP, NONE, NOWHERE, STRETCH, Order
from app.projection import projection
from app.reader import Reader
from app.snapshot import Outdated, Snapshot

FEW = 2_000
"""Records that are sorted here; more of them are found by going through the order of a column."""
_BATCH = 500
_FETCHED = 4_096
"""Rows that the database hands over at a time."""
_FEW_ENOUGH = 4_096
"""Chosen versions that are soonest put in order by sorting the places of all."""
_HANDED = 64
"""Versions that are handed over at a time."""


def answer(
    newest: Reader,
    kind: str,
    query: ListQuery,
    choose: Callable[[Reader, Any], BitMap],
    sorts: dict[str, SortKey],
    offered: dict[str, Facet],
    rewrite: Rewrite | None = None,
) -> Response:
    """A page of the records of a kind that a query chooses, with the facets that it asks for; `rewrite` changes each."""
    reader = newest.at(query)
    shape = projection(kind, query.fields)
    given: str | None = getattr(query, "facets", None)
    wanted = facets.names(offered, given)
    chosen = choose(reader, query)
    only_json(reader, {"fields": query.fields, "facets": given})
    wished, usual = (ordered(sort, sorts) for sort in _sort(query))
    listing = Listing(reader, kind, chosen, wished, usual)
    force = applied(query)
    behind = None
    if query.cursor is not None:
        written_for = [*(key for key, _ in listing.keys), SortKey(listing.table.version, int)]
        behind = opened(reader, query.cursor, sealed(reader.request, force), written_for)
    refuse_unchanged(reader.request, reader.headers)
    as_json = reader.request.scope["format"] == "json"
    if not as_json:
        reader = explained(reader, force, len(chosen))

    def each(records: Iterable[bytes]) -> Iterable[bytes]:
        changed = records if rewrite is None else map(rewrite, records)
        return changed if shape is None or as_json else map(shape.apply, changed)

    if not as_json and "limit" not in query.model_fields_set:
        return export(reader, kind, each(listing.bodies(listing.behind(behind))))
    found = list(islice(listing.behind(behind), query.limit + 1))
    more = len(found) > query.limit
    whole = list(listing.bodies(found[: query.limit], quoted=as_json))
    cursor = written(reader, listing.cursor(found[query.limit - 1], whole[-1]), sealed(reader.request, force)) if more else None
    shown = each(whole)
    if not as_json:
        link = {"Link": f'<{link_to_next(reader.request, cursor)}>; rel="next"'} if cursor else {}
        return export(replace(reader, headers=reader.headers | link), kind, shown)
    counted = {name: facets.count(reader, offered[name], query) for name in wanted}
    records = list(shown) if shape is None else [shape.joined(list(shown))]
    return envelope(reader, force, records, len(chosen), cursor, counted)


def _sort(query: Any) -> tuple[str, str]:
    """What a query is to be sorted by, and what is so by default."""
    return query.sort, type(query).model_fields["sort"].default


class Dates(msgspec.Struct):
    """The days that a date of a record spans."""

    earliest: str | None = None
    latest: str | None = None

    @property
    def first(self) -> str | None:
        """The day by which it is sorted."""
        return self.earliest or self.latest


class Shown(msgspec.Struct):
    """Of the JSON of a record what lists are sorted by by default."""

    id: str
    date: Dates | None = None
    metric: str | None = None
    name: str | None = None
    published: Dates | None = None


_shown = msgspec.json.Decoder(Shown)


class Listing:
    """The chosen versions of a kind in an order; `usual` is the order that lies ready."""

    def __init__(self, reader: Reader, kind: str, chosen: BitMap, keys: Keys, usual: Keys) -> None:
        self.reader, self.kind, self.chosen, self.keys, self.usual = reader, kind, chosen, keys, usual

    @property
    def table(self) -> Any:
        """The columns of the kind."""
        return columns(KINDS[self.kind])

    def behind(self, values: list[Any] | None) -> Iterator[int]:
        """The versions behind the one with these sort values, its own key the last of them; all where there are none."""
        return self._behind(self.chosen, self.keys, values)

    def _behind(self, chosen: BitMap, keys: Keys, values: list[Any] | None) -> Iterator[int]:
        """As `behind` of some of the versions, which differ in no key before these."""
        if not chosen:
            return iter(())
        if keys == self.usual:
            order = self.reader.postings.order(self.kind)
            return walk(order, chosen, 0 if values is None else self._place(order, values))
        # To join values that are not stored to each record takes the database longer than to go through all of them once.
        if len(chosen) <= FEW and not any(key.joined is not None for key, _ in keys):
            return self._sorted(chosen, keys, values)
        if keys[0][0].field or keys[0][0].years:
            return self._by_value(chosen, keys, values)
        return self._by_column(chosen, keys, values)

    def _by_value(self, chosen: BitMap, keys: Keys, values: list[Any] | None) -> Iterator[int]:
        """Those that have the first value of the first key, by the other keys, and so on; last those that have none. Of days by years first."""
        ((key, down), *others) = keys
        having = self.reader.postings.every(key.field or str(key.years))
        begin = None if values is None else key.value(values[0])
        for value in [*sorted(having.keys() - {NONE}, reverse=down), NONE]:
            if begin is not None and value != begin and _is_behind([(key, down)], [begin or None], [value or None]):
                continue
            same = values if value == begin else None
            if key.years and value != NONE:
                yield from self._behind(chosen & having[value], [(key.in_year(int(value)), down), *others], same)
            else:
                some = chosen - BitMap.union(*having.values(), BitMap()) if key.years else chosen & having.get(value, BitMap())
                yield from self._behind(some, others, same and same[1:])

    def _by_column(self, chosen: BitMap, keys: Keys, values: list[Any] | None) -> Iterator[int]:
        """The same of a key of which the index does not know who has which value: its column tells."""
        (first, *others) = keys
        for value, rows in groupby(self._in_column(chosen, *first, values), itemgetter(1)):
            same = BitMap(version for version, _ in rows)
            at_cursor = values is not None and value == values[0]
            if len(same) == 1 and not at_cursor:
                yield same[0]
            else:
                yield from self._behind(same, others, values[1:] if values is not None and at_cursor else None)

    def _in_column(self, chosen: BitMap, key: SortKey, down: bool, values: list[Any] | None) -> Iterator[tuple[int, Any]]:
        """Versions with their values of a column, in its order from the first of some sort values on; last those that have none."""
        column = key.column
        every = select(self.table.version, column).where(*_held([(key, down)]))
        known = every.order_by(column.desc() if down else column)
        parts = [every.where(column.is_(None))] if key.nullable else []
        if values is None:
            parts.insert(0, known.where(column.is_not(None)))
        elif values[0] is not None:
            parts.insert(0, known.where(column <= values[0] if down else column >= values[0]))
        for part in parts:
            with self.reader.connection.execute(part.execution_options(yield_per=_FETCHED)) as found:  # of which nobody may want the last
                yield from ((version, value) for version, value in found if version in chosen)

    def _place(self, order: Order, values: list[Any]) -> int:
        """The place behind a version; where it is no longer what it was, that of the next one by its sort values."""
        *wanted, version = values
        names = ", ".join(key.column.name for key, _ in self.usual)
        held = self.reader.snapshot.rows(f"SELECT {names} FROM {self.kind} WHERE version = ?", (version,))  # noqa: S608  our own names
        own = BitMap([version])
        if held and order.spans(own) and (place := order.places(own)[0]) != NOWHERE and _as_text(held[0]) == _as_text(wanted):
            return int(place) + 1

        def is_behind(version: int) -> bool:
            rows = list(self._rows([int(version)], self.usual))
            if not rows:
                raise Outdated  # the records were written anew since the order was read
            return _is_behind(self.usual, rows[0][1], wanted)

        return bisect_left(order.versions, True, key=is_behind)

    def _sorted(self, chosen: BitMap, keys: Keys, values: list[Any] | None) -> Iterator[int]:
        rows = list(self._rows(chosen, keys))
        for place in reversed(range(len(keys))):
            missing = [row for row in rows if row[1][place] is None]
            known = [row for row in rows if row[1][place] is not None]
            known.sort(key=lambda row, place=place: row[1][place], reverse=keys[place][1])  # type: ignore[misc]  # bound now
            rows = known + missing
        # An id stands once among the chosen, so that the version does not matter.
        return (version for version, row in rows if values is None or _is_behind(keys, row, values[:-1]))

    def _rows(self, versions: Iterable[int], keys: Keys) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Versions with their sort values."""
        connection = self.reader.connection
        statement = select(self.table.version, *(key.column for key, _ in keys)).where(*_held(keys))
        for some in batches(versions, FEW):
            rows = {row[0]: tuple(row[1:]) for row in connection.execute(statement.where(among(connection, self.table.version, some)))}
            yield from ((version, rows[version]) for version in some if version in rows)

    def cursor(self, version: int, body: bytes) -> list[Any]:
        """The sort values of a version, its key the last of them."""
        if self.keys == self.usual:
            # They are soonest read from its JSON, which is at hand: to look them up takes another page of the file, or message to the server.
            record = _shown.decode(body)
            return [*(key.shown(record) for key, _ in self.keys if key.shown), version]
        ((_, row),) = self._rows([version], self.keys)
        return [*row, version]

    def bodies(self, versions: Iterable[int], *, quoted: bool = False) -> Iterator[bytes]:
        """The records of versions in their order; quotes are no part of what leaves the service in files."""
        return bodies(self.reader.snapshot, versions, quoted=quoted)


def _held(keys: Keys) -> list[Any]:
    """What holds for the rows that have values of some keys."""
    return [condition for key, _ in keys for condition in (key.among, key.joined) if condition is not None]


def bodies(snapshot: Snapshot, versions: Iterable[int], *, quoted: bool = False) -> Iterator[bytes]:
    """The JSON of versions in their order, with quotes where they have any and that is wanted; Outdated where one is not there."""
    content = "coalesce(quoted, body)" if quoted else "body"
    for some in batches(versions, _BATCH):
        places = ", ".join("?" * len(some))
        held = dict(snapshot.rows(f"SELECT key, {content} FROM rendering WHERE key IN ({places})", some))  # noqa: S608  no text of others
        if len(held) < len(some):
            raise Outdated
        yield from map(held.__getitem__, some)


def identifiers(snapshot: Snapshot, versions: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Versions with the ids of their records, in no order."""
    for some in batches(versions, _BATCH):
        places = ", ".join("?" * len(some))
        yield from snapshot.rows(f"SELECT key, record_id FROM rendering WHERE key IN ({places})", some)  # noqa: S608  no text of others


def walk(order: Order, chosen: BitMap, start: int) -> Iterator[int]:
    """The chosen versions in an order, from a place on; Outdated where it does not have them: the records were written anew since it was read."""
    if not order.spans(chosen):
        raise Outdated
    return _in_order(order, chosen, start) if len(chosen) < _FEW_ENOUGH else _by_stretch(order, chosen, start)


def _by_stretch(order: Order, chosen: BitMap, start: int) -> Iterator[int]:
    """The chosen versions found stretch by stretch: what was chosen by date lies together, often far from the beginning."""
    number, many, seen = start // STRETCH, order.many, 0
    while number < many:
        if number % GROUP == 0 and chosen.isdisjoint(order.group(number // GROUP)):
            number += GROUP
            continue
        found = chosen & order.stretch(number)
        seen += len(found)
        yield from _in_order(order, found, start)
        number += 1
    if not start and seen < len(chosen):
        raise Outdated


def _in_order(order: Order, found: BitMap, start: int) -> Iterator[int]:
    """Some of the versions by their places: soonest done for all at once, but handed over as they are wanted."""
    places = order.places(found)
    if len(places) and places[-1] == NOWHERE:
        raise Outdated
    if start:
        places = places[places.searchsorted(start) :]
    for first in range(0, len(places), _HANDED):
        yield from order.versions.take(places[first : first + _HANDED]).tolist()


def batches(versions: Iterable[int], size: int) -> Iterator[list[int]]:
    """So many at a time."""
    left = iter(versions)
    while some := list(islice(left, size)):
        yield some


def _as_text(values: Iterable[Any]) -> list[str | None]:
    """Sort values, however a driver gives them."""
    return [None if value is None else str(value) for value in values]


def _is_behind(keys: Keys, row: Sequence[Any], values: Sequence[Any]) -> bool:
    """Whether sort values come behind others; nulls come last either way."""
    for (_, down), mine, theirs in zip(keys, row, values, strict=True):
        if mine != theirs:
            return mine is None or (theirs is not None and (mine < theirs if down else mine > theirs))
    return False
