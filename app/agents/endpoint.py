"""`/mcp`: the tools over HTTP (Model Context Protocol, streamable HTTP without sessions or streams)."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.routing import StrictRoute
from app.parameters import NoQuery
from app.problems import Forbidden, NotReady, respond

router = APIRouter(tags=["service"], route_class=StrictRoute)

_SAME_MACHINE = {"localhost", "127.0.0.1", "::1"}


@router.post("/mcp", include_in_schema=False)
async def mcp(request: Request, _: Annotated[NoQuery, Query()]) -> Response:
    """A message of the protocol and its answer."""
    _refuse_foreign_page(request)
    server: ASGIApp | None = getattr(request.app.state, "mcp", None)
    if server is None:
        raise NotReady("The server is starting or stopping.", headers={"Retry-After": "2"})
    return _Exchange(server)


def _refuse_foreign_page(request: Request) -> None:
    """Forbidden for web pages that nobody admitted, as the protocol has it: a page could lead a browser to a server that only its user reaches.

    A browser names the page's origin with every POST and no page can change that, so the service may go by any host name.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return
    admitted = (request.app.state.settings.mcp_origins or "").replace(" ", "").split(",")
    try:
        local = urlsplit(origin).hostname in _SAME_MACHINE
    except ValueError:
        local = False
    if not local and origin not in admitted:
        raise Forbidden(f"Web pages of {origin[:200]} may not use the tools; the operator can admit them with CGT_MCP_ORIGINS.")


class _Exchange(Response):
    """The answer of the protocol's own server; where it refuses a request in plain text, the text becomes a problem."""

    def __init__(self, server: ASGIApp) -> None:
        super().__init__()
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        refused = 0

        async def pass_on(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = 0 if (b"content-type", b"application/json") in message["headers"] or message["status"] < 400 else message["status"]
            if not refused:
                await send(message)
            elif message["type"] == "http.response.body":
                text = message["body"].decode() or HTTPStatus(refused).phrase
                await respond(Request(scope), refused, "invalid-request", f"{text}.", [], None)(scope, receive, send)

        await self.server(scope, receive, pass_on)
