"""The server that speaks the Model Context Protocol: it tells which tools there are and has their calls answered."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.types import ASGIApp

from app import __version__, vocabulary
from app.agents.answers import Answer, Call
from app.agents.tools import define

INSTRUCTIONS = """\
CGT Atlas is a curated database of the cell and gene therapy industry in which every number carries its receipt. Nothing in a query is
ignored: an unknown argument, term or id is an error that says what was meant, so mend the call and try again. What is absent in a record
is null: unknown, not zero and not "no". An empty list means that the database holds nothing, not that nothing happened. Keep qualifier,
unit, basis and date beside every number that you tell, do not mix units or bases, and do not count reports of one origin twice. Cite: each
answer has a line for itself in `cite`, and each record names the sources that support it in `citations`. The data is CC BY 4.0."""

LARGEST_REQUEST = 256 * 1024
"""Bytes."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[ASGIApp]:
    """The server, while it lasts. Every request stands for itself, so that any worker can answer it."""
    sessions = StreamableHTTPSessionManager(_server(app), json_response=True, stateless=True, max_request_body_size=LARGEST_REQUEST)
    async with sessions.run():
        yield sessions.asgi_app


def _server(app: FastAPI) -> Server[dict[str, object]]:
    definitions = define(app.openapi())
    shape = Answer.model_json_schema()
    tools = [
        Tool(
            name=name,
            title=definition.title,
            description=definition.description,
            input_schema=definition.parameters,
            output_schema=shape,
            annotations=ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False),
        )
        for name, definition in definitions.items()
    ]

    async def list_tools(_: object, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(context: ServerRequestContext[dict[str, object], Request], asked: CallToolRequestParams) -> CallToolResult:
        if asked.name not in definitions:
            close = vocabulary.closest(asked.name, definitions)
            hint = f"did you mean {close!r}?" if close else f"there are {', '.join(definitions)}"
            raise MCPError(INVALID_PARAMS, f"there is no tool {asked.name[:100]!r}; {hint}")
        outer = context.request
        assert outer is not None, "the tools are offered over HTTP alone"  # noqa: S101
        try:
            told = await Call(app, definitions[asked.name], outer).answer(asked.arguments or {})
        except Exception:
            # The package would tell the client what the exception says.
            identifier = outer.scope.get("request_id", "unknown")
            logger.exception("the tool %s failed in request %s", asked.name, identifier)
            raise MCPError(INTERNAL_ERROR, f"The server failed; the fault has been logged as request {identifier}.") from None
        return CallToolResult(content=[TextContent(type="text", text=told.text)], structured_content=json.loads(told.text), is_error=told.failed)

    return Server(
        "cgt-atlas",
        version=__version__,
        title="CGT Atlas",
        description="Cell and gene therapy: events, organisations, regions and figures, each with its sources.",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
