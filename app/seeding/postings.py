"""Writing the index: what the versions of records can be found by.

A posting is a set of versions, as a Roaring bitmap of their keys. A version's postings follow from its record as the API serves it, its
span and its words, and never change with what comes later; a release that ends a version only adds it to the posting of that release.
"""

import heapq
import pickle
import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from pyroaring import BitMap
from sqlalchemy import Connection, delete, insert, select

from app import vocabulary
from app.models import Event, Figure, Ordering, Organisation, Posting, Region, Source, columns
from app.postings import NONE, TAKING, number, years
from app.seeding import tables

MOST_GATHERED = 8_000_000
"""Bytes of versions that are held in memory; twice as many go for the values that they have."""
_BATCH = 500
"""Values in one statement."""

_REMOVED_FROM = 100
"""Postings that are looked through at a time for what goes: each may be as large as a bit for each version."""

_WAITING, _WRITTEN = 16_384, 2_000_000
"""Bytes of postings that are read together of what waits in a file, where a portion of each of two hundred runs is held at once; that are written
together."""
_BESIDE = 200
"""Bytes that a posting takes beside its own."""

_DIGIT = re.compile("[0-9]")
_METRICS = {metric: place for place, metric in enumerate(sorted(vocabulary.SCHEMES["metric"]))}

posting = columns(Posting)

Term = tuple[str, str]
"""A field and a value of it."""

T = TypeVar("T")


def terms(record: Mapping[str, Any]) -> Iterator[Term]:
    """What a record can be found by, from its JSON as the API serves it."""
    kind = record["kind"]
    yield "kind", kind
    match kind:
        case "event":
            yield from _event(record)
        case "figure":
            yield from _figure(record)
        case "source":
            for field in ("type", "grade", "language"):
                yield f"source.{field}", record[field]
            yield "source.publisher", _id(record["publisher"])
            yield from _days("source", record["published"])
        case "organisation":
            yield "organisation.type", record["type"]
            yield "organisation.region", _id(record["region"])
        case "region":
            yield "region.type", record["type"]
            yield "region.parent", _id(record["parent"])


def _event(record: Mapping[str, Any]) -> Iterator[Term]:
    yield "event.type", record["type"]
    yield "event.status", record["status"]
    yield "event.origins", number(record["origins"])
    yield "event.region", _id(record["region"])
    yield "event.parent", _id(record["parent"])
    for topic in record["topics"] or [NONE]:
        yield "event.topic", topic
    for part in record["organisations"]:
        organisation, role = part["organisation"]["id"], part["role"]
        yield "event.organisation", organisation
        yield "event.role", role
        yield "event.taking", f"{role}{TAKING}{organisation}"
    if not record["organisations"]:
        yield "event.organisation", NONE
        yield "event.role", NONE
    statuses = {citation["verification"]["status"] for citation in record["citations"]}
    for status in statuses if len(statuses) == 1 else statuses - {"verified"}:
        yield "event.verification", status
    yield from _dates("event", record["date"])
    yield from _cited("event", record["citations"])


def _figure(record: Mapping[str, Any]) -> Iterator[Term]:
    for field in ("metric", "basis", "qualifier", "unit", "agreement"):
        yield f"figure.{field}", record[field]
    yield "figure.origins", number(record["origins"])
    for field in ("subject", "region", "organisation", "event"):
        yield f"figure.{field}", _id(record[field])
    yield from _dates("figure", record["period"])
    yield from _cited("figure", record["citations"])


def _id(reference: Mapping[str, Any] | None) -> str:
    return reference["id"] if reference else NONE


def _dates(kind: str, date: Mapping[str, Any] | None) -> Iterator[Term]:
    """The first and last day, and every year between them."""
    yield from _days(kind, date)
    if date is None:
        yield f"{kind}.year", NONE
        return
    for year in years(date["earliest"] or date["latest"], date["latest"] or date["earliest"]):
        yield f"{kind}.year", year


def _days(kind: str, date: Mapping[str, Any] | None) -> Iterator[Term]:
    """The first and last day as year, month and day, so that a span of days is a union of few postings."""
    if date is not None:
        for end, day in (("first", date["earliest"] or date["latest"]), ("last", date["latest"] or date["earliest"])):
            yield f"{kind}.{end}.year", day[:4]
            yield f"{kind}.{end}.month", day[:7]
            yield f"{kind}.{end}.day", day


