"""Quotes: passages from the documents that an operator loaded, beside the releases and never more than was promised."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import database
from app.citations import LONGEST_QUOTE
from app.models import DocumentText, Release, Rendering, columns
from app.seeding import load as seeding
from tests.conftest import SEEDS, Server, load, walk
from tests.test_cli import cgt
from tests.test_load import edit

DOCUMENTS = os.environ.get("CGT_DOCUMENTS")  # read before the tests' own settings hide it
pytestmark = pytest.mark.skipif(DOCUMENTS is None, reason="CGT_DOCUMENTS is not set: the documents are not at hand")
FOLDER = Path(DOCUMENTS or ".")
PATHS = ["/events", "/figures", "/organisations", "/regions", "/sources"]


def load_quoted(url: str, folder: Path = SEEDS) -> seeding.Outcome:
    engine = database.connect(url)
    try:
        return seeding.load(engine, seeding.read(folder, FOLDER))
    finally:
        engine.dispose()


def citations(record: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record["citations"] + [citation for figure in record.get("figures", []) for citation in figure["citations"]]
    return found


def test_every_citation_quotes_its_passage_and_no_more_than_promised(empty_url: str) -> None:
    assert load_quoted(empty_url).quoted == 5
    texts = {path.name: path.read_bytes().decode("utf-8") for path in FOLDER.iterdir() if path.suffix == ".txt"}
    seen = cut = 0
    with Server(empty_url) as client:
        for path in PATHS:
            for record in walk(client, path):
                one = client.get(f"{path}/{record['id']}").json()["data"]
                assert one == record
                for citation in citations(record):
                    passage = texts[citation["document"]["name"]][citation["locator"]["start"] : citation["locator"]["end"]]
                    assert len(citation["quote"]) <= LONGEST_QUOTE
                    assert citation["quote"] == passage or citation["quote"] == passage[: LONGEST_QUOTE - 1] + "…"
                    seen, cut = seen + 1, cut + (citation["quote"] != passage)
        assert client.get("/figures?fields=citations.quote&limit=1").json()["data"][0]["citations"][0]["quote"]
    assert seen > 209
    assert cut > 0


def test_quotes_are_no_part_of_a_release(empty_url: str) -> None:
    load(empty_url, SEEDS)
    engine = database.connect(empty_url)
    with Server(empty_url) as client:
        before = client.get("/events")
        assert load_quoted(empty_url).release is None
        after = client.get("/events", headers={"if-none-match": before.headers["etag"]})
        assert after.status_code == 200  # the bytes differ, so the tag must
        assert after.json()["release"] == before.json()["release"]
        assert before.json()["data"][0]["citations"][0]["quote"] is None
        assert after.json()["data"][0]["citations"][0]["quote"]
        assert (load_quoted(empty_url).release, load_quoted(empty_url).quoted) == (None, None)
        assert client.get("/events").headers["etag"] == after.headers["etag"]
    with engine.connect() as connection:
        assert connection.scalars(select(columns(Release).id)).all() == [1]
        assert all(b'"quote":null' in body for body in connection.scalars(select(columns(Rendering).body)) if b'"anchor"' in body)
    engine.dispose()


def test_texts_once_loaded_serve_later_releases(empty_url: str, seeds: Path) -> None:
    load_quoted(empty_url, seeds)
    edit(seeds, "figures.yaml", "Words the same number", "Gives the same number")
    assert load(empty_url, seeds).release == 2
    with Server(empty_url) as client:
        record = client.get("/figures/cn-bj-health-industry-output-2024").json()["data"]
        assert record["release"] == 2
        assert all(citation["quote"] for citation in record["citations"])


def test_the_text_of_another_document_is_let_go(empty_url: str, seeds: Path) -> None:
    load_quoted(empty_url, seeds)
    edit(seeds, "documents.yaml", "length: ", "length: 9")  # another one than was held
    assert load(empty_url, seeds).release == 2
    engine = database.connect(empty_url)
    with engine.connect() as connection:
        assert len(connection.scalars(select(columns(DocumentText).document_id)).all()) == 4
    engine.dispose()
    with Server(empty_url) as client:
        quotes = [citation["quote"] for record in walk(client, "/figures") for citation in record["citations"]]
    assert None in quotes
    assert any(quotes)


def test_a_record_is_shown_with_its_passages_in_context(empty_url: str) -> None:
    load(empty_url, SEEDS)
    bare = cgt("show", "cn-bj-health-industry-output-2024", CGT_DATABASE_URL=empty_url)
    assert bare.returncode == 0, bare.stderr
    assert "    at: " in bare.stdout
    assert "»" not in bare.stdout
    load_quoted(empty_url)
    shown = cgt("show", "cn-bj-health-industry-output-2024", CGT_DATABASE_URL=empty_url).stdout
    assert shown.startswith("figure cn-bj-health-industry-output-2024, last changed in release 1\nmetric: industry-output\n")
    assert shown.count("»") == shown.count("\n[") == 4
    assert "states another basis: forecast" in shown
    event = cgt("show", "csgct-annual-meeting-2025", CGT_DATABASE_URL=empty_url).stdout
    assert "figure: csgct-annual-meeting-2025-attendance" in event
    assert "derived: date: " in event
    for wrong, message in (("novartiss", "there is no record 'novartiss'; did you mean 'novartis'?"), ("doc-nansha-digest", "there is no record")):
        run = cgt("show", wrong, CGT_DATABASE_URL=empty_url)
        assert run.returncode == 1
        assert message in run.stderr


def test_showing_needs_a_database(tmp_path: Path) -> None:
    run = cgt("show", "novartis", CGT_DATABASE_URL=f"sqlite:///{tmp_path / 'a.db'}")
    assert run.returncode == 1
    assert "a.db does not exist yet; 'cgt seed' makes it" in run.stderr
    assert list(tmp_path.iterdir()) == []
