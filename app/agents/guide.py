"""`/llms.txt`: what a software agent must know, in the form of llmstxt.org, made from the application itself."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import select

from app.agents.tools import TOOLS
from app.api.routing import StrictRoute
from app.api.service import ATTRIBUTION
from app.caching import refuse_unchanged
from app.formats import FORMATS
from app.models import Release, columns
from app.parameters import NoQuery
from app.reader import reading
from app.vocabulary import SCHEMES

router = APIRouter(tags=["service"], route_class=StrictRoute)

_GUIDE = """\
# CGT Atlas

> {description}

Release {release} of {released_at:%Y-%m-%d} holds {counts}. Every answer names its release.

- Nothing in a query is ignored: an unknown parameter, term or id is an error (422) that says what was meant. An unknown id in a path is
  404, a withdrawn record 410 with the reason, a merged one 308 with its new place.
- A repeated parameter means any of; different parameters must all hold; `fields` and `sort` are comma lists.
- A list is whole: `page.total` is exact, and `links.next` leads to the next page until it is null.
- What is absent in a record is null: unknown, not zero and not "no". An empty list means that the database holds nothing, which is no
  evidence that nothing happened: it was made from {documents} documents and {sources} cited works.
- A number is nothing without its `unit`, `qualifier` (exact, a bound, a range) and `basis` (reported, forecast, promised). Where sources
  differ, `agreement` is contested and `statements` says who says what. Reports of one origin are one report: `origins` counts them.
- Dates are EDTF: as precise as the sources, `[..2025-08-27]` is not after that day.
- Cite the release, and beside it the source that supports a record, which is in its `citations`: "{attribution}" Licence: {licence}.

## Lists

{lists}

## Records

{records}

## Formats

A list answers in these by `format` or the Accept header; JSON is the default.

{formats}

## Vocabulary

Every term with its definition, in English and Chinese.

{schemes}

## Tools

The Model Context Protocol, streamable HTTP by POST, without a key: `{base}/mcp`

{tools}

## Optional

- [The API in the browser]({base}/docs): every parameter, term and field
- [OpenAPI 3.1]({base}/openapi.json): the same for machines
- [The service]({base}/): licence, counts and where to report an error
"""


@router.get("/llms.txt", include_in_schema=False, response_class=PlainTextResponse)
def llms(request: Request, _: Annotated[NoQuery, Query()]) -> Response:
    """The guide."""
    release = columns(Release)
    with reading(request) as reader:
        refuse_unchanged(request, reader.headers)
        counts: dict[str, int] = reader.connection.scalar(select(release.counts).where(release.id == reader.release.id)) or {}
    document = request.app.openapi()
    base = str(request.base_url).rstrip("/")
    text = _GUIDE.format(
        description=request.app.summary,
        release=reader.release.id,
        released_at=reader.release.released_at,
        counts=", ".join(f"{count} {kind}s" for kind, count in counts.items()),
        documents=counts.get("document", 0),
        sources=counts.get("source", 0),
        attribution=ATTRIBUTION.format(release=reader.release.id),
        licence=reader.release.licence,
        lists=_paths(document, base, single=False),
        records=_paths(document, base, single=True),
        formats="\n".join(f"- `{format.id}` ({format.media_type}; {', '.join(format.kinds)}): {format.description}" for format in FORMATS.values()),
        schemes="\n".join(f"- [{scheme}]({base}/vocabulary#{scheme}): {len(terms)} terms" for scheme, terms in SCHEMES.items()),
        tools="\n".join(f"- `{tool.name}`: `{tool.path}`. {tool.hint}" for tool in TOOLS),
        base=base,
    )
    return PlainTextResponse(text, headers=reader.headers)


def _paths(document: dict[str, Any], base: str, *, single: bool) -> str:
    """A line a route: with its parameters and, where it needs no id, as a link."""
    lines = []
    for path, operations in document["paths"].items():
        operation = operations["get"]
        given = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        names = [f"`{parameter['name']}`" for parameter in given]
        needed = {parameter["name"]: parameter["schema"]["examples"][0] for parameter in given if parameter.get("required")}
        example = f"?{urlencode(needed)}" if needed else ""
        if ("{" in path) == single and names:
            link = f"`{path}`, {operation['summary'].lower()}" if single else f"[{operation['summary']}]({base}{path}{example})"
            lines.append(f"- {link}: {operation['description']} Parameters: {', '.join(names)}.".replace("\n\n", " ").replace("\n", " "))
    return "\n".join(lines)
