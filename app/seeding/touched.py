"""Which entries a load has to look at: those that changed since the load before, and those whose records show something of them.

What an entry refers to is not followed field by field: whatever it names, anywhere, counts. That finds some too many, which are rendered and
come to the same, and none too few.
"""

import re
from collections.abc import Iterator
from itertools import chain

from pydantic_core import to_json
from sqlalchemy import Connection, select

from app.models import Record, columns
from app.seeding import versions
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE
from app.seeding.lines import Lines, digest
from app.seeding.stamps import Stamps, face

_NAME = re.compile(rb'"([a-z0-9-]+)"')
_ESCAPED = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")

record = columns(Record)

Names = set[str]


def touched(connection: Connection, data: Dataset) -> Names | None:
    """The entries to be looked at; None: all."""
    if data.linked is None:
        return None
    changed, shown = _changed(connection, data)
    if not changed:
        return changed
    if 2 * len(changed) > sum(len(data.table(kind)) for kind in KIND_OF_FILE.values()):
        return None
    return _reached(connection, data, changed, shown)


def _changed(connection: Connection, data: Dataset) -> tuple[Names, Names]:
    """The entries that are not as they were, new ones and such as are gone among them, and those of them that others show otherwise now."""
    stamps = Stamps(data)
    changed, shown = Names(), Names()
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
            if found is not None and state == "current" and stamp and stamp.startswith(stamps.own(identifier, found)):
                continue
            if found is not None or state == "current":
                changed.add(identifier)
                if found is None or state != "current" or not stamp or face(stamp) != face(stamps.of(kind, data.entry_of(kind, identifier).data)):
                    shown.add(identifier)
    for kind, places in seen.items():
        fresh[kind] = {lines[kind].standing(place).name for place, known in enumerate(places) if not known}
    new = set(chain.from_iterable(fresh.values()))
    return changed | new, shown | new


def _reached(connection: Connection, data: Dataset, changed: Names, shown: Names) -> Names:
    """All that shows something of what changed, with it."""
    found = changed | data.regions.keys()  # which tell how much is in them
    found |= {name for name, named in _named(data, "organisation") if not shown.isdisjoint(named)}
    known = 0
    while known < len(shown):  # works that go back to others
        known = len(shown)
        shown = shown | {name for name, named in _named(data, "source") if not shown.isdisjoint(named)}
    found |= shown
    # Of events and figures others show all that they say, and from which day on they are known: which the works that they cite decide.
    works = {name for name in shown if name in data.sources}
    cores = {name for name in changed if name in data.events or name in data.figures}
    for kind in ("figure", "event"):
        for name, named in _named(data, kind):
            if not works.isdisjoint(named):
                cores.add(name)
            elif not shown.isdisjoint(named):
                found.add(name)
    found |= cores
    for kind, telling in (("figure", found), ("event", cores)):
        for name, named in _named(data, kind):
            if not cores.isdisjoint(named):
                found.add(name)
            if name in telling:
                found.update(_of(data, named, "event"))  # which shows its figures and tells what is part of it
            if name in changed:
                found.update(_of(data, named, "source"))  # which tells how many cite it
    for names in map(_names, versions.current(connection, changed).values()):
        found.update(_of(data, names, "event"))
        found.update(_of(data, names, "source"))
    return found


def _of(data: Dataset, names: list[str], kind: str) -> Iterator[str]:
    table = data.table(kind)
    return (name for name in names if name in table)


def _named(data: Dataset, kind: str) -> Iterator[tuple[str, list[str]]]:
    """Every entry of a kind with the words in it that may be ids, its own among them."""
    table = data.table(kind)
    contents = table.contents() if isinstance(table, Lines) else ((name, to_json(data.entries[name].data)) for name in table)
    for name, content in contents:
        yield name, _names(content)


def _names(content: bytes) -> list[str]:
    if b"\\u" in content:  # by which ids may be written as well
        content = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), content)
    return [name.decode() for name in _NAME.findall(content)]
