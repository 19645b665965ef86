"""Dates in English and Chinese, each with the precision that it is written in, as EDTF."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
_MONTH = r"(?P<month>" + "|".join(rf"{name[:3]}(?:{name[3:]})?" for name in _MONTHS).replace("sep(?:tember)?", "sept?(?:ember)?") + r")\b\.?"
_YEAR = r"(?P<year>(?:19|20)\d{2})"
_QUARTERS = {
    word: number for number, words in enumerate(("first 1 一", "second 2 二", "third 3 三", "fourth 4 四"), start=1) for word in words.split()
}

_NO_YEAR = r"(?![\d%s]|,\d|\.\d|-\d| ?[亿万千百元家人个]| (?:people|participants|persons|companies))"
"""What follows a number of four digits that is no year: more of the number, a unit, or what is counted."""

_FORMS = [
    (rf"{_YEAR}(?P<mark>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=mark)(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)", "day"),
    (rf"{_YEAR} ?年 ?(?P<m>1[0-2]|0?[1-9]) ?月 ?(?P<day>[12]\d|3[01]|0?[1-9]) ?[日号]", "day"),
    (rf"{_MONTH} ?(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?,? {_YEAR}(?!\d)", "day"),
    (rf"\b(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)? {_MONTH},? {_YEAR}(?!\d)", "day"),
    (rf"{_YEAR} ?年 ?(?P<m>1[0-2]|0?[1-9]) ?月", "month"),
    (rf"{_MONTH},? {_YEAR}(?!\d)", "month"),
    (rf"\b{_YEAR}-(?P<m>0[1-9]|1[0-2])(?![-\d])", "month"),
    (rf"\bQ(?P<q>[1-4]),? ?{_YEAR}", "quarter"),
    (rf"\b{_YEAR}[- ]?Q(?P<q>[1-4])\b", "quarter"),
    (rf"(?P<q>first|second|third|fourth) quarter (?:of |in )?{_YEAR}", "quarter"),
    (rf"{_YEAR} ?年 ?第?(?P<q>[一二三四1-4]) ?季度?", "quarter"),
    (rf"(?P<h>first|second) half (?:of |in )?{_YEAR}", "half"),
    (rf"{_YEAR} ?年 ?(?P<h>[上下])半年", "half"),
    (rf"(?<![\d.,-]){_YEAR} ?年(?!代)", "year"),
    (rf"(?<![\d.,$¥€£/-]){_YEAR}{_NO_YEAR}", "year"),
]
_PATTERNS = [(re.compile(form, re.IGNORECASE), precision) for form, precision in _FORMS]


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as written: its span in code points and its EDTF form."""

    start: int
    end: int
    edtf: str


def read(text: str) -> list[Moment]:
    """Every date of a text, in order; of overlapping ones the most precise."""
    found: list[Moment] = []
    taken = bytearray(len(text))
    for pattern, precision in _PATTERNS:
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            for edtf in _edtf(match, precision):
                found.append(Moment(match.start(), match.end(), edtf))
                taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    return sorted(found, key=lambda moment: moment.start)


def _edtf(match: re.Match[str], precision: str) -> Iterator[str]:
    parts = match.groupdict()
    year = parts["year"]
    month = int(parts["m"]) if parts.get("m") else _month(parts.get("month"))
    if precision == "day":
        try:
            yield date(int(year or 0), month, int(parts["day"])).isoformat()
        except ValueError:
            return  # no day of the calendar
    elif precision == "month":
        yield f"{year}-{month:02}"
    elif precision == "quarter":
        yield f"{year}-{32 + _QUARTERS[parts['q'].lower()]}"
    elif precision == "half":
        first = (parts["h"] or "").lower() in {"first", "上"}
        yield f"{year}-01/{year}-06" if first else f"{year}-07/{year}-12"
    else:
        yield str(year)


def _month(name: str | None) -> int:
    return next((number for number, full in enumerate(_MONTHS, start=1) if name and full.startswith(name.lower().rstrip(".")[:3])), 0)
