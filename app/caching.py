"""Validators of answers: the strong ETag, and 304 before any query for records runs.

An answer depends on the release, the path, the query, the version of the software, the format, the content coding, whether documents are
kept for quotes, and what has been redacted, and on nothing else.
"""

import hashlib
from email.utils import parsedate_to_datetime

from starlette.requests import Request

from app.asking import asked
from app.envelopes import RELEASE_HEADER
from app.standing import State

CACHE_CONTROL = "public, max-age=60"
"""How long a cache may answer without asking: a release is seen at the latest after that."""

VARY = f"Accept, Accept-Encoding, {RELEASE_HEADER}"
"""What else than the URL an answer depends on. A cache may not answer a reader who has seen a newer release with what it kept before."""


class NotModified(Exception):
    """The client has the answer already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


def validators(request: Request, state: State) -> dict[str, str]:
    """The headers of an answer made from a state; NotModified where the client names its very tag, which only a good answer ever had."""
    known, scope = asked(request), request.scope
    format, coding = scope.get("format", "json"), "gzip" if known.gzip else "identity"
    wanted = f"{state.mark}\0{format}\0{scope['path']}\0{scope['query_string'].decode('latin-1')}\0{coding}"
    headers = {
        "ETag": f'"{hashlib.sha256(wanted.encode()).hexdigest()[:32]}"',
        "Last-Modified": state.modified,
        RELEASE_HEADER: str(state.release.id),
        "Cache-Control": CACHE_CONTROL,
        "Vary": VARY,
    }
    if known.tags is not None and headers["ETag"] in known.tags:
        raise NotModified(headers)
    return headers


def refuse_unchanged(request: Request, headers: dict[str, str]) -> None:
    """NotModified where the client has some answer of this age: it does not say which, so the request must be known to be good."""
    known = asked(request)
    if known.tags is not None:
        unchanged = "*" in known.tags
    else:
        unchanged = known.since is not None and parsedate_to_datetime(headers["Last-Modified"]) <= known.since
    if unchanged:
        raise NotModified(headers)
