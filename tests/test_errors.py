"""Whatever is wrong with a request is told in one body, and nothing is silently ignored."""

import base64
import hashlib
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import text

from app import database, vocabulary
from app.api import events
from app.api.routing import AT_ONCE
from app.main import create_app
from app.settings import Settings
from tests.conftest import SEEDS, Databases, Server, load, walk

LISTS = ["/events", "/figures", "/organisations", "/regions", "/sources"]
ONES = [
    "/events/csgct-annual-meeting-2025",
    "/figures/cn-cgt-market-size-2030",
    "/organisations/novartis",
    "/regions/cn",
    "/sources/china-daily-2025-09-14",
]
SERVICE = ["/", "/vocabulary", "/healthz", "/readyz", "/docs", "/openapi.json", "/llms.txt"]


def problem(answer: httpx.Response, status: int, term: str) -> dict[str, Any]:
    """The problem of an answer, its form asserted."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert list(body) == ["type", "title", "status", "detail", "instance", "errors"]
    assert body["type"] == f"/vocabulary#problem-{term}"
    assert body["title"] == vocabulary.PROBLEM[term].name
    assert body["status"] == status
    assert body["detail"]
    assert body["instance"].isascii()
    assert unquote(body["instance"]) == answer.request.url.path
    for error in body["errors"]:
        assert list(error) == ["parameter", "value", "message", "did_you_mean"]
    return body


@pytest.mark.parametrize("path", [*LISTS, "/coverage", *ONES, *SERVICE])
def test_unknown_parameters_are_refused_everywhere(api: httpx.Client, path: str) -> None:
    body = problem(api.get(path, params={"nonsense": "1"}), 422, "invalid-request")
    assert body["errors"][0]["parameter"] == "nonsense"
    assert body["errors"][0]["message"].startswith("unknown parameter")


@pytest.mark.parametrize(
    ("path", "params", "parameter", "message", "did_you_mean"),
    [
        ("/events", {"regoin": "cn"}, "regoin", "unknown parameter; this path takes", "region"),
        ("/events", {"from_": "2025"}, "from_", "unknown parameter", "from"),
        ("/events", {"type[]": "conference"}, "type[]", "unknown parameter", "type"),
        ("/events", {"type": "conferense"}, "type", "is no term of /vocabulary#event-type", "conference"),
        ("/events", {"type": ""}, "type", "is no term of /vocabulary#event-type", None),
        ("/events", {"type": "conference,policy"}, "type", "is no term of /vocabulary#event-type", "conference"),
        ("/events", {"status": "Held"}, "status", "is no term of /vocabulary#event-status", "held"),
        ("/events", {"role": "hoster"}, "role", "is no term of /vocabulary#role", "host"),
        ("/events", {"region": "CN-BJ"}, "region", "there is no region of this id", "cn-bj"),
        ("/events", {"region": ""}, "region", "there is no region of this id", None),
        ("/events", {"organisation": "novartiss"}, "organisation", "there is no organisation of this id", "novartis"),
        ("/events", {"organisation": "cn"}, "organisation", "there is no organisation of this id", None),
        ("/events", {"source": "x"}, "source", "there is no source of this id", None),
        ("/events", {"publisher": "china-dialy"}, "publisher", "there is no organisation of this id", "china-daily"),
        ("/events", {"document": "x.txt"}, "document", "there is no held document of this name or SHA-256", None),
        ("/events", {"parent": "csgct-annual-meeting-2024"}, "parent", "there is no event of this id", "csgct-annual-meeting-2025"),
        ("/events", {"from": "2025-13"}, "from", "is not a day (2025-09-12), month (2025-09), quarter (2025-Q3) or year (2025)", None),
        ("/events", {"from": "2025-02-30"}, "from", "is not a date", None),
        ("/events", {"to": "tomorrow"}, "to", "is not a day", None),
        ("/events", {"from": ""}, "from", "is not a day", None),
        ("/events", {"from": "2025-10", "to": "2025-09"}, "from", "from (2025-10) is after to (2025-09)", None),
        ("/events", {"date_match": "in"}, "date_match", "should be 'overlaps' or 'within'", None),
        ("/events", {"region_match": "exakt"}, "region_match", "should be 'within' or 'exact'", None),
        ("/events", {"origins_min": "0"}, "origins_min", "should be greater than or equal to 1", None),
        ("/events", {"origins_min": "two"}, "origins_min", "is no whole number", None),
        ("/events", {"verification": "checked"}, "verification", "is no term of /vocabulary#verification", "unchecked"),
        ("/events", {"limit": "0"}, "limit", "should be greater than or equal to 1", None),
        ("/events", {"limit": "201"}, "limit", "should be less than or equal to 200", None),
        ("/events", {"limit": "9" * 19}, "limit", "should be less than or equal to 200", None),
        ("/events", {"limit": "1.5"}, "limit", "is no whole number", None),
        ("/events", {"limit": "2_0"}, "limit", "is no whole number", None),
        ("/events", {"limit": " 2 "}, "limit", "is no whole number", None),
        ("/events", {"limit": "+2"}, "limit", "is no whole number", None),
        ("/events", {"limit": "002"}, "limit", "is no whole number", None),
        ("/events", {"limit": "2.0"}, "limit", "is no whole number", None),
        ("/events", {"region": ["cn"] * 201}, "region", "stands there 201 times; at most 200 values", None),
        ("/events", {"fields": ",".join(["id"] * 201)}, "fields", "names 201 things; at most 200", None),
        ("/events", {"sort": ",".join(["id"] * 201)}, "sort", "names 201 things; at most 200", None),
        ("/events", {f"x{number}": "1" for number in range(501)}, "query", "holds 501 parameters; at most 500", None),
        ("/events", {"q": "x" * 201}, "q", "at most 200 characters", None),
        ("/events", {"q": " "}, "q", "is empty", None),
        ("/events", {"q": "a\x00b"}, "q", "holds control characters", None),
        ("/events", {"region": "cn\n"}, "region", "holds control characters", None),
        ("/events", {"sort": "dates"}, "sort", "cannot sort by 'dates'; use date, title, type, status, region, origins, release, id", "date"),
        ("/events", {"sort": "date,-date"}, "sort", "names 'date' twice", None),
        ("/events", {"sort": ""}, "sort", "is no comma-separated list", None),
        ("/events", {"sort": "--date"}, "sort", "cannot sort by '-date'", "date"),
        ("/events", {"fields": "titel"}, "fields", "has no field 'titel'", "title"),
        ("/events", {"fields": "id,,title"}, "fields", "is no comma-separated list", None),
        ("/events", {"fields": "date.year"}, "fields", "has no field 'date.year'", "date.earliest"),
        ("/events", {"cursor": "abc"}, "cursor", "was not given out for this query", None),
        ("/events", {"cursor": "ä"}, "cursor", "should match pattern", None),
        ("/figures", {"metric": "market"}, "metric", "is no term of /vocabulary#metric", "market-size"),
        ("/figures", {"unit": "RMB"}, "unit", "is no term of /vocabulary#unit", "CNY"),
        ("/figures", {"min": "1"}, "min", "needs exactly one unit", None),
        ("/figures", {"max": "1", "unit": ["CNY", "USD"]}, "max", "needs exactly one unit", None),
        ("/figures", {"sort": "-value"}, "sort", "needs exactly one unit", None),
        ("/figures", {"min": "5", "max": "1", "unit": "CNY"}, "min", "min (5) is greater than max (1)", None),
        ("/figures", {"min": "nan", "unit": "CNY"}, "min", "is no number as JSON writes it", None),
        ("/figures", {"min": "1e999", "unit": "CNY"}, "min", "should be a finite number", None),
        ("/figures", {"min": "ten", "unit": "CNY"}, "min", "is no number as JSON writes it", None),
        ("/figures", {"min": "1_000", "unit": "CNY"}, "min", "is no number as JSON writes it", None),
        ("/figures", {"min": " 1e3", "unit": "CNY"}, "min", "is no number as JSON writes it", None),
        ("/figures", {"period_from": "2030", "period_to": "2024"}, "period_from", "is after period_to", None),
        ("/figures", {"event": "nothing"}, "event", "there is no event of this id", None),
        ("/figures", {"convert": "RMB"}, "convert", "is no term of /vocabulary#currency", "CNY"),
        ("/figures", {"convert": "percent"}, "convert", "is no term of /vocabulary#currency", None),
        ("/figures", {"convert": "KZT"}, "convert", "the European Central Bank publishes no reference rate for KZT; use one of AUD", None),
        ("/coverage", {"state": "not-lookd-at"}, "state", "is no term of /vocabulary#coverage", "not-looked-at"),
        ("/coverage", {"region": "cn-bjj"}, "region", "there is no region of this id", "cn-bj"),
        ("/organisations", {"event": "nothing"}, "event", "there is no event of this id", None),
        ("/regions", {"within": "atlantis"}, "within", "there is no region of this id", None),
        ("/regions", {"parent": "cn-bjj"}, "parent", "there is no region of this id", "cn-bj"),
        ("/sources", {"origin": "x"}, "origin", "there is no source of this id", None),
        ("/sources", {"grade": "E"}, "grade", "is no term of /vocabulary#source-grade", None),
        ("/sources", {"language": "english!"}, "language", "should match pattern", None),
        ("/sources", {"published_from": "2026", "published_to": "2025"}, "published_from", "is after published_to", None),
        ("/cite", {}, "path", "is missing; this path needs it", None),
        ("/cite", {"path": "/event"}, "path", "there is nothing at /event", "/events"),
        ("/cite", {"path": "/events?type=conferense"}, "path", "type: is no term of /vocabulary#event-type", "conference"),
        ("/cite", {"path": "/events", "as_of": "1"}, "as_of", "unknown parameter; this path takes path, format", None),
        ("/cite", {"path": "x" * 8001}, "path", "at most 5000 characters", None),
        ("/events/csgct-annual-meeting-2025", {"fields": "x"}, "fields", "has no field 'x'", None),
    ],
)
def test_a_wrong_parameter_is_named_with_what_was_meant(
    api: httpx.Client, path: str, params: dict[str, str], parameter: str, message: str, did_you_mean: str | None
) -> None:
    body = problem(api.get(path, params=params), 422, "invalid-request")
    error = body["errors"][0]
    assert error["parameter"] == parameter
    assert message in error["message"]
    assert error["did_you_mean"] == did_you_mean
    assert error["message"] in body["detail"]


def test_several_wrong_parameters_are_told_at_once(api: httpx.Client) -> None:
    body = problem(api.get("/events?type=x&from=y&limit=0&nonsense=1"), 422, "invalid-request")
    assert {error["parameter"] for error in body["errors"]} == {"type", "from", "limit", "nonsense"}
    body = problem(api.get("/events?region=x&organisation=y&organisation=z"), 422, "invalid-request")
    assert [error["value"] for error in body["errors"]] == ["x", "y", "z"]


def test_a_value_that_is_wrong_many_times_is_told_once(api: httpx.Client) -> None:
    for query, parameter in (("type=x", "type"), ("region=atlantis", "region"), ("document=x.txt", "document"), ("nonsense=1", "nonsense")):
        body = problem(api.get("/events?" + "&".join([query] * 200)), 422, "invalid-request")
        assert [error["parameter"] for error in body["errors"]] == [parameter]
    assert len(problem(api.get("/events?fields=" + ",".join(["x"] * 200)), 422, "invalid-request")["errors"]) == 1
    assert api.get("/regions/cn?fields=id,id").json()["data"] == {"id": "cn"}


def test_wrong_ids_in_masses_are_cheap(synthetic: httpx.Client) -> None:
    """A request may be wrong in hundreds of places; looking for what was meant must not become a way to stop the service."""
    query = "&".join(f"{parameter}=event-{number}x" for parameter in ("parent", "source") for number in range(200))
    answer = synthetic.get(f"/events?{query}")
    assert len(problem(answer, 422, "invalid-request")["errors"]) == 400
    assert answer.elapsed.total_seconds() < 10
    assert len(answer.content) < 200_000


@pytest.mark.parametrize(
    "path", ["/events/nothing", "/events?limit=x", "/events?region=nothing", "/events?nonsense=1", "/events?cursor=x", "/regions/cn?fields=x"]
)
def test_no_condition_hides_an_error(api: httpx.Client, path: str) -> None:
    release = api.get("/").headers["last-modified"]
    for condition in ({"if-none-match": "*"}, {"if-modified-since": release}, {"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}):
        assert api.get(path, headers=condition).status_code in {404, 422}


def test_when_all_connections_are_taken_the_next_request_is_told_to_come_again(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database._POOL, "pool_timeout", 0.2)
    load(empty_url, SEEDS)
    app = create_app(Settings(database_url=empty_url))
    with Server(empty_url, app=app) as client:
        taken = [app.state.engine.connect() for _ in range(database._POOL["pool_size"])]
        for path in ("/events", "/readyz"):
            answer = client.get(path)
            problem(answer, 503, "not-ready")
            assert int(answer.headers["retry-after"]) > 0
        for connection in taken:
            connection.close()
        assert client.get("/events").status_code == 200


def test_more_clients_than_connections_are_all_served(synthetic: httpx.Client) -> None:
    clients = 4 * database._POOL["pool_size"]
    with ThreadPoolExecutor(clients) as pool:
        statuses = list(pool.map(lambda number: synthetic.get(f"/events?limit=200&q=a&sort=title&from={1900 + number}").status_code, range(clients)))
    assert statuses == [200] * clients


def test_few_answers_are_made_at_once_but_for_those_that_are_written_whole(
    synthetic: httpx.Client, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, running, most = Lock(), 0, 0
    answer: Any = vars(events)["answer"]

    def slower(*given: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return answer(*given)

    def asked_at_once(query: str) -> int:
        nonlocal most
        most = 0
        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(lambda number: synthetic.get(f"/events?limit={number}&{query}").is_success, range(1, 17)))
        return most

    monkeypatch.setattr(events, "answer", slower)
    assert asked_at_once("from=1987") == (1 if databases.engine == "sqlite" else AT_ONCE)
    assert asked_at_once("from=1987&q=a") == AT_ONCE
    assert asked_at_once("from=1987&format=csv") > AT_ONCE


@pytest.mark.parametrize("name", ["limit", "sort", "q", "from", "region_match", "date_match", "fields", "cursor", "origins_min"])
def test_a_single_parameter_given_twice_is_refused(api: httpx.Client, name: str) -> None:
    body = problem(api.get(f"/events?{name}=1&{name}=2"), 422, "invalid-request")
    assert body["errors"][0] == {"parameter": name, "value": "2", "message": "stands there more than once; it takes one value", "did_you_mean": None}


@pytest.mark.parametrize("query", ["q=%ff", "q=%c3%28", "%ff=1"])
def test_bytes_that_are_no_text_are_refused(api: httpx.Client, query: str) -> None:
    assert "is not UTF-8" in problem(api.get(f"/events?{query}"), 422, "invalid-request")["detail"]


def test_of_many_wrong_ids_only_the_first_are_told_what_was_meant(api: httpx.Client) -> None:
    """Two hundred of them kept everybody waiting for a second."""
    errors = problem(api.get("/events", params={"region": [f"cn-b{letter}" for letter in "klmnopqrst"]}), 422, "invalid-request")["errors"]
    assert len(errors) == 10
    assert [error["did_you_mean"] is not None for error in errors] == [True] * 5 + [False] * 5
    assert errors[9]["message"] == "there is no region of this id; see /regions"


@pytest.mark.parametrize("kind", ["event", "figure", "organisation", "source"])
def test_of_very_many_what_was_meant_is_looked_for_beside_it(synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("app.paging._NEAR", 2)
    ids = [record["id"] for record in walk(synthetic, f"/{kind}s", fields="id")]
    for identifier in (min(ids), sorted(ids)[len(ids) // 2], max(ids)):
        assert repr(identifier) in problem(synthetic.get(f"/{kind}s/{identifier}x"), 404, "not-found")["detail"]


def test_a_cursor_belongs_to_its_query(synthetic: httpx.Client) -> None:
    cursor = synthetic.get("/events?limit=5&type=policy").json()["page"]["next"]
    assert synthetic.get("/events", params={"type": "policy", "cursor": cursor}).status_code == 200
    for path, params in (("/events", {}), ("/events", {"type": "financing"}), ("/events", {"type": "policy", "sort": "id"}), ("/figures", {})):
        problem(synthetic.get(path, params={**params, "cursor": cursor}), 422, "invalid-request")
    for broken in (cursor[:-2], cursor + "A", "A" + cursor[1:], cursor.swapcase()):
        problem(synthetic.get("/events", params={"type": "policy", "cursor": broken}), 422, "invalid-request")


@pytest.mark.parametrize(
    "values",
    [
        b'[1,"2025-13-01","x",1]', b'[1,1,"x",1]', b'[1,null]', b'[1,"2025-01-01","x"]', b'[1,"2025-01-01","x",-1]', b'[1,"2025-01-01","x",1e9]',
        b'[1,"2025-01-01","x",4294967296]', b'[1,"2025-01-01","x",true]', b'[1,"2025-01-01","x","1"]', b'[1,true,"x",1]', b'{}', b"nonsense", b"",
        b'[1,"2025-01-01",null,1]', b'[1,"2025-01-01","\\u0000",1]', b'[1,"2025-01-01",["x"],1]', b'[1,"nonsense","x",1]', b"[" * 5000,
        b'[1,"2025-01-01","\\ud800",1]', b"\xff", b"[]", b"7", b"null", b'["2025-01-01","x",1]', b'["1","2025-01-01","x",1]',
        b'[true,"2025-01-01","x",1]',
    ],
)  # fmt: skip
def test_a_forged_cursor_is_refused_like_any_other(synthetic: httpx.Client, values: bytes) -> None:
    """The seal is no secret: whoever reads the code can make one."""
    bound = [["date_match", "overlaps"], ["region_match", "within"], ["sort", "-date"]]
    seal = hashlib.sha256(json.dumps(["/events", bound], separators=(",", ":")).encode()).digest()

    def forged(plain: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.blake2b(plain, digest_size=9, key=seal).digest() + plain).decode().rstrip("=")

    assert synthetic.get("/events", params={"cursor": forged(b'[1, "2024-01-01", "event-1", 1]')}).status_code == 200
    problem(synthetic.get("/events", params={"cursor": forged(values)}), 422, "invalid-request")


@pytest.mark.parametrize("value", ["1" + "0" * 400, "NaN", "Infinity", "true", '"5"', "[5]"])
def test_a_forged_cursor_of_numbers_is_refused(synthetic: httpx.Client, value: str) -> None:
    bound = [["region_match", "within"], ["sort", "value"], ["unit", ["CNY"]]]
    seal = hashlib.sha256(json.dumps(["/figures", bound], separators=(",", ":")).encode()).digest()

    def asked(value: str) -> httpx.Response:
        plain = f'[1, {value}, "x", 1]'.encode()
        cursor = base64.urlsafe_b64encode(hashlib.blake2b(plain, digest_size=9, key=seal).digest() + plain).decode().rstrip("=")
        return synthetic.get("/figures", params={"unit": "CNY", "sort": "value", "cursor": cursor})

    assert asked("5").status_code == 200
    problem(asked(value), 422, "invalid-request")


@pytest.mark.parametrize("path", [f"{path}/nothing" for path in LISTS] + ["/nothing", "/events/", "/events/a/b", "/events/%00", "/events/Ä"])
def test_what_does_not_exist_is_404(api: httpx.Client, path: str) -> None:
    problem(api.get(path), 404, "not-found")


def test_an_unknown_id_is_told_what_was_meant(api: httpx.Client) -> None:
    detail = problem(api.get("/organisations/novartiss"), 404, "not-found")["detail"]
    assert detail == "There is no organisation 'novartiss'. Did you mean 'novartis'?"
    assert problem(api.get("/events/novartis"), 404, "not-found")


@pytest.mark.parametrize("path", [*LISTS, "/coverage", *ONES, *SERVICE])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_405_with_allow(api: httpx.Client, path: str, method: str) -> None:
    answer = api.request(method, path)
    problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize("path", [*LISTS, "/coverage", *ONES, "/", "/vocabulary"])
def test_a_format_that_a_path_does_not_have_is_406(api: httpx.Client, path: str) -> None:
    for accept in ("image/png", "application/json;q=0", "image/png, text/html", "*/*;q=0.000", "application/json;q=much"):
        problem(api.get(path, headers={"accept": accept}), 406, "not-acceptable")
    for accept in (
        "*/*",
        "application/*",
        "application/json",
        "text/html, */*;q=0.1",
        "text/csv, application/json;q=0.5",
        "*/*;q=0, application/*",
        "",
    ):
        assert api.get(path, headers={"accept": accept}).status_code == 200


def test_the_docs_page_is_html(api: httpx.Client) -> None:
    assert api.get("/docs", headers={"accept": "text/html,application/xhtml+xml"}).status_code == 200


def test_before_the_first_release_data_routes_are_not_ready(empty_url: str, tmp_path: Path) -> None:
    engine = database.connect(empty_url)
    with Server(empty_url) as client:  # no schema
        for path in ("/events", "/events/x", "/", "/readyz", "/vocabulary"):
            problem(client.get(path), 503, "not-ready")
        assert client.get("/healthz").json() == {"status": "ok"}
        with database.writing(engine) as connection:
            database.upgrade(connection)
        answer = client.get("/events")  # a schema and no release
        assert "No release is loaded yet" in problem(answer, 503, "not-ready")["detail"]
        assert answer.headers["retry-after"] == "60"
        load(empty_url, SEEDS)
        assert client.get("/events").json()["page"]["total"] > 10
        assert client.get("/readyz").json()["release"]["id"] == 1
    engine.dispose()


def test_a_database_out_of_reach_is_503_and_tells_nothing_about_itself() -> None:
    with Server("postgresql://nobody:secret@127.0.0.1:1/nowhere") as client:
        for path in ("/events", "/readyz"):
            answer = client.get(path)
            problem(answer, 503, "not-ready")
            assert "secret" not in answer.text
            assert "127.0.0.1" not in answer.text
        assert client.get("/healthz").status_code == 200


def test_a_fault_of_ours_is_500_and_tells_nothing_about_itself(empty_url: str, caplog: pytest.LogCaptureFixture) -> None:
    load(empty_url, SEEDS)
    engine = database.connect(empty_url)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE rendering SET body = :body"), {"body": b"no json"})
    engine.dispose()
    logging.getLogger("uvicorn.error").disabled = True  # the fault is logged there, which is right and not wanted here
    with Server(empty_url) as client:
        answer = client.get("/events?fields=id")
    logging.getLogger("uvicorn.error").disabled = False
    body = problem(answer, 500, "internal-error")
    assert "Traceback" not in answer.text
    assert "json" not in body["detail"].lower()
