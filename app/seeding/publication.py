"""Writing what a load changes, and making a release of it."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, and_, bindparam, exists, func, insert, not_, select, update

from app import schemas
from app.models import Change, Record, Release, Rendering, columns
from app.schemas import RECORDS
from app.seeding import redactions, render, tables, versions, work
from app.seeding.batches import Batch, Done, Known, Setting
from app.seeding.changes import difference
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE, RetiredForm
from app.seeding.files import Mistake, SeedError
from app.seeding.lines import Lines
from app.seeding.postings import WORDS, Gathered, order, remove
from app.seeding.quotes import Quotes
from app.seeding.touched import compare, touched

LICENCE = "CC-BY-4.0"
"""SPDX identifier of the licence of the curated data."""

_TOLD_EVERY = 0.5
"""Seconds between two words of progress."""

record, rendering, release = columns(Record), columns(Rendering), columns(Release)


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


class Publication:
    """A load under way, in the transaction of a connection."""

    def __init__(self, connection: Connection, data: Dataset, progress: Callable[[str], None]) -> None:
        self.connection, self.data, self.progress = connection, data, progress
        self.outcome = Outcome(None, False, data.counts())
        self.number: int = (connection.scalar(select(func.max(release.id))) or 0) + 1
        self.others = _others(connection)
        self.empty = connection.scalar(select(record.key).limit(1)) is None
        self.gathered = Gathered(connection)
        self.changed: set[str] = set()
        """The documents that changed."""
        self.gone: list[int] = []
        """Keys of versions that were written anew under others."""
        self.reworded = BitMap()
        """Keys of versions that are found by other words than before."""
        self.position = 0
        self.summary: dict[str, Counter[str]] = {}

    def publish(self) -> Outcome:
        """Write what changed and make a release of it; SeedError where entries have mistakes or published ones are missing."""
        connection, data, outcome = self.connection, self.data, self.outcome
        anew = self.others and not self.empty
        compared = None if self.empty or anew or data.linked is None else compare(connection, data)
        _nothing_lost(connection, data, compared.missing if compared else None)
        wanted = touched(connection, data, compared) if compared else None
        del compared  # which may name all that there is
        for table in map(data.table, KIND_OF_FILE.values()):
            if isinstance(table, Lines):
                table.forget()
        held = redactions.held(connection)
        setting = Setting(data, held, self.number, connection.dialect.name, anew)
        if setting.anew:
            self.progress("writing records in the schema of this version")
            versions.reshape(connection, {row.id: row.kind for row in connection.execute(select(record.id, record.kind))})
        with closing(self.gathered):
            self._write_all(setting, wanted)
            self._retire()
            self.progress("indexing records")
            remove(connection, self.reworded, *WORDS)
            self.gathered.write()
        remove(connection, self.gone)
        renderer = render.Renderer(data)
        outcome.counts["citation"] = renderer.links.citations
        outcome.reshaped = bool(self.gone)
        quotes = Quotes(connection, data, self.changed)
        if self.summary or outcome.changes or self.reworded:
            outcome.release = self.number
            versions.place(connection, renderer.within, self.number)
            connection.execute(insert(Release), self._release())
        if outcome.release or self.gone:
            order(connection)
        newest = select(func.max(release.id)).scalar_subquery()
        connection.execute(update(Release).where(release.id == newest).values(shape=schemas.shape()))
        self._quote(quotes, renderer, held)
        outcome.unheeded = held.unheeded(renderer)
        return outcome

    def _before(self, identifiers: list[str]) -> dict[str, Known]:
        """What is stored of some records."""
        found: dict[str, Known] = {}
        for batch in versions.batches(identifiers) if not self.empty else ():
            wanted = select(record.id, record.state, record.digest, record.search_digest, record.release, record.stamp).where(record.id.in_(batch))
            digests = versions.whole_digests(self.connection, batch) if self.others else {}
            for row in self.connection.execute(wanted):
                digest = digests.get(row.id, row.digest)
                found[row.id] = Known(row.id, row.state == "current", digest, row.search_digest, row.release, row.stamp)
        return found

    def _write_all(self, setting: Setting, wanted: set[str] | None) -> None:
        """Write what changed among the entries that are wanted; None: all."""
        first = (self.connection.scalar(select(func.max(rendering.key))) or 0) + 1
        mistakes: set[Mistake] = set()
        hindered, done, begun, told = None, 0, time.monotonic(), 0.0
        total = sum(self.data.counts().values()) if wanted is None else len(wanted)
        self.progress(f"writing {total} records")
        for batch in work.run(setting, work.tasks(self.data, self._before, wanted), total, first):
            mistakes.update(batch.mistakes)
            hindered = hindered or batch.hindered
            if not mistakes and not hindered:
                self._write(batch)
            done += batch.size
            if (now := time.monotonic()) - told > _TOLD_EVERY:
                told, rate = now, done / (now - begun)
                self.progress(f"writing records: {done:,} of {total:,}, {rate:,.0f} a second, {(total - done) / rate:,.0f} s left")
        if mistakes:
            raise SeedError(sorted(mistakes))
        if hindered:
            raise RuntimeError(f"an entry without mistakes could not be rendered: {hindered}")

    def _write(self, batch: Batch) -> None:
        """Write a batch, and the versions that it ends."""
        connection = self.connection
        changed = [done for done in batch.done if done.change]
        updated = [done.id for done in changed if done.change == "update"]
        old = versions.current(connection, updated) if batch.kind != "document" else {}
        versions.end(connection, updated, self.number, self.gathered)
        self.gone += versions.forget(connection, batch.anew)
        for model, rows in batch.rows.items():
            tables.insert(connection, model, rows)
        self.gathered.take(batch.postings)
        self.reworded.update(versions.reword(connection, batch.words, self.gathered))
        self._records(batch)
        told = self.outcome.changes.setdefault(batch.kind, Counter()) if changed else Counter()
        told.update("changed" if done.change == "update" else "added" for done in changed)
        if batch.kind == "document":
            self.changed.update(done.id for done in changed)
            return
        self._log([self._change(batch.kind, done, old) for done in changed])

    def _records(self, batch: Batch) -> None:
        """Keep what is known of the records of a batch."""
        fresh, back, same = [], [], []
        for done in batch.done:
            row: dict[str, Any] = {"digest": done.digest, "search_digest": done.search_digest, "stamp": done.stamp}
            if not done.change:
                same.append({"of": done.id, **row})
                continue
            row |= {"state": "current", "merged_into": None, "reason": None, "release": self.number}
            if done.stored:
                back.append({"of": done.id, **row})
            else:
                fresh.append({"id": done.id, "kind": batch.kind, **row})
        tables.write(self.connection, Record, fresh)
        for rows in (back, same):
            if rows:
                values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "of"}
                self.connection.execute(update(Record).where(record.id == bindparam("of")).values(values), rows)

    def _change(self, kind: str, done: Done, old: dict[str, bytes]) -> dict[str, Any]:
        fields = {}
        if done.change == "update" and done.body is not None:
            fields = difference(versions.shaped(RECORDS[kind], json.loads(old[done.id])), json.loads(done.body))
        return {"change": done.change, "fields": fields, "reason": None, "kind": kind, "record_id": done.id}

    def _log(self, changes: list[dict[str, Any]]) -> None:
        """Write down what the release does to records."""
        for change in changes:
            self.summary.setdefault(change["kind"], Counter())[change["change"]] += 1
            change |= {"release": self.number, "position": self.position}
            self.position += 1
        tables.write(self.connection, Change, changes)

    def _retire(self) -> None:
        """Withdraw or merge what the data set has retired since."""
        stored: dict[str, Any] = {}
        for batch in versions.batches(self.data.retired):
            stored |= {row.id: row for row in self.connection.execute(select(record).where(record.id.in_(batch)))}
        retired: list[RetiredForm] = []
        for identifier, form in sorted(self.data.retired.items()):
            before = stored.get(identifier)
            if before is None or (before.merged_into, before.reason) != (form.merged_into, form.reason):
                retired.append(form)
        versions.end(self.connection, [form.id for form in retired], self.number, self.gathered)
        changes = []
        for form in retired:
            row: dict[str, Any] = {"merged_into": form.merged_into, "reason": form.reason, "release": self.number}
            row |= {"state": "merged" if form.merged_into else "withdrawn", "digest": "", "search_digest": "", "stamp": None}
            if form.id in stored:
                self.connection.execute(update(Record).where(record.id == form.id).values(row))
            else:
                tables.write(self.connection, Record, [row | {"id": form.id, "kind": form.kind}])
            self.outcome.changes.setdefault(form.kind, Counter())["merged" if form.merged_into else "withdrawn"] += 1
            fields = {"merged_into": {"from": None, "to": form.merged_into}} if form.merged_into else {}
            change = {"change": "merge" if form.merged_into else "withdraw", "fields": fields, "reason": form.reason}
            changes.append(change | {"kind": form.kind, "record_id": form.id})
        self._log(changes)
        self.outcome.unknown = [form.id for form in retired if form.id not in stored]

    def _release(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        # By no index, which would lead to each row by itself: to read them as they lie and sort them takes SQLite a third of the time.
        by_id = record.id.concat("")
        current = select(record.id, record.digest).where(record.state == "current").order_by(by_id)
        for rows in self.connection.execute(current.execution_options(yield_per=10_000)).partitions():
            digest.update("".join([f"{identifier} {of_record}\n" for identifier, of_record in rows]).encode())
        return {
            "id": self.number,
            "released_at": datetime.now(UTC).replace(microsecond=0),
            "digest": digest.hexdigest(),
            "licence": LICENCE,
            "counts": self.outcome.counts,
            "changes": self.summary,
        }

    def _quote(self, quotes: Quotes, renderer: render.Renderer, held: redactions.Held) -> None:
        """Keep the documents' texts, and make the quotes anew of what changed, or of all records where other texts are kept than before."""
        quotes.store_texts()
        if not quotes.texts and not quotes.news:
            return
        everything = quotes.news or self.outcome.reshaped
        wanted = [] if everything else [record.release == self.number]
        names = {row.id: row.kind for row in self.connection.execute(select(record.id, record.kind).where(record.state == "current", *wanted))}
        for batch in versions.batches(name for name, kind in names.items() if kind != "document"):
            views = {name: held.views(renderer.views(names[name], self.data.table(names[name])[name])) for name in batch}
            shown = [figure["id"] for found in views.values() for figure in found[-1].record.get("figures", ())]
            quotes.store(views, {name: known.release for name, known in self._now([*batch, *shown]).items()})
        self.outcome.quoted = len(quotes.texts) if quotes.news else None

    def _now(self, identifiers: list[str]) -> dict[str, Any]:
        return {row.id: row for batch in versions.batches(identifiers) for row in self.connection.execute(select(record).where(record.id.in_(batch)))}


