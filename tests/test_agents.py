"""The tools for software agents, asked by the protocol's own client over a real server; and the guide in plain text."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp import Client, MCPError
from mcp.types import CallToolResult, Tool

from app.agents import tools
from app.envelopes import RELEASE_HEADER
from app.formats import FORMATS
from app.main import create_app
from app.schemas import RECORDS
from app.settings import ROOT, Settings
from tests.conftest import SEEDS, Databases, Server, load, walk
from tests.test_errors import problem
from tests.test_history import retire_some

T = TypeVar("T")

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"accept": "application/json, text/event-stream"}

SAME = [
    ("get", {"kind": "figure", "id": "cn-cgt-market-size-2030", "convert": "USD"}, "/figures/cn-cgt-market-size-2030?convert=USD"),
    ("get", {"kind": "region", "id": "cn-bj", "fields": "id,counts", "as_of": "1"}, "/regions/cn-bj?fields=id,counts&as_of=1"),
    ("list_events", {"type": ["conference", "policy"], "fields": "id,title,date", "facets": "type"}, None),
    ("list_figures", {"min": 1.5e9, "unit": ["CNY"], "fields": "id,value", "limit": 3}, None),
    ("list_figures", {"q": "北京 & 2024 +", "fields": "id"}, None),
    ("series", {"metric": ["market-size"]}, None),
    ("changes", {"since": "0", "kind": ["figure"], "limit": 4}, None),
]
"""Calls, and the addresses of the same questions where they are not made of the arguments."""


def ask(api: httpx.Client, work: Callable[[Client], Coroutine[Any, Any, T]], mode: str = "auto") -> T:
    """What a client finds out."""

    async def run() -> T:
        async with Client(f"{str(api.base_url).rstrip('/')}/mcp", mode=mode) as client:
            return await work(client)

    return asyncio.run(run())


def call(api: httpx.Client, name: str, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool, its form and length asserted."""
    result = ask(api, lambda client: client.call_tool(name, arguments))
    return told(result, arguments.get("budget", tools.DEFAULT_BUDGET))


def told(result: CallToolResult, budget: Any) -> dict[str, Any]:
    """The content of a result, which the client has held against the tool's output schema."""
    answer: dict[str, Any] = result.structured_content
    (text,) = result.content
    assert text.type == "text"
    assert json.loads(text.text) == answer
    assert len(text.text) <= (budget if isinstance(budget, int) and budget > 1 else tools.DEFAULT_BUDGET)
    assert result.is_error == (answer["outcome"] in {"not-found", "invalid", "too-large", "unavailable"})
    return answer


def refusal(api: httpx.Client, name: str) -> str:
    """What the protocol tells where a call has no result."""

    async def refused(client: Client) -> str:
        with pytest.raises(MCPError) as error:
            await client.call_tool(name, {})
        return error.value.message

    return ask(api, refused, "legacy")


def listed(api: httpx.Client) -> dict[str, Tool]:
    """The tools by name."""
    return {tool.name: tool for tool in ask(api, lambda client: client.list_tools()).tools}


def test_the_tools_are_listed_with_what_an_agent_must_know(api: httpx.Client) -> None:
    found = listed(api)
    assert list(found) == [tool.name for tool in tools.TOOLS]
    for tool in found.values():
        assert tool.title
        assert tool.description
        assert tool.annotations
        assert tool.annotations.read_only_hint
        assert tool.annotations.idempotent_hint
        assert tool.annotations.open_world_hint is False
        Draft202012Validator.check_schema(tool.input_schema)
        for name, schema in tool.input_schema["properties"].items():
            assert schema["description"], name
            assert "$ref" not in json.dumps(schema), name
            for example in schema.get("examples", []):
                Draft202012Validator(schema).validate(example)


