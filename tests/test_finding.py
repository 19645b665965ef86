"""`/search`: records of all kinds by their words, with the places where they stand; on both engines."""

from typing import Any

import httpx
import pytest

from app.highlights import fields_of
from app.search import fold, query_words, words
from tests.conftest import walk
from tests.test_errors import problem

KINDS = ("source", "organisation", "region", "event", "figure")


def ids(hits: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(hit["kind"], hit["id"]) for hit in hits}


@pytest.mark.parametrize("q", ["Beijing", "细胞", "car-t", "南沙", "vector naïve", "研", "body"])
def test_what_lists_find_is_found_with_its_kind(synthetic: httpx.Client, q: str) -> None:
    hits = walk(synthetic, "/search", q=q, limit=37)
    for kind in KINDS:
        listed = {record["id"] for record in walk(synthetic, f"/{kind}s", q=q) if kind != "organisation" or record["match"]["how"] != "near"}
        assert {identifier for of, identifier in ids(hits) if of == kind} == listed
        assert ids(walk(synthetic, "/search", q=q, kind=kind)) == {(kind, identifier) for identifier in listed}
    answer = synthetic.get("/search", params={"q": q, "kind": "event"}).json()
    assert {bucket["value"]: bucket["count"] for bucket in answer["facets"]["kind"]} == {
        kind: len([hit for hit in hits if hit["kind"] == kind]) for kind in {hit["kind"] for hit in hits}
    }


def test_the_closest_come_first(synthetic: httpx.Client) -> None:
    hits = walk(synthetic, "/search", q="beijing", limit=11)
    order = [(-hit["score"], hit["kind"], hit["id"]) for hit in hits]
    assert len(hits) > 100
    assert [score for score, _, _ in order] == sorted(score for score, _, _ in order)
    assert hits[0]["score"] <= 1
    assert len(set(order)) == len(order)


@pytest.mark.parametrize("q", ["Tsinghua", "清华", "cell gene therapy", "2030", "Beijing 2025"])
def test_each_mark_is_a_word_of_the_query_in_a_field_of_the_record(api: httpx.Client, q: str) -> None:
    hits = walk(api, "/search", q=q)
    assert hits
    wanted = set(query_words(q))
    for hit in hits:
        record = api.get(hit["path"]).json()["data"]
        fields = fields_of(record)
        assert hit["release"] == record["release"]
        for highlight in hit["highlights"]:
            assert highlight["text"].strip("…") in fields[highlight["field"]]
            for mark in highlight["matches"]:
                marked = highlight["text"][mark["start"] : mark["end"]]
                assert wanted & set(words([marked])), (fold(marked), wanted)


def test_a_figure_has_a_title(api: httpx.Client) -> None:
    (hit, *_) = walk(api, "/search", q="market size 2030 world", kind="figure") or walk(api, "/search", q="76", kind="figure")
    assert hit["title"].startswith("Market size, ")
    assert ": " in hit["title"]


def test_nothing_found_tells_what_was_meant(api: httpx.Client) -> None:
    answer = api.get("/search", params={"q": "清化大学"}).json()
    assert answer["data"] == []
    assert "(tsinghua-university)" in answer["note"]
    assert api.get("/search", params={"q": "qqqq"}).json()["note"] == "No record has all of these words."
    assert api.get("/search", params={"q": "!?"}).json()["data"] == []
    both = api.get("/search", params={"q": "qqqq", "as_of": "9999-12"}).json()["note"]
    assert both.startswith("9999-12: as of release")
    assert both.endswith("No record has all of these words.")
    assert "before the first release" in api.get("/search", params={"q": "Beijing", "as_of": "0"}).json()["note"]
    empty = api.get("/search", params={"q": "清华", "kind": "region"}).json()
    assert (empty["data"], "note" in empty) == ([], False)
    assert empty["facets"]["kind"]


@pytest.mark.parametrize(
    ("params", "parameter", "message"),
    [
        ({}, "q", "is missing"),
        ({"q": " "}, "q", "is empty"),
        ({"q": "x" * 201}, "q", "should have at most 200 characters"),
        ({"q": "a", "kind": "document"}, "kind", "should be 'source', 'organisation'"),
        ({"q": "a", "sort": "id"}, "sort", "unknown parameter"),
        ({"q": "a", "as_of": "7"}, "as_of", "there is no release 7"),
        ({"q": "a", "limit": "0"}, "limit", "should be greater than or equal to 1"),
        ({"q": "a", "cursor": "abc"}, "cursor", "was not given out for this query"),
    ],
)
def test_nonsense_is_refused(api: httpx.Client, params: dict[str, str], parameter: str, message: str) -> None:
    (error,) = problem(api.get("/search", params=params), 422, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert message in error["message"]


def test_a_cursor_belongs_to_its_words(synthetic: httpx.Client) -> None:
    cursor = synthetic.get("/search?q=beijing&limit=2").json()["page"]["next"]
    assert synthetic.get(f"/search?q=beijing&limit=5&cursor={cursor}").status_code == 200
    problem(synthetic.get(f"/search?q=vector&cursor={cursor}"), 422, "invalid-request")
