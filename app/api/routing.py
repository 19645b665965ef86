"""What every route of the API does before its own work: refuse what it could only ignore.

A route takes the request, one model of its query and the parts of its path. They are read here in one pass, as the models that the
document of the API shows have them: FastAPI's own way to the same end takes longer than to make most answers.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Coroutine, Iterable
from inspect import iscoroutinefunction
from time import sleep
from typing import Any, cast, get_origin, get_type_hints

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from app import heap
from app.asking import asked
from app.parameters import JSON, negotiate, offers, pairs, refuse_unclear
from app.snapshot import Behind, Lost, Outdated

ATTEMPTS = 3
"""How often an answer is begun when what it was to be made from is written anew meanwhile, or has not arrived at a replica."""

REST = 1.0
"""Seconds after an answer before what answers needed goes back to the system: a facet may fill megabytes, and pages leave as much in pieces."""

PAUSE = 0.1
"""Seconds for which a replica is given time to catch up before an answer is begun again."""

AT_ONCE = 4
"""Answers that a process makes at once: so many quick ones where a server has to be waited for, and so many that take longer. While one waits
others work; more than a few threads only take Python's lock from each other, in no order: with forty the slowest answers took three times as
long, and no more were made. Each of those that take longer may hold ten thousands of sets meanwhile. What is written whole into a file may take
minutes and keeps nobody waiting: it has threads of its own."""


class ByPath(BaseRoute):
    """Finds routes whose paths have no parts by the whole path, and goes to their handlers at once.

    What FastAPI puts around a handler looks at every route twice and keeps what dependencies and bodies need, of which these have none.
    Whatever else there is to say of such a path, such as which methods it takes, is left to FastAPI.
    """

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        routes = [route for router in routers for route in router.routes if isinstance(route, StrictRoute) and not route.param_convertors]
        self._found = {route.path: {"route": route, "handler": route.get_route_handler()} for route in routes if route.answers_by_itself}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The route and its handler, for a GET of such a path."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return Match.NONE, {}
        found = self._found.get(scope["path"].removeprefix(scope.get("root_path", "")))
        return (Match.NONE, {}) if found is None else (Match.FULL, {**found, "path_params": {}})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        response = await scope["handler"](Request(scope, receive, send))
        await response(scope, receive, send)


async def _at_length(state: Any, answer: Callable[[], Response]) -> Response:
    """An answer that takes longer."""
    state.at_length += 1
    try:
        return await get_running_loop().run_in_executor(state.slow, answer)
    finally:
        state.at_length -= 1


def _give_back_later(state: Any) -> None:
    """A moment after an answer what it and others needed goes back to the system, unless one that takes longer is being made."""
    if not state.giving_back:
        state.giving_back = True
        get_running_loop().call_later(REST, _give_back, state)


def _give_back(state: Any) -> None:
    state.giving_back = False
    if not state.at_length:
        heap.give_back()


class StrictRoute(APIRoute):
    """A route that refuses parameters it would not read and formats it does not have."""

    @property
    def answers_by_itself(self) -> bool:
        """Whether it takes nothing but request, query and parts of its path, and makes its answer itself, without waiting for others."""
        makes = get_type_hints(self.endpoint).get("return") is Response and not iscoroutinefunction(self.endpoint)
        return makes and len(self.dependant.query_params) == 1

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the checks in front."""
        handle = super().get_route_handler()
        queries: dict[str, type[BaseModel]] = {field.name: cast(Any, field.field_info.annotation) for field in self.dependant.query_params}
        argument, model = next(iter(queries.items()), ("", None))
        fields = model.model_fields if model else {}
        parameters = {info.alias or name: info for name, info in fields.items()}
        many = {name for name, info in parameters.items() if get_origin(info.annotation) is list}
        single = parameters.keys() - many
        # A route that names no response class of its own answers in JSON, or as its parameter `format` offers.
        named = self.response_class.media_type if isinstance(self.response_class, type) else None
        offered = offers(self.path.strip("/").removesuffix("s")) if "format" in parameters else {named or "json": named or JSON}

        slow: frozenset[str] | None = getattr(model, "slow", None)
        by_itself = self.answers_by_itself

        async def checked(request: Request) -> Response:
            asked_for = pairs(request.scope)
            refuse_unclear(asked_for, single)
            given: dict[str, Any] = {}
            for name, value in asked_for:
                if name in many:
                    given.setdefault(name, []).append(value)
                else:
                    given[name] = value
            request.scope["format"] = negotiate(given.get("format"), asked(request).accept, offered)
            if not by_itself or model is None:
                return await handle(request)
            try:
                query = model.model_validate(given)
            except ValidationError as error:
                raise RequestValidationError([{**entry, "loc": ("query", *entry["loc"])} for entry in error.errors(include_url=False)]) from None

            arguments = {**request.path_params, argument: query}
            if self.dependant.request_param_name:
                arguments[self.dependant.request_param_name] = request

            def answer() -> Response:
                for _ in range(ATTEMPTS - 1):
                    try:
                        return cast(Response, self.endpoint(**arguments))
                    except Outdated:
                        request.app.state.standing.forget()
                    except Lost:
                        continue
                    except Behind as behind:
                        if on_file:
                            raise
                        # The next connection may lead to another host, or to the same when it has caught up.
                        sleep(PAUSE)
                        request.app.state.standing.at_least(behind.wanted)
                    request.scope["standing"] = None
                return cast(Response, self.endpoint(**arguments))

            on_file = request.app.state.engine.dialect.name == "sqlite"
            try:
                if request.scope["format"] != "json":
                    return await to_thread.run_sync(answer)
                if slow is None or not slow.isdisjoint(given):
                    return await _at_length(request.app.state, answer)
                # A file is read at once; a server has to be waited for, which must keep nobody else waiting.
                return answer() if on_file else await get_running_loop().run_in_executor(request.app.state.quick, answer)
            finally:
                _give_back_later(request.app.state)

        return checked
