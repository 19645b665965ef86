"""`/organisations?q=`: names in either language, abbreviations, mistranslations and near misses, each with its score."""

import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from app import chosen
from app.main import create_app
from app.settings import Settings
from tests.conftest import Databases, Server, load, walk
from tests.test_errors import problem


def found(client: httpx.Client, q: str, **params: Any) -> list[tuple[str, str]]:
    return [(record["id"], record["match"]["how"]) for record in walk(client, "/organisations", q=q, **params)]


@pytest.mark.parametrize(
    ("q", "first", "how", "type"),
    [
        ("清华大学", "tsinghua-university", "exact", "name"),
        ("清华", "tsinghua-university", "words", "name"),
        ("清化大学", "tsinghua-university", "near", "name"),
        ("tsinghua university", "tsinghua-university", "exact", "name"),
        ("Tsingua Univ.", "tsinghua-university", "near", "name"),
        ("CSGCT", "chinese-society-gene-cell-therapy", "exact", "abbreviation"),
        ("CSGCT Board", "chinese-society-gene-cell-therapy", "exact", "variant"),
        ("novartiss", "novartis", "near", "name"),
    ],
)
def test_a_name_is_resolved_and_told_how(api: httpx.Client, q: str, first: str, how: str, type: str) -> None:
    (best, *_) = walk(api, "/organisations", q=q)
    assert best["id"] == first
    assert best["match"]["how"] == how
    assert best["match"]["type"] == type
    assert best["match"]["name"] in [best["name"], best["name_zh"], *(alias["text"] for alias in best["aliases"])]


def test_every_name_finds_its_bearer_with_the_best_score(api: httpx.Client) -> None:
    for record in walk(api, "/organisations"):
        assert record["match"] is None
        for text in [record["name"], record["name_zh"], *(alias["text"] for alias in record["aliases"])]:
            if text:
                results = walk(api, "/organisations", q=text[:200])
                best = max(result["match"]["score"] for result in results)
                assert record["id"] in {result["id"] for result in results if result["match"]["score"] == best}
                assert [result["match"]["score"] for result in results] == sorted((r["match"]["score"] for r in results), reverse=True)


def test_other_filters_hold_too(api: httpx.Client) -> None:
    everything = found(api, "university")
    assert len(everything) >= 2
    assert set(found(api, "university", type="university")) <= set(everything)
    assert found(api, "university", type="media") == []
    answer = api.get("/organisations?q=university&facets=type").json()
    assert sum(bucket["count"] for bucket in answer["facets"]["type"]) == answer["page"]["total"] == len(everything)


def test_the_best_come_first_unless_another_order_is_asked_for(synthetic: httpx.Client) -> None:
    for limit in (1, 3, 200):
        records = walk(synthetic, "/organisations", q="body", limit=limit)
        order = [(-record["match"]["score"], record["id"]) for record in records]
        assert order == sorted(order)
        assert len(order) == 12
    assert synthetic.get("/organisations?q=body").json()["applied"]["sort"] == "-score"
    names = [record["name"] for record in walk(synthetic, "/organisations", q="body", sort="name")]
    assert names == sorted(names)


def test_words_of_a_description_are_found_and_told_from_names(api: httpx.Client) -> None:
    described = next(record for record in walk(api, "/organisations") if record["description"])
    word = max(described["description"].split(), key=len).strip(".,;")
    results = {record["id"]: record["match"] for record in walk(api, "/organisations", q=word)}
    assert described["id"] in results


def test_a_score_needs_a_query(api: httpx.Client) -> None:
    (error,) = problem(api.get("/organisations?sort=score"), 422, "invalid-request")["errors"]
    assert error["parameter"] == "sort"
    assert "only with q" in error["message"]
    assert walk(api, "/organisations", q="zzzzzz") == []


@pytest.mark.parametrize("format", ["ndjson", "csv", "tidy", "xlsx", "parquet", "jsonld", "geojson"])
def test_files_hold_the_same(api: httpx.Client, format: str) -> None:
    answer = api.get("/organisations", params={"q": "清华", "format": format})
    assert answer.status_code == 200
    if format == "ndjson":
        assert answer.json()["match"]["how"] == "words"


def test_facets_beside_a_query_take_however_many_it_finds(databases: Databases, synthetic_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite takes so many parameters in a statement, PostgreSQL 65,535."""
    monkeypatch.setattr(chosen, "_BATCH", 11)
    url = databases.new()
    load(url, synthetic_folder)
    app = create_app(Settings(database_url=url))
    if url.startswith("sqlite"):
        event.listen(app.state.engine, "connect", lambda connection, _: connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 11))
    path = "/organisations?q=body&facets=type,region,role&limit=1"
    with Server(url, app) as client:
        found = client.get(path)
    assert found.status_code == 200
    assert found.json()["page"]["total"] == 12
    assert sum(bucket["count"] for bucket in found.json()["facets"]["type"]) == found.json()["page"]["total"]
