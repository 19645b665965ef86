"""The versions of records in the tables: added by a release, ended by a later one, never removed.

Ended versions keep saying what was on record. Where the software's schema of records has changed since, they are put into the new one:
what a field that they do not know would say is empty.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import SQLModel

from app import models, postings
from app.models import END, OPEN, Document, RegionWithin, Rendering, columns
from app.schemas import RECORDS
from app.seeding import render
from app.seeding.postings import Gathered, worded
from app.shapes import fields

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


def end(connection: Connection, identifiers: Collection[str], release: int, gathered: Gathered) -> None:
    """The current versions of records end with a release; quotes are no part of what was. The postings of the release are left to be written."""
    for batch in batches(identifiers):
        ended = connection.scalars(select(rendering.key).where(rendering.record_id.in_(batch), rendering.until == OPEN)).all()
        for key in ended:
            gathered.add(key, [("until", postings.number(release))])
        connection.execute(update(Rendering).where(rendering.record_id.in_(batch), rendering.until == OPEN).values(until=release, quoted=None))
        for model in TYPED:
            table = columns(model)
            connection.execute(update(model).where(table.id.in_(batch), table.until == OPEN).values(until=release))
        connection.execute(delete(Document).where(columns(Document).id.in_(batch)))


def forget(connection: Connection, identifiers: Collection[str]) -> list[int]:
    """Remove the current versions of records, to write the same ones anew; their keys, whose postings are left to be removed."""
    gone: list[int] = []
    for batch in batches(identifiers):
        current = select(rendering.key).where(rendering.record_id.in_(batch), rendering.until == OPEN)
        for keys in batches(list(connection.scalars(current))):
            gone += keys
            for model in (*PARTS, *TYPED):
                connection.execute(delete(model).where(columns(model).version.in_(keys)))
            connection.execute(delete(Rendering).where(rendering.key.in_(keys)))
    return gone


def reword(connection: Connection, words: dict[str, dict[str, list[str]]], gathered: Gathered) -> list[int]:
    """Current versions that stay as they are get other words, by id and first day: a name of another record was added or went.

    Their new words are left to be written; gives their keys, whose old words are left to be removed before.
    """
    keys: list[int] = []
    for batch in batches(words):
        current = select(rendering.key, rendering.record_id, rendering.seen_from).where(rendering.record_id.in_(batch), rendering.until == OPEN)
        for row in connection.execute(current):
            gathered.add(row.key, worded(words[row.record_id][row.seen_from.isoformat()]))
            keys.append(row.key)
    return keys


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


def digests(connection: Connection, identifiers: Collection[str]) -> dict[str, str]:
    """The digests of current records by id, as this software makes them of what is stored."""
    found: dict[str, list[tuple[render.Rendered, bytes]]] = {}
    for view in _unreleased(connection, identifiers):
        found.setdefault(view.record["id"], []).append((view, render.body(view.record)))
    return {identifier: render.digest(views) for identifier, views in found.items()}


def whole_digests(connection: Connection, identifiers: Collection[str]) -> dict[str, str]:
    """SHA-256 of the whole current records by id, as this software would write them without releases."""
    views = (view for view in _unreleased(connection, identifiers) if view.seen_until == END)
    return {view.record["id"]: sha256(render.body(view.record)).hexdigest() for view in views}


def _unreleased(connection: Connection, identifiers: Collection[str]) -> Iterator[render.Rendered]:
    stored = select(rendering.seen_from, rendering.seen_until, rendering.body).where(rendering.until == OPEN, rendering.record_id.in_(identifiers))
    for row in connection.execute(stored.order_by(rendering.seen_from)):
        content = json.loads(row.body)
        yield render.Rendered(row.seen_from, row.seen_until, render.released(shaped(RECORDS[content["kind"]], content), {}))


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


def current(connection: Connection, identifiers: Collection[str]) -> dict[str, bytes]:
    """The current whole renderings of some records."""
    found: dict[str, bytes] = {}
    for batch in batches(identifiers):
        whole = (rendering.record_id.in_(batch), rendering.until == OPEN, rendering.seen_until == END)
        found |= {row.record_id: row.body for row in connection.execute(select(rendering.record_id, rendering.body).where(*whole))}
    return found
