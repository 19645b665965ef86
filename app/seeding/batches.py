"""Batches of entries on their way into the tables: looked at, rendered and made into rows that only need to be written.

What a batch does depends on its entries, on the entries that these refer to and on what was known of them before, and on nothing else: batches
may be made in any process.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlmodel import SQLModel

from app import models, search
from app.models import OPEN
from app.seeding import checks, files, render, tables
from app.seeding.dataset import Dataset, sound_parts
from app.seeding.files import Entry, Mistake
from app.seeding.lines import Lines
from app.seeding.postings import Keys, Packed, packed, put, put_words, spanned, terms
from app.seeding.redactions import Held
from app.seeding.references import KEPT, Json
from app.seeding.render import Rendered, Renderer
from app.seeding.rows import called, rows, texts
from app.seeding.stamps import Stamps


class Known(NamedTuple):
    """What is stored of a record."""

    id: str
    current: bool
    digest: str
    search_digest: str
    release: int
    stamp: str | None


class Task(NamedTuple):
    """Entries to make a batch of."""

    kind: str
    ids: list[str]
    before: dict[str, Known]
    """What is stored of them, and of the figures that events among them show."""


class Done(NamedTuple):
    """A record that is written, or of which something else is kept than before."""

    id: str
    digest: str
    search_digest: str
    stamp: str | None
    change: str | None
    """`insert` or `update`; None where it says the same as before."""
    stored: bool
    """Whether anything is known of it before."""
    body: bytes | None
    """Of an update: how it reads now."""


@dataclass
class Batch:
    """What is to be written for some entries."""

    kind: str
    size: int
    mistakes: list[Mistake] = field(default_factory=list)
    hindered: str | None = None
    """Why an entry without mistakes could not be rendered: because of another one, which is told elsewhere."""
    done: list[Done] = field(default_factory=list)
    rows: dict[type[SQLModel], list[tuple[Any, ...]]] = field(default_factory=dict)
    postings: Packed = field(default_factory=dict)
    words: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Of records that say the same and are found by other words than before: those of each view, by its first day."""
    anew: list[str] = field(default_factory=list)
    """Records that say the same and are written all the same, in the schema of this software."""


@dataclass(frozen=True)
class Setting:
    """What all batches of a load have in common."""

    data: Dataset
    held: Held
    release: int
    engine: str
    anew: bool
    """Whether everything is written, whatever is stored."""


