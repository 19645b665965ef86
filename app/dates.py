"""Dates as EDTF (ISO 8601-2) level 1 plus one-of-a-set brackets, and the days they span.

A slash means that something lasted throughout (`2025-09-12/2025-09-13`), brackets that it fell on
some day within (`[..2025-08-27]` is not after that day). Nothing is padded to a false day.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from time import struct_time

from edtf import EDTFObject, parse_edtf
from edtf.parser import parser_classes as edtf_types
from edtf.parser.edtf_exceptions import EDTFParseException

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


@lru_cache(maxsize=65536)
def parse(text: str) -> EdtfDate:
    """Read a curated date; ValueError says what is wrong with it."""
    return _parse_common(text) or _parse_any(text)


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


def _parse_any(text: str) -> EdtfDate:
    try:
        parsed: EDTFObject = parse_edtf(text)
    except EDTFParseException:
        raise ValueError(f"{text!r} is not a date in EDTF, such as 2025-09-12, 2025-09 or [..2025-08-27]") from None
    precision = _precision(parsed)
    _days_exist(text)
    earliest, latest = _day(parsed.lower_strict()), _day(parsed.upper_strict())
    if earliest is None and latest is None:
        raise ValueError(f"{text!r} names no day at all")
    if earliest and latest and earliest > latest:
        raise ValueError(f"{text!r} ends before it begins")
    return EdtfDate(text, earliest, latest, precision)


def _precision(parsed: EDTFObject) -> str:
    match parsed:
        case edtf_types.OneOfASet() if len(parsed.objects) != 1:
            raise ValueError("a set of several dates is not supported; write one span in brackets, such as [2023-01..2023-04]")
        case edtf_types.OneOfASet() | edtf_types.Interval():
            span = parsed.objects[0] if isinstance(parsed, edtf_types.OneOfASet) else parsed
            open_ended = any(isinstance(day, float) for day in (span.lower_strict(), span.upper_strict()))
            if (isinstance(span, edtf_types.Interval) and str(parsed).startswith("/")) or str(parsed).endswith("/"):
                raise ValueError("an interval with an unknown end is not supported; an open end is written '..'")
            return "bound" if open_ended else "range"
        case edtf_types.UncertainOrApproximate():
            return _precision(parsed.date)
        case edtf_types.Unspecified() | edtf_types.Season() if not isinstance(parsed, edtf_types.Level2Season):
            return "range"
        case edtf_types.Level2Season():
            if int(parsed.season) in range(33, 37):
                return "quarter"
            raise ValueError("of the sub-year groupings only seasons (21-24) and quarters (33-36) are supported")
        case edtf_types.Date():
            return str(parsed.precision)
    raise ValueError("only EDTF level 1, quarters and one-of-a-set brackets are supported")


def _days_exist(text: str) -> None:
    """The parser takes 2023-02-29 for a date; the calendar does not."""
    for year, month, day in re.findall(r"(\d{4})-(\d{2})-(\d{2})", text):
        if int(year) > 0 and not 1 <= int(day) <= monthrange(int(year), int(month))[1]:
            raise ValueError(f"{year}-{month}-{day} is no day of the calendar")


def _day(moment: struct_time | float) -> date | None:
    if isinstance(moment, float):
        return None  # minus or plus infinity: open on that side
    if not 1 <= moment.tm_year <= 9999:
        raise ValueError("years run from 0001 to 9999")
    return date(*moment[:3])


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
