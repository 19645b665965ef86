"""A record in words, with the passages that support it in their context: what `cgt show` prints."""

import json
from collections.abc import Iterator
from typing import Any

import yaml
from sqlalchemy import Connection, and_, select

from app import vocabulary
from app.models import OPEN, Document, DocumentText, Moment, Record, Rendering, columns

CONTEXT = 80
"""Characters before and after a passage."""

_ELSEWHERE = {"citations", "figures", "derived", "id", "kind", "release"}
"""Fields that do not stand among the others."""


class Unknown(Exception):
    """There is no such record; the message says what was most likely meant, or what became of it."""


def lines(connection: Connection, identifier: str) -> Iterator[str]:
    """The current record of an id, line by line; Unknown where there is none."""
    record, rendering = columns(Record), columns(Rendering)
    row = connection.execute(
        select(record.kind, record.state, record.reason, record.merged_into, record.release, rendering.body)
        .outerjoin_from(record.id.table, rendering.body.table, and_(rendering.record_id == record.id, Moment(OPEN - 1).of(rendering)))
        .where(record.id == identifier, record.kind != "document")
    ).one_or_none()
    if row is None:
        close = vocabulary.closest(identifier, connection.scalars(select(record.id).where(record.state == "current", record.kind != "document")))
        raise Unknown(f"there is no record {identifier!r}" + (f"; did you mean {close!r}?" if close else ""))
    if row.state != "current":
        raise Unknown(f"the {row.kind} {identifier!r} was {row.state} in release {row.release}: {row.reason}")
    shown = json.loads(row.body)
    yield f"{row.kind} {identifier}, last changed in release {row.release}"
    filled = {name: value for name, value in shown.items() if name not in _ELSEWHERE and value not in (None, [], {})}
    yield from yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=120).splitlines()
    for figure in shown.get("figures", []):
        yield f"figure: {figure['id']} ({figure['as_stated'] or '[redacted]'})"
    for derived in shown["derived"]:
        yield f"derived: {derived['field']}: {derived['reason']}"
    texts = _texts(connection)
    for number, citation in enumerate(shown["citations"], 1):
        yield ""
        yield from _citation(number, citation, texts)


def _texts(connection: Connection) -> dict[str, str]:
    document, text = columns(Document), columns(DocumentText)
    rows = connection.execute(select(document.name, text.text).join_from(document.id.table, text.text.table, text.document_id == document.id))
    return {row.name: row.text for row in rows}


def _citation(number: int, citation: dict[str, Any], texts: dict[str, str]) -> Iterator[str]:
    source, check = citation["source"], citation["verification"]
    publisher = source["publisher"]["name"] if source["publisher"] else "publisher not known"
    published = source["published"]["edtf"] if source["published"] else "date not known"
    yield f"[{number}] {source['title']} ({publisher}, {published}; {source['type']}, grade {source['grade']}; {source['id']})"
    checked = f" {check['checked_at'][:10]}" if check["checked_at"] else ""
    yield f"    {check['status']}{checked}, {citation['reading']}; supports {', '.join(citation['supports']) or 'nothing'}"
    for field, value in citation["stated"].items():
        yield f"    states another {field}: {value}"
    if citation["note"]:
        yield f"    note: {citation['note']}"
    text = texts.get(citation["document"]["name"]) if citation["document"] else None
    if text is None or citation["locator"] is None:
        place = citation["deep_link"] or "the source's address is not known"
        yield f"    at: {citation['anchor']} ({place})"
        return
    start, end = citation["locator"]["start"], citation["locator"]["end"]
    around = f"{text[max(0, start - CONTEXT) : start]}»{text[start:end]}«{text[end : end + CONTEXT]}"
    yield f"    {citation['document']['name']} {start}-{end}: … {' '.join(around.split())} …"
