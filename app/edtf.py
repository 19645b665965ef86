"""The grammar of EDTF: what a date admits that is no plain day, month, quarter or year."""

import re
from calendar import monthrange
from datetime import date
from time import struct_time

from edtf import EDTFObject, parse_edtf
from edtf.parser import parser_classes as edtf_types
from edtf.parser.edtf_exceptions import EDTFParseException


def read(text: str) -> tuple[date | None, date | None, str]:
    """The first and last day that a date admits, None where it is open, and its precision; ValueError says what is wrong with it."""
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
    return earliest, latest, precision


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
