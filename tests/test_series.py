"""Figures as series over periods, and the growth that sources state beside the one that the points imply."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import vocabulary
from app.growth import RELATIVE_UNITS
from app.schemas import Figure
from app.series import STATED_GROWTH, Series
from tests.conftest import walk
from tests.figures import citation, figure, ref, relative, series, stated_growth, title_ref

ONE_ENGINE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True, scope="session")


def _only(*records: dict[str, Any]) -> Series:
    """The one series of the records that is no growth."""
    found = [one for one in series(records) if one.metric not in STATED_GROWTH]
    assert len(found) == 1
    return found[0]


# What stands together


@pytest.mark.parametrize(
    ("fields", "identifier"),
    [
        ({}, "market-size--cgt--cn--CNY"),
        ({"region": None}, "market-size--cgt--none--CNY"),
        ({"subject": None, "event": title_ref("a-plan")}, "market-size--none--cn--CNY--event-a-plan"),
        ({"organisation": ref("a-body")}, "market-size--cgt--cn--CNY--organisation-a-body"),
        ({"organisation": ref("a-body"), "event": title_ref("a-plan")}, "market-size--cgt--cn--CNY--organisation-a-body--event-a-plan"),
        # Of an amount, what it is relative to is the other figure of a pair.
        ({"relative_to": relative(figure="b")}, "market-size--cgt--cn--CNY"),
    ],
)
def test_the_id_says_what_a_series_measures(fields: dict[str, Any], identifier: str) -> None:
    assert _only(figure("a", "8 billion CNY", **fields)).id == identifier


@pytest.mark.parametrize(
    ("against", "identifier", "year_on_year"),
    [
        (None, "growth-rate--cgt--cn--percent", False),
        (relative(period="2023"), "growth-rate--cgt--cn--percent--to-year-before", True),
        (relative(period="2020"), "growth-rate--cgt--cn--percent--to-period-2020", False),
        (relative(period="2020/2023"), "growth-rate--cgt--cn--percent--to-period-2020%2F2023", False),
        (relative(region="world", subject="cgt"), "growth-rate--cgt--cn--percent--to-region-world--to-subject-cgt", False),
        (relative(figure="b"), "growth-rate--cgt--cn--percent--to-figure-b", False),
    ],
)
def test_relative_numbers_are_told_apart_by_what_they_are_relative_to(against: dict[str, Any] | None, identifier: str, year_on_year: bool) -> None:
    (found,) = series([figure("a", "8 percent", "2024", metric="growth-rate", relative_to=against)])
    assert (found.id, found.year_on_year) == (identifier, year_on_year)
    expected = None if year_on_year else against
    assert (found.relative_to.model_dump(mode="json") if found.relative_to else None) == expected


def test_growth_year_on_year_is_one_series() -> None:
    records = [stated_growth(f"g{year}", f"{year - 2000} percent", str(year), str(year - 1), "growth-rate") for year in (2022, 2023, 2024)]
    (found,) = series(records)
    assert [point.figure.id for point in found.points] == ["g2022", "g2023", "g2024"]
    assert found.growth.implied is None
    assert found.growth.reason == "Numbers in 'percent' are relative and do not compound."


def test_points_stand_in_order_of_period_basis_and_id() -> None:
    records = [
        figure("none", "1 CNY", None),
        figure("b", "1 CNY", "2024"),
        figure("forecast", "1 CNY", "2024", basis="forecast"),
        figure("bound", "1 CNY", "[..2023-04-28]"),
        figure("a", "1 CNY", "2024"),
        figure("quarter", "1 CNY", "2024-33"),
        figure("estimate", "1 CNY", "2024", basis="estimate"),
    ]
    assert [point.figure.id for point in _only(*records).points] == ["bound", "quarter", "a", "b", "estimate", "forecast", "none"]


def test_series_stand_in_the_order_of_their_ids() -> None:
    records = [
        figure("a", "1 USD"),
        figure("b", "1 CNY"),
        figure("c", "1 CNY", region=None),
        figure("d", "1 CNY", subject=None),
        figure("e", "1 CNY", subject=ref("cell-therapy"), region=ref("world")),
        figure("f", "1 count", metric="company-count", region=None),
    ]
    expected = [
        "company-count--cgt--none--count",
        "market-size--cell-therapy--world--CNY",
        "market-size--cgt--cn--CNY",
        "market-size--cgt--cn--USD",
        "market-size--cgt--none--CNY",
        "market-size--none--cn--CNY",
    ]
    assert [one.id for one in series(records)] == [one.id for one in series(reversed(records))] == expected


def test_citations_are_distinct_and_whole() -> None:
    shared, own = citation("shared"), citation("own")
    found = _only(figure("a", "1 CNY", "2023", citations=[shared, own]), figure("b", "2 CNY", "2024", citations=[own, citation("last"), shared]))
    assert [one.model_dump(mode="json") for one in found.citations] == [shared, own, citation("last")]


def test_nothing_makes_no_series_and_a_double_counts_once() -> None:
    assert series([]) == []
    assert len(_only(figure("a", "1 CNY"), figure("a", "1 CNY")).points) == 1


_AMOUNTS = ["8 billion CNY", "more than 8 billion CNY", "76 billion USD", "1 to 2 month", "3 percent", "0 count", "1/3 ratio", "-3 CNY"]
_PERIODS = [None, "2022", "2024", "2030", "2024-33", "2025-33", "[..2023-04-28]", "2024~", "2021/2022", "2023/2024", "9999"]
_NONE_OR = st.sampled_from([None, "a", "b"])


@st.composite
def _records(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        figure(
            f"figure-{number}",
            draw(st.sampled_from(_AMOUNTS)),
            draw(st.sampled_from(_PERIODS)),
            metric=draw(st.sampled_from(["market-size", "share", "growth-rate", "cagr"])),
            subject=ref(draw(_NONE_OR)),
            region=ref(draw(_NONE_OR)),
            event=title_ref(draw(_NONE_OR)),
            basis=draw(st.sampled_from(list(vocabulary.BASIS))),
            relative_to=draw(st.sampled_from([None, relative(period="2023"), relative(figure="figure-0"), relative(region="a")])),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(records=_records())
def test_grouping_loses_no_figure_and_mixes_nothing(records: list[dict[str, Any]]) -> None:
    found = series(records)
    points = [(point.figure.id, one, point) for one in found for point in one.points]
    assert sorted(identifier for identifier, _, _ in points) == sorted(record["id"] for record in records)
    assert len({one.id for one in found}) == len(found)
    by_id = {record["id"]: record for record in records}
    for identifier, one, point in points:
        record = Figure.model_validate(by_id[identifier])
        for name in ("metric", "subject", "region", "organisation", "event", "unit"):
            assert getattr(one, name) == getattr(record, name)
        for name in ("period", "value", "low", "high", "qualifier", "basis"):
            assert getattr(point, name) == getattr(record, name)
    for one in found:
        assert (one.growth.implied is None) == (one.growth.reason is not None)
        for implied in filter(None, [one.growth.implied, *(stated.implied for stated in one.growth.stated)]):
            start, end = by_id[implied.from_.figure.id], by_id[implied.to.figure.id]
            assert start["period"]["latest"] < end["period"]["earliest"]
            assert implied.mixed_bases == (start["basis"] != end["basis"])
            assert one.unit not in RELATIVE_UNITS
        for stated in one.growth.stated:
            assert by_id[stated.figure.id]["metric"] in STATED_GROWTH
    assert [one.model_dump_json() for one in series(reversed(records))] == [one.model_dump_json() for one in found]


# The curated data


@ONE_ENGINE
def test_the_curated_figures_as_series(api: httpx.Client) -> None:
    figures = walk(api, "/figures")
    found = {one.id: one for one in series(figures)}
    assert sorted(point.figure.id for one in found.values() for point in one.points) == sorted(record["id"] for record in figures)
    by_id = {record["id"]: record for record in figures}

    china = found["market-size--cgt--cn--CNY"].model_dump(mode="json")
    assert [(point["period"]["edtf"], point["value"], point["low"], point["high"], point["basis"]) for point in china["points"]] == [
        ("2024", 8000000000, 8000000000, None, "forecast"),
        ("2030", 28900000000, 28900000000, None, "forecast"),
    ]
    implied = china["growth"]["implied"]
    # (28.9 / 8) ** (1 / 6) is 1.2387; both ends are "more than", so that nothing bounds the growth.
    assert (implied["cagr_percent"], implied["cagr_is"], implied["low"], implied["high"]) == (23.87, "no-bound", None, None)
    assert (implied["years"], implied["mixed_bases"], china["growth"]["stated"]) == (6, False, [])
    cited = by_id["cn-cgt-market-size-2024"]["citations"] + by_id["cn-cgt-market-size-2030"]["citations"]
    assert china["citations"] == cited

    world = found["market-size--cgt--world--USD"]
    assert [point.value for point in world.points] == [76e9]
    assert (world.growth.implied, world.growth.reason) == (None, "The series has a single point.")

    output = found["industry-output--health-industry--cn-bj--CNY"]
    (stated,) = output.growth.stated
    assert (stated.percent, stated.basis, stated.figure.id) == (8.7, "forecast", "cn-bj-health-industry-growth-2024")
    assert stated.base
    assert (stated.base.edtf, stated.linked_by, stated.implied, stated.difference) == ("2023", "period", None, None)

    growth = found["growth-rate--health-industry--cn-bj--percent--to-year-before"]
    assert (growth.year_on_year, growth.relative_to, growth.growth.implied) == (True, None, None)


@ONE_ENGINE
def test_a_series_keeps_its_id_whatever_else_is_asked_for(api: httpx.Client) -> None:
    whole = {one.id: [point.figure.id for point in one.points] for one in series(walk(api, "/figures"))}
    for region in ("cn-bj", "cn-gd", "world", "cn"):
        for one in series(walk(api, "/figures", region=region, region_match="exact")):
            assert whole[one.id] == [point.figure.id for point in one.points]