def test_the_parameters_of_a_tool_are_those_of_its_route(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    found = listed(api)
    for tool in tools.TOOLS:
        behind = [tool.path.replace("{kind}", kind) for kind in RECORDS] if "{kind}" in tool.path else [tool.path]
        names = {parameter["name"] for path in behind for parameter in paths[path]["get"]["parameters"]} - {"format", RELEASE_HEADER}
        assert set(found[tool.name].input_schema["properties"]) == names | {"budget"} | ({"kind"} if "{kind}" in tool.path else set())
    metrics = found["list_figures"].input_schema["properties"]["metric"]
    assert "market-size" in metrics["items"]["enum"]
    assert "- `market-size`: " in metrics["description"]
    assert found["get"].input_schema["properties"]["convert"]["description"].endswith(" Only of the kind figure.")


def test_a_tool_whose_route_is_missing_is_found_out_at_start() -> None:
    document = create_app(Settings(database_url="sqlite:///never.db")).openapi()
    del document["paths"]["/events"]
    with pytest.raises(LookupError, match="the tool list_events needs the route /events"):
        tools.define(document)


@pytest.mark.parametrize(("name", "arguments", "url"), SAME)
def test_a_tool_answers_what_the_rest_api_answers(api: httpx.Client, name: str, arguments: dict[str, Any], url: str | None) -> None:
    path = {tool.name: tool.path for tool in tools.TOOLS}[name]
    rest = (api.get(url) if url else api.get(path, params=arguments)).json()
    answer = call(api, name, budget=tools.LARGEST_BUDGET, **arguments)
    assert answer["outcome"] == "found"
    assert rest["data"]
    for part in ("data", "page", "applied", "release", "facets"):
        assert answer.get(part) == rest.get(part), part
    assert api.get(answer["links"]["self"]).json()["data"] == rest["data"]


def test_both_generations_of_the_protocol_are_spoken(api: httpx.Client) -> None:
    async def greet(client: Client) -> tuple[str, str, str | None, CallToolResult]:
        result = await client.call_tool("get", {"kind": "region", "id": "cn", "fields": "id"})
        assert client.server_info
        return client.server_info.name, client.protocol_version, client.instructions, result

    versions = set()
    for mode in ("auto", "legacy"):
        name, version, instructions, result = ask(api, greet, mode)
        versions.add(version)
        assert name == "cgt-atlas"
        assert "nothing happened" in (instructions or "")
        assert told(result, None)["data"] == {"id": "cn"}
    assert len(versions) == 2


def test_a_page_that_is_too_long_comes_shorter_and_nothing_is_lost(synthetic: httpx.Client) -> None:
    found, shortened = [], 0
    arguments: dict[str, Any] = {"budget": 30_000, "limit": 50}
    whole = walk(synthetic, "/events")

    async def walked(client: Client) -> None:
        nonlocal shortened
        while True:
            answer = told(await client.call_tool("list_events", arguments), arguments["budget"])
            assert answer["outcome"] == "found"
            assert list(answer["cites"]) == [record["id"] for record in answer["data"]]
            found.extend(answer["data"])
            if "note" in answer:
                shortened += 1
                assert f"The page has {len(answer['data'])} records" in answer["note"]
            if "next_arguments" not in answer:
                assert answer["page"]["next"] is None
                return
            arguments.update(answer["next_arguments"])

    ask(synthetic, walked)
    assert found == whole
    assert shortened > 1


def test_of_a_record_that_is_too_long_it_is_told_which_fields_fit(api: httpx.Client) -> None:
    for name, arguments in {
        "get": {"kind": "event", "id": "csgct-annual-meeting-2025", "budget": tools.SMALLEST_BUDGET},
        "list_figures": {"budget": tools.SMALLEST_BUDGET, "region": ["cn-bj"]},
        "list_events": {"budget": tools.SMALLEST_BUDGET, "fields": "id,title,citations.source,citations.anchor,figures"},
    }.items():
        answer = call(api, name, **arguments)
        assert answer["outcome"] == "too-large"
        assert "citations (" in answer["note"]
        mended = call(api, name, **arguments | answer["next_arguments"])
        assert mended["outcome"] == "found", mended
        assert mended["data"]
    answer = call(api, "series", budget=tools.SMALLEST_BUDGET)
    assert answer["outcome"] == "too-large"
    assert "larger budget" in answer["note"]


def test_many_mistakes_are_told_as_far_as_they_fit(api: httpx.Client) -> None:
    wrong = call(api, "list_events", region=[f"nowhere-{number}" for number in range(100)], budget=tools.SMALLEST_BUDGET)
    kept = wrong["problem"]["errors"]
    assert 0 < len(kept) < 100
    assert wrong["problem"]["detail"] == f"100 mistakes, of which the first {len(kept)} are told here."


WRONG: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("list_figures", {"metric": ["market-sise"]}, "metric", "market-size"),
    ("list_events", {"regoin": ["cn"]}, "regoin", "region"),
    ("list_events", {"region": ["cn-bjj"]}, "region", "cn-bj"),
    ("list_events", {"from": "2025-10", "to": "2025-09"}, "from", None),
    ("list_events", {"limit": 0}, "limit", None),
    ("list_events", {"limit": True}, "limit", None),
    ("list_events", {"fields": ["id", "title"]}, "fields", None),
    ("list_events", {"q": {"x": 1}, "format": "csv"}, "format", None),
    ("list_events", {"q": "x" * 100_000}, "query", None),
    ("list_events", {"cursor": "abc"}, "cursor", None),
    ("list_events", {"budget": 1}, "budget", None),
    ("list_events", {"budget": "20000"}, "budget", None),
    ("get", {"kind": "event"}, "id", None),
    ("get", {"kind": "events", "id": "x"}, "kind", "event"),
    ("get", {"kind": ["event"], "id": "x"}, "kind", "event"),
    ("get", {"kind": "event", "id": "cgt-blue-book-2025", "convert": "USD"}, "convert", None),
    ("changes", {"since": "2024"}, "since", "1"),
]
"""Calls, the argument that is wrong, and what was meant."""


