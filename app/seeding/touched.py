"""Which entries a load has to look at: those that changed since the load before, and those whose records show something of them.

What an entry refers to is not followed field by field: whatever it names, anywhere, counts. That finds some too many, which are rendered and
come to the same, and none too few. Only which events and figures belong to each other is known from reading the files (`links`).
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.models import Record, columns
from app.seeding import versions
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE
from app.seeding.lines import Lines, digest, name_of, written
from app.seeding.portions import Portion, Workers
from app.seeding.stamps import Stamps, face

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
    seen = {kind: bytearray(len(table)) for kind, table in lines.items()}
    fresh = {kind: set(table) for kind, table in tables.items() if kind not in lines}
    stored = select(record.id, record.kind, record.state, record.stamp).execution_options(yield_per=10_000)
    with connection.execute(stored) as rows:
        for identifier, kind, state, stamp in rows:
            found = None
            if kind in lines:
                if (place := lines[kind].place(identifier)) is not None:
                    seen[kind][place], found = True, lines[kind].digest(place)
            elif identifier in tables[kind]:
                fresh[kind].discard(identifier)
                found = digest(data.entries[identifier].data)
            if found is None:
                missing.add(identifier)
            elif state == "current" and stamp and stamp.startswith(stamps.own(identifier, found)):
                continue
            if found is not None or state == "current":
                changed.add(identifier)
                if found is None or state != "current" or not stamp or face(stamp) != face(stamps.of(kind, data.entry_of(kind, identifier).data)):
                    shown.add(identifier)
    for kind, places in seen.items():
        fresh[kind] = {lines[kind].standing(place).name for place, known in enumerate(places) if not known}
    new = set(chain.from_iterable(fresh.values()))
    return Compared(changed | new, shown | new, missing)


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

    kind_of = cache(data.kind)

    def told(content: bytes, *kinds: str) -> Iterator[str]:
        return (name for word in _words(content) if _NAME.fullmatch(word) and kind_of(name := word.decode()) in kinds)

    # An event shows its figures and tells what is part of it, a work how many cite it.
    for name in cores | {name for name in found if name in data.figures}:
        found.update(told(written(data.entry(name).data), *(("event", "source") if name in changed else ("event",))))
    for body in versions.current(connection, changed).values():
        found.update(told(body, "event", "source"))
    return found


def _naming(data: Dataset, workers: Workers, kind: str, wanted: Names) -> Iterator[tuple[str, Names]]:
    """Every entry of a kind that holds some of these words, its own id among them, and which."""
    table = data.table(kind)
    sought = {name.encode() for name in wanted}
    if isinstance(table, Lines):
        for found in workers.each(partial(_named, sought, table.whole), table.path):
            yield from found
    else:
        yield from _holding(sought, ((name, written(data.entries[name].data)) for name in table))


def _named(sought: set[bytes], whole: bool, portion: Portion) -> list[tuple[str, Names]]:
    lines = ((name_of(content, whole), content) for _, content in portion.lines())
    return list(_holding(sought, ((name, content) for name, content in lines if name is not None)))


def _holding(sought: set[bytes], contents: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Names]]:
    for name, content in contents:
        if not sought.isdisjoint(words := _words(content)):
            yield name, {word.decode() for word in sought.intersection(words)}


def _words(content: bytes) -> list[bytes]:
    """All that stands between two quotation marks of some JSON, the ids among it."""
    if b"\\u" in content:  # by which ids may be written as well
        content = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), content)
    return content.split(b'"')
