"""A call of a tool: the route's own answer, kept within a budget of characters, with its outcome and how to cite it.

The route is asked through the application itself, so that whatever holds for HTTP holds here: the same validation, the same problems,
the same JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from fastapi import FastAPI
from pydantic import Field
from starlette.requests import Request

from app.agents.tools import DEFAULT_BUDGET, LARGEST_BUDGET, SMALLEST_BUDGET, Definition
from app.citations import Shape
from app.envelopes import RELEASE_HEADER, ReleaseInfo
from app.formats.citing import footnote, pinned
from app.formats.context import Context
from app.highlights import title_of
from app.manners import HEADER
from app.problems import InvalidRequest, NotFound, Problem, ProblemDetails, details, invalid
from app.schemas import RECORDS
from app.vocabulary import closest

Outcome = Literal["found", "none-on-record", "not-found", "withdrawn", "merged", "invalid", "too-large", "unavailable"]

_OUTCOMES: dict[int, Outcome] = {404: "not-found", 410: "withdrawn", 308: "merged", 422: "invalid"}
_MENDABLE = {"not-found", "invalid", "too-large", "unavailable"}
"""Outcomes of calls that did not answer anything; what became of a record is an answer."""


class Answer(Shape):
    """What a tool answers. `data` and what follows it are as the REST API has them; what does not apply is left out."""

    outcome: Outcome
    """found: here it is. none-on-record: the query is in order and the database holds nothing for it. not-found: there is no such id, and
    there never was. withdrawn, merged: there was, and this is what became of it. invalid: mend the arguments. too-large: not even one
    record fits the budget. unavailable: try later."""
    note: str = ""
    """What to keep in mind."""
    next_arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments to add to those of this call, or to change, to go on from here."""
    cite: str = ""
    """How to cite this answer as a whole."""
    cites: dict[str, str] = Field(default_factory=dict)
    """How to cite each record of a list, by id; only of whole records. Cite the sources beside it: they are in its `citations`."""
    problem: ProblemDetails | None = None
    """What is wrong, as the REST API tells it."""
    data: Any = None
    """The records of this page, or the record."""
    facets: dict[str, Any] = Field(default_factory=dict)
    """Counts, if some were asked for."""
    page: dict[str, Any] = Field(default_factory=dict)
    """`total`: how many there are on all pages; `next`: the cursor to go on, null at the end."""
    links: dict[str, Any] = Field(default_factory=dict)
    """The same answer over HTTP."""
    applied: dict[str, Any] = Field(default_factory=dict)
    """How the query was understood, defaults included."""
    release: dict[str, Any] = Field(default_factory=dict)
    """The state of the data that answered."""


_TELLING = {
    *("id", "kind", "title", "title_zh", "name", "name_zh", "type", "status", "date", "metric", "subject", "value", "low", "high"),
    *("qualifier", "unit", "basis", "period", "region", "as_stated", "agreement"),
}
"""The fields without which a record tells nothing; they come first where not all fit."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as it goes out."""

    text: str
    """Its JSON, at most as many characters as the budget."""
    failed: bool
    """Whether the call is to be mended or tried again."""


