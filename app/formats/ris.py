"""`ris`: works as RIS."""

from collections.abc import Iterable, Iterator

from app.formats.context import Context, Record
from app.formats.works import Work, one_line, works

_TYPES = {
    "article": "NEWS",
    "repost": "NEWS",
    "summary": "GEN",
    "official-page": "ELEC",
    "press-release": "ELEC",
    "report": "RPRT",
    "filing": "GEN",
    "journal-article": "JOUR",
}


def ris(_context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One reference a work, whose ID is the source's id."""
    for work in works(kind, records):
        yield "".join(f"{tag}  - {one_line(value)}\r\n" for tag, value in _tags(work)).encode() + b"ER  - \r\n\r\n"


def _tags(work: Work) -> Iterator[tuple[str, str]]:
    kind = _TYPES.get(work.type, "GEN")
    yield "TY", kind
    yield "ID", work.id
    yield "TI", work.title
    if work.other_title:
        yield "TT", work.other_title
    for author in work.authors:
        yield "AU", author
    if work.publisher:
        if kind in {"NEWS", "JOUR"}:
            yield "T2", work.publisher
        yield "PB", work.publisher
    if work.published:
        year, *rest = work.published
        yield "PY", f"{year:04}"
        if rest:
            # Year, month, day and other information, each of which may be empty.
            month, day = (*(f"{number:02}" for number in rest), "")[:2]
            yield "DA", f"{year:04}/{month}/{day}/"
    if work.url:
        yield "UR", work.url
    yield "LA", work.language
    if work.date_note:
        yield "N1", work.date_note[0].upper() + work.date_note[1:]
