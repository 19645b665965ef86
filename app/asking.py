"""What a request asks by its headers, read once for all that want to know, and kept: a client sends the same ones again and again."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from starlette.requests import Request

from app.envelopes import RELEASE_HEADER

Headers = tuple[tuple[bytes, bytes], ...]

_READ = {name.encode() for name in ("accept", "accept-encoding", "if-none-match", "if-modified-since", RELEASE_HEADER.lower())}


@dataclass(frozen=True, slots=True)
class Asked:
    """The headers on which an answer depends."""

    accept: tuple[str, ...]
    """The media ranges that are admitted, each with its parameters; none: all are."""
    gzip: bool
    """Whether an answer may be compressed."""
    tags: frozenset[str] | None
    """The ETags that the client has, compared weakly as RFC 9110 has it for If-None-Match; None: it names none."""
    since: datetime | None
    """The age of what the client has; a date that cannot be read is passed over (RFC 9110)."""
    release: str
    """The oldest release that will do, as it was given."""


def asked(request: Request) -> Asked:
    """What a request asks by its headers, looked up once."""
    found: Asked | None = request.scope.get("asked")
    if found is None:
        found = request.scope["asked"] = _asked(tuple([header for header in request.scope["headers"] if header[0] in _READ]))
    return found


@lru_cache(256)
def _asked(headers: Headers) -> Asked:
    def given(name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in headers if key == name.lower().encode()]

    def parts(name: str) -> list[str]:
        return [part.strip() for header in given(name) for part in header.split(",")]

    return Asked(
        accept=tuple(part.lower() for part in parts("accept") if part),
        gzip=any(re.fullmatch(r"gzip *(; *q=(1(\.0*)?|0\.0*[1-9]\d*))?", part) for part in parts("accept-encoding")),
        tags=frozenset(tag.removeprefix("W/") for tag in parts("if-none-match")) if given("if-none-match") else None,
        since=_date(given("if-modified-since")[:1]),
        release=", ".join(given(RELEASE_HEADER)) or "0",
    )


def _date(given: list[str]) -> datetime | None:
    try:
        found = parsedate_to_datetime(given[0]) if given else None
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found is not None and found.tzinfo is not None else None
