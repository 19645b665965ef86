"""`convert` over HTTP, on both engines; the rates and their days have tests of their own."""

import httpx
import pytest

from app.currencies import SOURCE
from tests.conftest import walk
from tests.test_openapi import answer_schema, validator

CHINA = "cn-cgt-market-size-2024"


def test_money_is_converted_with_its_rate_day_and_source(api: httpx.Client) -> None:
    plain = api.get(f"/figures/{CHINA}").json()["data"]
    assert (plain["converted"], plain["not_converted"]) == (None, None)
    dollars = api.get(f"/figures/{CHINA}?convert=USD").json()["data"]
    assert (dollars["unit"], dollars["qualifier"], dollars["high"]) == ("USD", "more-than", None)
    assert dollars["low"] == dollars["value"] == 1095900000
    found = dollars["converted"]
    assert (found["from"], found["value"], found["day"], found["source"], found["day_reason"]) == ("CNY", 8e9, "2024-12-31", SOURCE, "period-end")
    same = {"value", "low", "high", "unit", "spread", "converted"}
    assert {name: value for name, value in dollars.items() if name not in same} == {name: value for name, value in plain.items() if name not in same}


def test_a_list_converts_its_money_and_nothing_else(api: httpx.Client) -> None:
    plain = {figure["id"]: figure for figure in walk(api, "/figures")}
    for figure in walk(api, "/figures", convert="EUR", limit=7):
        assert figure["not_converted"] is None
        if plain[figure["id"]]["unit"] in {"CNY", "USD"}:
            assert (figure["unit"], figure["converted"]["from"]) == ("EUR", plain[figure["id"]]["unit"])
        else:
            assert figure == plain[figure["id"]]
    page = api.get("/figures?convert=USD&fields=value,unit,converted.rate&unit=CNY").json()
    assert page["applied"]["convert"] == "USD"
    assert all(set(figure) == {"value", "unit", "converted"} for figure in page["data"])


@pytest.mark.parametrize("path", ["/figures", "/figures/{id}"])
def test_converted_figures_are_as_documented(api: httpx.Client, path: str) -> None:
    document = api.get("/openapi.json").json()
    validator(document, answer_schema(document, path)).validate(api.get(path.replace("{id}", CHINA), params={"convert": "USD"}).json())


def test_a_figure_without_a_rate_says_why_and_stays(synthetic: httpx.Client) -> None:
    plain = {figure["id"]: figure for figure in walk(synthetic, "/figures")}
    found = walk(synthetic, "/figures", convert="USD")
    assert len(found) == len(plain)
    for figure in found:
        if figure["not_converted"]:
            assert figure["not_converted"].endswith(".")
            assert figure == plain[figure["id"]] | {"not_converted": figure["not_converted"]}
