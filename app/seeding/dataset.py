"""A folder of curated files, read and put into the form of its entries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from app import vocabulary
from app.seeding import files
from app.seeding.entries import (
    FORMS,
    KIND_OF_FILE,
    DocumentForm,
    EventForm,
    FigureForm,
    FloorForm,
    Form,
    LeftOutForm,
    OrganisationForm,
    ReceiptForm,
    RecordForm,
    RegionForm,
    RetiredForm,
    SourceForm,
)
from app.seeding.files import LINES, Entry, Mistake
from app.seeding.lines import Lines
from app.seeding.links import Links
from app.seeding.portions import Workers
from app.seeding.scanning import scan

OPTIONAL = {"retired"}
"""Files that a folder may lack."""

FLOORS = "floors"
"""The file of minimum counts."""

RECEIPTS = "receipts"
"""The generated file of what was found when each passage was read again."""

LEFT_OUT = "left-out"
"""The file of what the documents say and no record holds, with the reasons."""


@dataclass
class Dataset:
    """All entries of a folder by id; lines of mistakes are found through `entries`."""

    documents: Mapping[str, DocumentForm] = field(default_factory=dict)
    regions: Mapping[str, RegionForm] = field(default_factory=dict)
    organisations: Mapping[str, OrganisationForm] = field(default_factory=dict)
    sources: Mapping[str, SourceForm] = field(default_factory=dict)
    events: Mapping[str, EventForm] = field(default_factory=dict)
    figures: Mapping[str, FigureForm] = field(default_factory=dict)
    retired: dict[str, RetiredForm] = field(default_factory=dict)
    floors: dict[str, FloorForm] = field(default_factory=dict)
    floors_entry: Entry | None = None
    receipts: list[ReceiptForm] = field(default_factory=list)
    left_out: list[tuple[LeftOutForm, Entry]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """The text of each document, where the documents were given."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """Those that are held in memory."""
    linked: Links | None = None
    """The references of the entries of a data set that is read from lines, as they stand there."""
    broken: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """Kind and sound parts of entries with mistakes of form; references to them are no further mistakes."""
    files: dict[str, str] = field(default_factory=dict)
    """How messages name the file of some entries."""
    unread: set[str] = field(default_factory=set)
    """Kinds whose file is missing or no YAML: what refers to them is no further mistake either."""

    def table(self, kind: str) -> Mapping[str, Any]:
        """The entries of a kind."""
        tables: dict[str, Mapping[str, Any]] = {
            "document": self.documents,
            "region": self.regions,
            "organisation": self.organisations,
            "source": self.sources,
            "event": self.events,
            "figure": self.figures,
        }
        return tables[kind]

    def kind(self, identifier: str) -> str | None:
        """The kind of an id of the six tables."""
        return next((kind for kind in KIND_OF_FILE.values() if identifier in self.table(kind)), None)

    def entry(self, identifier: str) -> Entry:
        """An entry as it stands in its file; KeyError where there is none."""
        if identifier not in self.entries and (kind := self.kind(identifier)) is not None:
            return self.entry_of(kind, identifier)
        return self.entries[identifier]

    def entry_of(self, kind: str, identifier: str) -> Entry:
        """An entry of a kind."""
        table = self.table(kind)
        return table.entry(identifier) if isinstance(table, Lines) else self.entries[identifier]

    def file(self, name: str) -> str:
        """How messages name the file of the entries of a name, such as `events`."""
        return self.files.get(name, f"{name}.yaml")

    def counts(self) -> dict[str, int]:
        """How many entries of each kind there are."""
        return {kind: len(table) for kind in KIND_OF_FILE.values() if (table := self.table(kind))}

    def links(self) -> Links:
        """Who refers to whom."""
        if self.linked is not None:
            return self.linked
        found = Links()
        for kind in KIND_OF_FILE.values():
            for form in self.table(kind).values():
                found.form(kind, form)
        return found

    def records(self) -> Iterator[tuple[str, RecordForm]]:
        """Every record with its kind."""
        for kind in ("region", "organisation", "source", "event", "figure"):
            for record in self.table(kind).values():
                yield kind, record

    def origin(self, source: str) -> str:
        """The root of a source's derived_from chain."""
        seen = {source}
        while (above := self.sources[source].derived_from) and above in self.sources and above not in seen:
            source = above
            seen.add(source)
        return source


