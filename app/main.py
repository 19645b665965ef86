"""The application: routes, error handling, the OpenAPI document."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles

from app import __version__, database
from app.api import events, figures, organisations, regions, service, sources
from app.problems import RESPONSES, ProblemDetails, install
from app.settings import Settings

DESCRIPTION = """
A curated database of the cell and gene therapy (CGT) industry in which **every number carries its receipt**: which source
says so, in which passage, which independent sources agree, and which differ.

- **Nothing is ignored.** An unknown parameter, term or id is an error (422) that says what was meant.
- **Nothing is cut.** `page.total` is exact; `links.next` leads through all of it.
- **Nothing is padded.** Dates are as precise as the sources (EDTF); an open date filters and sorts by the bound that it has.
- **Nothing is mixed.** Bounds stay bounds, forecasts stay forecasts, and numbers are compared within one unit only.

A repeated parameter means *any of*; different parameters must all hold. `fields` and `sort` are comma lists. What is absent in a
record is `null`. Every term is defined in `/vocabulary`.

**Licence.** The data is [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): name CGT Atlas and the release (in every answer),
and cite the source of a record beside it. The cited works belong to their publishers.

**Report an error.** {report}
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; nothing is opened before the first request."""
    settings = settings or Settings()
    engine = database.connect(settings.database_url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        engine.dispose()

    report = service.REPORT + (f" Write to {settings.contact}." if settings.contact else " Write to whoever runs this installation.")
    app = FastAPI(
        title="CGT Atlas",
        version=__version__,
        summary="Cell and gene therapy: events, organisations, regions and figures, each with its sources.",
        description=DESCRIPTION.format(report=report),
        license_info={"name": "Data: CC BY 4.0", "identifier": "CC-BY-4.0"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.settings, app.state.engine = settings, engine
    install(app)
    for resource in (service, events, figures, organisations, regions, sources):
        app.include_router(resource.router)
    assets = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/docs-assets", StaticFiles(directory=assets), name="docs-assets")
    document = _openapi(app)
    app.openapi = lambda: document  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    app.state.openapi_json = json.dumps(document, ensure_ascii=False).encode()
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the problems that each path can answer instead of FastAPI's own validation error."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=[
            {"name": "events", "description": "What happened, where, when, and who took part."},
            {"name": "figures", "description": "Numbers with unit, qualifier, basis and receipts."},
            {"name": "organisations", "description": "Who takes part, publishes or is spoken of."},
            {"name": "regions", "description": "The places that records speak of."},
            {"name": "sources", "description": "The published works that records cite."},
            {"name": "service", "description": "The service itself, its vocabulary and its health."},
        ],
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemDetails.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDetails"] = problem
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            statuses = {422, 406, 503} | ({404, 410, 308} if "{id}" in path else set())
            if path == "/healthz":
                statuses -= {503}
            responses.pop("422", None)
            responses.update({str(status): RESPONSES[status] for status in sorted(statuses)})
    return document
