"""Records as rows: the columns of each kind, made from the schemas, and those of its citations.

Names are dotted as in the JSON. A list becomes one cell with its values in order between `; `, so that
`organisations.organisation.id` and `organisations.role` go together; a null among them leaves its place empty.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from app.citations import Citation
from app.formats.context import Context, Record
from app.schemas import RECORDS
from app.shapes import FieldShape, fields

Cell = str | int | float | None
"""What a column reads; dates and moments are text in ISO 8601."""
Type = Literal["text", "integer", "number", "date", "moment"]

BETWEEN = "; "
"""Stands between the values of a list."""
BETWEEN_CITATIONS = " | "
"""Stands between citations and other texts that hold semicolons themselves."""

_TYPES: dict[type, Type] = {str: "text", int: "integer", float: "number", date: "date", datetime: "moment"}

MAIN = {
    "event": ("type", "status", "title", "title_zh", "date.edtf", "date.earliest", "date.latest", "region.id", "region.name", "origins"),
    "figure": (
        "metric", "subject.id", "region.id", "region.name", "organisation.id", "event.id", "period.edtf", "period.earliest", "period.latest",
        "value", "unit", "low", "high", "qualifier", "basis", "as_stated", "agreement", "origins",
        "converted.from", "converted.value", "converted.rate", "converted.day", "converted.source", "converted.day_reason", "not_converted",
    ),
    "organisation": ("type", "name", "name_zh", "region.id", "region.name"),
    "region": ("type", "name", "name_zh", "parent.id", "parent.name"),
    "source": ("type", "grade", "title", "title_zh", "publisher.id", "publisher.name", "published.edtf", "origin.id"),
}  # fmt: skip
"""The fields of a record that stand beside each of its citations."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how it is read from a record or a citation."""

    name: str
    type: Type
    read: Callable[[Record], Cell]


def columns(context: Context, kind: str) -> tuple[Column, ...]:
    """The columns of a kind; those named `atlas.` tell where the row comes from."""
    found = [column for shape in fields(RECORDS[kind]) for column in _special(shape) or _columns(shape, (), "")]
    if kind == "figure":  # a number and its unit stand side by side
        names = [column.name for column in found]
        found.insert(names.index("value") + 1, found.pop(names.index("unit")))
    return (*found, *_atlas(context))


def citation_columns(context: Context, kind: str) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """The columns of a record, and those of a citation, that make up a row of the table of citations."""
    by_name = {column.name: column for column in columns(context, kind)}
    main = [by_name[name] for name in ("id", "kind", *MAIN[kind])]
    cited = [column for shape in fields(Citation) for column in _columns(shape, (), "citation.")]
    after = [column.name for column in cited].index("citation.source.id") + 1
    cited.insert(after, Column("citation.source.origin", "text", lambda citation: context.origins.get(citation["source"]["id"])))
    return (*main, *_atlas(context)), tuple(cited)


def citation_rows(main: tuple[Column, ...], cited: tuple[Column, ...], record: Record) -> Iterator[list[Cell]]:
    """A row a citation, numbered from 1; a record without citations keeps one row, whose number and citation are empty."""
    start = [column.read(record) for column in main]
    for number, citation in enumerate(record["citations"], 1):
        yield [*start, number, *(column.read(citation) for column in cited)]
    if not record["citations"]:
        yield [*start, None, *(None for _ in cited)]


def citation_header(main: tuple[Column, ...], cited: tuple[Column, ...]) -> list[tuple[str, Type]]:
    """Names and types of the columns of `citation_rows`."""
    return [*((column.name, column.type) for column in main), ("citation.number", "integer"), *((column.name, column.type) for column in cited)]


def cited(citation: Record) -> str:
    """A citation in one line: title (publisher, date) address."""
    source = citation["source"]
    publisher = source["publisher"]["name"] if source["publisher"] else "publisher not known"
    published = source["published"]["edtf"] if source["published"] else "date not known"
    return " ".join(filter(None, (source["title"], f"({publisher}, {published})", citation["deep_link"] or source["url"])))


