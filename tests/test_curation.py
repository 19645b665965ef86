"""The curated data itself: what must be true of it, and with the documents at hand, that it points into them."""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.seeding import load as seeding
from app.seeding.documents import locate
from tests.conftest import SEEDS, walk

DOCUMENTS = os.environ.get("CGT_DOCUMENTS")  # read before the tests' own settings hide it
needs_documents = pytest.mark.skipif(DOCUMENTS is None, reason="CGT_DOCUMENTS is not set: the documents are not at hand")


@needs_documents
def test_the_documents_are_the_recorded_ones_and_every_anchor_stands_in_them_once() -> None:
    folder = Path(str(DOCUMENTS))
    assert folder.is_dir(), f"CGT_DOCUMENTS points nowhere: {folder}"
    data = seeding.read(SEEDS, folder)
    assert sum(len(record.cite) for _, record in data.records()) > 150


@needs_documents
def test_no_passage_of_a_document_stands_in_the_curated_files() -> None:
    """Facts may be carried over, sentences may not: no run of twelve words, titles and names aside."""
    data = seeding.read(SEEDS)
    written = " ".join(path.read_text("utf-8") for path in sorted(SEEDS.glob("*.yaml")))
    for record in [*data.sources.values(), *data.organisations.values(), *data.events.values()]:
        for name in (getattr(record, "title", None), getattr(record, "name", None), getattr(record, "title_zh", None)):
            written = written.replace(name, "") if name else written
    runs = set(_runs(written))
    for path in sorted(Path(str(DOCUMENTS)).glob("*.txt")):
        assert not runs & set(_runs(path.read_text("utf-8"))), path.name


def _runs(text: str) -> list[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower())
    return [tuple(words[start : start + 12]) for start in range(len(words) - 11)]


def test_anchors_are_phrases_or_first_and_last_words() -> None:
    text = "one two three two four"
    assert locate(text, "two") == [(4, 7), (14, 17)]
    assert locate(text, "one … two") == [(0, 7)]
    assert locate(text, "two … four") == [(4, 22), (14, 22)]
    assert locate(text, "three … one") == []
    assert locate(text, "five") == []


def figure(api: httpx.Client, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/figures/{identifier}").json()["data"]
    return found


def test_the_contested_output_shows_every_statement_and_follows_the_better_witness(api: httpx.Client) -> None:
    output = figure(api, "cn-bj-health-industry-output-2024")
    assert (output["value"], output["unit"], output["basis"], output["subject"]["id"]) == (1_060_000_000_000, "CNY", "reported", "health-industry")
    assert (output["agreement"], output["contested_on"], output["origins"]) == ("contested", ["basis", "subject"], 2)
    stated: dict[str, dict[str, Any]] = {}
    for citation in output["citations"]:
        stated.setdefault(citation["source"]["id"], {}).update(citation["stated"])
    assert stated == {
        "china-daily-2025-09-14": {"subject": "medical-devices"},
        "packgene-society-launch": {},
        "bei-ke-cai-jing-2025-09-13-digest": {"basis": "forecast"},
    }


def test_a_repost_is_no_independent_report(api: httpx.Client) -> None:
    attendance = figure(api, "csgct-annual-meeting-2025-attendance")
    assert len({citation["source"]["id"] for citation in attendance["citations"] if "value" in citation["supports"]}) == 2
    assert (attendance["origins"], attendance["agreement"]) == (1, "single-origin")
    assert (attendance["value"], attendance["low"], attendance["high"], attendance["qualifier"]) == (2000, None, 2000, "nearly")


def test_two_origins_that_agree_corroborate(api: httpx.Client) -> None:
    rank = figure(api, "cn-bj-approved-medical-devices-rank")
    assert (rank["value"], rank["unit"], rank["origins"], rank["agreement"]) == (1, "rank", 2, "corroborated")
    assert rank["relative_to"]["region"]["id"] == "cn"


def test_bounds_ranges_fractions_and_pairs_are_kept(api: httpx.Client) -> None:
    market = figure(api, "cn-cgt-market-size-2030")
    assert (market["low"], market["high"], market["qualifier"], market["basis"]) == (28_900_000_000, None, "more-than", "forecast")
    before, after = figure(api, "e-town-reagent-clearance-before"), figure(api, "e-town-reagent-clearance-after")
    assert (before["value"], before["low"], before["high"], before["unit"]) == (None, 1, 2, "month")
    assert (after["value"], after["unit"], after["relative_to"]["figure"]) == (1, "week", {"id": before["id"]})
    share = figure(api, "e-town-cgt-company-share")
    assert (share["value"], share["unit"], share["as_stated"]) == (pytest.approx(1 / 3), "ratio", "one third")
    claim = figure(api, "packgene-aav-yield-per-batch")
    assert (claim["value"], claim["qualifier"], claim["basis"]) == (10**17, "up-to", "company-claim")


def test_a_stamp_only_bounds_an_event(api: httpx.Client) -> None:
    for event in walk(api, "/events", region="cn-gd-guangzhou-nansha"):
        assert event["date"] == {"edtf": "[..2025-08-27]", "earliest": None, "latest": "2025-08-27", "precision": "bound"}
        assert "date" in {derived["field"] for derived in event["derived"]}


def test_every_filled_fact_is_supported_derived_or_from_a_reference(api: httpx.Client) -> None:
    """The rule of the loader once more, read off the answers."""
    free = {"id", "kind", "type", "title", "title_zh", "summary", "description", "topics", "metric", "subject", "grade", "scope_note", "rights"}
    free |= {
        "derived",
        "release",
        "citations",
        "reference",
        "counts",
        "origin",
        "origins",
        "agreement",
        "contested_on",
        "spread",
        "statements",
        "preference",
        "document",
    }
    free |= {"children", "figures"}  # the records that name this one
    for path in ("/events", "/figures", "/organisations", "/regions", "/sources"):
        for record in walk(api, path):
            covered = {field for citation in record["citations"] for field in citation["supports"]}
            covered |= {derived["field"] for derived in record["derived"]}
            covered |= {field for reference in record.get("reference", []) for field in reference["fields"]}
            for field, value in record.items():
                empty = value in (None, [], "unknown") or (isinstance(value, dict) and all(part is None for part in value.values()))
                assert field in free | covered or empty, (record["id"], field)


def test_interpreted_passages_have_notes_and_notes_call_nobody_wrong(api: httpx.Client) -> None:
    for path in ("/events", "/figures", "/organisations", "/regions", "/sources"):
        for record in walk(api, path):
            for citation in record["citations"]:
                assert citation["reading"] == "literal" or citation["note"]
                assert not re.search(r"\b(wrong|false|error|mistake|incorrect)", citation["note"] or "", re.IGNORECASE)
                assert citation["verification"]["status"] == "verified"
                assert citation["verification"]["checked_at"]
                assert citation["locator"]["start"] < citation["locator"]["end"] <= 4093
                assert len(citation["locator"]["sha256"]) == 64


def test_nobody_who_is_merely_mentioned_has_a_role(api: httpx.Client) -> None:
    mentioned = {
        "novartis",
        "immunotech-biopharm",
        "celartics-biopharma",
        "platinum-life",
        "tsingk-biotechnology",
        "peking-university",
        "packgene-biotech",
    }
    for event in walk(api, "/events"):
        assert not mentioned & {part["organisation"]["id"] for part in event["organisations"]}
