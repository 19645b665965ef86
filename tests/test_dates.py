import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import dates, edtf


@pytest.mark.parametrize(
    ("text", "earliest", "latest", "precision"),
    [
        ("2025-09-12", "2025-09-12", "2025-09-12", "day"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "day"),
        ("2025-09", "2025-09-01", "2025-09-30", "month"),
        ("2025-35", "2025-07-01", "2025-09-30", "quarter"),
        ("2025", "2025-01-01", "2025-12-31", "year"),
        ("2024~", "2024-01-01", "2024-12-31", "year"),
        ("2025-09-12/2025-09-13", "2025-09-12", "2025-09-13", "range"),
        ("[2023-01-01..2023-04-28]", "2023-01-01", "2023-04-28", "range"),
        ("202X", "2020-01-01", "2029-12-31", "range"),
        ("[..2025-08-27]", None, "2025-08-27", "bound"),
        ("[2025-09-14..]", "2025-09-14", None, "bound"),
        ("2024/..", "2024-01-01", None, "bound"),
    ],
)
def test_a_curated_date_spans_its_days(text: str, earliest: str | None, latest: str | None, precision: str) -> None:
    parsed = dates.parse(text)
    assert (parsed.edtf, parsed.precision) == (text, precision)
    assert parsed.earliest == (date.fromisoformat(earliest) if earliest else None)
    assert parsed.latest == (date.fromisoformat(latest) if latest else None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2025-13", "is not a date in EDTF"),
        ("2025-02-30", "is not a date in EDTF"),
        ("2023-02-29", "2023-02-29 is no day of the calendar"),
        ("2023-02-29/2024", "2023-02-29 is no day of the calendar"),
        ("2025-09-13/2025-09-12", "ends before it begins"),
        ("[2025-09-13..2025-09-12]", "ends before it begins"),
        ("../..", "names no day at all"),
        ("0000", "years run from 0001 to 9999"),
        ("Y12025", "only EDTF level 1"),
        ("2025-09-12T10:00:00", "only EDTF level 1"),
        ("[2024,2025]", "a set of several dates is not supported"),
        ("/2024", "an open end is written '..'"),
        ("2025-37", "only seasons (21-24) and quarters (33-36)"),
        ("last week", "is not a date in EDTF"),
        ("", "is not a date in EDTF"),
    ],
)
def test_what_is_no_date_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011  the message is asserted
        dates.parse(text)
    assert message in str(error.value)


def test_an_open_date_counts_at_the_bound_it_has() -> None:
    assert dates.parse("[..2025-08-27]").first == dates.parse("[..2025-08-27]").last == date(2025, 8, 27)
    assert dates.parse("[2025-09-14..]").first == dates.parse("[2025-09-14..]").last == date(2025, 9, 14)


@pytest.mark.parametrize(
    "text", ["2025-9", "2025-13", "2025-00", "2025-02-30", "2025-Q5", "2025-Q0", "25", "0000", "2025-09-12/2025-09-13", "２０２５", "", " 2025"]
)
def test_a_query_takes_whole_days_months_quarters_and_years_only(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  any of several messages
        dates.parse_query(text)


@given(st.dates(min_value=date(1, 1, 1)))
def test_every_day_its_month_quarter_and_year_hold_the_day(day: date) -> None:
    quarter = f"{day.year:04}-Q{(day.month + 2) // 3}"
    widths = []
    for text in (day.isoformat(), day.isoformat()[:7], quarter, f"{day.year:04}"):
        span = dates.parse_query(text)
        assert span.first <= day <= span.last
        widths.append(span.last - span.first)
    assert widths == sorted(widths)
    assert widths[0].days == 0


def test_common_forms_are_read_as_the_grammar_reads_them() -> None:
    draw = random.Random(3)

    def part() -> str:
        year, month, day = draw.choice(["2024", "2023", "0001", "9999", "0000"]), draw.choice([0, 1, 2, 6, 12, 13]), draw.choice([0, 1, 28, 29, 31])
        return draw.choice([year, f"{year}-{month:02d}", f"{year}-{month:02d}-{day:02d}"])

    read = 0
    for _ in range(200):
        form = draw.choice(["{a}~", "{a}/{b}", "[..{a}]", "[{a}..]", "[{a}..{b}]", "[..]"])
        text = form.format(a=part(), b=part())
        common = dates._parse_common(text)
        if common is not None:
            assert common == dates.EdtfDate(text, *edtf.read(text)), text
            read += 1
    assert read > 50
