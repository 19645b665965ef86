"""`xlsx`: a workbook with a sheet of records, a sheet of their citations and a sheet that says where they come from."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from typing import IO, Any

from app.formats.context import ATTRIBUTION, Context, Record, TooLarge, stream
from app.formats.flat import Cell, Type, citation_columns, citation_header, citation_rows, columns

MOST_ROWS = 1_048_576
"""Rows of a sheet, the header among them."""
MOST_CHARACTERS = 32_767
"""Characters of a cell, in UTF-16 code units."""
CUT = " … [cut here; whole in the other formats]"

_OPTIONS = {
    "constant_memory": True,  # a row leaves the memory when the next one begins
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}
_FIRST_DAY = date(1900, 3, 1)
"""Excel's days before this one are off by one or do not exist."""


def xlsx(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """The whole workbook, spooled to a temporary file; TooLarge comes with the first chunk, where a sheet would run out of rows."""
    with tempfile.TemporaryFile() as file:
        _write(file, context, kind, records)
        yield from stream(file)


def _write(file: IO[bytes], context: Context, kind: str, records: Iterable[Record]) -> None:
    import xlsxwriter  # noqa: PLC0415  no start of the service waits for a writer's library

    found = columns(context, kind)
    main, cited = citation_columns(context, kind)
    workbook = xlsxwriter.Workbook(file, _OPTIONS)
    try:
        created = context.release.released_at.astimezone(UTC).replace(tzinfo=None)
        workbook.set_properties({"title": f"{ATTRIBUTION}: {kind}s", "comments": context.attribution, "created": created})
        sheet = _Sheet(workbook, "records", [(column.name, column.type) for column in found])
        citations = _Sheet(workbook, "citations", citation_header(main, cited))
        for record in records:
            sheet.add([column.read(record) for column in found])
            for row in citation_rows(main, cited, record):
                citations.add(row)
        about = _Sheet(workbook, "about", [("what", "text"), ("value", "text")])
        for line in _about(context, kind):
            about.add(list(line))
    finally:
        workbook.close()


def _about(context: Context, kind: str) -> Iterator[tuple[str, Cell]]:
    release = context.release
    yield "records", f"{kind}s"
    yield "release", release.id
    yield "released at", release.released_at.isoformat()
    yield "digest", release.digest
    yield "licence", context.licence
    yield "licence text", context.licence_url
    yield "attribution", context.attribution
    yield "query", context.url
    yield "cited works", "Titles and passages belong to their publishers and are not under this licence."


class _Sheet:
    """A sheet that is written from the top to the bottom."""

    def __init__(self, workbook: Any, name: str, header: list[tuple[str, Type]]) -> None:
        self.name, self.types, self.rows = name, [type for _, type in header], 0
        self.sheet = workbook.add_worksheet(name)
        self.sheet.freeze_panes(1, 1)
        bold = workbook.add_format({"bold": True})
        for column, (title, _) in enumerate(header):
            self.sheet.set_column(column, column, min(40, max(10, len(title) + 2)))
            self.sheet.write_string(0, column, title, bold)

    def add(self, cells: list[Cell]) -> None:
        self.rows += 1
        if self.rows >= MOST_ROWS:
            raise TooLarge(
                f"a sheet of a workbook holds {MOST_ROWS - 1} rows below its header, and there are more {self.name}; narrow the query or take csv"
            )
        for column, (cell, type) in enumerate(zip(cells, self.types, strict=True)):
            if cell is None:
                continue
            if isinstance(cell, str):
                day = date.fromisoformat(cell) if type == "date" else None
                if day and day >= _FIRST_DAY:
                    self.sheet.write_datetime(self.rows, column, day)
                else:
                    self.sheet.write_string(self.rows, column, _fitted(cell))
            else:
                self.sheet.write_number(self.rows, column, cell)


def _fitted(text: str) -> str:
    """A text that a cell can hold; one that is cut says so."""
    if len(text.encode("utf-16-le")) // 2 <= MOST_CHARACTERS:
        return text
    room = 2 * (MOST_CHARACTERS - len(CUT))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + CUT
