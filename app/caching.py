"""Validators of answers: the strong ETag, and 304 before any query for records runs.

An answer depends on the release, the path, the query, the version of the software, the format, the content coding, whether documents are
kept for quotes, and what has been redacted, and on nothing else.
"""

import hashlib
from email.utils import parsedate_to_datetime

from starlette.requests import Request

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
    coding = "gzip" if "gzip" in request.headers.get("accept-encoding", "") else "identity"
    asked = f"{request.scope['path']}\0{request.scope['query_string'].decode('latin-1')}"
    digest = hashlib.sha256(f"{state.mark}\0{getattr(request.state, 'format', 'json')}\0{asked}\0{coding}".encode()).hexdigest()
    tag = f'"{digest[:32]}"'
    told = {RELEASE_HEADER: str(state.release.id), "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    headers = {"ETag": tag, "Last-Modified": state.modified, **told}
    # Weak comparison, as RFC 9110 has it for this header.
    if tag in (given.removeprefix("W/") for given in _tags(request)):
        raise NotModified(headers)
    return headers


def refuse_unchanged(request: Request, headers: dict[str, str]) -> None:
    """NotModified where the client has some answer of this age: it does not say which, so the request must be known to be good."""
    known = request.headers.get("if-none-match")
    since = request.headers.get("if-modified-since")
    if "*" in _tags(request) or (known is None and since is not None and _not_after(headers["Last-Modified"], since)):
        raise NotModified(headers)


def _tags(request: Request) -> list[str]:
    return [given.strip() for given in request.headers.get("if-none-match", "").split(",")]


def _not_after(modified: str, since: str) -> bool:
    try:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False  # RFC 9110: a date that cannot be read is passed over
