"""Which entries a load has to look at: those that changed since the load before, and those whose records show something of them.

What an entry refers to is not followed field by field: whatever it names, anywhere, counts. That finds some too many, which are rendered and
come to the same, and none too few. Only which events and figures belong to each other is known from reading the files (`links`).
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, case, func, select

from app.models import Record, columns
from app.seeding import versions
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE
from app.seeding.lines import Lines, digest, name_of, written
from app.seeding.portions import Portion, Workers
from app.seeding.stamps import HALF, Stamps, face

MANY = 100_000
"""Changed entries from which on no other process helps to look for what names them: all their ids would go to it with each portion of a file."""

_NAME = re.compile(rb"[a-z0-9-]+")
_ESCAPED = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")

record = columns(Record)

Names = set[str]


class Compared(NamedTuple):
    """What is told by comparing what is stored with the files."""

    changed: Names
    """The entries that are not as they were, new ones and such as are gone among them."""
    shown: Names
    """Those of them that others show otherwise now."""
    missing: Names
    """What is stored and stands in no file of its kind."""


def touched(connection: Connection, data: Dataset, compared: Compared) -> Names | None:
    """The entries to be looked at; None: all."""
    changed, shown, _ = compared
    if not changed:
        return changed
    if 2 * len(changed) > sum(len(data.table(kind)) for kind in KIND_OF_FILE.values()):
        return None
    with Workers(alone=len(changed) > MANY) as workers:
        return _reached(connection, data, workers, changed, shown)


def compare(connection: Connection, data: Dataset) -> Compared:
    """Compare what is stored with files of which some are of JSON Lines."""
    stamps = Stamps(data)
    changed, shown, missing = Names(), Names(), Names()
    tables = {kind: data.table(kind) for kind in KIND_OF_FILE.values()}
    lines = {kind: table for kind, table in tables.items() if isinstance(table, Lines)}
    digests = {kind: np.append(table.digests, np.uint64(0)) for kind, table in lines.items()}  # the last is that of what is not there
    seen = {kind: np.zeros(len(table), bool) for kind, table in lines.items()}
    fresh = {kind: set(table) for kind, table in tables.items() if kind not in lines}
    own = case((record.state == "current", func.substr(record.stamp, 1, HALF)))
    stored = select(record.kind, record.id, record.state, record.stamp, func.coalesce(own, "0" * HALF)).execution_options(yield_per=10_000)
    with connection.execute(stored) as result:
        for kind, rows in chain.from_iterable(map(_by_kind, result.partitions())):
            _, identifiers, _, _, halves = zip(*rows, strict=True)
            held = np.frombuffer(bytes.fromhex("".join(halves)), ">u8")
            if kind in lines:
                places = lines[kind].places(identifiers)
                there, digested = places >= 0, digests[kind][places]
                seen[kind][places[there]] = True
            else:
                there = np.array([identifier in tables[kind] for identifier in identifiers])
                digested = np.array([digest(data.entries[name]) if known else 0 for name, known in zip(identifiers, there, strict=True)], np.uint64)
                fresh[kind].difference_update(identifiers)
            expected = digested ^ np.fromiter(map(stamps.beside, identifiers), np.uint64, len(rows))
            for place in np.flatnonzero(~there | (held != expected)).tolist():
                row = rows[place]
                if not there[place]:
                    missing.add(row.id)
                if there[place] or row.state == "current":
                    changed.add(row.id)
                    if not (there[place] and _shows_the_same(row, stamps, data)):
                        shown.add(row.id)
    for kind, known in seen.items():
        fresh[kind] = {lines[kind].standing(place).name for place in np.flatnonzero(~known).tolist()}
    new = set(chain.from_iterable(fresh.values()))
    return Compared(changed | new, shown | new, missing)


def _by_kind(rows: Iterable[Any]) -> Iterable[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.kind, []).append(row)
    return found.items()


def _shows_the_same(row: Any, stamps: Stamps, data: Dataset) -> bool:
    """Whether others show a record that changed as before."""
    if row.state != "current" or not row.stamp:
        return False
    return face(row.stamp) == face(stamps.of(row.kind, data.entry_of(row.kind, row.id)))


def _reached(connection: Connection, data: Dataset, workers: Workers, changed: Names, shown: Names) -> Names:
    """All that shows something of what changed, with it."""
    found = changed | data.regions.keys()  # which tell how much is in them
    fresh = shown
    while fresh:  # works that go back to others
        fresh = {name for name, _ in _naming(data, workers, "source", fresh)} - shown
        shown = shown | fresh
    found |= shown
    found.update(name for name, _ in _naming(data, workers, "organisation", shown))
    # Of events and figures others show all that they say, and from which day on they are known: which the works that they cite decide.
    cores = {name for name in changed if name in data.events or name in data.figures}
    for kind in ("figure", "event"):
        for name, named in _naming(data, workers, kind, shown):
            (cores if any(word in data.sources for word in named) else found).add(name)
    found |= cores
    links = data.links()
    for name in cores:
        found.update(links.figures_of(name), links.children_of(name), links.resting_on(name))

    # An event shows its figures and tells what is part of it, a work how many cite it.
    of_events, of_works = set[bytes](), set[bytes]()
    for name in cores | {name for name in found if name in data.figures}:
        names = of_works if name in changed else of_events
        names.update(filter(_NAME.fullmatch, _words(written(data.entry(name).data))))
    for body in versions.current(connection, changed).values():
        of_works.update(filter(_NAME.fullmatch, _words(body)))
    found.update(name for name in map(bytes.decode, of_events | of_works) if name in data.events)
    found.update(name for name in map(bytes.decode, of_works) if name in data.sources)
    return found


def _naming(data: Dataset, workers: Workers, kind: str, wanted: Names) -> Iterator[tuple[str, Names]]:
    """Every entry of a kind that holds some of these words, its own id among them, and which."""
    table = data.table(kind)
    sought = {name.encode() for name in wanted}
    if isinstance(table, Lines):
        for found in workers.each(partial(_named, sought, table.whole), table.path):
            yield from found
    else:
        yield from ((name, held) for name in table if (held := _held(sought, written(data.entries[name].data))))


def _named(sought: set[bytes], whole: bool, portion: Portion) -> list[tuple[str, Names]]:
    found = ((content, held) for _, content in portion.lines() if (held := _held(sought, content)))
    return [(name, held) for content, held in found if (name := name_of(content, whole)) is not None]


def _held(sought: set[bytes], content: bytes) -> Names:
    """The words of some JSON that are sought."""
    words = _words(content)
    return Names() if sought.isdisjoint(words) else {word.decode() for word in sought.intersection(words)}


def _words(content: bytes) -> list[bytes]:
    """All that stands between two quotation marks of some JSON, the ids among it."""
    if b"\\u" in content:  # by which ids may be written as well
        content = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), content)
    return content.split(b'"')
