"""What is to be had at most: an application that sends one page of the API, byte by byte and header by header, and does nothing else.

`python -m benchmarks.ceiling PORT WORKERS`, with the page in the file that CEILING_PAGE names, runs it as `cgt serve` runs the API.
"""

import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

Message = MutableMapping[str, Any]


def create_app() -> Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]:
    """The application, with its page read once."""
    page = json.loads(Path(os.environ["CEILING_PAGE"]).read_text("utf-8"))
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in page["headers"]]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    body = {"type": "http.response.body", "body": page["body"].encode()}

    async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] == "http":
            await send(start)
            await send(body)
        else:
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})

    return app


if __name__ == "__main__":
    uvicorn.run(
        "benchmarks.ceiling:create_app",
        factory=True,
        port=int(sys.argv[1]),
        workers=int(sys.argv[2]),
        access_log=False,
        server_header=False,
        log_level="warning",
    )
