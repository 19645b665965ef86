"""Lists in other formats than JSON: the whole result, written to a temporary file while the connection is held, sent when it no longer is.

A client that reads slowly or goes away thus holds no connection, and what cannot be written is told before anything is sent.
"""

import json
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import Any

from fastapi.responses import Response, StreamingResponse
from sqlalchemy import Connection, Select, select
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.envelopes import ReleaseInfo
from app.formats import FORMATS, Context, LibraryMissing
from app.models import Region, Source, columns
from app.problems import NotAcceptable

IN_MEMORY = 8_000_000
"""Bytes of an answer that are not yet worth a file."""
_CHUNK = 64 * 1024
_ROWS = 500
"""Rows that are fetched at a time."""


def export(
    request: Request,
    connection: Connection,
    release: ReleaseInfo,
    kind: str,
    statement: Select[Any],
    record: Callable[[Any], bytes],
    headers: dict[str, str],
) -> Response:
    """The rows of a statement, each made a record by `record`, in the format that was negotiated."""
    format = FORMATS[request.state.format]
    context = Context(
        release=release,
        base_url=str(request.base_url).rstrip("/"),
        path=request.url.path,
        query=request.url.query,
        places=_places(connection) if format.id == "geojson" else {},
        origins=_origins(connection) if format.id == "tidy" else {},
    )
    rows = connection.execution_options(yield_per=_ROWS).execute(statement)
    spool = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed when it has been sent
    try:
        for chunk in format.write(context, kind, (json.loads(record(row)) for row in rows)):
            spool.write(chunk)
    except BaseException as error:
        spool.close()
        if isinstance(error, LibraryMissing):
            raise NotAcceptable(str(error)) from None
        raise
    size = spool.tell()
    spool.seek(0)
    name = f"cgt-atlas-{kind}s-{release.id}.{format.extension}"
    sent = headers | {"Content-Length": str(size), "Content-Disposition": f'inline; filename="{name}"'}
    return _Spooled(spool, sent, format.media_type)


class _Spooled(StreamingResponse):
    """An answer that lies in a file, which is closed however the sending ends."""

    def __init__(self, spool: SpooledTemporaryFile[bytes], headers: dict[str, str], media_type: str) -> None:
        super().__init__(iter(lambda: spool.read(_CHUNK), b""), headers=headers, media_type=media_type)
        self.spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.spool.close()


def _places(connection: Connection) -> dict[str, tuple[float, float]]:
    region = columns(Region)
    rows = connection.execute(select(region.id, region.longitude, region.latitude).where(region.longitude.is_not(None)))
    return {row.id: (row.longitude, row.latitude) for row in rows}


def _origins(connection: Connection) -> dict[str, str]:
    source = columns(Source)
    return {row.id: row.origin_id for row in connection.execute(select(source.id, source.origin_id))}
