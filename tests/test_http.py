"""HTTP manners: validators, HEAD, compression, other origins, request ids, logs."""

import asyncio
import gc
import gzip
import json
import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Response
from sqlalchemy import event

from app import caching, chosen, database, heap, remembering
from app.api import events, routing
from app.envelopes import RELEASE_HEADER
from app.main import create_app
from app.reader import Reader
from app.settings import Settings
from app.snapshot import Snapshot
from app.standing import PATIENCE, Standing
from tests.conftest import SEEDS, Databases, Server, load
from tests.test_cli import CGT, free_port
from tests.test_errors import problem
from tests.test_load import edit

PATHS = ["/events?limit=3", "/figures", "/organisations/novartis", "/regions/cn?fields=id", "/sources", "/", "/vocabulary"]


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_has_validators_and_is_not_sent_twice(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    tag = answer.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert answer.headers["cache-control"] == caching.CACHE_CONTROL
    varying = [name.strip().lower() for name in answer.headers["vary"].split(",")]
    assert {"accept", "accept-encoding"} <= set(varying)
    assert len(varying) == len(set(varying))
    assert parsedate_to_datetime(answer.headers["last-modified"]).isoformat().replace("+00:00", "Z") == answer.json()["release"]["released_at"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == caching.CACHE_CONTROL
    assert api.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    assert api.get(path, headers={"if-modified-since": answer.headers["last-modified"]}).status_code == 304
    assert api.get(path, headers={"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    for unreadable in ("yesterday", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 +99999999999999"):
        assert api.get(path, headers={"if-modified-since": unreadable}).status_code == 200
    both = {"if-none-match": '"other"', "if-modified-since": answer.headers["last-modified"]}
    assert api.get(path, headers=both).status_code == 200  # the tag counts, where both are given


def test_the_tag_tells_apart_what_differs_and_nothing_else(api: httpx.Client) -> None:
    def tag(path: str, coding: str = "identity") -> str:
        return api.get(path, headers={"accept-encoding": coding}).headers["etag"]

    assert tag("/events") == tag("/events")
    different = {tag("/events"), tag("/events?limit=5"), tag("/figures"), tag("/events", "gzip"), tag("/events?limit=5&fields=id")}
    assert len(different) == 5


def test_the_tag_changes_with_the_release(empty_url: str, tmp_path: Path) -> None:
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    load(empty_url, seeds)
    with Server(empty_url) as client:
        tag = client.get("/events").headers["etag"]
        edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
        load(empty_url, seeds)
        assert client.get("/events", headers={"if-none-match": tag}).status_code == 200


def test_a_known_answer_reads_no_record(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load(empty_url, SEEDS)
    app = create_app(Settings(database_url=empty_url))
    statements: list[str] = []
    read: list[str] = []
    rows = Snapshot.rows

    def told(self: Snapshot, statement: str, given: Sequence[Any]) -> list[Any]:
        read.append(statement)
        return rows(self, statement, given)

    monkeypatch.setattr(Snapshot, "rows", told)
    event.listen(app.state.engine, "before_cursor_execute", lambda *parts: statements.append(parts[2]))
    with Server(empty_url, app=app) as client:
        path = "/events?region=cn-bj&organisation=tsinghua-university&q=CDMO&limit=5"
        tag = client.get(path).headers["etag"]
        assert len(read) > 4
        read.clear()
        statements.clear()
        assert client.get(path, headers={"if-none-match": tag}).status_code == 304
        assert not read
        assert all("FROM release" in statement for statement in statements if "FROM" in statement)


@pytest.mark.parametrize("path", [*PATHS, "/healthz", "/readyz", "/docs", "/openapi.json", "/events/nothing", "/events?x=1", "/nothing"])
def test_head_is_get_without_the_body(api: httpx.Client, path: str) -> None:
    get, head = api.get(path), api.head(path)
    assert head.content == b""
    assert head.status_code == get.status_code
    changing = {"x-request-id", "date"}
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in get.headers.items() if name not in changing
    }


def test_long_answers_are_compressed_for_who_wants_it(api: httpx.Client) -> None:
    with api.stream("GET", "/events", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    plain = api.get("/events", headers={"accept-encoding": "identity"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 5


@pytest.mark.parametrize(
    ("given", "taken"),
    [("br, gzip;q=0.5", True), ("gzip; q=1.0", True), ("gzip;q=0", False), ("identity, gzip;q=0.000", False), ("xgzip", False)],
)
def test_a_coding_of_weight_zero_is_not_acceptable(api: httpx.Client, given: str, taken: bool) -> None:
    """RFC 9110, 12.4.2; its tag is that of the coding that is sent."""
    answer, plain = (api.get("/events", headers={"accept-encoding": coding}) for coding in (given, "identity"))
    assert (answer.headers.get("content-encoding") == "gzip") == taken
    assert (answer.headers["etag"] != plain.headers["etag"]) == taken
    assert answer.content == plain.content


def test_a_page_has_a_link_to_the_next(api: httpx.Client) -> None:
    answer = api.get("/figures?limit=5")
    assert answer.headers["link"] == f'<{answer.json()["links"]["next"]}>; rel="next"'
    assert answer.links["next"]["url"] == answer.json()["links"]["next"]
    assert "link" not in api.get("/figures?limit=200").headers


def test_pages_of_other_origins_may_read(api: httpx.Client) -> None:
    answer = api.get("/events", headers={"origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"ETag", "Link", "X-Request-ID"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    asked = {"origin": "https://example.org", "access-control-request-method": "GET", "access-control-request-headers": "if-none-match"}
    assert api.options("/events", headers=asked).status_code == 200
    refused = api.options("/events", headers={**asked, "access-control-request-method": "PUT"})
    assert refused.status_code == 400
    assert api.get("/events?x=1", headers={"origin": "https://example.org"}).headers["access-control-allow-origin"] == "*"
    # It is the same for all of them and for whoever is no page, so that a cache needs one copy.
    plain = api.get("/events")
    assert plain.headers["access-control-allow-origin"] == "*"
    assert "origin" not in plain.headers["vary"].lower()
    assert plain.headers["vary"] == answer.headers["vary"]


def test_a_service_may_lie_below_a_path(databases: Databases) -> None:
    url = databases.new()
    load(url, SEEDS)
    app = create_app(Settings(database_url=url))

    async def asked(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app, root_path="/atlas")
        async with httpx.AsyncClient(transport=transport, base_url="http://atlas.example") as client:
            return await client.get(path)

    page = asyncio.run(asked("/atlas/events?limit=1"))
    assert page.json()["links"]["next"].startswith("/atlas/events?limit=1&cursor=")
    assert asyncio.run(asked(page.json()["links"]["next"])).status_code == 200
    assert asyncio.run(asked("/atlas/events/csgct-annual-meeting-2025")).status_code == 200
    problem(asyncio.run(asked("/atlas/atlas/events")), 404, "not-found")
    app.state.standing.close()
    app.state.engine.dispose()


def test_a_release_is_seen_within_a_second(databases: Databases, seeds: Path) -> None:
    url = databases.new()
    load(url, seeds)
    app = create_app(Settings(database_url=url))
    with Server(url, app) as client:
        app.state.standing.patience = PATIENCE
        assert client.get("/events").headers[RELEASE_HEADER] == "1"
        edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
        load(url, seeds)
        loaded = time.monotonic()
        while client.get("/events").headers[RELEASE_HEADER] == "1":
            assert time.monotonic() - loaded < 1
            time.sleep(0.01)


def test_memory_is_given_back_a_moment_after_answers(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(routing, "REST", 0.05)
    monkeypatch.setattr(heap, "give_back", given_back.set)
    url = databases.new()
    load(url, SEEDS)
    with Server(url) as client:
        for path in ("/events", "/events?facets=type", "/events?facets=status", "/events?format=csv"):
            assert not given_back.wait(0.5)
            assert client.get(path).is_success
            assert given_back.wait(20)
            given_back.clear()


def test_every_answer_has_a_request_id(api: httpx.Client) -> None:
    for path in ("/events", "/events?x=1", "/nothing", "/healthz", "/docs-assets/favicon.png"):
        first, second = (api.get(path).headers["x-request-id"] for _ in range(2))
        assert first != second
        assert api.get(path, headers={"x-request-id": "trace-4711"}).headers["x-request-id"] == "trace-4711"
    forged = api.get("/events", headers={"x-request-id": "a b{}" + "x" * 200}).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", forged)


def test_problems_are_not_cached_and_name_the_methods(api: httpx.Client) -> None:
    assert api.get("/events?x=1").headers["cache-control"] == "no-store"
    assert api.get("/events/nothing").headers["cache-control"] == "no-store"
    assert api.post("/events").headers["allow"] == "GET, HEAD"


def test_a_fault_of_ours_is_logged_under_the_id_that_the_client_sees(empty_url: str, caplog: pytest.LogCaptureFixture) -> None:
    load(empty_url, SEEDS)
    app = create_app(Settings(database_url=empty_url))

    @app.get("/fault")
    def fault() -> None:
        raise RuntimeError("the secret inside")

    logging.getLogger("uvicorn.error").disabled = True
    with caplog.at_level(logging.INFO, "app.requests"), Server(empty_url, app=app) as client:
        answer = client.get("/fault", headers={"x-request-id": "fault-1"})
    logging.getLogger("uvicorn.error").disabled = False
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "fault-1"
    assert "fault-1" in answer.json()["detail"]
    assert "secret" not in answer.text
    assert {"request_id": "fault-1", "status": 500}.items() <= caplog.records[-1].__dict__["fields"].items()


def test_the_server_logs_json_lines_and_finishes_what_it_began(empty_url: str, tmp_path: Path) -> None:
    load(empty_url, SEEDS)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CGT_")}
    environment |= {"CGT_DATABASE_URL": empty_url, "CGT_PORT": str(port)}
    with (tmp_path / "log").open("w") as log, subprocess.Popen([CGT, "serve"], env=environment, stderr=log) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(300):
                try:
                    client.get("/events?limit=2", headers={"x-request-id": "line-1"})
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "line-1"]
    assert {"method": "GET", "path": "/events", "query": "limit=2", "status": 200, "level": "info"}.items() <= line.items()
    assert line["milliseconds"] > 0
    assert any("Finished server process" in line["message"] for line in lines)


def test_what_was_asked_for_lately_is_kept_when_it_is_asked_for_again(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load(empty_url, SEEDS)
    app = create_app(Settings(database_url=empty_url))
    monkeypatch.setattr(remembering, "LATELY", 4)
    made: list[str] = []

    def counted(reader: Reader, *given: Any) -> Response:
        made.append(reader.request.scope["query_string"].decode())
        return chosen.answer(reader, *given)

    monkeypatch.setattr(events, "answer", counted)
    with Server(empty_url, app=app) as client:
        client.get("/")
        app.state.standing.patience = 60  # what is asked for when the database is looked at anew is not kept
        answers = [client.get("/events?type=conference&limit=3") for _ in range(4)]
        assert made == ["type=conference&limit=3"] * 2
        assert len({(each.content, each.headers["etag"], each.headers["vary"]) for each in answers}) == 1
        made.clear()
        for limit in (*range(1, 12), 1, 1, 1):
            client.get(f"/events?limit={limit}")
    assert made == [f"limit={limit}" for limit in (*range(1, 12), 1, 1)]


def test_what_is_remembered_of_an_unchanged_answer_is_no_answer(tmp_path: Path) -> None:
    """Who revalidates again and again is answered out of memory; who asks without a tag then still gets the whole."""
    url, path = f"sqlite:///{tmp_path}/a.db", "/events?type=conference&limit=3"
    load(url, SEEDS)
    with Server(url) as first:
        whole = first.get(path)
    with Server(url) as client:
        known = [client.get(path, headers={"If-None-Match": whole.headers["etag"]}) for _ in range(4)]
        assert {answer.status_code for answer in known} == {304}
        assert all(not answer.content and answer.headers["etag"] == whole.headers["etag"] for answer in known)
        assert {name: known[0].headers[name] for name in ("vary", "cache-control")} == {
            name: known[3].headers[name] for name in ("vary", "cache-control")
        }
        for _ in range(3):
            assert client.get(path).json() == whole.json()
        assert client.get(path, headers={"If-None-Match": '"another"'}).json() == whole.json()


def test_a_connection_that_comes_back_late_is_closed(databases: Databases, seeds: Path) -> None:
    """What it read from is no longer what is served: nobody would ever take it again."""
    url = databases.new()
    load(url, seeds)
    engine = database.connect(url)
    standing = Standing(engine, patience=0)
    for value in (77, 78, 79):
        known = standing.now()
        early, late = known.snapshot(engine), known.snapshot(engine)
        for snapshot in (early, late):
            snapshot.rows("SELECT 1", ())
        standing.put_back(known, early)
        assert known.spare == [early]
        edit(seeds, "figures.yaml", f"value: {value - 1} billion USD", f"value: {value} billion USD")
        load(url, seeds)
        assert standing.look() is not known
        standing.put_back(known, late)
        assert known.spare == []
    standing.close()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    engine.dispose()


def test_a_release_ends_all_answers_and_what_they_were_made_from(tmp_path: Path, seeds: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    load(url, seeds)
    app = create_app(Settings(database_url=url))
    with Server(url, app) as client:
        for _ in range(3):
            client.get("/events?facets=organisation")
        before = weakref.ref(app.state.standing.now().index)
        assert before() is not None
        edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
        load(url, seeds)
        for _ in range(2):
            assert client.get("/regions").headers[RELEASE_HEADER] == "2"
        gc.collect()
        assert before() is None


def test_records_that_are_not_there_are_no_fault_of_the_request(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    load(url, SEEDS)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("DELETE FROM rendering WHERE key = (SELECT max(version) FROM event)")
    with Server(url) as client:
        answer = client.get("/events")
        problem(answer, 503, "not-ready")
        assert answer.headers["retry-after"] == "1"
