"""Answers in other formats: pure functions from records to bytes, and the table from which they are chosen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from app.formats import citing
from app.formats.atom import atom
from app.formats.bibtex import bibtex
from app.formats.calendar import ics
from app.formats.context import Context, FormatError, LibraryMissing, Record, TooLarge
from app.formats.csl import csl
from app.formats.lines import csv, ndjson, tidy
from app.formats.linked import jsonld
from app.formats.parquet import parquet
from app.formats.places import geojson
from app.formats.ris import ris
from app.formats.workbook import xlsx
from app.schemas import RECORDS

__all__ = ["FORMATS", "Context", "Format", "FormatError", "LibraryMissing", "Record", "TooLarge", "formats_of"]

Writer = Callable[[Context, str, Iterable[Record]], Iterator[bytes]]
"""From what stands around the records, their kind and the records, which are read once and in order, to the bytes."""

ALL = tuple(RECORDS)


@dataclass(frozen=True, slots=True)
class Format:
    """A format in which answers are written."""

    id: str
    """What `format` takes."""
    name: str
    media_type: str
    """The Content-Type, parameters included."""
    extension: str
    """How a file of it ends, without the dot."""
    kinds: tuple[str, ...]
    """What it can carry: kinds of records, `change` for the changes of releases, or `cite` for the citation of an answer."""
    description: str
    """What a reader of the documentation should know, in a sentence or two."""
    write: Writer
    """FormatError is raised by the call or with the first chunk where the answer cannot be written."""
    extra: str | None = None
    """The extra of the package that must be installed for it; None: always there."""


_ROWS = "Lists stand in one cell between `; `, citations between ` | `; a text that a spreadsheet would run begins with an apostrophe."
_WORKS = (
    "The sources, or the distinct ones that the records and their figures cite. Year, month and day as far as they are certain; "
    "a publisher that is not known is left out."
)

FORMATS: dict[str, Format] = {
    format.id: format
    for format in (
        Format("ndjson", "JSON lines", "application/x-ndjson", "ndjson", ALL, "One record a line, exactly the JSON record.", ndjson),
        Format("csv", "CSV", "text/csv; charset=utf-8; header=present", "csv", ALL, f"One row a record. {_ROWS}", csv),
        Format(
            "tidy",
            "CSV of citations",
            "text/csv; charset=utf-8; header=present; profile=tidy",
            "csv",
            ALL,
            f"One row a citation, with the main fields of its record; a record without citations has one row, whose citation is empty. {_ROWS}",
            tidy,
        ),
        Format(
            "ics",
            "Calendar",
            "text/calendar; charset=utf-8",
            "ics",
            ("event",),
            "One all-day entry an event that has a date. Uncertain dates are tentative and span all days they admit; "
            "an open date stands on the one day it names. Events without a date are left out.",
            ics,
        ),
        Format("bibtex", "BibTeX", "application/x-bibtex", "bib", ALL, _WORKS, bibtex),
        Format("ris", "RIS", "application/x-research-info-systems", "ris", ALL, _WORKS, ris),
        Format("csl", "CSL-JSON", "application/vnd.citationstyles.csl+json", "json", ALL, _WORKS, csl),
        Format(
            "jsonld",
            "JSON-LD",
            "application/ld+json",
            "jsonld",
            ALL,
            "The records in the words of schema.org, with the sources that they cite and, as a Claim, what a source states instead.",
            jsonld,
        ),
        Format(
            "geojson",
            "GeoJSON",
            "application/geo+json",
            "geojson",
            ("event", "figure", "organisation", "region"),
            "A feature a record with the columns of the CSV; a record without a known place has no geometry.",
            geojson,
        ),
        Format(
            "xlsx",
            "Excel workbook",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
            ALL,
            "A sheet of records, one of citations and one with release, licence and query. No text is a formula; numbers and dates are real.",
            xlsx,
        ),
        Format(
            "parquet",
            "Parquet",
            "application/vnd.apache.parquet",
            "parquet",
            ALL,
            "The records with their real types, nested as in the JSON; release, licence and query are in the metadata.",
            parquet,
            extra="parquet",
        ),
        Format("atom", "Atom feed", "application/atom+xml; charset=utf-8", "atom", ("change",), "An entry a change.", atom),
    )
}
"""Every format of records and changes beside JSON, by its id."""

_CITING = (
    Format("text", "Footnote", "text/plain; charset=utf-8", "txt", ("cite",), "The footnote alone.", citing.footnotes),
    replace(FORMATS["bibtex"], kinds=("cite",), description="The entry alone.", write=citing.entries),
    replace(FORMATS["csl"], kinds=("cite",), description="An array with the item alone.", write=citing.items),
)


def formats_of(kind: str) -> dict[str, Format]:
    """What a kind can be written in beside JSON, by id."""
    return {format.id: format for format in (*FORMATS.values(), *_CITING) if kind in format.kinds}
