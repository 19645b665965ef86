"""The versions of records in the tables: added by a release, ended by a later one, never removed.

Ended versions keep saying what was on record. Where the software's schema of records has changed since, they are put into the new one:
what a field that they do not know would say is empty.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlmodel import SQLModel

from app import models, postings, search
from app.models import END, OPEN, Document, RegionWithin, Rendering, columns
from app.schemas import RECORDS
from app.seeding import render, tables
from app.seeding.dataset import Dataset
from app.seeding.postings import Gathered, order, remove, set_words, spanned, terms, worded
from app.seeding.render import Rendered
from app.seeding.rows import Names, rows, texts
from app.shapes import fields

AT_ONCE = 2000
"""Versions that are written together."""

BATCH = 500
"""Ids in one statement: below the number of parameters that either database takes."""

TYPED: tuple[type[SQLModel], ...] = tuple(model for kind, model in models.KINDS.items() if kind != "document")
PARTS: tuple[type[SQLModel], ...] = (
    models.Citation,
    models.EventOrganisation,
    models.EventPerson,
    models.EventProduct,
    models.EventTopic,
    models.OrganisationName,
    models.RegionMember,
)
"""The tables of what belongs to a version."""

rendering = columns(Rendering)


Key = TypeVar("Key", int, str)


def batches(identifiers: Iterable[Key]) -> Iterator[list[Key]]:
    """The ids or keys in order, as many at a time as go into one statement."""
    ordered = sorted(identifiers)
    for start in range(0, len(ordered), BATCH):
        yield ordered[start : start + BATCH]


def end(connection: Connection, identifiers: Collection[str], release: int) -> None:
    """The current versions of records end with a release; quotes are no part of what was."""
    gathered = Gathered(connection)
    for batch in batches(identifiers):
        ended = connection.scalars(select(rendering.key).where(rendering.record_id.in_(batch), rendering.until == OPEN)).all()
        for key in ended:
            gathered.add(key, [("until", postings.number(release))])
        connection.execute(update(Rendering).where(rendering.record_id.in_(batch), rendering.until == OPEN).values(until=release, quoted=None))
        for model in TYPED:
            table = columns(model)
            connection.execute(update(model).where(table.id.in_(batch), table.until == OPEN).values(until=release))
        connection.execute(delete(Document).where(columns(Document).id.in_(batch)))
    gathered.write()


def forget(connection: Connection, identifiers: Collection[str]) -> None:
    """Remove the current versions of records, to write the same ones anew."""
    gone: list[int] = []
    for batch in batches(identifiers):
        current = select(rendering.key).where(rendering.record_id.in_(batch), rendering.until == OPEN)
        for keys in batches(list(connection.scalars(current))):
            gone += keys
            for model in (*PARTS, *TYPED):
                connection.execute(delete(model).where(columns(model).version.in_(keys)))
            connection.execute(delete(Rendering).where(rendering.key.in_(keys)))
    remove(connection, gone)


def add(connection: Connection, data: Dataset, records: dict[str, list[Rendered]], names: Names, releases: Mapping[str, int]) -> None:
    """Write the versions of records that hold from their releases on, with their words."""
    documents = {form.name: form.id for form in data.documents.values()}
    key = connection.scalar(select(func.max(rendering.key))) or 0
    found: dict[type[SQLModel], list[dict[str, Any]]] = defaultdict(list)
    gathered = Gathered(connection)
    for identifier in sorted(records):
        for view in records[identifier]:
            key += 1
            span = {"since": releases[identifier], "until": OPEN, "seen_from": view.seen_from.isoformat(), "seen_until": view.seen_until.isoformat()}
            body = render.body(render.released(view.record, releases))
            found[Rendering].append({"key": key, "record_id": identifier, "body": body, "quoted": None, **span})
            (own, row), *parts = rows(view.record, documents.__getitem__)
            found[own].append({**row, **span, "version": key})
            for model, part in parts:
                part["version"] = key
                found[model].append(part)
            gathered.add(key, terms(view.record))
            gathered.add(key, spanned(span))
            gathered.add(key, worded(search.words(texts(names, view.record))))
        if len(found[Rendering]) >= AT_ONCE:
            _write(connection, found)
    _write(connection, found)
    gathered.write()
    order(connection)


def _write(connection: Connection, found: dict[type[SQLModel], list[dict[str, Any]]]) -> None:
    for model, several in found.items():
        tables.write(connection, model, several)
    found.clear()


def reword(connection: Connection, records: dict[str, list[Rendered]], names: Names) -> None:
    """Set the words of current versions that stay as they are: a name of another record was added or went."""
    found: dict[int, Any] = {}
    for batch in batches(records):
        current = select(rendering.key, rendering.record_id, rendering.seen_from).where(rendering.record_id.in_(batch), rendering.until == OPEN)
        views = {(identifier, view.seen_from): view for identifier in batch for view in records[identifier]}
        found |= {row.key: views[row.record_id, row.seen_from].record for row in connection.execute(current)}
    set_words(connection, {key: search.words(texts(names, record)) for key, record in found.items()})


def place(connection: Connection, within: dict[str, set[str]], release: int) -> None:
    """Keep what every region lies in, from a release on."""
    table = columns(RegionWithin)
    wanted = {(region, above) for region, reached in within.items() for above in reached}
    held = {(row.region_id, row.ancestor_id) for row in connection.execute(select(table).where(table.until == OPEN))}
    for region, above in sorted(held - wanted):
        connection.execute(
            update(RegionWithin).where(table.region_id == region, table.ancestor_id == above, table.until == OPEN).values(until=release)
        )
    fresh = [{"region_id": region, "ancestor_id": above, "since": release, "until": OPEN} for region, above in sorted(wanted - held)]
    if fresh:
        connection.execute(insert(RegionWithin), fresh)


def reshape(connection: Connection, kinds: dict[str, str]) -> None:
    """Put the ended versions of records into today's schema; `kinds` has the kind of every id."""
    ended = connection.execute(select(rendering.key, rendering.record_id, rendering.body).where(rendering.until < OPEN)).all()
    for row in ended:
        body = json.dumps(shaped(RECORDS[kinds[row.record_id]], json.loads(row.body)), ensure_ascii=False, separators=(",", ":")).encode()
        if body != row.body:
            connection.execute(update(Rendering).where(rendering.key == row.key).values(body=body))


def digests(connection: Connection) -> dict[str, str]:
    """The digests of the current records by id, as this software makes them of what other software wrote."""
    current = select(rendering.record_id, rendering.body).where(rendering.until == OPEN, rendering.seen_until == END)
    found = {}
    for row in connection.execute(current.execution_options(yield_per=AT_ONCE)):
        content = json.loads(row.body)
        found[row.record_id] = render.digest(shaped(RECORDS[content["kind"]], content))
    return found


def shaped(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a record as a model has it: what is not there is empty, what the model does not know goes."""
    found: dict[str, Any] = {}
    for shape in fields(model):
        value = given.get(shape.name, [] if shape.many else None)
        if shape.model is not None and isinstance(value, list):
            value = [shaped(shape.model, part) for part in value]
        elif shape.model is not None and value is not None:
            value = shaped(shape.model, value)
        found[shape.name] = value
    return found


def bodies(connection: Connection, identifiers: list[str]) -> dict[tuple[str, int], bytes]:
    """The whole renderings of some records by id and release."""
    stored = connection.execute(
        select(rendering.record_id, rendering.since, rendering.body).where(rendering.record_id.in_(identifiers), rendering.seen_until == END)
    )
    return {(row.record_id, row.since): row.body for row in stored}
