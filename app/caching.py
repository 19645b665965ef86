"""Validators of answers: the strong ETag, and 304 before any query for records runs.

An answer depends on the release, the path, the query, the version of the software and the content coding, and on nothing else.
"""

import hashlib
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request

from app import __version__
from app.envelopes import ReleaseInfo

CACHE_CONTROL = "public, max-age=60"
"""How long a cache may answer without asking: a release is seen at the latest after that."""

VARY = "Accept, Accept-Encoding"


class NotModified(Exception):
    """The client has the answer already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


def validators(request: Request, release: ReleaseInfo) -> dict[str, str]:
    """The headers of an answer made from a release; NotModified where the client has it."""
    coding = "gzip" if "gzip" in request.headers.get("accept-encoding", "") else "identity"
    parts = (__version__, str(release.id), release.digest, request.url.path, request.url.query, coding)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    tag = f'"{digest[:32]}"'
    headers = {"ETag": tag, "Last-Modified": format_datetime(release.released_at, usegmt=True), "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    known = request.headers.get("if-none-match")
    if known is not None:
        # Weak comparison, as RFC 9110 has it for this header.
        if any(given.strip().removeprefix("W/") in {tag, "*"} for given in known.split(",")):
            raise NotModified(headers)
    elif (since := request.headers.get("if-modified-since")) is not None and _not_after(release, since):
        raise NotModified(headers)
    return headers


def _not_after(release: ReleaseInfo, since: str) -> bool:
    try:
        return release.released_at <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False  # RFC 9110: a date that cannot be read is passed over
