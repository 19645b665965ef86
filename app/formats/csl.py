"""`csl`: works as CSL-JSON, for citation processors."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from app.formats.context import Context, Record
from app.formats.works import Work, one_line, works

_TYPES = {
    "article": "article-newspaper",
    "repost": "article-newspaper",
    "summary": "document",
    "official-page": "webpage",
    "press-release": "webpage",
    "report": "report",
    "filing": "document",
    "journal-article": "article-journal",
}


def csl(_context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """An array with one item a work, whose id is the source's."""
    between = b"["
    for work in works(kind, records):
        yield between + json.dumps(item(work), ensure_ascii=False).encode()
        between = b",\n"
    yield b"]\n" if between != b"[" else b"[]\n"


def item(work: Work) -> dict[str, Any]:
    """A work as an item; what is not known is left out."""
    kind = _TYPES.get(work.type, "document")
    notes = [f"Title in the other language: {one_line(work.other_title)}" if work.other_title else None, work.date_note]
    found = {
        "id": work.id,
        "type": kind,
        "title": one_line(work.title),
        "author": [{"literal": one_line(author)} for author in work.authors],
        "container-title": work.publisher if kind.startswith("article-") else None,
        "publisher": work.publisher,
        "issued": _date(work),
        "URL": work.url,
        "language": work.language,
        "note": ". ".join(note[0].upper() + note[1:] for note in notes if note),
    }
    return {name: value for name, value in found.items() if value}


def _date(work: Work) -> dict[str, Any] | None:
    if not work.published:
        return {"literal": work.date_note.removeprefix("published ")} if work.date_note else None
    return {"date-parts": [list(work.published)]} | ({"circa": True} if work.circa else {})
