"""Redacting a field of a record: its value leaves every release, view and copy that the database holds.

One transaction, which makes no release: releases keep their numbers and digests, which tell what was published then. Afterwards the engine is
told to write its files anew, since both keep what was deleted in them for a while.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app import database, models, postings, search, vocabulary
from app.models import END, OPEN, Change, Record, Rendering, columns
from app.schemas import RECORDS
from app.seeding import redactions, render, tables, versions
from app.seeding.changes import difference
from app.seeding.postings import Gathered, order, remove, set_words, spanned, terms
from app.seeding.redactions import FIELDS, TOLD, Held
from app.seeding.references import Json
from app.seeding.rows import Names, rows, texts

PLACE = tuple[str, str]
"""A record's id and a field of it."""

record, rendering, change = columns(Record), columns(Rendering), columns(Change)


class Refused(Exception):
    """The field cannot be redacted so; nothing was changed, and the message says what to do."""


@dataclass
class Outcome:
    """What a redaction did, or would do."""

    kind: str
    since: datetime | None = None
    """When the field was redacted before; else None."""
    elsewhere: list[PLACE] = field(default_factory=list)
    """Other fields that tell the value: redacted as well, or left where the caller wants them left."""
    versions: int = 0
    """Versions of the record that changed."""
    copies: int = 0
    """Versions of other records that changed."""
    changes: int = 0
    """Changes in the log that told the value."""
    reasons: list[str] = field(default_factory=list)
    """Records whose reason of withdrawal tells the value; reasons cannot be redacted."""
    uncleared: str | None = None
    """Why the engine's files may still hold what was deleted; None: they do not."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    record: str
    field: str
    reason: str
    everywhere: bool | None = None
    """Whether to redact other fields as well that tell the value; None: unless other records tell it elsewhere than in their receipts."""


def redact(engine: Engine, order: Order, *, dry_run: bool = False) -> Outcome:
    """Redact a field; Refused where that cannot be done, DatabaseError where the database cannot be used."""
    with database.writing(engine) as connection:
        if (state := database.schema_state(connection)) != "current":
            raise Refused(f"the database's schema is {state}; run 'cgt seed'")
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        outcome = _redact(connection, order)
        if dry_run:
            connection.rollback()
    if not dry_run:
        outcome.uncleared = _clear(engine)
    return outcome


def _redact(connection: Connection, order: Order) -> Outcome:
    kind = _kind(connection, order)
    before = redactions.held(connection)
    outcome = Outcome(kind)
    known = {item.field: item.redacted_at for item in before.of.get(order.record, [])}
    if order.field in known:
        outcome.since = known[order.field]
        return outcome
    pattern = redactions.telling(_values(connection, order))
    if pattern and pattern.search(search.fold(order.reason)):
        raise Refused("the reason tells the value; reasons are published")
    if pattern:
        telling = {place for shown in _shown(connection) for place in _places(shown, pattern)}
        done = {(name, item.field) for name, items in before.of.items() for item in items}
        outcome.elsewhere = sorted(telling - done - {(order.record, order.field)})
        outcome.reasons = _reasons(connection, pattern)
    if order.everywhere is None and any(name != order.record and part not in TOLD for name, part in outcome.elsewhere):
        raise Refused(
            f"other records tell the value in words of their own: {listed(outcome.elsewhere)}; "
            "add --everywhere to redact all of these, or --only-here to leave them"
        )
    fields = [(order.record, order.field), *(outcome.elsewhere if order.everywhere is not False else [])]
    at = datetime.now(UTC).replace(microsecond=0)
    connection.execute(
        insert(models.Redaction), [{"record_id": name, "field": part, "reason": order.reason, "redacted_at": at} for name, part in fields]
    )
    _rewrite(connection, redactions.held(connection), order.record, outcome)
    return outcome


def listed(places: list[PLACE]) -> str:
    """Fields of records in a line."""
    return ", ".join(f"{name} {part}" for name, part in places)


def _kind(connection: Connection, order: Order) -> str:
    """The kind of the record; Refused where there is none, or no such field that can be redacted."""
    kinds: dict[str, str] = {row.id: row.kind for row in connection.execute(select(record.id, record.kind).where(record.kind != "document"))}
    kind = kinds.get(order.record)
    if kind is None:
        close = vocabulary.closest(order.record, kinds)
        raise Refused(f"there is no record {order.record!r}" + (f"; did you mean {close!r}?" if close else ""))
    if order.field not in FIELDS[kind]:
        if kind == "figure" and order.field.partition(".")[0] in {"value", "low", "high", "qualifier", "unit", "spread", "statements"}:
            raise Refused(f"a figure is nothing without its {order.field}; withdraw the figure in retired.yaml instead")
        outer = order.field.partition(".")[0]
        close = outer if outer in FIELDS[kind] else vocabulary.closest(order.field, FIELDS[kind])
        hint = f"did you mean {close!r}? " if close else ""
        raise Refused(f"{order.field!r} of the {kind} {order.record!r} cannot be redacted; {hint}these can: {', '.join(sorted(FIELDS[kind]))}")
    return kind


def _shown(connection: Connection, owner: str | None = None) -> Iterator[dict[str, Any]]:
    """The JSON of every version of all records, or of one, with the quotes where it has any."""
    where = [rendering.record_id == owner] if owner else []
    for keys in versions.batches(list(connection.scalars(select(rendering.key).where(*where)))):
        for row in connection.execute(select(rendering.body, rendering.quoted).where(rendering.key.in_(keys))):
            yield _shaped(row.quoted or row.body)


def _shaped(stored: bytes) -> dict[str, Any]:
    content = json.loads(stored)
    return versions.shaped(RECORDS[content["kind"]], content)


def _values(connection: Connection, order: Order) -> set[str]:
    """The words that the field ever held."""
    return {words for shown in _shown(connection, order.record) for words in redactions.words_of(shown, order.field)}


def _places(shown: dict[str, Any], pattern: re.Pattern[str]) -> Iterator[PLACE]:
    for part in redactions.places(shown, pattern):
        yield shown["id"], part


def _reasons(connection: Connection, pattern: re.Pattern[str]) -> list[str]:
    told = connection.execute(select(change.record_id, change.reason).where(change.reason.is_not(None)))
    return sorted({row.record_id for row in told if pattern.search(search.fold(row.reason))})


def _rewrite(connection: Connection, held: Held, owner: str, outcome: Outcome) -> None:
    """Write every version anew that shows what is redacted, with its rows, its words and the changes that it came by."""
    documents = {row.version: row.document_id for row in connection.execute(select(columns(models.Source)))}
    renamed = {name.encode() for name, items in held.of.items() if {"name", "name_zh", "aliases"}.intersection(item.field for item in items)}
    changed: set[str] = set()
    reworded: set[int] = set()
    gathered = Gathered(connection)
    for keys in versions.batches(list(connection.scalars(select(rendering.key)))):
        redacted: list[tuple[Any, Json]] = []
        for row in connection.execute(select(columns(Rendering)).where(rendering.key.in_(keys))).all():
            content = _shaped(row.body)
            if held.strip(content):
                quoted = _stripped_quotes(row.quoted, held)
                connection.execute(update(Rendering).where(rendering.key == row.key).values(body=render.body(content), quoted=quoted))
                redacted.append((row, content))
                changed.add(row.record_id)
                reworded.add(row.key)
                outcome.versions += row.record_id == owner
                outcome.copies += row.record_id != owner
            elif row.quoted is not None and (quoted := _stripped_quotes(row.quoted, held)) != row.quoted:
                connection.execute(update(Rendering).where(rendering.key == row.key).values(quoted=quoted))
            if any(name in row.body for name in renamed):
                reworded.add(row.key)
        remove(connection, [row.key for row, _ in redacted])
        for row, content in redacted:
            _replace_rows(connection, row, content, documents.get(row.key), gathered)
    gathered.write()
    _reword(connection, reworded)
    if changed:
        order(connection)
    for identifier in sorted(changed):
        _digest(connection, identifier)
        outcome.changes += _retell(connection, identifier)


def _stripped_quotes(quoted: bytes | None, held: Held) -> bytes | None:
    """A version with its quotes; None where none is left."""
    if quoted is None:
        return None
    content = _shaped(quoted)
    if not held.strip(content):
        return quoted
    left = any(citation["quote"] for part in (content, *content.get("figures", [])) for citation in part["citations"])
    return render.body(content) if left else None


def _replace_rows(connection: Connection, version: Any, shown: Json, document: str | None, gathered: Gathered) -> None:
    """The typed rows of a version and what it is found by, made anew from its redacted record."""
    for model in (*versions.PARTS, *versions.TYPED):
        connection.execute(delete(model).where(columns(model).version == version.key))
    (own, row), *parts = rows(shown, lambda _: document)
    span = {"since": version.since, "until": version.until, **render.Rendered(version.seen_from, version.seen_until, shown).days()}
    tables.write(connection, own, [{**row, **span, "version": version.key}])
    for model, part in parts:
        tables.write(connection, model, [{**part, "version": version.key}])
    gathered.add(version.key, terms(shown))
    gathered.add(version.key, spanned(span))
    if version.until < OPEN:
        gathered.add(version.key, [("until", postings.number(version.until))])


def _reword(connection: Connection, keys: set[int]) -> None:
    """Set the words of versions, by what they and the organisations that they name were called last."""
    called = _called(connection)
    words: dict[int, list[str]] = {}
    for batch in versions.batches(keys):
        for row in connection.execute(select(rendering).where(rendering.key.in_(batch))).all():
            words[row.key] = search.words(texts(_names(called, row.until - 1), _shaped(row.body)))
            if (row.until, row.seen_until) == (OPEN, END):
                connection.execute(update(Record).where(record.id == row.record_id).values(search_digest=search.digest(words[row.key])))
    set_words(connection, words)


def _called(connection: Connection) -> dict[str, list[tuple[int, int, list[str | None]]]]:
    """What organisations were called, by id: since a release, until one."""
    own, other = columns(models.Organisation), columns(models.OrganisationName)
    aliases: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(select(other.version, other.text).order_by(other.version, other.position)):
        aliases[row.version].append(row.text)
    called: dict[str, list[tuple[int, int, list[str | None]]]] = defaultdict(list)
    for row in connection.execute(select(own)):
        called[row.id].append((row.since, row.until, [row.name, row.name_zh, *aliases[row.version]]))
    return called


def _names(called: dict[str, list[tuple[int, int, list[str | None]]]], release: int) -> Names:
    return lambda identifier: next((names for since, until, names in called[identifier] if since <= release < until), [])


def _digest(connection: Connection, identifier: str) -> None:
    """Keep the digest that a load gives the record, so that it makes no release of it."""
    for name, digest in versions.digests(connection, [identifier]).items():
        connection.execute(update(Record).where(record.id == name).values(digest=digest))


def _retell(connection: Connection, identifier: str) -> int:
    """Tell the updates of a record by its versions as they are now, each of the same fields as before; how many of them changed."""
    spans = select(rendering.since, rendering.until, rendering.body).where(rendering.record_id == identifier, rendering.seen_until == END)
    begun, ended = {}, {}
    for row in connection.execute(spans):
        begun[row.since] = ended[row.until] = _shaped(row.body)
    count = 0
    for row in connection.execute(select(change).where(change.record_id == identifier, change.change == "update")).all():
        old, new = ended.get(row.release, {}), begun.get(row.release, {})
        now = difference(old, new)
        fields = {name: now.get(name, {"from": _part(old, name), "to": _part(new, name)}) for name in row.fields}
        if fields != row.fields:
            count += 1
            connection.execute(update(Change).where(change.release == row.release, change.position == row.position).values(fields=fields))
    return count


def _part(shown: Any, name: str) -> Any:
    for part in name.split("."):
        shown = shown.get(part) if isinstance(shown, dict) else None
    return shown


def _clear(engine: Engine) -> str | None:
    """Have the engine write its files anew, without what was deleted; why it could not."""
    try:
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f"SET lock_timeout = '{database.BUSY_TIMEOUT}s'"))
                written: tuple[type[SQLModel], ...] = (Rendering, Record, Change, models.Posting, models.Ordering, *versions.PARTS, *versions.TYPED)
                for name in (str(model.__tablename__) for model in written):
                    connection.execute(text(f'VACUUM (FULL) "{name}"'))
            return None
        raw = engine.raw_connection()
        try:
            cursor: Any = raw.cursor()
            cursor.execute("VACUUM")
            (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.close()
    except DBAPIError as error:
        return database.explain(engine, error)
    except engine.dialect.loaded_dbapi.Error as error:
        return database.explain(engine, error)
    return "readers held on to the write-ahead log; it is emptied when they are done" if busy else None
