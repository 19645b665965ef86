"""Dates as EDTF (ISO 8601-2) level 1 plus one-of-a-set brackets, and the days they span.

A slash means that something lasted throughout (`2025-09-12/2025-09-13`), brackets that it fell on
some day within (`[..2025-08-27]` is not after that day). Nothing is padded to a false day.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

QUERY_FORMS = "a day (2025-09-12), month (2025-09), quarter (2025-Q3) or year (2025)"


@dataclass(frozen=True, slots=True)
class EdtfDate:
    """An EDTF string with the first and last day that it admits (None: open on that side)."""

    edtf: str
    earliest: date | None
    latest: date | None
    precision: str

    @property
    def first(self) -> date:
        """Where the date begins for sorting and filtering; an open one counts at its bound."""
        return self.earliest or self.latest or date.max

    @property
    def last(self) -> date:
        """Where the date ends for filtering; an open one counts at its bound."""
        return self.latest or self.earliest or date.min


_PLAIN = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-\d\d)?)?"
_COMMON = re.compile(
    rf"(?P<one>{_PLAIN})~?|(?P<year>\d{{4}})-3(?P<quarter>[3-6])|(?P<begin>{_PLAIN})/(?P<end>{_PLAIN})|\[(?P<from>{_PLAIN})?\.\.(?P<to>{_PLAIN})?\]",
    re.ASCII,
)
_PRECISIONS = {4: "year", 7: "month", 10: "day"}


@lru_cache(16_384)
def parse(text: str) -> EdtfDate:
    """Read a curated date; ValueError says what is wrong with it."""
    if (common := _parse_common(text)) is not None:
        return common
    # The grammar of all other forms takes half a second to import and milliseconds to read one.
    from app.edtf import read  # noqa: PLC0415  see above

    return EdtfDate(text, *read(text))


def _parse_common(text: str) -> EdtfDate | None:
    """A date of one of the forms that nearly all have, which the grammar of all forms would take a thousand times as long to read."""
    found = _COMMON.fullmatch(text)
    if not found:
        return None
    try:
        if one := found["one"]:
            return EdtfDate(text, _first(one), _last(one), _PRECISIONS[len(one)])
        if found["quarter"]:
            month = 3 * int(found["quarter"]) - 8
            return EdtfDate(text, _first(f"{found['year']}-{month:02d}"), _last(f"{found['year']}-{month + 2:02d}"), "quarter")
        begin, end = found["begin"] or found["from"], found["end"] or found["to"]
        earliest, latest = _first(begin) if begin else None, _last(end) if end else None
    except ValueError:  # no day of the calendar
        return None
    mixed = found["from"] and found["to"] and len(begin) != len(end)  # which no grammar takes for a set
    if mixed or not (earliest or latest) or (earliest and latest and earliest > latest):
        return None
    return EdtfDate(text, earliest, latest, "range" if earliest and latest else "bound")


def _first(part: str) -> date:
    return date(int(part[:4]), int(part[5:7] or 1), int(part[8:] or 1))


def _last(part: str) -> date:
    year, month = int(part[:4]), int(part[5:7] or 12)
    return date(year, month, int(part[8:] or monthrange(year, month)[1]))


def as_query(edtf: str) -> str:
    """A date of a query as queries write it, from its EDTF: quarters have numbers of their own there."""
    return re.sub(r"-3([3-6])$", lambda found: f"-Q{int(found[1]) - 2}", edtf)


_QUERY = re.compile(r"(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>0[1-9]|1[0-2])(?:-(?P<day>\d{2}))?)?", re.ASCII)


def parse_query(text: str) -> EdtfDate:
    """Read a date of a query: a whole day, month, quarter or year. ValueError for anything else."""
    found = _QUERY.fullmatch(text)
    if not found or found["year"] == "0000":
        raise ValueError(f"is not {QUERY_FORMS}")
    try:
        return parse(f"{found['year']}-{32 + int(found['quarter'])}" if found["quarter"] else text)
    except ValueError as error:
        raise ValueError(str(error)) from None
