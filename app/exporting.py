"""Lists in other formats than JSON: the whole result, written to a temporary file while the connection is held, sent when it no longer is.

A client that reads slowly or goes away thus holds no connection, and what cannot be written is told before anything is sent.
"""

import json
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select
from starlette.types import Receive, Scope, Send

from app.formats import FORMATS, Context, LibraryMissing, TooLarge
from app.models import Region, Source, columns
from app.problems import InvalidRequest, NotAcceptable, invalid
from app.reader import Reader

IN_MEMORY = 8_000_000
"""Bytes of an answer that are not yet worth a file."""
_CHUNK = 64 * 1024


def export(reader: Reader, kind: str, records: Iterable[bytes]) -> Response:
    """Records in the format that was negotiated."""
    request = reader.request
    format = FORMATS[request.scope["format"]]
    context = Context(
        release=reader.release,
        base_url=str(request.base_url).rstrip("/"),
        path=request.url.path,
        query=request.url.query,
        places=_places(reader) if format.id == "geojson" else {},
        origins=_origins(reader) if format.id == "tidy" else {},
    )
    spool = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed when it has been sent
    try:
        for chunk in format.write(context, kind, map(json.loads, records)):
            spool.write(chunk)
    except BaseException as error:
        spool.close()
        if isinstance(error, LibraryMissing):
            raise NotAcceptable(str(error)) from None
        if isinstance(error, TooLarge):
            raise InvalidRequest([invalid("format", format.id, f"is too small for this: {error}")]) from None
        raise
    size = spool.tell()
    spool.seek(0)
    name = f"cgt-atlas-{kind}s-{reader.release.id}.{format.extension}"
    # The name is our own; what it holds is ASCII or percent-encoded.
    told = {"X-CGT-Note": quote(reader.note, safe=" ,;:.=/?&'()")} if reader.note else {}
    sent = reader.headers | told | {"Content-Length": str(size), "Content-Disposition": f'inline; filename="{name}"'}
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


def _places(reader: Reader) -> dict[str, tuple[float, float]]:
    region = columns(Region)
    known = select(region.id, region.longitude, region.latitude).where(region.longitude.is_not(None), reader.moment.whole(region))
    return {row.id: (row.longitude, row.latitude) for row in reader.connection.execute(known)}


def _origins(reader: Reader) -> dict[str, str]:
    source = columns(Source)
    known = select(source.id, source.origin_id).where(reader.moment.whole(source))
    return {row.id: row.origin_id for row in reader.connection.execute(known)}