def read(folder: Path) -> tuple[Dataset, list[Mistake]]:
    """The entries of a folder that have the right form, and every mistake of form."""
    data = Dataset()
    if not folder.is_dir():
        return data, [Mistake(str(folder), 1, "(folder)", "there is no such folder; name the one with the curated files")]
    data.files = {name: _shown(_file(folder, name)) for name in FORMS}
    mistakes = _stray_files(folder)
    with Workers() as workers:
        mistakes += _read_lines(data, folder, workers)
    for name, form in FORMS.items():
        path = _file(folder, name)
        if isinstance(data.__dict__[name], Lines):
            continue
        if path.exists() or path.is_symlink():
            entries, wrong = files.read(path, _shown(path))
            mistakes += wrong
            if wrong:
                data.unread.add(KIND_OF_FILE.get(name, name))
            for entry in entries:
                mistakes += _take(data, name, form, entry)
        elif name not in OPTIONAL:
            mistakes.append(Mistake(_shown(path), 1, "(file)", "is missing; write [] into it if there are no entries"))
            data.unread.add(KIND_OF_FILE[name])
    for kind in KIND_OF_FILE.values() if data.linked else ():
        for form in () if isinstance(table := data.table(kind), Lines) else table.values():
            data.links().form(kind, form)
    mistakes += _repeated(data)
    mistakes += _read_floors(data, folder / f"{FLOORS}.yaml")
    receipts, wrong = _read_plain(_file(folder, RECEIPTS), ReceiptForm, ("record", "claim"))
    data.receipts = [receipt for receipt, _ in receipts]
    data.left_out, unfit = _read_plain(_file(folder, LEFT_OUT), LeftOutForm, ("document", "at"))
    return data, mistakes + wrong + unfit


def _read_lines(data: Dataset, folder: Path, workers: Workers) -> Iterator[Mistake]:
    """Read the files of JSON Lines."""
    for name, kind in KIND_OF_FILE.items():
        path = _file(folder, name)
        if path.suffix == LINES:
            table = Lines(path, _shown(path), FORMS[name])
            data.linked = data.linked or Links()
            mistakes = scan(workers, table, kind, data.linked)
            if mistakes:
                data.unread.add(kind)
            yield from mistakes
            for first, second in table.repeated():
                yield taken(second, first)
            setattr(data, name, table)


def _repeated(data: Dataset) -> Iterator[Mistake]:
    """Ids that stand in several files, of which at least one is of JSON Lines."""
    tables = [table for kind in KIND_OF_FILE.values() if isinstance(table := data.table(kind), Lines)]
    for entry in data.entries.values():
        for table in tables:
            if entry.name in table:
                yield taken(entry, table.entry(entry.name))
    for (first, one), (second, other) in pairwise(merge(*(table.hashes() for table in tables), key=itemgetter(0))):
        if first == second:
            for name in {one.at(first).name, other.at(second).name}:
                if name in one and name in other and one is not other:
                    yield taken(other.entry(name), one.entry(name))


def taken(entry: Entry, first: Entry) -> Mistake:
    """That an entry has the id of another one."""
    return entry.mistake(f"the id is already taken at {first.file}:{first.line()}; ids are unique over all files", "id")


def _file(folder: Path, name: str) -> Path:
    """The file of some entries: JSON Lines where there is such a file, else YAML."""
    lines = folder / f"{name}{LINES}"
    return lines if lines.exists() or lines.is_symlink() else folder / f"{name}.yaml"


def _shown(path: Path) -> str:
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _stray_files(folder: Path) -> list[Mistake]:
    listed = [f"{name}.yaml" for name in (*FORMS, FLOORS, RECEIPTS, LEFT_OUT)]
    known = [*listed, *(f"{name}{LINES}" for name in (*FORMS, RECEIPTS, LEFT_OUT))]
    mistakes = []
    for path in sorted(folder.iterdir()):
        if path.name not in known and (path.suffix.lower() in {".yaml", ".yml", ".json", LINES} or path.is_dir()):
            close = vocabulary.closest(path.name, known)
            hint = f"did you mean {close}?" if close else f"the files are {', '.join(listed)}"
            mistakes.append(Mistake(_shown(path), 1, "(file)", f"is not read by anything; {hint}"))
        elif path.suffix == LINES and (twin := path.with_suffix(".yaml")).exists():
            mistakes.append(Mistake(_shown(path), 1, "(file)", f"stands beside {twin.name}; keep one of the two"))
    return mistakes


