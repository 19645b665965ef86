"""Lists in every format over HTTP, on both engines; what each format holds has tests of its own."""

import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import duckdb
import httpx
import icalendar
import pandas
import pyarrow.parquet
import pytest

from app.api.routing import AT_ONCE
from app.exporting import export
from app.formats import FORMATS
from app.main import create_app
from app.parameters import offers
from app.settings import Settings
from tests.conftest import SEEDS, Server, load, walk
from tests.test_errors import problem

KINDS = ["event", "figure", "organisation", "region", "source"]
CASES = [(kind, name) for kind in KINDS for name in offers(kind) if name != "json"]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_every_format_that_is_offered_is_answered(api: httpx.Client, kind: str, name: str) -> None:
    format = FORMATS[name]
    answer = api.get(f"/{kind}s", params={"format": name})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == format.media_type
    assert answer.headers["content-disposition"] == f'inline; filename="cgt-atlas-{kind}s-1.{format.extension}"'
    assert "link" not in answer.headers
    if name != "tidy":  # a type that CSV has too
        asked = api.get(f"/{kind}s", headers={"accept": format.media_type.split(";")[0]})
        assert asked.headers["content-type"] == format.media_type
    tags = {api.get(f"/{kind}s", headers={"accept": accept}).headers["etag"] for accept in ("application/json", "text/csv")}
    assert len(tags) == 2
    again = api.get(f"/{kind}s", params={"format": name}, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = api.head(f"/{kind}s", params={"format": name})
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", format.media_type)


@pytest.mark.parametrize("kind", KINDS)
def test_lines_are_the_whole_list_and_its_records(synthetic: httpx.Client, kind: str) -> None:
    records = walk(synthetic, f"/{kind}s", sort="-id")
    assert len(records) > 5
    lines = [json.loads(line) for line in synthetic.get(f"/{kind}s?format=ndjson&sort=-id").text.splitlines()]
    assert lines == records
    filters = {"event": {"type": "policy"}, "figure": {"unit": "CNY"}, "organisation": {"region": "cn"}}.get(kind, {"q": "a"})
    some = walk(synthetic, f"/{kind}s", **filters)
    assert [json.loads(line) for line in synthetic.get(f"/{kind}s", params=filters | {"format": "ndjson"}).text.splitlines()] == some


def test_a_limit_makes_pages_that_lose_and_repeat_nothing(synthetic: httpx.Client) -> None:
    whole = walk(synthetic, "/events")
    found: list[Any] = []
    path: str | None = "/events?format=ndjson&limit=37&fields=id,title"
    while path:
        answer = synthetic.get(path)
        lines = answer.text.splitlines()
        assert len(lines) <= 37
        found += [json.loads(line) for line in lines]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    assert found == [{"id": record["id"], "title": record["title"]} for record in whole]


def test_tables_hold_the_numbers_and_their_citations(synthetic: httpx.Client) -> None:
    figures = walk(synthetic, "/figures")
    frame = pandas.read_csv(io.BytesIO(synthetic.get("/figures?format=csv").content))
    assert list(frame["id"]) == [figure["id"] for figure in figures]
    assert [None if pandas.isna(value) else value for value in frame["value"]] == [figure["value"] for figure in figures]
    assert list(frame["unit"]) == [figure["unit"] for figure in figures]
    assert frame["citations"].notna().all()
    citations = pandas.read_csv(io.BytesIO(synthetic.get("/figures?format=tidy").content))
    assert len(citations) == sum(len(figure["citations"]) for figure in figures)


def test_parquet_is_read_by_duckdb(synthetic: httpx.Client, tmp_path: Any) -> None:
    figures = walk(synthetic, "/figures", unit="CNY")
    path = tmp_path / "figures.parquet"
    path.write_bytes(synthetic.get("/figures?format=parquet&unit=CNY").content)
    largest = max(figure["high"] for figure in figures if figure["high"] is not None)
    assert duckdb.read_parquet(str(path)).aggregate("count(*), max(high)").fetchall() == [(len(figures), largest)]
    assert pyarrow.parquet.read_metadata(path).num_rows == len(figures)


def test_converted_money_leaves_with_its_rate(api: httpx.Client) -> None:
    lines = [json.loads(line) for line in api.get("/figures?format=ndjson&unit=CNY&convert=USD").text.splitlines()]
    assert {line["unit"] for line in lines} == {"USD"}
    assert all(line["converted"]["rate"] > 0 for line in lines)


def test_a_calendar_can_be_subscribed_to(api: httpx.Client) -> None:
    calendar = icalendar.Calendar.from_ical(api.get("/events?format=ics&type=conference").content)
    entries = {str(entry["UID"]): entry for entry in calendar.walk("VEVENT")}
    meeting = entries["csgct-annual-meeting-2025@cgt-atlas"]
    assert (str(meeting.decoded("DTSTART")), str(meeting.decoded("DTEND"))) == ("2025-09-12", "2025-09-14")


def test_a_workbook_is_one(api: httpx.Client) -> None:
    assert zipfile.is_zipfile(io.BytesIO(api.get("/organisations?format=xlsx").content))


@pytest.mark.parametrize(
    ("path", "headers", "detail"),
    [
        ("/events?format=nonsense", {}, "This path has no format 'nonsense'; it has json, ndjson, csv, tidy, ics"),
        ("/events?format=ndjsn", {}, "Did you mean 'ndjson'?"),
        ("/sources?format=ics", {}, "This path has no format 'ics'"),
        ("/events?format=", {}, "This path has no format ''"),
        ("/events", {"accept": "image/png"}, "the Accept header admits none of them"),
        ("/events", {"accept": "text/csv;q=0"}, "the Accept header admits none of them"),
        ("/events", {"accept": "text/csv; header=absent"}, "the Accept header admits none of them"),
        ("/events", {"accept": "application/json; charset=gbk"}, "the Accept header admits none of them"),
        ("/regions/cn", {"accept": "text/csv"}, "This path answers in application/json; the Accept header admits none of them."),
    ],
)
def test_a_format_that_is_not_there_is_406(api: httpx.Client, path: str, headers: dict[str, str], detail: str) -> None:
    assert detail in problem(api.get(path, headers=headers), 406, "not-acceptable")["detail"]


@pytest.mark.parametrize("accept", ["text/csv;q=0.5, application/json", "*/*", "text/*;q=0.1, */*;q=0.2", "application/json, text/csv"])
def test_json_is_preferred_where_the_client_has_no_other_wish(api: httpx.Client, accept: str) -> None:
    assert api.get("/events", headers={"accept": accept}).headers["content-type"] == "application/json"


def test_the_parameter_outweighs_the_header(api: httpx.Client) -> None:
    assert api.get("/events?format=json", headers={"accept": "text/csv"}).headers["content-type"] == "application/json"
    assert api.get("/events?format=csv", headers={"accept": "application/json"}).headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("query", "parameter"), [("format=csv&fields=id", "fields"), ("format=ndjson&facets=type", "facets"), ("format=ics&facets=type", "facets")]
)
def test_what_a_format_has_no_place_for_is_refused(api: httpx.Client, query: str, parameter: str) -> None:
    (error,) = problem(api.get(f"/events?{query}"), 422, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert "is not offered with the format" in error["message"]


def test_filters_are_checked_before_anything_is_sent(api: httpx.Client) -> None:
    for query in ("region=nowhere", "cursor=abc", "type=x", "format=csv&format=csv"):
        problem(api.get(f"/events?format=csv&{query}"), 422, "invalid-request")


def test_a_client_that_goes_away_leaves_no_connection_behind(empty_url: str) -> None:
    load(empty_url, SEEDS)
    app = create_app(Settings(database_url=empty_url))
    with Server(empty_url, app=app) as client:
        for _ in range(30):
            with client.stream("GET", "/events?format=jsonld") as answer:
                next(answer.iter_raw(100))
        # What was read from a moment ago waits for the next request.
        assert app.state.engine.pool.checkedout() == len(app.state.standing.now().spare)
        assert client.get("/events").status_code == 200


@pytest.mark.parametrize(
    ("first", "asked"),
    [("1901", {"params": {"from": "1901", "format": "csv"}}), ("1902", {"params": {"from": "1902"}, "headers": {"accept": "text/csv"}})],
)
def test_what_is_written_whole_keeps_nobody_waiting(api: httpx.Client, first: str, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # From years that nothing else asks for: what is remembered is not made.
    begun, allowed = threading.Semaphore(0), threading.Event()

    def waiting(*given: Any) -> Any:
        begun.release()
        assert allowed.wait(30)
        return export(*given)

    monkeypatch.setattr("app.chosen.export", waiting)
    with ThreadPoolExecutor(AT_ONCE + 1) as others:
        lists = [others.submit(api.get, "/events", **asked) for _ in range(AT_ONCE + 1)]
        assert all(begun.acquire(timeout=10) for _ in lists)
        try:
            found = [api.get(f"/events?from={first}{more}", timeout=10).status_code for more in ("", "&q=gene", "&facets=region")]
        finally:
            allowed.set()
    assert found == [200, 200, 200]
    assert {answer.result().status_code for answer in lists} == {200}


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("text/csv", "csv"),
        ("text/csv; charset=UTF-8", "csv"),
        ("text/csv; header=present", "csv"),
        ("text/csv; profile=tidy", "tidy"),
        ('text/csv; profile="tidy"; q=0.5', "tidy"),
        ("text/csv; charset=utf-8; header=present; profile=tidy", "tidy"),
        ("text/csv;q=0.5, text/csv;profile=tidy", "tidy"),
        ("application/json; charset=utf-8", "json"),
        ("application/ld+json, */*;q=0.1", "jsonld"),
    ],
)
def test_a_media_range_admits_what_has_its_parameters(api: httpx.Client, accept: str, format: str) -> None:
    """RFC 9110, 12.5.1."""
    path = "/events?type=conference"
    negotiated, named = api.get(path, headers={"accept": accept}), api.get(f"{path}&format={format}")
    assert negotiated.headers["content-type"] == named.headers["content-type"]
    assert format in {"json", "jsonld"} or negotiated.content == named.content  # which tell the address that was asked


def test_where_nobody_has_looked_is_told_in_every_format(api: httpx.Client) -> None:
    path = "/events?region=cn-bj-e-town&from=1999-Q3&to=1999-Q4"
    note = api.get(path).json()["note"]
    assert unquote(api.get(f"{path}&format=csv").headers["x-cgt-note"]) == unquote(note)
    where = next(word for word in note.split() if word.startswith("/coverage?"))
    assert "from=1999-Q3" in where
    assert api.get(where).json()["page"]["total"]
    assert api.get(where).json()["applied"]["from"]["edtf"] == "1999-35"


@pytest.mark.parametrize("format", ["csv", "tidy", "jsonld"])
def test_a_converted_number_never_stands_without_its_rate(api: httpx.Client, format: str) -> None:
    figures = [figure for figure in walk(api, "/figures", convert="USD", unit="CNY") if figure["converted"]]
    assert figures
    text = api.get(f"/figures?convert=USD&unit=CNY&format={format}").text
    for figure in figures:
        assert str(figure["converted"]["rate"]) in text
    assert figures[0]["converted"]["day"] in text
    assert figures[0]["converted"]["source"] in text
