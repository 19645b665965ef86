"""`cgt export`: everything of the served release as a Data Package, a folder that tools read and people archive.

It is written beside its place and then moved there, so that nobody ever sees half of one. The same release gives the same bytes,
until a field is redacted or other software writes the records.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from app.envelopes import ReleaseInfo
from app.formats import FORMATS, Context, LibraryMissing, Record
from app.formats.context import ATTRIBUTION
from app.formats.table_schema import of_citations, of_records
from app.models import Moment, Rendering, columns
from app.models import Record as RecordRow
from app.schemas import RECORDS

NAME = "cgt-atlas"
DESCRIPTOR = "datapackage.json"
NOTE = "README.md"
_ROWS = 500
"""Rows that are fetched at a time."""
_FILE = {"profile": "data-resource", "type": "file"}
"""What is no table of plain values; readers that would guess from the name are told so."""

TITLE = "CGT Atlas: a curated, source-cited database of the cell and gene therapy industry"
README = """\
# {title}

Release {release} of {day}, exported from {base_url}. `{descriptor}` describes every file (Frictionless Data Package).

- `data/*.csv`: a row a record. Lists stand in one cell between `; `, citations between ` | `; a text that a spreadsheet would run begins
  with an apostrophe.
- `data/*-citations.csv`: a row a citation, with the main fields of its record; a record without citations has one row, whose citation is
  empty.
- `data/*.ndjson`: the records as the service serves them, one a line; `schemas/*.json` are their JSON Schemas.
- `data/*.parquet`: the records with their real types, nested as in the JSON{parquet}.

## Licence

The data is licensed under {licence}: {licence_url}

Attribution: {attribution}. Cite the source of a record beside it.