def written(value: Any) -> str:
    """JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_HOST = "atlas"
"""Stands where an address must have a host; no answer shows it."""
_NOTE = 400
"""Room for the note and the cursor that a page gets which was made shorter."""


class Call:
    """One call of a tool: an application to ask, and the HTTP request that it came with."""

    def __init__(self, app: FastAPI, definition: Definition, outer: Request) -> None:
        self.app, self.definition, self.outer = app, definition, outer
        self.budget = DEFAULT_BUDGET

    async def answer(self, arguments: Mapping[str, Any]) -> Told:
        """The answer to the arguments of the call."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            self.budget = _budget(given.pop("budget", DEFAULT_BUDGET))
            path = self._path(given)
            if "format" in given:
                raise InvalidRequest([invalid("format", given["format"], "a tool answers in JSON; leave it out")])
            return await self._fitted(path, given)
        except Problem as problem:
            return self._refused(details(self.outer.url.path, problem.status, problem.term, problem.detail, problem.errors), problem.status)

    def _path(self, given: dict[str, Any]) -> str:
        """The path to ask, for which `kind` and `id` are taken out of the arguments."""
        path = self.definition.tool.path
        if "{kind}" not in path:
            return path
        kind, identifier = given.pop("kind", None), given.pop("id", None)
        errors = [invalid(name, None, "is missing") for name, value in {"kind": kind, "id": identifier}.items() if value is None]
        if kind is not None and kind not in list(RECORDS):  # anything may stand there
            errors.append(invalid("kind", kind, f"is none of {', '.join(RECORDS)}", closest(str(kind), RECORDS)))
        if errors:
            raise InvalidRequest(errors)
        plain = str(identifier)
        # What would lead to another route is no id.
        if "/" in plain or plain.startswith(".") or f"/{kind}s/{plain}" in self.app.openapi()["paths"]:
            raise NotFound(f"There is no {kind} {plain[:200]!r}; ids are like 'cn-bj' or 'novartis'.")
        return f"/{kind}s/{quote(plain, safe='', errors='replace')}"

    async def _ask(self, path: str, given: Mapping[str, Any]) -> httpx.Response:
        root = self.outer.scope.get("root_path", "")
        parameters = httpx.QueryParams([(name, text) for name, value in given.items() for text in _texts(value)])
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", HEADER: self.outer.scope.get("request_id", "")}
        headers[RELEASE_HEADER] = self.outer.headers.get(RELEASE_HEADER, "0")
        try:
            request = httpx.Request("GET", f"http://{_HOST}{root}{path}", params=parameters or None, headers=headers)
        except (httpx.InvalidURL, UnicodeError):
            raise InvalidRequest([invalid("query", None, "is too long, or no text")]) from None
        response = await httpx.ASGITransport(app=self.app, root_path=root).handle_async_request(request)
        await response.aread()
        response.request = request
        return response

    async def _fitted(self, path: str, given: dict[str, Any]) -> Told:
        """The route's answer; a page that is longer than the budget is asked for again with fewer records."""
        asked: dict[str, Any] = given
        while True:
            response = await self._ask(path, asked)
            if response.status_code != 200:
                return self._refused(ProblemDetails.model_validate_json(response.content), response.status_code, response.headers.get("location"))
            body = response.json()
            answer = await self._dressed(path, body, response.request.url, shortened=asked is not given)
            text = written(answer)
            if len(text) <= self.budget:
                return Told(text, failed=False)
            records = body["data"]
            if not isinstance(records, list) or len(records) < 2:
                return self._too_large(answer, len(text), given.get("fields"))
            cites = answer.get("cites", {})
            costs = [len(written(record)) + 1 + (len(record["id"]) + len(cites[record["id"]]) + 6 if cites else 0) for record in records]
            room = self.budget - _NOTE - (len(text) - sum(costs))
            fitting = sum(1 for total in accumulate(costs) if total <= room)
            # At least one, which may then prove too large, and fewer than there were.
            asked = given | {"limit": max(1, min(fitting, len(records) - 1))}

    async def _dressed(self, path: str, body: dict[str, Any], url: httpx.URL, *, shortened: bool) -> dict[str, Any]:
        """The route's answer with its outcome and citations."""
        page = body.get("page")
        dressed: dict[str, Any] = {"outcome": "found"}
        if page is not None and page["total"] == 0:
            counts = (await self._ask("/", {})).json()["data"]["counts"]
            dressed = {"outcome": "none-on-record", "note": self.definition.tool.none.format_map(counts)}
        elif page is not None and page["next"] is not None:
            if shortened:
                dressed["note"] = (
                    f"The page has {len(body['data'])} records, as more do not fit the budget of {self.budget} characters. Nothing is lost: "
                    "go on with the cursor, or ask for fewer fields, where the tool takes them, or with a larger budget."
                )
            dressed["next_arguments"] = {"cursor": page["next"]}
        release = ReleaseInfo.model_validate(body["release"])
        base = str(self.outer.base_url).rstrip("/")
        context = Context(release, base, path, url.query.decode())
        if "before the first release" not in body.get("note", ""):
            dressed["cite"] = self._cite(context, body)
        kind = path.split("/")[1].removesuffix("s")
        if path == f"/{kind}s" and kind in RECORDS and body["data"] and "fields" not in body["applied"]:
            kept = "&".join(part for part in context.query.split("&") if part.partition("=")[0] in {"published_before", "convert"})
            single = {record["id"]: Context(release, base, f"/{kind}s/{record['id']}", kept) for record in body["data"]}
            dressed["cites"] = {record["id"]: footnote(pinned(single[record["id"]]), title_of(record)) for record in body["data"]}
        if "note" in body and "note" in dressed:
            dressed["note"] = body["note"] = f"{dressed['note']} {body['note']}"
        return dressed | body

    def _cite(self, context: Context, body: dict[str, Any]) -> str:
        """A line to cite the answer by; the answer of `cite` is itself one."""
        if context.path == "/cite":
            return str(body["data"]["footnote"])
        record = body["data"]
        title = title_of(record) if isinstance(record, dict) and "fields" not in dict(parse_qsl(context.query)) else None
        return footnote(pinned(context, takes_as_of=self.definition.pinnable), title)

    def _too_large(self, answer: dict[str, Any], length: int, fields: Any) -> Told:
        """What is told where a single record, or what stands around it, is longer than the budget: which of its fields would fit."""
        record = answer["data"][0] if isinstance(answer["data"], list) and answer["data"] else answer["data"]
        told: dict[str, Any] = {"outcome": "too-large"}
        note = f"One record makes an answer of {length} characters; the budget is {self.budget} (the largest is {LARGEST_BUDGET})."
        sizes = {name: len(written(value)) for name, value in record.items()} if isinstance(record, dict) else {}
        room = self.budget - (length - len(written(record)))
        fitting = set()
        for name in sorted(sizes, key=lambda name: (name not in _TELLING, sizes[name])):
            # It stands in the record, and with `fields` in the links, the citation and `applied`.
            cost = sizes[name] + 5 * len(name) + 16
            if cost < room:
                room -= cost
                fitting.add(name)
        if "fields" in self.definition.parameters["properties"] and fitting:
            names = fields.split(",") if isinstance(fields, str) else list(sizes)
            told["next_arguments"] = {"fields": ",".join(name for name in names if name.partition(".")[0] in fitting)}
            note += " Some fields of it fit; the others are " + _listed({name: size for name, size in sizes.items() if name not in fitting})
        else:
            parts = {name: len(written(value)) for name, value in answer.items() if name != "data"}
            note += " Ask with a larger budget or a narrower query. The longest parts are " + _listed(parts | sizes)
        return Told(written(told | {"note": note}), failed=True)

    def _refused(self, problem: ProblemDetails, status: int, location: str | None = None) -> Told:
        """The answer that carries a problem; where it names more mistakes than fit the budget, the first of them and how many there are."""
        outcome = _OUTCOMES.get(status, "unavailable")
        told: dict[str, Any] = {"outcome": outcome}
        if outcome == "withdrawn":
            told["note"] = "`as_of` with an earlier release shows the record as it was; the tool `changes` tells what happened when."
        if location is not None:
            told["next_arguments"] = {"id": urlsplit(location).path.rpartition("/")[2]}
        text = written(told | {"problem": problem.model_dump()})
        errors = problem.errors
        while len(text) > self.budget:
            errors = errors[: len(errors) // 2]
            detail = f"{len(problem.errors)} mistakes, of which the first {len(errors)} are told here." if problem.errors else problem.detail[:500]
            text = written(told | {"problem": problem.model_copy(update={"errors": errors, "detail": detail}).model_dump()})
        return Told(text, failed=outcome in _MENDABLE)


def _budget(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not SMALLEST_BUDGET <= given <= LARGEST_BUDGET:
        raise InvalidRequest([invalid("budget", given, f"is no whole number from {SMALLEST_BUDGET} to {LARGEST_BUDGET}")])
    return given


def _texts(value: Any) -> list[str]:
    """A value as a query has it: a list is a repeated parameter."""
    if isinstance(value, list):
        return [text for item in value for text in ([item] if isinstance(item, str) else [written(item)])]
    return [value] if isinstance(value, str) else [written(value)]


def _listed(sizes: Mapping[str, int]) -> str:
    largest = sorted(sizes.items(), key=lambda part: -part[1])[:8]
    return ", ".join(f"{name} ({size} characters)" for name, size in largest) + "."