def test_a_call_that_is_wrong_can_be_mended(api: httpx.Client) -> None:
    async def slip(client: Client) -> None:
        for name, arguments, parameter, did_you_mean in WRONG:
            answer = told(await client.call_tool(name, arguments), arguments.get("budget"))
            assert answer["outcome"] == "invalid", arguments
            assert answer["problem"]["status"] == 422
            assert (parameter, did_you_mean) in [(error["parameter"], error["did_you_mean"]) for error in answer["problem"]["errors"]], answer

    ask(api, slip)


def test_an_id_that_never_was_is_not_found(api: httpx.Client) -> None:
    async def look(client: Client) -> None:
        for identifier in ("nothing", "CN-BJ", "series", "a/b", "cn-bj/history", "..", "", "?x=1", "%2e%2e", "北京", "\x00", 5):
            answer = told(await client.call_tool("get", {"kind": "figure", "id": identifier}), None)
            assert answer["outcome"] == "not-found", identifier
            assert answer["problem"]["status"] == 404

    ask(api, look)


def test_what_is_not_on_record_is_told_apart_from_what_is_unknown(api: httpx.Client) -> None:
    answer = call(api, "list_events", region=["world"], type=["financing"], date_match="within", to="1990")
    assert answer["outcome"] == "none-on-record"
    assert "no evidence" in answer["note"]
    assert "5 documents and 10 cited works" in answer["note"]
    assert answer["data"] == []
    newest = api.get("/").json()["release"]["id"]
    assert call(api, "changes", since=str(newest))["note"] == "No release changed anything that fulfils the query."