The licence covers the records: facts, their arrangement, and summaries and notes in the curators' own words. Titles, names and anchors of
the cited works identify passages; the works themselves belong to their publishers. No document and no quote of one is part of this
package: the column `citation.quote` and the field `quote` are always empty.
"""


class ExportError(Exception):
    """The export cannot be written; the message says why and what to do."""


def export(connection: Connection, release: ReleaseInfo, folder: Path, base_url: str, progress: Callable[[str], None]) -> list[str]:
    """Write the package of a release to a folder, in the place of an earlier one; what was left out and why.

    ExportError where the folder holds anything else; OSError where it cannot be written.
    """
    folder = folder.resolve()
    _refuse_foreign(folder)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        left_out = _Package(connection, release, made, base_url, progress).write()
        made.chmod(0o755)
        _refuse_foreign(folder)
        _put(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return left_out


def _refuse_foreign(folder: Path) -> None:
    """Refuse a place that holds anything but an export."""
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder} is no folder; name a new or empty one")
    if not folder.parent.is_dir():
        raise ExportError(f"{folder.parent} does not exist; make it first")
    own = _files(folder)
    there = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    foreign = next((path for path in there if path not in own), None)
    if foreign:
        raise ExportError(f"{folder} holds {foreign}, which is no part of an earlier export; name a new or empty folder")


def _files(folder: Path) -> set[str]:
    """The files of an earlier export, by its own description; none where there is none."""
    try:
        found = json.loads((folder / DESCRIPTOR).read_bytes())
        return {DESCRIPTOR, NOTE, *(resource["path"] for resource in found["resources"])} if found["name"] == NAME else set()
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()


def _put(made: Path, folder: Path) -> None:
    """Move a package to its place; the earlier one goes only when the new one stands."""
    if not folder.exists():
        made.rename(folder)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{folder.name}-earlier-", dir=folder.parent))
    folder.rename(earlier)
    try:
        made.rename(folder)
    except OSError:
        earlier.rename(folder)
        raise
    shutil.rmtree(earlier)


class _Package:
    """A package that is being written."""

    def __init__(self, connection: Connection, release: ReleaseInfo, folder: Path, base_url: str, progress: Callable[[str], None]) -> None:
        self.connection, self.release, self.folder, self.base_url, self.progress = connection, release, folder, base_url, progress
        self.sources = [_work(record) for record in self.records("source")]
        self.origins = {record["id"]: record["origin"]["id"] for record in self.records("source")}

    def records(self, kind: str) -> Iterator[Record]:
        """The current records of a kind, by id, without quotes."""
        record, rendering = columns(RecordRow), columns(Rendering)
        statement = select(rendering.body).join_from(record.id.table, rendering.body.table, rendering.record_id == record.id)
        wanted = statement.where(record.kind == kind, Moment(self.release.id).of(rendering)).order_by(record.id)
        with self.connection.execution_options(yield_per=_ROWS).scalars(wanted) as rows:
            for body in rows:
                yield json.loads(body)

    def write(self) -> list[str]:
        """All files, the descriptor last; what was left out and why."""
        left_out: list[str] = []
        resources: list[dict[str, Any]] = []
        for kind in sorted(RECORDS):
            context = Context(self.release, self.base_url, f"/{kind}s", origins=self.origins)
            plural = f"{kind}s"
            csv = {"profile": "tabular-data-resource", "dialect": {"lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True}}
            resources.append(self._format("csv", context, kind, plural, csv | {"schema": of_records(context, kind)}))
            resources.append(self._format("tidy", context, kind, f"{plural}-citations", csv | {"schema": of_citations(context, kind)}))
            resources.append(self._format("ndjson", context, kind, plural, _FILE | {"jsonSchema": f"schemas/{kind}.json"}))
            try:
                resources.append(self._format("parquet", context, kind, plural, _FILE))
            except LibraryMissing as missing:
                left_out.append(str(missing))
            resources.append(self._schema(kind))
        context = Context(self.release, self.base_url, "/")
        self._note(context, with_parquet=not left_out)
        descriptor = {
            "profile": "data-package",
            "name": NAME,
            "id": f"{NAME}-{self.release.digest}",
            "title": TITLE,
            "version": str(self.release.id),
            "created": _moment(self.release),
            "homepage": self.base_url,
            "licenses": [{"name": self.release.licence, "title": context.licence, "path": context.licence_url}],
            "contributors": [{"title": ATTRIBUTION, "role": "publisher", "path": self.base_url}],
            "attribution": context.attribution,
            "sources": self.sources,
            "resources": resources,
        }
        self._file(DESCRIPTOR, [_json(descriptor)])
        return list(dict.fromkeys(left_out))

    def _format(self, format: str, context: Context, kind: str, name: str, more: dict[str, Any]) -> dict[str, Any]:
        writer = FORMATS[format]
        path = f"data/{name}.{writer.extension}"
        named = name if format in {"csv", "tidy"} else f"{name}-{format}"
        about = {"name": named, "path": path, "title": f"{kind.capitalize()}s: {writer.name}", "description": writer.description}
        about |= {"format": writer.extension, "mediatype": writer.media_type.partition(";")[0]} | (
            {} if format == "parquet" else {"encoding": "utf-8"}
        )
        return about | self._file(path, writer.write(context, kind, self.records(kind))) | more

    def _schema(self, kind: str) -> dict[str, Any]:
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | RECORDS[kind].model_json_schema(mode="serialization")
        path = f"schemas/{kind}.json"
        about = {"name": f"{kind}-schema", "path": path, "title": f"JSON Schema of a line of data/{kind}s.ndjson"}
        about |= {"format": "json", "mediatype": "application/schema+json", "encoding": "utf-8"}
        return about | self._file(path, [_json(_plain(schema))]) | _FILE

    def _note(self, context: Context, *, with_parquet: bool) -> None:
        text = README.format(
            title=ATTRIBUTION,
            release=self.release.id,
            day=f"{self.release.released_at:%Y-%m-%d}",
            base_url=self.base_url,
            descriptor=DESCRIPTOR,
            parquet="" if with_parquet else " (left out of this export: pyarrow was not installed)",
            licence=context.licence,
            licence_url=context.licence_url,
            attribution=context.attribution,
        )
        self._file(NOTE, [text.encode()])

    def _file(self, path: str, chunks: Iterable[bytes]) -> dict[str, Any]:
        """Write a file; its size and hash, as a resource tells them."""
        self.progress(f"writing {path}")
        digest, size = hashlib.sha256(), 0
        place = self.folder / path
        place.parent.mkdir(exist_ok=True)
        with place.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        return {"bytes": size, "hash": f"sha256:{digest.hexdigest()}"}


def _work(source: Record) -> dict[str, str]:
    """A cited work, as the descriptor names it."""
    return {"title": source["title"]} | ({"path": source["url"]} if source["url"] else {})


def _moment(release: ReleaseInfo) -> str:
    return release.released_at.isoformat().replace("+00:00", "Z")


def _plain(node: Any) -> Any:
    """A schema without our remarks to ourselves."""
    if isinstance(node, dict):
        return {name: _plain(part) for name, part in node.items() if name != "x-scheme"}
    return [_plain(part) for part in node] if isinstance(node, list) else node


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"
