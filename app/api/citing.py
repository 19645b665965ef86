"""`/cite`: how to cite an answer of this service so that the address gives the same records later."""

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from app import history, vocabulary
from app.api.routing import StrictRoute
from app.caching import refuse_unchanged
from app.citations import Shape
from app.envelopes import RELEASE_HEADER, One, RecordLinks, ReleaseInfo
from app.formats import Context, formats_of
from app.formats.citing import cite, pinned
from app.highlights import title_of
from app.parameters import ID_PATTERN, NoQuery, format_of
from app.problems import InvalidRequest, NotReady, invalid
from app.reader import asked_release, reading
from app.schemas import RECORDS

if TYPE_CHECKING:
    import httpx

router = APIRouter(tags=["service"], route_class=StrictRoute)

LONGEST_PATH = 5_000
"""Characters. In a URL each may take twelve bytes, and servers take no more than 64 KiB."""
_IN_A_URL = "%:/?@!$&'()*+,;="
"""What a URL may hold beside letters, digits and `_.-~`."""


class CiteQuery(NoQuery):
    """Parameters of `/cite`."""

    path: Annotated[str, StringConstraints(max_length=LONGEST_PATH)] = Field(examples=["/figures?metric=market-size&region=cn"])
    """The answer: its path with its query, the whole percent-encoded (`curl -G --data-urlencode path=...` does it). Any list, record, series,
    history or list of changes; what the path itself would refuse is refused here."""
    format: format_of("cite") | None = Field(default=None, examples=["text"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON."""


class CslName(Shape):
    """A name in CSL-JSON."""

    literal: str
    """The name as it is."""


class CslDate(Shape):
    """A date in CSL-JSON."""

    date_parts: list[list[int]] = Field(alias="date-parts")
    """Year, month and day."""


class CslItem(Shape):
    """An item of CSL-JSON."""

    id: str
    """A key that depends on the address alone."""
    type: str
    """`dataset`."""
    title: str
    """What is cited."""
    author: list[CslName]
    """Who is to be named."""
    issued: CslDate
    """When the release was made."""
    version: str
    """The release."""
    URL: str
    """The address."""
    note: str
    """The licence."""


class Cited(Shape):
    """How to cite an answer."""

    path: str
    """Path and query of the answer, `as_of` set to the release where the path takes it, and without a cursor."""
    url: str
    """Its address. Where it holds `as_of`, it gives the same records later."""
    release: int
    """The release that answered: the newest one, unless the path names another."""
    footnote: str
    """The citation in plain text."""
    bibtex: str
    """The citation as an entry of BibTeX."""
    csl: CslItem
    """The citation as an item of CSL-JSON."""


@router.get("/cite", summary="Cite an answer", response_model=One[Cited])
async def cite_answer(request: Request, query: Annotated[CiteQuery, Query()]) -> Response:
    """A footnote, an entry of BibTeX and an item of CSL-JSON for an answer, frozen at its release. What is no answer gets none."""
    path, asked = _local(request, query.path)
    declared = _declared(request, path, query.path)
    await _refuse_unanswered(request, query.path, path, asked)
    release, served, headers = await run_in_threadpool(_frozen, request, query.path, dict(parse_qsl(asked)).get("as_of"))
    context = Context(release, str(request.base_url).rstrip("/"), path, asked)
    context = pinned(context, takes_as_of="as_of" in declared)
    if context.query != asked:
        await _refuse_unanswered(request, query.path, path, context.query)
    refuse_unchanged(request, headers)
    found = cite(context, await _title(request, path, context.query))
    if request.scope["format"] != "json":
        format = formats_of("cite")[request.scope["format"]]
        return Response(b"".join(format.write(context, "cite", [found])), headers=headers, media_type=format.media_type)
    data = Cited(path=context.url.removeprefix(context.base_url), url=context.url, release=release.id, **found)
    links = RecordLinks(self=f"{request.url.path}?{request.url.query}")
    return Response(One[Cited](data=data, links=links, release=served).model_dump_json(), headers=headers, media_type="application/json")


def _refuse(given: str, message: str, did_you_mean: str | None = None) -> InvalidRequest:
    hint = f"; did you mean {did_you_mean!r}?" if did_you_mean else ""
    return InvalidRequest([invalid("path", given, message + hint, did_you_mean)])


def _local(request: Request, given: str) -> tuple[str, str]:
    """Path and query, characters that no URL holds percent-encoded; an address of this service stands for its path."""
    base = str(request.base_url).rstrip("/")
    local = given.removeprefix(base) if given.startswith(f"{base}/") else given
    if "#" in local:
        raise _refuse(given, "has a fragment, which is no part of what is asked", local.partition("#")[0])
    if local.startswith("//") or re.match("[A-Za-z][A-Za-z0-9+.-]*:", local):
        raise _refuse(given, f"is no address of this service, which is at {base}; give a path such as /events?region=cn")
    if not local.startswith("/"):
        raise _refuse(given, "does not begin with a slash", f"/{local}")
    if re.search("%(?![0-9A-Fa-f]{2})", local):
        raise _refuse(given, "holds a percent sign that begins no encoded character; write %25 for the sign itself")
    path, _, query = local.partition("?")
    return path, quote(query, safe=_IN_A_URL)


def _declared(request: Request, path: str, given: str) -> set[str]:
    """The names of the query parameters of the path of an answer over data; refuses every other path."""
    paths: dict[str, Any] = {template: operations["get"] for template, operations in request.app.openapi()["paths"].items() if "get" in operations}
    answers = {template: operation for template, operation in paths.items() if "service" not in operation["tags"]}
    for template in sorted(answers, key=lambda name: name.count("{")):  # `series` is no figure's id
        if re.fullmatch(re.escape(template).replace(r"\{id\}", ID_PATTERN), path):
            return {parameter["name"] for parameter in answers[template].get("parameters", []) if parameter["in"] == "query"}
    if path in paths or path in {"/docs", "/openapi.json", "/llms.txt", "/mcp"}:
        raise _refuse(given, f"{path} is no answer over data; lists, records, series, histories and changes are: {', '.join(answers)}")
    named = re.match(rf"/[^/]*/({ID_PATTERN})(/|$)", path)
    meant = [template.replace("{id}", named[1]) if named else template for template in answers if named or "{" not in template]
    raise _refuse(given, f"there is nothing at {path}", vocabulary.closest(path, meant))


async def _refuse_unanswered(request: Request, given: str, path: str, query: str) -> None:
    """Refuse what the service itself would not answer, with its own reasons.

    The condition makes it stop before it reads any record: what is known to be good is told to be known.
    """
    async with _client(request) as client:
        answer = await client.get(f"{path}?{query}" if query else path, headers={"If-None-Match": "*"})
    request.state.release = int(answer.headers.get(RELEASE_HEADER, 0))
    if answer.status_code in {200, 304}:
        return
    problem = answer.json()
    if answer.status_code >= 500:
        raise NotReady(problem["detail"], headers={"Retry-After": answer.headers.get("Retry-After", "5")})
    reasons = [invalid("path", given, f"{error['parameter']}: {error['message']}", error["did_you_mean"]) for error in problem["errors"]]
    raise InvalidRequest(reasons) if reasons else _refuse(given, problem["detail"], answer.headers.get("Location"))


async def _title(request: Request, path: str, query: str) -> str | None:
    """What the record at a path is called; None for what is no record."""
    if not re.fullmatch(rf"/({'|'.join(RECORDS)})s/{ID_PATTERN}", path) or path in request.app.openapi()["paths"]:
        return None
    whole = "&".join(part for part in query.split("&") if part.partition("=")[0] != "fields")
    async with _client(request) as client:
        return title_of((await client.get(f"{path}?{whole}")).json()["data"])


def _client(request: Request) -> "httpx.AsyncClient":
    """A client of this very service, which is answered from no older release than it was before."""
    import httpx  # noqa: PLC0415  no start of the service waits for a client

    transport = httpx.ASGITransport(request.app, root_path=request.scope.get("root_path", ""))
    return httpx.AsyncClient(transport=transport, base_url=str(request.base_url), headers={RELEASE_HEADER: str(asked_release(request))})


def _frozen(request: Request, given: str, as_of: str | None) -> tuple[ReleaseInfo, ReleaseInfo, dict[str, str]]:
    """The release that the answer is of, the one that is served, and the headers of an answer made from it."""
    with reading(request) as reader:
        if as_of is None:
            return reader.release, reader.release, reader.headers
        number = history.release_number(reader.connection, "as_of", as_of)
        release = history.release_info(reader.connection, number)
        if release is None:
            raise _refuse(given, "as_of: nothing had been released by then; there is nothing to cite")
        return release, reader.release, reader.headers