def test_what_became_of_a_record_is_told(databases: Databases, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    url = databases.new()
    load(url, folder)
    withdrawn, merged = retire_some(folder)
    load(url, folder)
    with Server(url) as client:
        gone = call(client, "get", kind="figure", id=withdrawn)
        assert gone["outcome"] == "withdrawn"
        assert gone["problem"]["detail"] == "The figure was withdrawn in release 2: Not to be kept."
        assert call(client, "get", kind="figure", id=withdrawn, as_of="1")["cite"].count("as_of=1") == 1
        moved = call(client, "get", kind="organisation", id=merged, fields="id")
        assert moved["outcome"] == "merged"
        assert moved["next_arguments"] == {"id": "platinum-life"}
        assert "One body." in moved["problem"]["detail"]


def test_an_answer_says_how_to_cite_it(api: httpx.Client) -> None:
    answer = call(api, "get", kind="region", id="cn-bj")
    base = str(api.base_url).rstrip("/")
    day = answer["release"]["released_at"][:10]
    assert answer["cite"] == f'"Beijing", CGT Atlas, release 1 of {day}, regions/cn-bj, {base}/regions/cn-bj?as_of=1, CC BY 4.0.'
    page = call(api, "list_figures", limit=2)
    assert page["cite"].startswith(f"CGT Atlas, release 1 of {day}, figures, {base}/figures?limit=2")
    for identifier, line in page["cites"].items():
        (address,) = re.findall(r"http[^,]*", line)
        assert api.get(address).json()["data"]["id"] == identifier
    (address,) = re.findall(r"http[^,]*", page["cite"])
    assert api.get(address).status_code == 200
    assert "cites" not in call(api, "list_figures", limit=2, fields="id")


def test_what_is_cited_is_what_was_told(api: httpx.Client) -> None:
    """Also where the answer was converted or as known by a day; what was never released is not cited."""
    page = call(api, "list_figures", metric=["market-size"], convert="EUR", published_before="2026")
    for record in page["data"]:
        (address,) = re.findall(r"http[^,]*", page["cites"][record["id"]])
        assert api.get(address).json()["data"] == record
    assert "cite" not in call(api, "list_figures", as_of="0")
    found = call(api, "cite", path="/figures?metric=market-size")
    assert found["cite"] == found["data"]["footnote"]
    assert call(api, "coverage", region=["cn-bj"], type=["acquisition"])["data"][0]["state"] in {"none-known", "not-looked-at"}


def test_a_tool_that_does_not_exist_is_an_error_of_the_protocol(api: httpx.Client) -> None:
    assert refusal(api, "list_event") == "there is no tool 'list_event'; did you mean 'list_events'?"


def test_a_fault_of_the_server_tells_nothing_of_its_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    load(url, SEEDS)

    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("app.chosen.walk", fail)
    with Server(url) as client:
        assert re.fullmatch(r"The server failed; the fault has been logged as request [0-9a-f]{32}\.", refusal(client, "list_events"))


def test_only_what_serves_imports_the_protocol(tmp_path: Path) -> None:
    made = "import sys, app.cli, app.main; from app.settings import Settings; app.main.create_app(Settings()); assert 'mcp' not in sys.modules"
    subprocess.run([sys.executable, "-c", made], check=True, cwd=ROOT, env={"CGT_DATABASE_URL": f"sqlite:///{tmp_path}/a.db"})


def test_a_process_that_serves_does_not_look_through_what_it_imported(tmp_path: Path) -> None:
    made = "import gc; from app.main import served; served(); assert gc.get_freeze_count() > 100_000"
    subprocess.run([sys.executable, "-c", made], check=True, cwd=ROOT, env={"CGT_DATABASE_URL": f"sqlite:///{tmp_path}/a.db"})


def test_before_there_is_a_release_the_tools_are_unavailable(tmp_path: Path) -> None:
    with Server(f"sqlite:///{tmp_path}/empty.db") as client:
        answer = call(client, "list_events")
        assert answer["outcome"] == "unavailable"
        assert answer["problem"]["status"] == 503


def test_over_http_every_refusal_is_a_problem(api: httpx.Client) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = api.request(method, "/mcp", headers={"accept": "text/event-stream"})
        problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == "POST"
    assert api.head("/mcp").status_code == 405
    problem(api.post("/mcp", json=INITIALIZE, headers={"accept": "text/html"}), 406, "not-acceptable")
    problem(api.post("/mcp?x=1", json=INITIALIZE, headers=ACCEPT), 422, "invalid-request")
    problem(api.post("/mcp", content="{}", headers=ACCEPT | {"content-type": "text/plain"}), 400, "invalid-request")
    problem(api.post("/mcp", json={"x": "y" * 300_000}, headers=ACCEPT), 413, "invalid-request")
    answer = api.post("/mcp", json=INITIALIZE, headers=ACCEPT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["serverInfo"]["name"] == "cgt-atlas"
    assert api.post("/mcp", content="{", headers=ACCEPT | {"content-type": "application/json"}).json()["error"]["code"] == -32700


def test_text_that_is_no_text_is_refused(api: httpx.Client) -> None:
    message = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_events","arguments":{"q":"\\ud800"}}}'
    answer = api.post("/mcp", content=message, headers=ACCEPT | {"content-type": "application/json"})
    assert answer.status_code < 500
    assert "error" in answer.json() or answer.json()["result"]["isError"]


def test_pages_of_other_origins_are_admitted_by_the_operator_alone(api: httpx.Client, tmp_path: Path) -> None:
    for origin, host in {"http://evil.example": "evil.example", "null": "localhost", "http://[": "localhost"}.items():
        problem(api.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": origin, "host": host}), 403, "forbidden")
    for origin in ("http://localhost:6274", "http://127.0.0.1:9", "http://[::1]:9"):
        assert api.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": origin}).status_code == 200
    assert api.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"host": "atlas.example"}).status_code == 200
    settings = Settings(database_url=f"sqlite:///{tmp_path}/a.db", mcp_origins="https://a.example, https://b.example")
    with Server(settings.database_url, create_app(settings)) as client:
        for origin in ("https://a.example", "https://b.example"):
            asked = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
            assert client.options("/mcp", headers=asked).status_code == 200
            assert client.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": origin}).status_code == 200
        problem(client.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"origin": "https://c.example"}), 403, "forbidden")


