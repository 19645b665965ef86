"""What each source says of a figure, side by side, and why the record follows some of them."""

from typing import Any

import httpx
import pytest

from app.citations import TitleRef
from app.schemas import Statement
from app.seeding.knowledge import COMPARED
from app.seeding.statements import preferences
from tests.conftest import walk


def test_the_contested_figure_shows_every_statement_and_the_rule(api: httpx.Client) -> None:
    (figure,) = walk(api, "/figures", agreement="contested")
    told = {statement["source"]["id"]: statement for statement in figure["statements"]}
    daily, repost, digest = told["china-daily-2025-09-14"], told["packgene-society-launch"], told["bei-ke-cai-jing-2025-09-13-digest"]
    assert [statement["value"] for statement in told.values()] == [1.06e12] * 3
    assert [statement["subject"]["id"] for statement in (daily, repost, digest)] == ["medical-devices", "health-industry", "health-industry"]
    assert [statement["basis"] for statement in (daily, repost, digest)] == ["reported", "reported", "forecast"]
    assert daily["origin"] == repost["origin"] != digest["origin"]
    assert daily["publisher"]["id"] == "china-daily"
    assert daily["published"]["edtf"] == "2025-09-14"
    assert figure["preference"] == [
        {
            "field": "basis",
            "rule": "better-grade",
            "followed": ["china-daily-2025-09-14", "packgene-society-launch"],
            "differing": ["bei-ke-cai-jing-2025-09-13-digest"],
        },
        {
            "field": "subject",
            "rule": "more-origins",
            "followed": ["packgene-society-launch", "bei-ke-cai-jing-2025-09-13-digest"],
            "differing": ["china-daily-2025-09-14"],
        },
    ]


def test_statements_say_what_the_citations_say(api: httpx.Client, synthetic: httpx.Client) -> None:
    differing = 0
    for figure in walk(api, "/figures") + walk(synthetic, "/figures"):
        told = figure["statements"]
        assert {statement["source"]["id"] for statement in told} <= {citation["source"]["id"] for citation in figure["citations"]}
        assert any("value" in statement["followed_on"] for statement in told)
        for statement in told:
            assert not set(statement["followed_on"]) & set(statement["differs_on"])
            for field in COMPARED:
                said = statement[field if field != "value" else "unit"] is not None
                spoken = field in statement["followed_on"] or field in statement["differs_on"]
                assert said == spoken or figure[field] is None
                if field in statement["followed_on"]:
                    assert statement[field] == figure[field]
        differs = {field for statement in told for field in statement["differs_on"]}
        assert (figure["agreement"] == "contested") == bool(differs)
        assert [preference["field"] for preference in figure["preference"]] == [field for field in COMPARED if field in differs]
        differing += bool(differs)
        numbers = [statement[bound] for statement in told for bound in ("value", "low", "high") if statement["unit"] == figure["unit"]]
        assert figure["spread"]["min"] == min(number for number in numbers if number is not None)
        assert figure["spread"]["max"] == max(number for number in numbers if number is not None)
    assert differing


def statement(name: str, grade: str, origin: str, *, differs: bool) -> dict[str, Any]:
    ref = {"title": name, "title_zh": None}
    empty: dict[str, Any] = dict.fromkeys(("publisher", "published", "low", "high", "qualifier", "unit", "basis", "subject", "region", "period"))
    return Statement(
        source=TitleRef(id=name, **ref),
        origin=TitleRef(id=origin, **ref),
        grade=grade,
        value=1,
        followed_on=[] if differs else ["value"],
        differs_on=["value"] if differs else [],
        **empty,
    ).model_dump(mode="json")


@pytest.mark.parametrize(
    ("followed", "differing", "rule"),
    [
        (["Ax"], ["By"], "better-grade"),
        (["By"], ["Bz"], "curator"),
        (["Bx", "By"], ["Bz"], "more-origins"),
        (["Bx", "Cx"], ["Bz"], "curator"),
        (["Cx"], ["Bz"], "curator"),
        (["Dx", "Dy"], ["Cz"], "more-origins"),
        ([], ["Az"], "curator"),
    ],
)
def test_the_rule_is_grade_then_origins_then_the_curator(followed: list[str], differing: list[str], rule: str) -> None:
    """A letter for the grade, a letter for the origin."""
    told = [statement(name.lower(), name[0], name[1], differs=False) for name in followed]
    told += [statement(name.lower(), name[0], name[1], differs=True) for name in differing]
    (preference,) = preferences(told)
    assert preference["rule"] == rule
    assert preference["differing"] == [name.lower() for name in differing]


def test_where_nobody_differs_nothing_was_chosen() -> None:
    assert preferences([statement("x", "B", "x", differs=False)]) == []