class Maker:
    """Makes batches."""

    def __init__(self, setting: Setting, keys: Callable[[int], int]) -> None:
        """`keys` gives the first of so many keys of versions that nobody else takes."""
        self.setting, self.data, self.keys = setting, setting.data, keys
        self.renderer = Renderer(self.data)
        self.stamps = Stamps(self.data) if self.data.linked else None
        self.names = lru_cache(KEPT)(self._names)
        self.figures = lru_cache(KEPT)(self._figure_digest)

    def check(self, task: Task) -> Batch:
        """A batch with nothing but its mistakes."""
        batch = Batch(task.kind, len(task.ids))
        for identifier in task.ids:
            entry = self.data.entry_of(task.kind, identifier)
            self._form(task.kind, entry, batch)
        return batch

    def make(self, task: Task) -> Batch:
        """A batch that is ready to be written, unless it has mistakes."""
        batch = Batch(task.kind, len(task.ids))
        table = self.data.table(task.kind)
        keys: Keys = {}
        for identifier in task.ids:
            stamp, form = None, None
            if self.stamps is None:
                form = table[identifier]
            else:
                entry = self.data.entry_of(task.kind, identifier)
                form = self._form(task.kind, entry, batch)
                stamp = self.stamps.of(task.kind, entry) if form else None
            if form is None or batch.mistakes:
                continue
            try:
                self._add(batch, keys, form, stamp, task.before)
            except KeyError as error:
                batch.hindered = f"{identifier}: {error!r}"
        batch.postings = packed(keys)
        return batch

    def _form(self, kind: str, entry: Entry, batch: Batch) -> Any:
        """The form of an entry; None where it has mistakes, which are told."""
        table = self.data.table(kind)
        if not isinstance(table, Lines):
            form = table[entry.name]
            batch.mistakes += checks.of_record(self.data, kind, form, entry)
            return form
        try:
            form = table.form.model_validate(entry.data)
        except ValidationError as error:
            batch.mistakes += files.form_mistakes(table.form, entry, error)
            batch.mistakes += checks.of_broken(self.data, kind, sound_parts(table.form, entry), entry)
            return None
        batch.mistakes += checks.of_record(self.data, kind, form, entry)
        return form

    def _add(self, batch: Batch, keys: Keys, form: Any, stamp: str | None, before: Mapping[str, Known]) -> None:
        known = before.get(form.id)
        if batch.kind == "document":
            digest = sha256(form.model_dump_json().encode()).hexdigest()
            change = _change(known, digest)
            if change:
                self._rows(batch, models.Document, [{**form.model_dump(), "release": self.setting.release}])
            if change or (known and known.stamp != stamp):
                batch.done.append(Done(form.id, digest, "", stamp, change, known is not None, None))
            return
        views = self.setting.held.views(self.renderer.views(batch.kind, form))
        made = [(view, render.body(view.record)) for view in views]
        digest = render.digest(made)
        compared = self._compared(made)
        words = [search.words(texts(self.names, view.record)) for view in views]
        search_digest = search.digest(words[-1])
        change = _change(known, compared)
        if known and not change and known.search_digest != search_digest:
            batch.words[form.id] = {view.seen_from.isoformat(): found for view, found in zip(views, words, strict=True)}
        body = None
        if change or self.setting.anew:
            release = self.setting.release if change or not known else known.release
            releases = {form.id: release} | {figure["id"]: self._release(figure["id"], before) for figure in views[-1].record.get("figures", ())}
            body = self._versions(batch, keys, made, words, releases)
            if not change:
                batch.anew.append(form.id)
        if change or form.id in batch.words or self.setting.anew or (known and known.stamp != stamp):
            batch.done.append(Done(form.id, digest, search_digest, stamp, change, known is not None, body if change == "update" else None))

    def _versions(self, batch: Batch, keys: Keys, views: list[tuple[Rendered, bytes]], words: list[list[str]], releases: dict[str, int]) -> bytes:
        """Add the rows and postings of the views of a record; how its whole reads."""
        key = self.keys(len(views))
        found: dict[type[SQLModel], list[Json]] = defaultdict(list)
        body = b""
        for (view, unreleased), written in zip(views, words, strict=True):
            record = view.record
            span = {
                "since": releases[record["id"]],
                "until": OPEN,
                "seen_from": view.seen_from.isoformat(),
                "seen_until": view.seen_until.isoformat(),
            }
            body = render.released_body(record, unreleased, releases)
            found[models.Rendering].append({"key": key, "record_id": record["id"], "body": body, "quoted": None, **span})
            (own, row), *parts = rows(record, self._document_of)
            found[own].append({**row, **span, "version": key})
            for model, part in parts:
                part["version"] = key
                found[model].append(part)
            put(keys, key, terms(record))
            put(keys, key, spanned(span))
            put_words(keys, key, written)
            key += 1
        for model, made in found.items():
            self._rows(batch, model, made)
        return body

    def _rows(self, batch: Batch, model: type[SQLModel], made: Iterable[Json]) -> None:
        batch.rows.setdefault(model, []).extend(tables.packed(model, made, self.setting.engine))

    def _document_of(self, record: Json) -> str | None:
        return self.data.sources[record["id"]].document

    def _release(self, figure: str, before: Mapping[str, Known]) -> int:
        """The release in which a figure that an event shows last changed."""
        known = before.get(figure)
        return known.release if known and not _change(known, self.figures(figure)) else self.setting.release

    def _figure_digest(self, identifier: str) -> str:
        views = self.setting.held.views(self.renderer.views("figure", self.data.figures[identifier]))
        return self._compared([(view, render.body(view.record)) for view in views])

    def _compared(self, views: list[tuple[Rendered, bytes]]) -> str:
        """What tells whether a record changed: of what other software wrote only the whole record, which it may have had no other views of."""
        return sha256(views[-1][1]).hexdigest() if self.setting.anew else render.digest(views)

    def _names(self, organisation: str) -> list[str | None]:
        whole = self.renderer.organisation(self.data.organisations[organisation])
        return called(self.setting.held.views([Rendered(models.UNDATED, models.END, whole)])[0].record)


def _change(known: Known | None, digest: str) -> str | None:
    if known is None or not known.current:
        return "insert"
    return None if known.digest == digest else "update"