def _take(data: Dataset, name: str, form: type[Form], entry: Entry) -> list[Mistake]:
    if not isinstance(entry.data, dict):
        return [entry.mistake("is no mapping of keys to values; write '- id: ...' with its keys below")]
    mistakes: list[Mistake] = []
    parsed: Any = None
    try:
        parsed = form.model_validate(entry.data)
    except ValidationError as error:
        mistakes = files.form_mistakes(form, entry, error)
    if not isinstance(entry.data.get("id"), str):
        return mistakes  # among them that the id is missing
    if entry.name in data.entries:
        first = data.entries[entry.name]
        return [*mistakes, taken(entry, first)]
    data.entries[entry.name] = entry
    if parsed is None:
        if name != "retired":
            data.broken[entry.name] = (KIND_OF_FILE[name], sound_parts(form, entry))
    elif name == "retired":
        data.retired[entry.name] = parsed
    else:
        table: Any = data.table(KIND_OF_FILE[name])
        table[entry.name] = parsed
    return mistakes


def sound_parts(form: type[Form], entry: Entry) -> Any:
    """An entry with mistakes of form as far as it is sound, so that its other mistakes are told too."""
    sound: dict[str, Any] = {}
    for name, info in form.model_fields.items():
        try:
            sound[name] = TypeAdapter(info.rebuild_annotation()).validate_python(entry.data[name])
        except (ValidationError, KeyError):
            sound[name] = info.get_default(call_default_factory=True) if not info.is_required() else None
    return form.model_construct(**sound)


F = TypeVar("F", bound=Form)


def _read_plain(path: Path, form: type[F], key: tuple[str, ...]) -> tuple[list[tuple[F, Entry]], list[Mistake]]:
    """The entries of a file that may be missing and whose entries have no ids: `key` names the fields that tell them apart."""
    if not path.exists() and not path.is_symlink():
        return [], []
    entries, mistakes = files.read(path, _shown(path))
    found: list[tuple[F, Entry]] = []
    taken: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        entry.stand_in = "(entry)"
        if not isinstance(entry.data, dict):
            mistakes.append(entry.mistake("is no mapping of keys to values"))
            continue
        try:
            parsed = form.model_validate(entry.data)
        except ValidationError as error:
            mistakes += files.form_mistakes(form, entry, error)
            continue
        first = taken.setdefault(tuple(getattr(parsed, field) for field in key), entry)
        if first is not entry:
            mistakes.append(entry.mistake(f"stands at line {first.line()} already; keep one"))
        found.append((parsed, entry))
    return found, mistakes


def _read_floors(data: Dataset, path: Path) -> list[Mistake]:
    shown = _shown(path)
    if not path.exists():
        return [Mistake(shown, 1, "(file)", "is missing; it holds the minimum count of each table, such as 'events: {records: 1}'")]
    entry, mistakes = files.read_mapping(path, shown)
    if entry is None:
        return mistakes
    if not isinstance(entry.data, dict):
        return [entry.mistake("is no mapping of table names to floors")]
    data.floors_entry = entry
    for name, given in entry.data.items():
        if name not in {*KIND_OF_FILE, "citations"}:
            mistakes.append(entry.mistake(f"{name}: there is no such table; use one of {', '.join([*KIND_OF_FILE, 'citations'])}", name))
            continue
        try:
            data.floors[name] = FloorForm.model_validate(given)
        except ValidationError as error:
            for found in error.errors():
                where = ".".join(map(str, (name, *found["loc"])))
                mistakes.append(entry.mistake(f"{where}: {found['msg']}", name, *found["loc"]))
    missing = [name for name in (*KIND_OF_FILE, "citations") if name not in entry.data]
    if missing:
        mistakes.append(entry.mistake(f"has no floor for {', '.join(missing)}; add '{missing[0]}: {{records: N}}'"))
    return mistakes
