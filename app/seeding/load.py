"""Publishing a data set: one transaction that migrates, compares, writes what changed and makes a release.

Whatever goes wrong, the database stays exactly as it was, its schema included.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from app import database, models, schemas, search
from app.models import Change, Record, Release, Rendering, columns
from app.schemas import RECORDS
from app.seeding import checks, dataset, receipts, redactions, render, versions
from app.seeding.changes import difference
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE
from app.seeding.files import Mistake, SeedError
from app.seeding.quotes import Quotes
from app.seeding.rows import Names, called, texts

LICENCE = "CC-BY-4.0"
"""SPDX identifier of the licence of the curated data."""


@dataclass
class Outcome:
    """What a load did, or would do."""

    release: int | None
    """The release it made; None where nothing had changed."""
    migrated: bool
    counts: dict[str, int]
    """Current records by kind, and citations."""
    changes: dict[str, Counter[str]] = field(default_factory=dict)
    """How many records of each kind were added, changed, withdrawn or merged."""
    reshaped: bool = False
    """Whether the records were written anew in the schema of this software, with nothing in them changed."""
    quoted: int | None = None
    """How many documents' texts are kept for quotes; None where that is as before."""
    unknown: list[str] = field(default_factory=list)
    """Ids that were retired now and never published here: right for a new database, else most likely a slip."""
    unheeded: list[Mistake] = field(default_factory=list)
    """Values that the files still hold and that are redacted here; they are not published."""


def read(folder: Path, held: Path | None = None) -> Dataset:
    """The data set of a folder, checked by itself and, where given, against the held documents; SeedError with every mistake."""
    data, mistakes = dataset.read(folder)
    mistakes += checks.check(data)
    if held is not None:
        try:
            receipts.verify(data, held)
        except SeedError as error:
            mistakes += error.mistakes
    if mistakes:
        raise SeedError(sorted(set(mistakes)))
    return data


def load(engine: Engine, data: Dataset, *, dry_run: bool = False, progress: Callable[[str], None] = lambda _: None) -> Outcome:
    """Publish a data set that has been read.

    SeedError where a published id is missing from it, DatabaseError where the database cannot be used.
    """
    progress("rendering records")
    rendered = render.Renderer(data)
    with database.writing(engine) as connection:
        migrated = database.upgrade(connection)
        outcome = _publish(connection, data, rendered, progress)
        outcome.migrated = migrated
        if dry_run:
            connection.rollback()
    return outcome


