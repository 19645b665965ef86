"""The columns of the tables described in Table Schema, as Data Packages want it."""

from collections.abc import Iterator
from typing import Any

from app.citations import Citation, Shape
from app.formats.context import Context
from app.formats.flat import citation_columns, citation_header, columns
from app.schemas import RECORDS

_TYPES = {"text": "string", "integer": "integer", "number": "number", "date": "date", "moment": "datetime"}
_REFERENCES = {
    "source": "source", "origin": "source", "derived_from": "source", "organisation": "organisation", "publisher": "organisation",
    "region": "region", "event": "event", "figure": "figure",
}  # fmt: skip
"""The kind of record that a field names by its id; `parent` names one of its own kind."""
_OWN = {
    "atlas.url": "The record in the service.",
    "atlas.release": "The release of the data.",
    "atlas.released_at": "When it was made.",
    "atlas.licence": "SPDX identifier of the data licence.",
    "citation.number": "Number of the citation in its record, from 1; empty: the record has no citation.",
    "citation.source.origin": "The root of the source's derived_from chain; sources of one origin are one independent report.",
    "citations.source.id": "The sources that the record cites.",
    "figures.id": "The ids of the event's figures.",
    "figures.as_stated": "The numbers of the event's figures in the words of their sources.",
}


def of_records(context: Context, kind: str) -> dict[str, Any]:
    """The schema of the table with a row a record."""
    known = dict(_described(RECORDS[kind]))
    found = [_field(column.name, column.type, known) for column in columns(context, kind)]
    return {"fields": found, "primaryKey": "id", "foreignKeys": _foreign(kind, found, known, own_table=""), "missingValues": [""]}


def of_citations(context: Context, kind: str) -> dict[str, Any]:
    """The schema of the table with a row a citation. It has no key: a record without citations has a row whose number is empty."""
    known = dict(_described(RECORDS[kind])) | {f"citation.{name}": about for name, about in _described(Citation)}
    for name, about in known.items():
        if name.startswith("citation."):
            about.pop("required", None)
    found = [_field(name, type, known) for name, type in citation_header(*citation_columns(context, kind))]
    own = {"fields": "id", "reference": {"resource": f"{kind}s", "fields": "id"}}
    return {"fields": found, "foreignKeys": [own, *_foreign(kind, found, known, own_table=f"{kind}s")], "missingValues": [""]}


def _field(name: str, type: str, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    about = known.get(name, {})
    constraints = {key: about[key] for key in ("required", "enum") if key in about}
    if name.startswith("atlas."):
        constraints["required"] = True
    described = {"name": name, "type": _TYPES[type], "description": _OWN.get(name) or about["description"]}
    return described | ({"constraints": constraints} if constraints else {})


def _foreign(kind: str, found: list[dict[str, Any]], known: dict[str, dict[str, Any]], *, own_table: str) -> list[dict[str, Any]]:
    """The columns that hold the id of one record; `own_table` names the table of the kind, empty for the table itself."""
    keys = []
    for name in (field["name"] for field in found):
        parts = name.split(".")
        target: str | None = None
        if name == "citation.source.origin":
            target = "source"
        elif parts[-1] == "id" and len(parts) > 1 and "many" not in known.get(name, {"many": True}):
            target = kind if parts[-2] == "parent" else _REFERENCES.get(parts[-2])
        if target:
            keys.append({"fields": name, "reference": {"resource": own_table if target == kind else f"{target}s", "fields": "id"}})
    return keys


def _described(model: type[Shape]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field at whatever depth by its dotted name: description, terms, and whether it is always there or one of many."""
    schema = model.model_json_schema(mode="serialization")
    yield from _walk(schema, schema.get("$defs", {}), "", {"required": True, "description": ""})


def _walk(schema: dict[str, Any], shapes: dict[str, Any], prefix: str, above: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema["properties"].items():
        options = [option for option in part.get("anyOf", [part]) if option.get("type") != "null"]
        (core,) = options if len(options) == 1 else ({},)
        about: dict[str, Any] = {"description": f"{above['description']} {part.get('description', '')}".strip()}
        if "many" in above or core.get("type") == "array":
            about["many"] = True
        else:
            about |= {"required": True} if "required" in above and options == part.get("anyOf", [part]) else {}
            about |= {"enum": core.get("enum") or [core["const"]]} if "enum" in core or "const" in core else {}
        yield prefix + name, about
        core = core.get("items", core)
        inner = shapes.get(core.get("$ref", "").rpartition("/")[2], {})
        if "properties" in inner:
            yield from _walk(inner, shapes, f"{prefix}{name}.", about)