def _cited(kind: str, citations: Iterable[Mapping[str, Any]]) -> Iterator[Term]:
    for citation in citations:
        yield f"{kind}.source", citation["source"]["id"]
        if publisher := citation["source"]["publisher"]:
            yield f"{kind}.publisher", publisher["id"]
        if document := citation["document"]:
            yield f"{kind}.document", document["sha256"]


def spanned(version: Mapping[str, Any]) -> Iterator[Term]:
    """From when on, and for which days, a version holds; `until` is told by the release that ends it."""
    yield "since", number(version["since"])
    yield "seen_from", version["seen_from"]
    yield "seen_until", version["seen_until"]


WORDS = ("word", "words")
"""The fields of what `worded` gives."""


def worded(words: list[str]) -> Iterator[Term]:
    """The words of a version, and how many they are."""
    for word in words:
        yield "word", word
    yield "words", number(len(words))


Keys = dict[str, dict[str, "array[int]"]]
"""Versions by field and value."""

Packed = dict[str, dict[str, bytes]]
"""The same as bytes, which go from process to process in a third of the time."""


def put(keys: Keys, key: int, found: Iterable[Term]) -> None:
    """A version is found by these."""
    for field, value in found:
        of_field = keys.get(field)
        if of_field is None:
            of_field = keys[field] = {}
        versions = of_field.get(value)
        if versions is None:
            of_field[value] = array("I", (key,))
        else:
            versions.append(key)


def put_words(keys: Keys, key: int, words: list[str]) -> None:
    """A version is found by these words: as `put` with `worded`, for what most of the postings are."""
    of_words = keys.setdefault("word", {})
    for word in words:
        versions = of_words.get(word)
        if versions is None:
            of_words[word] = array("I", (key,))
        else:
            versions.append(key)
    put(keys, key, [("words", number(len(words)))])


def packed(keys: Keys) -> Packed:
    """Versions as bytes."""
    return {field: {value: versions.tobytes() for value, versions in values.items()} for field, values in keys.items()}


def _portions(given: Iterable[tuple[T, bytes]], most: int) -> Iterator[list[tuple[T, bytes]]]:
    """Something with its postings in portions of about so many bytes, or of fewer where they are many."""
    portion: list[tuple[T, bytes]] = []
    size = 0
    for found in given:
        portion.append(found)
        size += len(found[1]) + _BESIDE
        if len(portion) == _BATCH or size >= most:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