def _atlas(context: Context) -> list[Column]:
    release = context.release
    released = release.released_at.isoformat().replace("+00:00", "Z")
    return [
        Column("atlas.url", "text", lambda record: context.of(record["kind"], record["id"])),
        Column("atlas.release", "integer", lambda _: release.id),
        Column("atlas.released_at", "moment", lambda _: released),
        Column("atlas.licence", "text", lambda _: release.licence),
    ]


def _special(shape: FieldShape) -> list[Column]:
    """Columns of the lists that are no lists of values."""
    if (line := _LINES.get(shape.name)) is not None:
        return [Column(shape.name, "text", lambda record: _joined(map(line, record[shape.name]), BETWEEN_CITATIONS))]
    match shape.name:
        case "citations":
            return [
                Column("citations", "text", lambda record: _joined(dict.fromkeys(map(cited, record["citations"])), BETWEEN_CITATIONS)),
                Column("citations.source.id", "text", lambda record: _joined(dict.fromkeys(one["source"]["id"] for one in record["citations"]))),
            ]
        case "figures":
            return [
                Column("figures.id", "text", lambda record: _joined(one["id"] for one in record["figures"])),
                Column("figures.as_stated", "text", lambda record: _joined(one["as_stated"] or "" for one in record["figures"])),
            ]
    return []


def _statement(statement: Record) -> str:
    """What a source states, in one line; what it does not say is left out."""
    number = statement["value"] if statement["value"] is not None or statement["low"] is None else f"{statement['low']} to {statement['high']}"
    said = [
        " ".join(str(part) for part in (statement["qualifier"], number, statement["unit"]) if part is not None),
        statement["basis"],
        *(statement[field]["id"] for field in ("subject", "region") if statement[field]),
        statement["period"]["edtf"] if statement["period"] else None,
    ]
    return f"{statement['source']['id']}: {', '.join(filter(None, said))}"


def _derived(derived: Record) -> str:
    return f"{derived['field']}: {derived['reason']}"


def _reference(reference: Record) -> str:
    return f"{', '.join(reference['fields'])}: {reference['dataset']} {reference['version']}"


def _preference(preference: Record) -> str:
    return f"{preference['field']}: {preference['rule']}"


_LINES = {"derived": _derived, "reference": _reference, "statements": _statement, "preference": _preference}
"""Lists whose members make a line each."""


def _columns(shape: FieldShape, path: tuple[str, ...], prefix: str) -> list[Column]:
    here = (*path, shape.name)
    name = prefix + ".".join(here)
    if shape.core is dict:
        return [Column(name, "text", lambda item: json.dumps(found, ensure_ascii=False) if (found := _at(item, here)) else None)]
    if shape.many:
        return [Column(".".join((name, *rest)), "text", _list_reader(here, rest)) for rest in _leaves(shape.model)]
    if shape.model is not None:
        return [column for inner in fields(shape.model) for column in _columns(inner, here, prefix)]
    return [Column(name, _TYPES[shape.core], lambda item: _at(item, here))]


def _leaves(model: type[BaseModel] | None) -> Iterator[tuple[str, ...]]:
    """The paths to what a member of a list holds; the empty path where it is a plain value."""
    if model is None:
        yield ()
        return
    for shape in fields(model):
        if shape.many or shape.core is dict:
            raise TypeError(f"a list in a list has no column: {shape.name}")
        for rest in _leaves(shape.model):
            yield (shape.name, *rest)


def _list_reader(path: tuple[str, ...], rest: tuple[str, ...]) -> Callable[[Record], Cell]:
    return lambda item: _joined("" if (found := _at(one, rest)) is None else str(found) for one in _at(item, path) or ())


def _at(item: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if item is None:
            return None
        item = item[name]
    return item


def _joined(texts: Any, between: str = BETWEEN) -> str | None:
    """None for a list that is empty or has nothing but empty places."""
    found = list(texts)
    return between.join(found) if any(found) else None
