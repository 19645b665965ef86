"""`parquet`: records with their real types, nested as in the JSON."""

import importlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

from app.formats.context import Context, LibraryMissing, Record, stream
from app.schemas import RECORDS
from app.shapes import FieldShape, fields

_ROWS = 1024
"""Rows of a group, which is what is held in memory at a time."""


def parquet(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """The whole file, spooled to a temporary file. LibraryMissing where pyarrow is not installed.

    What a citation states differently is a list of field, text and number, of which the one that does not apply is null.
    """
    try:
        arrow, files = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise LibraryMissing("Parquet needs pyarrow; the operator installs it with: pip install 'cgt-atlas[parquet]'") from None
    return _file(arrow, files, _schema(arrow, context, kind), kind, records)


def _file(arrow: Any, files: Any, schema: Any, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    readers = {shape.name: _reader(shape) for shape in fields(RECORDS[kind])}
    remaining = iter(records)
    with tempfile.TemporaryFile() as file:
        with files.ParquetWriter(file, schema, compression="zstd") as writer:
            while chunk := list(islice(remaining, _ROWS)):
                rows = [{name: read(record[name]) for name, read in readers.items()} for record in chunk]
                writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
        yield from stream(file)


def _schema(arrow: Any, context: Context, kind: str) -> Any:
    release = context.release
    metadata = {
        "cgt.kind": kind,
        "cgt.release": str(release.id),
        "cgt.released_at": release.released_at.isoformat(),
        "cgt.digest": release.digest,
        "cgt.licence": release.licence,
        "cgt.licence_url": context.licence_url,
        "cgt.attribution": context.attribution,
        "cgt.query": context.url,
    }
    return arrow.schema([_field(arrow, shape) for shape in fields(RECORDS[kind])], metadata)


def _field(arrow: Any, shape: FieldShape) -> Any:
    if shape.core is dict:
        members = [arrow.field("field", arrow.string(), nullable=False), arrow.field("text", arrow.string()), arrow.field("number", arrow.float64())]
        return arrow.field(shape.name, arrow.list_(arrow.field("element", arrow.struct(members), nullable=False)), nullable=False)
    plain: dict[type, Any] = {
        str: arrow.string(),
        int: arrow.int64(),
        float: arrow.float64(),
        date: arrow.date32(),
        datetime: arrow.timestamp("us", tz="UTC"),
    }
    found = arrow.struct([_field(arrow, inner) for inner in fields(shape.model)]) if shape.model else plain[shape.core]
    if shape.many:
        found = arrow.list_(arrow.field("element", found, nullable=False))
    return arrow.field(shape.name, found, nullable=shape.nullable)


def _reader(shape: FieldShape) -> Callable[[Any], Any]:
    """From the JSON of a field to what pyarrow takes for its type."""
    one = _one(shape)
    if shape.many:
        return lambda values: [one(value) for value in values]
    return lambda value: None if value is None else one(value)


def _one(shape: FieldShape) -> Callable[[Any], Any]:
    if shape.model:
        inner = {part.name: _reader(part) for part in fields(shape.model)}
        return lambda value: {name: read(value[name]) for name, read in inner.items()}
    readers: dict[type, Callable[[Any], Any]] = {
        dict: _stated,
        float: float,
        date: date.fromisoformat,
        datetime: datetime.fromisoformat,
    }
    return readers.get(shape.core, lambda value: value)


def _stated(values: dict[str, str | int | float]) -> list[Record]:
    return [
        {"field": name, "text": value if isinstance(value, str) else None, "number": None if isinstance(value, str) else float(value)}
        for name, value in values.items()
    ]
