"""The growth that points imply beside the one that sources state."""

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app import vocabulary
from app.growth import RELATIVE_UNITS, Implied
from app.series import STATED_GROWTH, Series
from tests.figures import citation, figure, ref, relative, series, stated_growth, title_ref


def _only(*records: dict[str, Any]) -> Series:
    """The one series of the records that is no growth."""
    found = [one for one in series(records) if one.metric not in STATED_GROWTH]
    assert len(found) == 1
    return found[0]


def _implied(*records: dict[str, Any]) -> Implied:
    growth = _only(*records).growth
    assert growth.implied, growth.reason
    assert growth.reason is None
    return growth.implied


def _reason(*records: dict[str, Any]) -> str:
    growth = _only(*records).growth
    assert growth.implied is None
    assert growth.reason
    return growth.reason


# Growth that points imply


@pytest.mark.parametrize(
    ("start", "end", "cagr", "says", "low", "high"),
    [
        # (28.9 / 8) ** (1 / 6) = 1.23872...
        ("8 billion CNY", "28.9 billion CNY", 23.87, "exact", 23.87, 23.87),
        ("about 8 billion CNY", "28.9 billion CNY", 23.87, "about", 23.87, 23.87),
        ("more than 8 billion CNY", "more than 28.9 billion CNY", 23.87, "no-bound", None, None),
        ("8 billion CNY", "more than 28.9 billion CNY", 23.87, "lower-bound", 23.87, None),
        ("nearly 8 billion CNY", "at least 28.9 billion CNY", 23.87, "lower-bound", 23.87, None),
        ("more than 8 billion CNY", "28.9 billion CNY", 23.88, "upper-bound", None, 23.88),
        ("at least 8 billion CNY", "up to 28.9 billion CNY", 23.88, "upper-bound", None, 23.88),
        ("less than 8 billion CNY", "nearly 28.9 billion CNY", 23.87, "no-bound", None, None),
        # (20 / 8) ** (1 / 6) = 1.16499..., (20 / 4) ** (1 / 6) = 1.30766...
        ("4 to 8 billion CNY", "20 billion CNY", None, None, 16.49, 30.77),
        ("4 to 8 billion CNY", "more than 20 billion CNY", None, None, 16.49, None),
        ("4 to 8 billion CNY", "nearly 20 billion CNY", None, None, None, 30.77),
        # Round numbers stay round: 2 ** 6 and its inverse.
        ("1 CNY", "64 CNY", 100, "exact", 100, 100),
        ("1 CNY", "more than 64 CNY", 100, "lower-bound", 100, None),
        ("64 CNY", "nearly 1 CNY", -50, "upper-bound", None, -50),
        ("8 CNY", "8 CNY", 0, "exact", 0, 0),
        ("1000000 CNY", "more than 1771561 CNY", 10, "lower-bound", 10, None),
    ],
)
def test_bounds_of_the_ends_become_bounds_of_the_growth(
    start: str, end: str, cagr: float | None, says: str | None, low: float | None, high: float | None
) -> None:
    implied = _implied(figure("a", start, "2024"), figure("b", end, "2030"))
    assert (implied.cagr_percent, implied.cagr_is, implied.low, implied.high, implied.years) == (cagr, says, low, high, 6)


def test_the_shape_of_growth() -> None:
    found = _only(figure("a", "8 billion CNY", "2024"), figure("b", "more than 28.9 billion CNY", "2030", basis="forecast"))
    year = {"edtf": "2024", "earliest": "2024-01-01", "latest": "2024-12-31", "precision": "year"}
    assert found.model_dump(mode="json")["growth"] == {
        "implied": {
            "cagr_percent": 23.87,
            "cagr_is": "lower-bound",
            "low": 23.87,
            "high": None,
            "years": 6,
            "from": {"period": year, "basis": "reported", "figure": {"id": "a"}},
            "to": {
                "period": {"edtf": "2030", "earliest": "2030-01-01", "latest": "2030-12-31", "precision": "year"},
                "basis": "forecast",
                "figure": {"id": "b"},
            },
            "mixed_bases": True,
        },
        "reason": None,
        "stated": [],
    }