def _publish(connection: Connection, data: Dataset, renderer: render.Renderer, progress: Callable[[str], None]) -> Outcome:
    record = columns(Record)
    before = {row.id: row for row in connection.execute(select(record))}
    _nothing_lost(data, before, _only_retired(connection, before))
    held = redactions.held(connection)
    records = {identifier: held.views(views) for identifier, views in renderer.all().items()}
    names: Names = {identifier: called(records[identifier][-1].record) for identifier in data.organisations}.__getitem__
    digests = {identifier: render.digest(views[-1].record) for identifier, views in records.items()}
    digests |= {form.id: hashlib.sha256(form.model_dump_json().encode()).hexdigest() for form in data.documents.values()}
    word_digests = {identifier: search.digest(search.words(texts(names, views[-1].record))) for identifier, views in records.items()}

    others = _others(connection)
    known = {i: row.digest for i, row in before.items() if row.state == "current"} | (versions.digests(connection) if others else {})
    changed = {i for i, value in digests.items() if known.get(i) != value}
    reworded = {i for i, value in word_digests.items() if i not in changed and before[i].search_digest != value}
    retired = {
        form.id
        for form in data.retired.values()
        if form.id not in before or (before[form.id].merged_into, before[form.id].reason) != (form.merged_into, form.reason)
    }
    counts = Counter(data.kinds.values()) | Counter(citation=sum(len(views[-1].record["citations"]) for views in records.values()))
    outcome = Outcome(None, False, dict(counts), unheeded=held.unheeded(renderer))
    quotes = Quotes(connection, data, changed)
    number = (connection.scalar(select(func.max(columns(Release).id))) or 0) + 1
    releases = {identifier: number if identifier in changed else before[identifier].release for identifier in digests}
    if changed or reworded or retired:
        outcome.release = number
        connection.execute(insert(Release), _release(number, digests, outcome.counts))
        progress(f"writing {len(changed)} records")
        versions.end(connection, changed | retired, number)
        _store_documents(connection, data, changed, number)
        _store_records(connection, data, before, changed | reworded, digests, word_digests, releases)
        _store_retired(connection, data, before, retired, number)
        versions.add(connection, data, {i: records[i] for i in changed & records.keys()}, names, releases)
        versions.reword(connection, {i: records[i] for i in reworded}, names)
        versions.place(connection, renderer.within, number)
        _log(connection, data, before, changed & records.keys(), retired, number)
        outcome.changes = _changes(data, before, changed, retired)
        outcome.unknown = sorted(retired - before.keys())
    unchanged = {i: records[i] for i in records.keys() - changed}
    if others:
        progress("writing records in the schema of this version")
        versions.reshape(connection, {row.id: row.kind for row in connection.execute(select(columns(Record).id, columns(Record).kind))})
        versions.forget(connection, unchanged)
        versions.add(connection, data, unchanged, names, releases)
        if unchanged:
            anew = update(Record).where(columns(Record).id == bindparam("of")).values(digest=bindparam("as"))
            connection.execute(anew, [{"of": identifier, "as": digests[identifier]} for identifier in unchanged])
        outcome.reshaped = bool(unchanged)
    newest = select(func.max(columns(Release).id)).scalar_subquery()
    connection.execute(update(Release).where(columns(Release).id == newest).values(shape=schemas.shape()))
    requoted = records.keys() if quotes.news or outcome.reshaped else records.keys() & changed
    quotes.store({identifier: records[identifier] for identifier in requoted}, releases)
    outcome.quoted = len(quotes.texts) if quotes.news else None
    return outcome


def _release(number: int, digests: dict[str, str], counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "released_at": datetime.now(UTC).replace(microsecond=0),
        "digest": hashlib.sha256("".join(f"{i} {digests[i]}\n" for i in sorted(digests)).encode()).hexdigest(),
        "licence": LICENCE,
        "counts": counts,
        "changes": {},
    }


def _others(connection: Connection) -> bool:
    """Whether other software than this wrote what is stored."""
    release = columns(Release)
    held = connection.scalar(select(release.shape).where(release.shape.is_not(None)).order_by(release.id.desc()).limit(1))
    return held != schemas.shape()


def _only_retired(connection: Connection, before: dict[str, Any]) -> set[str]:
    """Ids that were retired here and never served: a slip in retired.yaml, or the record of a release that was never loaded here."""
    gone = {identifier for identifier, row in before.items() if row.state != "current"}
    served: set[str] = set()
    for batch in versions.batches(gone):
        served.update(connection.scalars(select(columns(Rendering).record_id).where(columns(Rendering).record_id.in_(batch))))
    return gone - served


def _nothing_lost(data: Dataset, before: dict[str, Any], only_retired: set[str]) -> None:
    """A published id may go only through retired.yaml, and never becomes something else; what was only ever retired need not stay there."""
    mistakes = []
    for identifier, row in before.items():
        if identifier in data.kinds:
            if data.kinds[identifier] != row.kind:
                message = f"was published as a {row.kind} in release {row.release}; give the {data.kinds[identifier]} another id"
                mistakes.append(data.entries[identifier].mistake(message, "id"))
        elif identifier in data.retired:
            if data.retired[identifier].kind != row.kind:
                message = f"was published as a {row.kind} in release {row.release}; retire it as one"
                mistakes.append(data.entries[identifier].mistake(message, "kind"))
        elif identifier not in only_retired:
            mend = "restore it" if row.kind == "document" else "restore it, or retire it in retired.yaml with a reason"
            message = f"was published in release {row.release} and is missing; {mend}"
            file = next(name for name, kind in KIND_OF_FILE.items() if kind == row.kind)
            mistakes.append(Mistake(f"{file}.yaml", 1, identifier, message))
    if mistakes:
        raise SeedError(sorted(mistakes))


