"""The service itself: `/`, `/vocabulary`, health and the docs page."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import __version__, database
from app.api.routing import StrictRoute
from app.caching import refuse_unchanged
from app.citations import Shape
from app.envelopes import One, RecordLinks, ReleaseInfo
from app.models import Release, columns
from app.parameters import NoQuery
from app.problems import NotReady
from app.reader import reading
from app.standing import served_release
from app.vocabulary import SCHEMES

router = APIRouter(tags=["service"], route_class=StrictRoute)

ATTRIBUTION = "CGT Atlas, release {release}, licensed under CC BY 4.0. Cite the source of each record beside it."
REPORT = "Name the record's id and what its source says instead, with the passage."

Nothing = Annotated[NoQuery, Query()]


class Licence(Shape):
    """Under which terms the data may be used."""

    id: str
    """SPDX identifier."""
    url: str
    """Its text."""
    attribution: str
    """The line to put beside what you use."""
    covers: str
    """What it covers."""


class Correction(Shape):
    """How to report an error."""

    contact: str | None
    """Address of whoever runs this installation; null: they have not given one."""
    how: str
    """What a report needs."""


class Welcome(Shape):
    """What this service is and where to go on."""

    name: str
    """Name."""
    version: str
    """Version of the software."""
    description: str
    """What this is."""
    licence: Licence
    """Terms of use of the data."""
    report_an_error: Correction
    """How to report an error."""
    counts: dict[str, int]
    """Current records by kind."""
    paths: dict[str, str]
    """Where to go on."""


class TermOut(Shape):
    """A term of the vocabulary."""

    id: str
    """The term, as parameters take it."""
    name: str
    """Name in English."""
    name_zh: str
    """Name in Chinese."""
    definition: str
    """What it means."""
    match: str | None
    """The same concept elsewhere, as a CURIE (schema, sdmx, mesh, iso4217, ucum)."""
    units: list[str]
    """For a metric: the units that its figures may carry; "money" is any currency."""


class Health(Shape):
    """The process answers."""

    status: str
    """`ok`."""


class Readiness(Shape):
    """The service can answer from its data."""

    status: str
    """`ready`."""
    schema_revision: str
    """Revision of the database's schema."""
    release: ReleaseInfo
    """The release that is served."""


PATHS = {
    "/events": "conferences, foundings, launches, policies, investments, approvals",
    "/figures": "market sizes, output, counts, shares, ranks, rates, amounts",
    "/figures/series": "figures over periods, and the growth between them",
    "/search?q=Beijing": "records of all kinds by their words",
    "/coverage": "what is on record by region, type and year, and where nobody has looked",
    "/organisations": "who takes part, publishes or is spoken of",
    "/regions": "places, with the counts of their records rolled up",
    "/sources": "the cited works and what each was derived from",
    "/releases": "every load that changed something",
    "/changes": "what releases did to records, field by field",
    "/cite?path=/events": "how to cite an answer, frozen at its release",
    "/vocabulary": "every controlled term with its definition",
    "/llms.txt": "what a software agent must know, in plain text",
    "/mcp": "the API as tools for software agents (Model Context Protocol, by POST)",
    "/docs": "the API in the browser",
    "/openapi.json": "the API for machines (OpenAPI 3.1)",
    "/healthz": "the process answers",
    "/readyz": "the data can be served",
}


@router.get("/", summary="What this is", response_model=One[Welcome])
def welcome(request: Request, response: Response, _: Nothing) -> One[Welcome]:
    """What the service holds, under which licence, and where to report an error."""
    release = columns(Release)
    with reading(request) as reader:
        info = reader.release
        refuse_unchanged(request, reader.headers)
        counts: dict[str, int] = reader.connection.scalar(select(release.counts).where(release.id == info.id)) or {}
    response.headers.update(reader.headers)
    data = Welcome(
        name="CGT Atlas",
        version=__version__,
        description="A curated database of the cell and gene therapy industry in which every number carries its receipt.",
        licence=Licence(
            id=info.licence,
            url="https://creativecommons.org/licenses/by/4.0/",
            attribution=ATTRIBUTION.format(release=info.id),
            covers="The records: facts, their arrangement, summaries and notes. Cited works belong to their publishers.",
        ),
        report_an_error=Correction(contact=request.app.state.settings.contact, how=REPORT),
        counts=counts,
        paths=PATHS,
    )
    return One[Welcome](data=data, links=RecordLinks(self=request.url.path), release=info)


@router.get("/vocabulary", summary="List the vocabulary", response_model=One[dict[str, list[TermOut]]])
def list_vocabulary(request: Request, response: Response, _: Nothing) -> One[dict[str, list[TermOut]]]:
    """Every controlled term, by scheme."""
    with reading(request) as reader:
        refuse_unchanged(request, reader.headers)
    data = {
        scheme: [
            TermOut(id=term.id, name=term.name, name_zh=term.name_zh, definition=term.definition, match=term.match, units=list(term.units))
            for term in terms.values()
        ]
        for scheme, terms in SCHEMES.items()
    }
    response.headers.update(reader.headers)
    return One[dict[str, list[TermOut]]](data=data, links=RecordLinks(self=request.url.path), release=reader.release)


@router.get("/healthz", summary="Is the process alive?", response_model=Health)
def health(_: Nothing) -> Health:
    """Answers as long as the process does; looks at nothing else."""
    return Health(status="ok")


@router.get("/readyz", summary="Can it serve?", response_model=Readiness)
def ready(request: Request, __: Nothing) -> Readiness:
    """Whether the database is in reach, its schema current and a release loaded; else 503 with the reason."""
    try:
        with database.reading(request.app.state.engine) as connection:
            state = database.schema_state(connection)
            if state != "current":
                raise NotReady(f"The database's schema is {state}; the operator runs 'cgt db upgrade'.", headers={"Retry-After": "60"})
            release, _ = served_release(connection)
    except database.DatabaseError as error:
        raise NotReady("The database's schema is not one that this version serves.") from error
    except (DBAPIError, PoolTimeout) as error:
        raise NotReady("The database cannot be reached.", headers={"Retry-After": "5"}) from error
    return Readiness(status="ready", schema_revision=database.HEAD, release=release)


@router.get("/docs", include_in_schema=False, response_class=HTMLResponse)
def docs(request: Request, _: Nothing) -> HTMLResponse:
    """The API in the browser, from files that an installed package carries: no other server is asked."""
    root = request.scope.get("root_path", "")
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title="CGT Atlas",
        swagger_js_url=f"{root}/docs-assets/swagger-ui-bundle.js",
        swagger_css_url=f"{root}/docs-assets/swagger-ui.css",
        swagger_favicon_url=f"{root}/docs-assets/favicon.png",
        swagger_ui_parameters={"defaultModelsExpandDepth": 0, "docExpansion": "list", "tryItOutEnabled": True},
    )
    return HTMLResponse(page.body)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Nothing) -> Response:
    """The OpenAPI document."""
    return Response(json.dumps(request.app.openapi(), ensure_ascii=False).encode(), media_type="application/json")