def _others(connection: Connection) -> bool:
    """Whether other software than this wrote what is stored."""
    held = connection.scalar(select(release.shape).where(release.shape.is_not(None)).order_by(release.id.desc()).limit(1))
    return held != schemas.shape()


def _nothing_lost(connection: Connection, data: Dataset, missing: set[str] | None) -> None:
    """A published id may go only by being retired, and never becomes something else; what was only ever retired need not stay so.

    `missing` names what stands in no file of its kind, if that is known.
    """
    mistakes = []
    served = exists().where(rendering.record_id == record.id)
    published = select(record.id, record.kind, record.release).where(not_(and_(record.state != "current", not_(served))))
    wanted = [published] if missing is None else [published.where(record.id.in_(batch)) for batch in versions.batches(missing)]
    for row in chain.from_iterable(connection.execute(statement.execution_options(yield_per=10_000)) for statement in wanted):
        if row.id in data.table(row.kind):
            continue
        if (kind := data.kind(row.id)) is not None:
            message = f"was published as {_one(row.kind)} in release {row.release}; give the {kind} another id"
            mistakes.append(data.entry(row.id).mistake(message, "id"))
        elif row.id in data.retired:
            if data.retired[row.id].kind != row.kind:
                message = f"was published as {_one(row.kind)} in release {row.release}; retire it as one"
                mistakes.append(data.entry(row.id).mistake(message, "kind"))
        else:
            mend = "restore it" if row.kind == "document" else f"restore it, or retire it in {Path(data.file('retired')).name} with a reason"
            message = f"was published in release {row.release} and is missing; {mend}"
            file = next(name for name, kind in KIND_OF_FILE.items() if kind == row.kind)
            mistakes.append(Mistake(data.file(file), 1, row.id, message))
    if mistakes:
        raise SeedError(sorted(mistakes))


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
