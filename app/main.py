"""The application: routes, error handling, docs."""

import gc
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from app import __version__, database, heap, openapi
from app.agents import endpoint, guide
from app.api import citing, coverage, events, figures, organisations, regions, releases, search, series, service, sources
from app.api.routing import AT_ONCE, ByPath
from app.caching import NotModified
from app.manners import Compression, Manners, Preflights
from app.problems import install
from app.remembering import Remembering
from app.settings import Settings
from app.standing import Standing

COMPRESSION = 4
"""zlib's level: a page of 30 kB gets 6 % larger than at the highest, in half of the time."""

DESCRIPTION = """
A curated database of the cell and gene therapy (CGT) industry in which **every number carries its receipt**: which source
says so, in which passage, which independent sources agree, and which differ.

- **Nothing is ignored.** An unknown parameter, term or id is an error (422) that says what was meant.
- **Nothing is cut.** `page.total` is exact; `links.next` leads through all of it.
- **Nothing is padded.** Dates are as precise as the sources (EDTF); an open date filters and sorts by the bound that it has.
- **Nothing is mixed.** Bounds stay bounds, forecasts stay forecasts, and numbers are compared within one unit only.

A repeated parameter means *any of*; different parameters must all hold. `fields` and `sort` are comma lists. What is absent in a
record is `null`. Every term is defined in `/vocabulary`.

**Software agents** read [/llms.txt](llms.txt) and connect at `/mcp` (Model Context Protocol).

**Licence.** The data is [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/): name CGT Atlas and the release (in every answer),
and cite the source of a record beside it. The cited works belong to their publishers.

**Report an error.** {report}
"""


_SWITCHING = 0.001
"""Seconds after which a thread lets others have Python's lock."""


def served() -> FastAPI:
    """The application of a process that does nothing else."""
    made = create_app()
    gc.freeze()  # to look for cycles in what was imported would keep some request waiting for a tenth of a second
    return made


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; nothing is opened before the first request."""
    settings = settings or Settings()
    heap.one_for_all_threads()
    heap.large_blocks_apart()
    # A search may not keep the pages beside it waiting for Python's lock for as long as Python lets it: 5 ms each time that they read something.
    sys.setswitchinterval(_SWITCHING)
    engine = database.connect_to_read(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with endpoint.tools(app):
            yield
        app.state.quick.shutdown()
        app.state.slow.shutdown()
        app.state.standing.close()
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
        telemetry={"tracing": False, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.state.settings, app.state.engine, app.state.standing, app.state.names = settings, engine, Standing(engine), {}
    app.state.quick, app.state.slow = ThreadPoolExecutor(AT_ONCE), ThreadPoolExecutor(AT_ONCE)
    app.state.at_length, app.state.giving_back = 0, False
    install(app)

    @app.exception_handler(NotModified)
    async def not_modified(_: Request, known: NotModified) -> Response:
        return Response(status_code=304, headers=known.headers)

    app.add_middleware(Compression, minimum_size=1000, compresslevel=COMPRESSION)
    app.add_middleware(Preflights, allow_origins=["*"], allow_methods=["GET", "HEAD", "POST"], allow_headers=["*"])
    app.add_middleware(Remembering, standing=app.state.standing)
    app.add_middleware(Manners)
    resources = (events, series, figures, service, coverage, organisations, regions, sources, search, releases, citing, endpoint, guide)
    app.router.routes.append(ByPath(resource.router for resource in resources))
    for resource in resources:
        app.include_router(resource.router)
    assets = Path(fastapi_offline.__file__).parent / "static"
    app.mount("/docs-assets", StaticFiles(directory=assets), name="docs-assets")
    # FastAPI's documented way to extend the document; it is made when it is first asked for, so that no start waits for it.
    app.openapi = cache(lambda: openapi.document(app))  # type: ignore[method-assign]
    return app
