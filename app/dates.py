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


_PLAIN = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?", re.ASCII)


@lru_cache(maxsize=65536)
def parse(text: str) -> EdtfDate:
    """Read a curated date; ValueError says what is wrong with it."""
    found = _PLAIN.fullmatch(text)
    if found and found["year"] != "0000":
        year, part = int(found["year"]), int(found["month"] or 0)
        if not part:
            return EdtfDate(text, date(year, 1, 1), date(year, 12, 31), "year")
        if found["day"] and 1 <= part <= 12 and 1 <= int(found["day"]) <= monthrange(year, part)[1]:
            day = date(year, part, int(found["day"]))
            return EdtfDate(text, day, day, "day")
        if not found["day"] and 1 <= part <= 12:
            return EdtfDate(text, date(year, part, 1), date(year, part, monthrange(year, part)[1]), "month")
        if not found["day"] and 33 <= part <= 36:
            last = 3 * (part - 32)
            return EdtfDate(text, date(year, last - 2, 1), date(year, last, monthrange(year, last)[1]), "quarter")
    # The grammar of all other forms takes half a second to import and milliseconds to read one.
    from app.edtf import read  # noqa: PLC0415  see above

    return EdtfDate(text, *read(text))


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