_FORMS = ["{0} CNY", "about {0} CNY", "more than {0} CNY", "at least {0} CNY", "nearly {0} CNY", "up to {0} CNY", "{0} to {1} CNY"]


@given(
    numbers=st.tuples(*[st.integers(1, 10**6)] * 4),
    forms=st.tuples(*[st.sampled_from(_FORMS)] * 2),
    shares=st.tuples(*[st.floats(0, 1)] * 2),
    years=st.integers(1, 40),
)
def test_the_true_growth_lies_within_the_bounds(numbers: tuple[int, ...], forms: tuple[str, str], shares: tuple[float, float], years: int) -> None:
    ends = [
        figure(str(position), forms[position].format(numbers[position], numbers[position] + numbers[position + 2]), str(1980 + position * years))
        for position in (0, 1)
    ]
    true = []
    for end, share in zip(ends, shares, strict=True):
        low = end["low"] if end["low"] is not None else end["high"] / 1000
        high = end["high"] if end["high"] is not None else end["low"] * 1000
        true.append(low + (high - low) * share)
    implied = _implied(*ends)
    growth = 100 * ((true[1] / true[0]) ** (1 / years) - 1)
    # Between two points the growth itself is rounded; bounds are rounded outwards. A float has some 16 digits.
    slack = (0.005 if implied.cagr_is in {"exact", "about"} else 0) + 1e-9 * (100 + abs(growth))
    assert implied.low is None or implied.low <= growth + slack
    assert implied.high is None or implied.high >= growth - slack
    if implied.cagr_is == "lower-bound":
        assert (implied.low, implied.high) == (implied.cagr_percent, None)
    if implied.cagr_is == "upper-bound":
        assert (implied.low, implied.high) == (None, implied.cagr_percent)


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        (["2024", "2030"], ("2024", "2030", 6)),
        (["2024-33", "2026-33"], ("2024-33", "2026-33", 2)),
        (["2024-02", "2025-02"], ("2024-02", "2025-02", 1)),
        (["2024-02-28", "2025-02-28"], ("2024-02-28", "2025-02-28", 1)),
        (["2021/2022", "2023/2024"], ("2021/2022", "2023/2024", 2)),
        (["2023-01/2023-06", "2025-01/2025-06"], ("2023-01/2023-06", "2025-01/2025-06", 2)),
        # The farthest apart, of equally distant ones the longer, then the later.
        (["2020", "2024", "2030"], ("2020", "2030", 10)),
        (["2024-33", "2024", "2025-33", "2025"], ("2024", "2025", 1)),
        (["2024-33", "2024-34", "2025-33", "2025-34"], ("2024-34", "2025-34", 1)),
        (["2022", "2024", "2024-33", "2030-33"], ("2024-33", "2030-33", 6)),
        # Nothing to compare.
        (["2024", "2025-33"], None),
        (["2024-33", "2025-34"], None),
        (["2024-02-29", "2025-02-28"], None),
        (["2020/2023", "2021/2024"], None),
        (["2024", "2024"], None),
        (["2024", None], None),
        (["2024~", "2030"], None),
        (["2024", "2030?"], None),
        (["[2023-01-01..2023-12-31]", "2024"], None),
        (["[..2023-12-31]", "2024"], None),
        (["2024", "2030/.."], None),
        (["202X", "2035"], None),
        (["2024", "9999"], None),
    ],
)
def test_growth_spans_whole_years(periods: list[str | None], expected: tuple[str, str, int] | None) -> None:
    records = [figure(f"f{number}", f"{number + 1} CNY", period) for number, period in enumerate(periods)]
    if expected is None:
        assert _reason(*records) == "No two points have known periods that are whole years apart."
    else:
        implied = _implied(*records)
        assert (implied.from_.period.edtf, implied.to.period.edtf, implied.years) == expected