def _store_documents(connection: Connection, data: Dataset, identifiers: set[str], number: int) -> None:
    fresh = [{**form.model_dump(), "release": number} for form in data.documents.values() if form.id in identifiers]
    if fresh:
        connection.execute(insert(models.Document), fresh)


def _store_records(
    connection: Connection,
    data: Dataset,
    before: dict[str, Any],
    identifiers: set[str],
    digests: dict[str, str],
    word_digests: dict[str, str],
    releases: dict[str, int],
) -> None:
    fresh = []
    for identifier in sorted(identifiers):
        row = {
            "state": "current",
            "merged_into": None,
            "reason": None,
            "release": releases[identifier],
            "digest": digests[identifier],
            "search_digest": word_digests.get(identifier, ""),
        }
        if identifier in before:
            connection.execute(update(Record).where(columns(Record).id == identifier).values(row))
        else:
            fresh.append(row | {"id": identifier, "kind": data.kinds[identifier]})
    if fresh:
        connection.execute(insert(Record), fresh)


def _store_retired(connection: Connection, data: Dataset, before: dict[str, Any], identifiers: set[str], number: int) -> None:
    for identifier in sorted(identifiers):
        form = data.retired[identifier]
        row = {
            "state": "merged" if form.merged_into else "withdrawn",
            "merged_into": form.merged_into,
            "reason": form.reason,
            "release": number,
            "digest": "",
            "search_digest": "",
        }
        if identifier in before:
            connection.execute(update(Record).where(columns(Record).id == identifier).values(row))
        else:
            connection.execute(insert(Record), row | {"id": identifier, "kind": form.kind})


def _log(connection: Connection, data: Dataset, before: dict[str, Any], changed: set[str], retired: set[str], number: int) -> None:
    """Write down what the release does to each record; its new renderings are stored already."""
    rows: list[dict[str, Any]] = []
    for batch in versions.batches(changed):
        bodies = versions.bodies(connection, batch)
        for identifier in batch:
            known = identifier in before and before[identifier].state == "current"
            old = versions.shaped(RECORDS[data.kinds[identifier]], json.loads(bodies[identifier, before[identifier].release])) if known else {}
            fields = difference(old, json.loads(bodies[identifier, number])) if known else {}
            change = {"change": "update" if known else "insert", "fields": fields, "reason": None}
            rows.append(change | {"kind": data.kinds[identifier], "record_id": identifier})
    for identifier in sorted(retired):
        form = data.retired[identifier]
        fields = {"merged_into": {"from": None, "to": form.merged_into}} if form.merged_into else {}
        change = {"change": "merge" if form.merged_into else "withdraw", "fields": fields, "reason": form.reason}
        rows.append(change | {"kind": form.kind, "record_id": identifier})
    if rows:
        connection.execute(insert(Change), [row | {"release": number, "position": position} for position, row in enumerate(rows)])
    summary: dict[str, Counter[str]] = {}
    for row in rows:
        summary.setdefault(row["kind"], Counter())[row["change"]] += 1
    connection.execute(update(Release).where(columns(Release).id == number).values(changes=summary))


def _changes(data: Dataset, before: dict[str, Any], changed: set[str], retired: set[str]) -> dict[str, Counter[str]]:
    changes: dict[str, Counter[str]] = {}
    for identifier in changed:
        kind = "changed" if identifier in before and before[identifier].state == "current" else "added"
        changes.setdefault(data.kinds[identifier], Counter())[kind] += 1
    for identifier in retired:
        form = data.retired[identifier]
        changes.setdefault(form.kind, Counter())["merged" if form.merged_into else "withdrawn"] += 1
    return changes
