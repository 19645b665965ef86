"""HTTP manners that hold for every answer: request ids, HEAD, one log line a request, compression for those who take it, pages of other origins.

A pure ASGI middleware around everything else, so that errors have them too.
"""

import json
import logging
import re
import time
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.asking import asked
from app.envelopes import RELEASE_HEADER

HEADER = "X-Request-ID"
EXPOSED = ["ETag", "Last-Modified", "Link", "Location", "Retry-After", RELEASE_HEADER, HEADER]
"""Headers that a page of another origin may read."""
_TO_ALL = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", ", ".join(EXPOSED).encode())]
"""What says that pages of all origins may read an answer: it is the same for all of them, so that a cache needs one copy."""
_PROCESS = token_hex(10)
_IDS = (f"{_PROCESS}{number:012x}" for number in count())
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

logger = logging.getLogger("app.requests")


class Manners:
    """Gives each request an id, answers HEAD as GET without the body, and logs how each request went."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        identifier = given if _ACCEPTABLE_ID.fullmatch(given) else next(_IDS)
        head = scope["method"] == "HEAD"
        to_all = [] if scope["method"] == "OPTIONS" else _TO_ALL
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                varying = _varying(b",".join(value for name, value in given if name == b"vary"))
                own = [(HEADER.lower().encode(), identifier.encode()), (b"vary", varying), *to_all]
                message["headers"] = [header for header in given if header[0] != b"vary"] + own
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["request_id"] = identifier  # for the answer to a fault of ours, which is made outside of this middleware
        try:
            await self.app({**scope, "method": "GET"} if head else scope, receive, answer)
        finally:
            if logger.isEnabledFor(logging.INFO):
                line = {
                    "request_id": identifier,
                    "method": scope["method"],
                    "path": scope["path"],
                    "query": scope["query_string"].decode("latin-1"),
                    "status": status,
                    "milliseconds": round((time.perf_counter() - started) * 1000, 2),
                }
                logger.info("request", extra={"fields": line})


@lru_cache(100)
def _varying(given: bytes) -> bytes:
    """What an answer depends on, each once: whoever adds to it does not look at what stands there. Any answer may be compressed."""
    names = [name.strip() for name in given.split(b",")]
    return b", ".join(dict.fromkeys(name for name in [*names, b"Accept-Encoding"] if name))


class Preflights(CORSMiddleware):
    """Answers browsers that ask what pages of other origins may do; all else is left alone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        asks = scope["type"] == "http" and scope["method"] == "OPTIONS"
        await (super().__call__(scope, receive, send) if asks else self.app(scope, receive, send))


class Compression(GZipMiddleware):
    """Compresses answers for those who take it; what goes to others is not looked at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        taken = scope["type"] == "http" and asked(Request(scope)).gzip
        await (super().__call__(scope, receive, send) if taken else self.app(scope, receive, send))


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON; of an exception only what it is, its trace on the following lines of the same record."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def logging_config(level: str) -> dict[str, Any]:
    """The logging configuration of `cgt serve`: JSON lines on standard error, one for each request."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter}},
        "handlers": {"standard": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["standard"], "level": level.upper()},
        # Alembic tells of itself whenever readiness looks at the schema, and the protocol of tools with every call.
        "loggers": {name: {"level": level.upper()} for name in ("uvicorn", "uvicorn.error", "app")}
        | {name: {"level": "WARNING"} for name in ("alembic", "mcp")},
    }