@pytest.mark.parametrize("amount", ["0 CNY", "-3 CNY", "up to 0 CNY", "-1 to 2 CNY", "0 to 2 CNY"])
@pytest.mark.parametrize("turned", [False, True])
def test_what_is_not_above_zero_does_not_grow(amount: str, turned: bool) -> None:
    periods = ("2030", "2024") if turned else ("2024", "2030")
    records = figure("odd", amount, periods[0]), figure("fine", "5 CNY", periods[1])
    assert _reason(*records) == "A number of the figure 'odd' is not above zero."


def test_a_single_point_does_not_grow() -> None:
    assert _reason(figure("a", "1 CNY")) == "The series has a single point."


def test_relative_numbers_do_not_compound() -> None:
    for metric in ("rank", "tax-rate", "growth-rate", "cagr", "share"):
        assert set(vocabulary.METRIC[metric].units) <= RELATIVE_UNITS
        for unit in vocabulary.METRIC[metric].units:
            (found,) = series([figure(f"f{year}", f"{year} {unit}", str(year), metric=metric) for year in (2024, 2030)])
            assert len(found.points) == 2
            assert (found.growth.implied, found.growth.reason) == (None, f"Numbers in {unit!r} are relative and do not compound.")


def test_points_of_one_period_form_no_growth_with_each_other() -> None:
    reported, forecast = figure("a", "8 CNY", "2024"), figure("b", "9 CNY", "2024", basis="forecast")
    assert _reason(reported, forecast) == "No two points have known periods that are whole years apart."


def test_points_of_one_basis_are_compared_first_then_of_one_source() -> None:
    reported, forecast = figure("a", "8 CNY", "2024"), figure("b", "10 CNY", "2024", basis="forecast")
    later = figure("c", "20 CNY", "2025", basis="forecast")
    implied = _implied(reported, forecast, later)
    assert (implied.cagr_percent, implied.from_.figure.id, implied.mixed_bases) == (100, "b", False)
    other = figure("d", "40 CNY", "2025", basis="forecast", citations=[citation("source-b")])
    implied = _implied(reported, forecast, later, other)
    assert (implied.cagr_percent, implied.to.figure.id) == (100, "c")
    implied = _implied(reported, later)
    assert (implied.cagr_percent, implied.mixed_bases) == (150, True)


def test_no_side_is_taken_between_points_of_the_same_standing() -> None:
    start, one, other = figure("a", "8 CNY", "2024"), figure("b", "16 CNY", "2025"), figure("c", "24 CNY", "2025")
    assert _reason(start, one, other) == "Several points of the same standing differ: a, b, c."
    many = [figure(f"f{number}", f"{number} CNY", "2025") for number in range(1, 10)]
    assert _reason(start, *many) == "Several points of the same standing differ: a, f1, f2, f3, f4, f5 and 4 more."
    assert _implied(start, one, figure("c", "16 CNY", "2025")).cagr_percent == 100


def test_a_growth_that_is_a_round_number_stays_one() -> None:
    for percent in range(1, 30):
        for years in range(1, 8):
            start, end = 100**years, (100 + percent) ** years
            implied = _implied(figure("a", f"{start} CNY", "2000"), figure("b", f"more than {end} CNY", str(2000 + years)))
            assert (implied.cagr_percent, implied.low) == (percent, percent)
            implied = _implied(figure("a", f"{start} CNY", "2000"), figure("b", f"nearly {end} CNY", str(2000 + years)))
            assert (implied.cagr_percent, implied.high) == (percent, percent)
    # Here a third of eighty digits, which is less than a third, would show.
    assert _implied(figure("a", "1 CNY", "2021"), figure("b", "more than 1e18 CNY", "2024")).low == 99999900


# Growth that sources state


SIZES = figure("a", "8 billion CNY", "2024"), figure("b", "28.9 billion CNY", "2030")