def test_the_guide_has_the_form_of_llmstxt_and_tells_what_there_is(api: httpx.Client) -> None:
    answer = api.get("/llms.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    text = answer.text
    assert re.match(r"# [^\n]+\n\n> [^\n]+\n\n(?!#)", text)
    links = re.findall(r"\[[^\]]+\]\(([^)]+)\)", text)
    assert len(links) > 20
    for link in {link.partition("#")[0] for link in links}:
        assert api.get(link).status_code == 200, link
    vocabulary = api.get("/vocabulary").json()["data"]
    schemes = re.findall(r"vocabulary#([^)]+)\): (\d+) terms", text)
    assert {scheme: int(count) for scheme, count in schemes} == {scheme: len(terms) for scheme, terms in vocabulary.items()}
    document = api.get("/openapi.json").json()
    told_of = {}
    for line in text.splitlines():
        if found := re.match(rf"- (?:\[[^\]]+\]\({re.escape(str(api.base_url).rstrip('/'))}|`)(/[^)`?]*).*Parameters: (.*)\.$", line):
            told_of[found[1]] = set(re.findall(r"`([^`]+)`", found[2]))
    real = {
        path: {parameter["name"] for parameter in operations["get"].get("parameters", []) if parameter["in"] == "query"}
        for path, operations in document["paths"].items()
    }
    assert told_of == {path: names for path, names in real.items() if names}
    for name in [*FORMATS, *(tool.name for tool in tools.TOOLS)]:
        assert f"- `{name}`" in text
    assert f"`{str(api.base_url).rstrip('/')}/mcp`" in text
    counts = api.get("/").json()["data"]["counts"]
    assert f"{counts['event']} events" in text
    assert api.get("/llms.txt", headers={"if-none-match": answer.headers["etag"]}).status_code == 304


@pytest.fixture
def section() -> str:
    """What the README tells those who connect an agent."""
    (found,) = re.findall(r"^## For software agents\n(.*?)^## ", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_snippet_of_the_readme_runs(api: httpx.Client, section: str, capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert "http://127.0.0.1:8000/mcp" in snippet
    exec(snippet.replace("http://127.0.0.1:8000", str(api.base_url).rstrip("/")), {})  # noqa: S102  the README's own lines
    assert "CGT Atlas, release 1 of" in capsys.readouterr().out
    (configuration,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert json.loads(configuration)["mcpServers"]["cgt-atlas"]["url"] == "http://127.0.0.1:8000/mcp"


def test_every_tool_stands_in_the_readme(section: str) -> None:
    assert re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE) == [tool.name for tool in tools.TOOLS]
    for number in (tools.SMALLEST_BUDGET, tools.DEFAULT_BUDGET, tools.LARGEST_BUDGET):
        assert f"{number:,}" in section
