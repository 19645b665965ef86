"""What every route of the API does before its own work: refuse what it could only ignore."""

from collections.abc import Callable, Coroutine
from typing import Any, get_origin

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.parameters import JSON, negotiate, offers, refuse_unclear


class StrictRoute(APIRoute):
    """A route that refuses parameters it would not read and formats it does not have."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the checks in front."""
        handle = super().get_route_handler()
        parameters = {
            info.alias or name: info
            for field in self.dependant.query_params
            for name, info in field.field_info.annotation.model_fields.items()  # type: ignore[union-attr]  # always a model here
        }
        single = {name for name, info in parameters.items() if get_origin(info.annotation) is not list}
        # A route that names no response class of its own answers in JSON, or as its parameter `format` offers.
        named = self.response_class.media_type if isinstance(self.response_class, type) else None
        offered = offers(self.path.strip("/").removesuffix("s")) if "format" in parameters else {named or "json": named or JSON}

        async def checked(request: Request) -> Response:
            refuse_unclear(request, single)
            request.state.format = negotiate(request, offered)
            return await handle(request)

        return checked