@pytest.mark.parametrize(
    ("stated", "as_stated", "points", "beyond"),
    [
        # The points imply 23.8722...
        ("23.9 percent", "23.9%", -0.03, False),
        ("23.8 percent", "23.8%", 0.07, True),
        ("24 percent", "24%", -0.13, False),
        ("24 percent", "24.0%", -0.13, True),
        ("20 percent", "20%", 3.87, True),
        ("more than 20 percent", "over 20%", 3.87, False),
        ("more than 30 percent", "over 30%", -6.13, True),
        ("up to 20 percent", "up to 20%", 3.87, True),
        ("20 to 25 percent", "20-25%", None, False),
        ("25 to 30 percent", "25-30%", None, True),
        ("24 percent", "about a quarter", -0.13, False),
    ],
)
def test_a_stated_growth_stands_beside_the_implied_one(stated: str, as_stated: str, points: float | None, beyond: bool) -> None:
    record = stated_growth("g", stated, "2030", "2024", as_stated=as_stated)
    (found,) = _only(*SIZES, record).growth.stated
    assert (found.percent, found.low, found.high) == (record["value"], record["low"], record["high"])
    assert (found.figure.id, found.metric, found.linked_by, found.fits_also) == ("g", "cagr", "period", [])
    assert found.period
    assert found.base
    assert (found.period.edtf, found.base.edtf) == ("2030", "2024")
    assert found.implied == _only(*SIZES).growth.implied
    assert found.difference
    assert (found.difference.percentage_points, found.difference.beyond_rounding) == (points, beyond)


@pytest.mark.parametrize(
    ("start", "end", "stated", "beyond"),
    [
        ("more than 8 billion CNY", "more than 28.9 billion CNY", "50 percent", None),
        ("8 billion CNY", "more than 28.9 billion CNY", "50 percent", False),
        ("8 billion CNY", "more than 28.9 billion CNY", "20 percent", True),
        ("8 billion CNY", "more than 28.9 billion CNY", "up to 20 percent", True),
        ("8 billion CNY", "more than 28.9 billion CNY", "more than 20 percent", False),
        ("more than 8 billion CNY", "28.9 billion CNY", "50 percent", True),
        ("more than 8 billion CNY", "28.9 billion CNY", "20 percent", False),
    ],
)
def test_bounds_are_contradicted_only_by_what_they_exclude(start: str, end: str, stated: str, beyond: bool | None) -> None:
    (found,) = _only(figure("a", start, "2024"), figure("b", end, "2030"), stated_growth("g", stated, "2030", "2024")).growth.stated
    assert found.difference
    assert found.difference.beyond_rounding is beyond


@pytest.mark.parametrize(
    ("record", "span"),
    [
        (stated_growth("g", "24 percent", "2024/2030"), ("2024", "2030")),
        (stated_growth("g", "24 percent", "2024/2027"), None),
        (stated_growth("g", "24 percent", "2030", "2025"), None),
        (stated_growth("g", "24 percent", "2024", "2023", "growth-rate"), None),
        (stated_growth("g", "24 percent", "2030"), None),
        # A change over several years is not a yearly one.
        (stated_growth("g", "261 percent", "2030", "2024", "growth-rate"), None),
        (stated_growth("g", "24 percent", None, relative_to=relative(figure="b")), None),
    ],
)
def test_growth_is_compared_only_over_the_same_years(record: dict[str, Any], span: tuple[str, str] | None) -> None:
    (found,) = _only(*SIZES, record).growth.stated
    implied = found.implied
    assert (implied and (implied.from_.period.edtf, implied.to.period.edtf)) == span
    assert (found.difference is None) == (span is None)


