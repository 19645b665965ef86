"""`/cite`: an answer gets its footnote, and nothing else does; on both engines."""

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bibtexparser.entrypoint import parse_string
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON

from tests.conftest import SEEDS, Databases, Server, load
from tests.test_errors import problem
from tests.test_history import FIGURE, aged, retire_some
from tests.test_load import edit


@pytest.fixture(scope="module")
def releases(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """Three releases: the curated data; a figure's value; a figure (whose id it is) withdrawn and an organisation merged."""
    folder = Path(shutil.copytree(SEEDS, tmp_path_factory.mktemp("citing") / "seeds"))
    url = databases.new()
    load(url, folder)
    edit(folder, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(url, folder)
    withdrawn, _ = retire_some(folder)
    load(url, folder)
    aged(url, {1: "2026-01-10", 2: "2026-02-10", 3: "2026-03-10"})
    with Server(url) as client:
        yield client, withdrawn


def takes_as_of(client: httpx.Client, path: str) -> bool:
    parameters = client.get("/openapi.json").json()["paths"][path]["get"]["parameters"]
    return "as_of" in [parameter["name"] for parameter in parameters]


def cited(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get("/cite", params={"path": path})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert list(body) == ["data", "links", "release"]
    assert list(body["data"]) == ["path", "url", "release", "footnote", "bibtex", "csl"]
    assert body["data"]["url"] == f"{str(client.base_url).rstrip('/')}{body['data']['path']}"
    assert client.get(body["data"]["path"]).status_code == 200
    found: dict[str, Any] = body["data"]
    return found


def test_a_record_is_cited_at_the_newest_release_and_stays_what_it_was(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    found = cited(client, f"/figures/{FIGURE}?fields=id,value")
    assert (found["path"], found["release"]) == (f"/figures/{FIGURE}?fields=id,value&as_of=3", 3)
    title = "Market size, Cell and gene therapy, World, 2030: 76 billion USD"
    assert found["footnote"] == f'"{title}", CGT Atlas, release 3 of 2026-03-10, figures/{FIGURE}, {found["url"]}, CC BY 4.0.'
    assert title in found["csl"]["title"]
    assert title in found["bibtex"]
    assert cited(client, "/figures?metric=market-size")["footnote"].startswith("CGT Atlas, release 3 of 2026-03-10, figures, ")


@pytest.mark.parametrize(("as_of", "release", "day"), [("1", 1, "2026-01-10"), ("2026-02", 2, "2026-02-10"), ("2026-01-31", 1, "2026-01-10")])
def test_a_pin_stays_where_it_is(releases: tuple[httpx.Client, str], as_of: str, release: int, day: str) -> None:
    client, withdrawn = releases
    for identifier in (FIGURE, withdrawn):
        found = cited(client, f"/figures/{identifier}?as_of={as_of}&fields=id")
        assert (found["path"], found["release"]) == (f"/figures/{identifier}?as_of={release}&fields=id", release)
        assert f"release {release} of {day}" in found["footnote"]


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/events?region=cn-bj&type=conference&from=2025-09", "/events"),
        ("/figures?unit=CNY&min=1e9&sort=-value&format=csv", "/figures"),
        ("/figures?fields=id&facets=region", "/figures"),
        ("/figures/series?metric=market-size", "/figures/series"),
        ("/organisations?q=%E6%B8%85%E5%8D%8E&limit=5", "/organisations"),
        ("/regions", "/regions"),
        ("/sources?grade=B&grade=A", "/sources"),
        ("/changes?since=1&format=atom", "/changes"),
        ("/releases", "/releases"),
        (f"/figures/{FIGURE}/history", "/figures/{id}/history"),
    ],
)
def test_every_kind_of_answer_is_cited_as_it_is_written(releases: tuple[httpx.Client, str], path: str, template: str) -> None:
    client, _ = releases
    pin = f"{'&' if '?' in path else '?'}as_of=3" if takes_as_of(client, template) else ""
    assert cited(client, path)["path"] == path + pin


def test_the_address_of_this_service_stands_for_its_path_and_what_no_url_holds_is_encoded(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    base = str(client.base_url).rstrip("/")
    assert cited(client, f"{base}/regions/cn")["path"] == "/regions/cn?as_of=3"
    for written in ("/changes?since=1&%6Bind=event", "/changes?kind=event&since=1"):
        assert cited(client, written)["path"] == written
    assert cited(client, "/organisations?q=清华 [x]")["path"].startswith("/organisations?q=%E6%B8%85%E5%8D%8E%20%5Bx%5D")


def test_a_page_is_cited_as_its_list(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    following = client.get("/changes?limit=2&kind=event").json()["links"]["next"]
    assert "cursor=" in following
    assert cited(client, following)["path"] == "/changes?limit=2&kind=event"


@pytest.mark.parametrize(
    ("path", "message", "did_you_mean"),
    [
        ("", "does not begin with a slash", "/"),
        ("figures", "does not begin with a slash", "/figures"),
        ("https://example.org/figures", "is no address of this service", None),
        ("//example.org/figures", "is no address of this service", None),
        ("javascript:alert(1)", "is no address of this service", None),
        ("/figures#top", "has a fragment", "/figures"),
        ("/figures?q=%zz", "holds a percent sign that begins no encoded character", None),
        ("/figurs?metric=market-size", "there is nothing at /figurs; did you mean '/figures'?", "/figures"),
        (f"/figure/{FIGURE}", "there is nothing at", f"/figures/{FIGURE}"),
        ("/events/", "there is nothing at /events/", "/events"),
        ("/events/..", "there is nothing at", "/events"),
        ("/events/%2e%2e", "there is nothing at", None),
        ("/", "is no answer over data", None),
        ("/vocabulary", "/vocabulary is no answer over data", None),
        ("/cite?path=/events", "/cite is no answer over data", None),
        ("/docs", "/docs is no answer over data", None),
        ("/figures?metric=market-sise", "metric: is no term of /vocabulary#metric; did you mean 'market-size'?", "market-size"),
        ("/figures?metrik=market-size", "metrik: unknown parameter; this path takes", "metric"),
        ("/events?from=2025-13", "from: ", None),
        ("/events?region=cn-bjj", "region: there is no region of this id", "cn-bj"),
        ("/events?limit=0", "limit: ", None),
        ("/events?cursor=abc", "cursor: was not given out for this query", None),
        ("/events?q=%ff", "query: is not UTF-8", None),
        ("/events?format=png", "This path has no format 'png'", None),
        ("/figures/nothing-at-all", "There is no figure 'nothing-at-all'", None),
        (f"/figures/{FIGURE}?as_of=9", "as_of: there is no release 9; the newest is 3", "3"),
        (f"/figures/{FIGURE}?as_of=yesterday", "as_of: is neither a release's number nor a day", None),
        (f"/figures/{FIGURE}?as_of=2020-01", "There was no figure", None),
        ("/organisations/celartics-biopharma?fields=id", "was merged into 'platinum-life'", "/organisations/platinum-life?fields=id"),
    ],
)
def test_what_is_no_answer_gets_no_footnote(releases: tuple[httpx.Client, str], path: str, message: str, did_you_mean: str | None) -> None:
    client, _ = releases
    for format in ("json", "text"):
        body = problem(client.get("/cite", params={"path": path, "format": format}), 422, "invalid-request")
        (error,) = body["errors"]
        assert (error["parameter"], error["value"]) == ("path", path)
        assert message in error["message"]
        assert error["did_you_mean"] == did_you_mean


def test_a_withdrawn_record_gets_no_footnote(releases: tuple[httpx.Client, str]) -> None:
    client, withdrawn = releases
    (error,) = problem(client.get("/cite", params={"path": f"/figures/{withdrawn}"}), 422, "invalid-request")["errors"]
    assert "was withdrawn in release 3: Not to be kept." in error["message"]


def test_everything_that_is_wrong_is_told_at_once(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    errors = problem(client.get("/cite", params={"path": "/events?type=x&limit=0"}), 422, "invalid-request")["errors"]
    assert sorted(error["message"].split(":")[0] for error in errors) == ["limit", "type"]
    assert {error["parameter"] for error in problem(client.get("/cite"), 422, "invalid-request")["errors"]} == {"path"}
    # A path that was not encoded falls apart, which is told.
    (error,) = problem(client.get("/cite?path=/figures?unit=CNY&metric=market-size"), 422, "invalid-request")["errors"]
    assert (error["parameter"], error["message"].startswith("unknown parameter")) == ("metric", True)


def test_the_formats(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    path = "/figures?q=R%26D%20%7Bx%7D_~"
    found = cited(client, path)
    footnote = client.get("/cite", params={"path": path, "format": "text"})
    assert (footnote.text, footnote.headers["content-type"]) == (found["footnote"] + "\n", "text/plain; charset=utf-8")
    bibtex = client.get("/cite", params={"path": path}, headers={"accept": "application/x-bibtex"})
    assert (bibtex.text, bibtex.headers["content-type"]) == (found["bibtex"], "application/x-bibtex")
    csl = client.get("/cite", params={"path": path, "format": "csl"})
    assert (csl.json(), csl.headers["content-type"]) == ([found["csl"]], "application/vnd.citationstyles.csl+json")
    problem(client.get("/cite", params={"path": path, "format": "xlsx"}), 406, "not-acceptable")
    (entry,) = parse_string(bibtex.text).entries
    assert (entry.key, entry["url"]) == (found["csl"]["id"], found["url"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the processor warns of what its own style leaves open
        bibliography = CitationStylesBibliography(
            CitationStylesStyle("harvard-cite-them-right", validate=False), CiteProcJSON(csl.json()), formatter.plain
        )
        bibliography.register(Citation([CitationItem(entry.key)]))
        (line,) = map(str, bibliography.bibliography())
    for part in ("CGT Atlas", "release 3: figures", "2026", found["url"].split("://")[1]):
        assert part in line


def test_a_citation_is_known_again(releases: tuple[httpx.Client, str]) -> None:
    client, _ = releases
    first = client.get("/cite?path=/regions/cn")
    again = client.get("/cite?path=/regions/cn", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/cite?path=/nothing", headers={"if-none-match": "*"}).status_code == 422
    assert client.head("/cite?path=/regions/cn").status_code == 200
    assert json.loads(first.content)["links"]["self"] == "/cite?path=/regions/cn"


def test_citing_reads_no_record(releases: tuple[httpx.Client, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However much an answer holds, to cite it costs what its checks cost."""
    for module in ("paging", "chosen"):
        monkeypatch.setattr(f"app.{module}.envelope", None)
    monkeypatch.setattr("app.chosen.export", None)
    client, _ = releases
    for path in ("/events", "/events?format=csv", "/changes"):
        assert client.get("/cite", params={"path": path}).status_code == 200


def test_before_the_first_release_nothing_is_cited(empty_url: str) -> None:
    with Server(empty_url) as client:
        problem(client.get("/cite?path=/events"), 503, "not-ready")
        problem(client.get("/cite?path=/nothing"), 422, "invalid-request")
