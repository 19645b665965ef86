"""`/mcp`: the tools over HTTP (Model Context Protocol, streamable HTTP without sessions or streams)."""

from asyncio import CancelledError, Event, create_task, get_running_loop, shield
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from importlib import import_module
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.routing import StrictRoute
from app.parameters import NoQuery
from app.problems import Forbidden, NotReady, respond

router = APIRouter(tags=["service"], route_class=StrictRoute)

_SAME_MACHINE = {"localhost", "127.0.0.1", "::1"}


class _Tools:
    """The server of the tools, started by the first message: to import it takes a second, which no other answer should wait for."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.wanted, self.server = app, Event(), get_running_loop().create_future()

    async def run(self) -> None:
        """Serve from the first message on until cancelled."""
        await self.wanted.wait()
        try:
            protocol = await run_in_threadpool(import_module, "app.agents.protocol")
            await run_in_threadpool(self.app.openapi)
            async with protocol.serving(self.app) as server:
                self.server.set_result(server)
                await get_running_loop().create_future()
        except Exception as error:
            if self.server.done():
                raise
            self.server.set_exception(error)  # for whoever asks


@asynccontextmanager
async def tools(app: FastAPI) -> AsyncIterator[None]:
    """While it lasts, the application answers at `/mcp`."""
    app.state.tools = _Tools(app)
    running = create_task(app.state.tools.run())
    try:
        yield
    finally:
        app.state.tools = None
        running.cancel()
        with suppress(CancelledError):
            await running


@router.post("/mcp", include_in_schema=False)
async def mcp(request: Request, _: Annotated[NoQuery, Query()]) -> Response:
    """A message of the protocol and its answer."""
    _refuse_foreign_page(request)
    tools: _Tools | None = getattr(request.app.state, "tools", None)
    if tools is None:
        raise NotReady("The server is starting or stopping.", headers={"Retry-After": "2"})
    tools.wanted.set()
    return _Exchange(await shield(tools.server))


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