def test_a_growth_within_the_series_is_compared_with_its_own_years() -> None:
    sizes = [figure(f"f{year}", f"{size} CNY", str(year)) for year, size in ((2022, 8), (2023, 10), (2024, 12))]
    (found,) = _only(*sizes, stated_growth("g", "25 percent", "2023", "2022", "growth-rate")).growth.stated
    assert found.implied
    assert (found.implied.cagr_percent, found.implied.from_.figure.id, found.implied.to.figure.id) == (25, "f2022", "f2023")
    assert found.difference
    assert (found.difference.percentage_points, found.difference.beyond_rounding) == (0, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"region": ref("world")},
        {"region": None},
        {"subject": ref("cell-therapy")},
        {"organisation": ref("a-body")},
        {"event": title_ref("a-plan")},
        {"period": None, "relative_to": None},
        {"relative_to": relative(period="2024", region="world")},
        {"relative_to": relative(period="2024", subject="cell-therapy")},
        {"relative_to": relative(period="2024", figure="of-another-series")},
    ],
)
def test_growth_of_something_else_is_not_put_beside(fields: dict[str, Any]) -> None:
    record = stated_growth("g", "24 percent", "2030", "2024") | fields
    found = series([*SIZES, record])
    assert [one.growth.stated for one in found] == [[], []]
    assert {point.figure.id for one in found for point in one.points} == {"a", "b", "g"}


def test_growth_of_nothing_named_is_not_put_beside_a_size_of_nothing_named() -> None:
    nothing: dict[str, Any] = {"subject": None, "region": None}
    found = series([figure("a", "1 CNY", "2024", **nothing), stated_growth("g", "24 percent", "2024", "2023", **nothing)])
    assert [one.growth.stated for one in found] == [[], []]


def test_growth_that_fits_several_series_says_so_unless_it_names_a_figure() -> None:
    dollars, companies = figure("c", "1 USD", "2030"), figure("d", "3 count", "2024", metric="company-count")
    yuan_id, dollar_id, company_id = "market-size--cgt--cn--CNY", "market-size--cgt--cn--USD", "company-count--cgt--cn--count"
    open_growth = stated_growth("g", "24 percent", "2030", "2024")
    found = {one.id: one.growth.stated for one in series([*SIZES, dollars, companies, open_growth])}
    assert {identifier: [stated.fits_also for stated in growths] for identifier, growths in found.items()} == {
        company_id: [[yuan_id, dollar_id]],
        yuan_id: [[company_id, dollar_id]],
        dollar_id: [[company_id, yuan_id]],
        "cagr--cgt--cn--percent--to-period-2024": [],
    }
    naming = stated_growth("g", "24 percent", "2030", relative_to=relative(period="2024", figure="a"))
    found = {one.id: one.growth.stated for one in series([*SIZES, dollars, companies, naming])}
    (stated,) = found[yuan_id]
    assert (stated.linked_by, stated.fits_also, stated.difference is None) == ("figure", [], False)
    assert not any(growths for identifier, growths in found.items() if identifier != yuan_id)


def test_growth_from_outside_the_filter_becomes_no_series() -> None:
    outside = stated_growth("g", "24 percent", "2030", "2024")
    (found,) = series(SIZES, growth=[outside, figure("c", "9 CNY", "2024")])
    assert [stated.figure.id for stated in found.growth.stated] == ["g"]
    assert [point.figure.id for point in found.points] == ["a", "b"]


@given(numbers=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), years=st.integers(1, 30), decimals=st.integers(0, 3))
def test_a_growth_rounded_from_the_points_is_never_flagged(numbers: tuple[int, int], years: int, decimals: int) -> None:
    ends = [figure(str(number), f"{number} CNY", str(year)) for number, year in zip(numbers, (2000, 2000 + years), strict=True)]
    assume(numbers[0] != numbers[1])
    growth = 100 * ((numbers[1] / numbers[0]) ** (1 / years) - 1)
    rounded = f"{growth:.{decimals}f}"
    assume(not re.fullmatch(r"-?0\.?0*", rounded))
    (found,) = _only(*ends, stated_growth("g", f"{rounded} percent", str(2000 + years), "2000", as_stated=f"{rounded}%")).growth.stated
    assert found.difference
    assert found.difference.beyond_rounding is False
