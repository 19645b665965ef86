"""`ndjson`, `csv` and `tidy`: a line a record, a row a record, a row a citation."""

import json
import re
from collections.abc import Iterable, Iterator

from app.formats.context import Context, Record
from app.formats.flat import Cell, citation_columns, citation_header, citation_rows, columns

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""What a spreadsheet would run, also behind apostrophes, so that taking one away gives back the text."""


def ndjson(_context: Context, _kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One record a line, as the JSON record."""
    for record in records:
        yield json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def csv(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One row a record (RFC 4180, UTF-8), under a header that is there also for no records."""
    found = columns(context, kind)
    yield row([column.name for column in found])
    for record in records:
        yield row([column.read(record) for column in found])


def tidy(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One row a citation, with the main fields of its record; a record without citations keeps one row with empty citation fields."""
    main, cited = citation_columns(context, kind)
    yield row([name for name, _ in citation_header(main, cited)])
    for record in records:
        yield b"".join(map(row, citation_rows(main, cited, record)))


def row(cells: Iterable[Cell]) -> bytes:
    """A row of CSV. Texts are quoted and defused, numbers stand bare, nothing stands for null.

    Every text is quoted, so that it stays one cell also where a spreadsheet divides at semicolons.
    """
    return (",".join(map(_written, cells)) + "\r\n").encode()


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return '"' + defuse(cell).replace('"', '""') + '"'
    return repr(cell)


def defuse(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe before what begins like one."""
    return f"'{text}" if _FORMULA.match(text) else text


def undefuse(text: str) -> str:
    """The text that `defuse` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