class Gathered:
    """Postings of versions. Where they are many, they wait in a file, so that each posting is written once, at the end."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._keys: dict[str, dict[str, bytearray]] = {}
        self._bytes = 0
        self._aside: IO[bytes] | None = None
        self._runs: list[int] = []
        """Where in the file each run of postings begins, which are in order."""

    def add(self, key: int, found: Iterable[Term]) -> None:
        """A version is found by these."""
        single: Keys = {}
        put(single, key, found)
        self.take(packed(single))

    def take(self, found: Packed) -> None:
        """Versions are found by these."""
        for field, values in found.items():
            mine = self._keys.setdefault(field, {})
            for value, keys in values.items():
                held = mine.get(value)
                if held is None:
                    mine[value] = bytearray(keys)
                else:
                    held += keys
                self._bytes += len(keys)
        if self._bytes >= MOST_GATHERED:
            self._set_aside()

    def _set_aside(self) -> None:
        if self._aside is None:
            self._aside = TemporaryFile(prefix="cgt-")  # noqa: SIM115  `close` closes it
        self._runs.append(self._aside.seek(0, SEEK_END))
        for portion in _portions(self._run(), _WAITING):
            pickle.dump(portion, self._aside)
        pickle.dump([], self._aside)
        self._keys.clear()
        self._bytes = 0

    def _run(self) -> Iterator[tuple[Term, bytes]]:
        """What is held in memory, in order, as it is stored."""
        for field, values in sorted(self._keys.items()):
            for value, keys in sorted(values.items()):
                yield (field, value), BitMap(array("I", bytes(keys))).serialize()

    def _read(self, place: int) -> Iterator[tuple[Term, bytes]]:
        """A run that was set aside."""
        while self._aside is not None:
            self._aside.seek(place)
            portion = pickle.load(self._aside)  # noqa: S301  our own, from a file that has no name
            if not portion:
                return
            place = self._aside.tell()
            yield from portion

    def write(self) -> None:
        """Add what was gathered to what is stored."""
        empty = self.connection.scalar(select(posting.field).limit(1)) is None
        if self._runs:
            self._set_aside()  # so that nothing is held beside what is put together
        merged = heapq.merge(*map(self._read, self._runs), self._run(), key=itemgetter(0))
        for field, found in groupby(merged, key=lambda posting: posting[0][0]):
            values = groupby(found, key=lambda posting: posting[0][1])
            whole = ((value, _written(BitMap.union(*(BitMap.deserialize(part) for _, part in parts)))) for value, parts in values)
            for portion in _portions(whole, _WRITTEN):
                self._merge(field, dict(portion), empty)
        self._keys.clear()
        self._bytes = 0
        self.close()

    def close(self) -> None:
        """Let go of what was set aside."""
        if self._aside is not None:
            self._aside.close()
        self._aside, self._runs = None, []

    def _merge(self, field: str, found: dict[str, bytes], empty: bool) -> None:
        """Add some postings of a field to what is stored, unless that is nothing: statements with all these values would fill 200 MB."""
        known: dict[str, BitMap] = {}
        if not empty:
            stored = select(posting.value, posting.versions).where(posting.field == field, posting.value.in_(found))
            known = {value: BitMap.deserialize(versions) for value, versions in self.connection.execute(stored)}
        rows = [(_written(BitMap.deserialize(found[value]) | versions), field, value) for value, versions in known.items()]
        if rows:
            tables.run(self.connection, "UPDATE posting SET versions = ? WHERE field = ? AND value = ?", rows)
        fresh = [{"field": field, "value": value, "versions": versions} for value, versions in found.items() if value not in known]
        if fresh:
            tables.write(self.connection, Posting, fresh)


def _written(versions: BitMap) -> bytes:
    versions.run_optimize()
    return versions.serialize()


def remove(connection: Connection, keys: Iterable[int], *fields: str) -> None:
    """Take versions out of the postings of some fields, or of all."""
    gone = BitMap(keys)
    for field in (fields or list(connection.scalars(select(posting.field).distinct()))) if gone else ():
        of_field = select(posting.value, posting.versions).where(posting.field == field).order_by(posting.value).limit(_REMOVED_FROM)
        rows = connection.execute(of_field).all()
        while rows:
            changed: dict[str, BitMap] = {}
            for row in rows:
                versions = BitMap.deserialize(row.versions)
                if not versions.isdisjoint(gone):
                    changed[row.value] = versions - gone
            left = [(_written(versions), field, value) for value, versions in changed.items() if versions]
            tables.run(connection, "UPDATE posting SET versions = ? WHERE field = ? AND value = ?", left)
            tables.run(connection, "DELETE FROM posting WHERE field = ? AND value = ?", [(field, value) for value in changed if not changed[value]])
            rows = connection.execute(of_field.where(posting.value > rows[-1].value)).all()


def set_words(connection: Connection, words: Mapping[int, list[str]]) -> None:
    """Set the words of versions that are in the index already, by their keys."""
    remove(connection, words, *WORDS)
    gathered = Gathered(connection)
    for key, found in words.items():
        gathered.add(key, worded(found))
    gathered.write()


def order(connection: Connection) -> None:
    """Store in which order lists show the versions of their kind by default."""
    event, figure, source = columns(Event), columns(Figure), columns(Source)
    organisation, region = columns(Organisation), columns(Region)
    orders = {
        "event": (event, event.date_first.desc().nulls_last()),
        "figure": (figure, figure.metric),
        "source": (source, source.published_first.desc().nulls_last()),
        "organisation": (organisation, organisation.name),
        "region": (region, region.name),
    }
    connection.execute(delete(Ordering))
    for kind, (table, first) in orders.items():
        # A record's newer version before its older one: who stands behind the older one has seen the record.
        ordered = select(table.version).order_by(first, table.id, table.version.desc())
        versions = array("I", connection.scalars(ordered.execution_options(yield_per=10_000)))
        if sys.byteorder == "big":
            versions.byteswap()
        connection.execute(insert(Ordering), {"kind": kind, "versions": versions.tobytes()})


def rank(kind: str, entry: Mapping[str, Any]) -> int:
    """About where the order by default has an entry as it stands in a file: by the first eight digits of its date, a figure by its metric.

    What is chosen by date, and the versions of a page, then lie together: in few parts of a bitmap and few pages of a table.
    """
    dated = {"event": "date", "source": "published"}
    if kind in dated:
        return 10**8 - int("".join(_DIGIT.findall(str(entry.get(dated[kind]))))[:8].ljust(8, "0"))
    return _METRICS.get(str(entry.get("metric")), 0) if kind == "figure" else 0
