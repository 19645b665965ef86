"""Errors as RFC 9457 problem details; every answer that is no success has this body.

Problem
├── InvalidRequest   422  one entry in `errors` for each parameter that is wrong
├── NotFound         404
├── Forbidden        403  a web page of an origin that is not admitted
├── Gone             410  withdrawn; the detail says why
├── Merged           308  Location points to the record that took its place
├── NotAcceptable    406
└── NotReady         503  no schema, no release or no database, or an older one than was asked for
"""

import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app import vocabulary
from app.citations import Shape
from app.envelopes import RELEASE_HEADER
from app.snapshot import Behind, Lost, Outdated

MEDIA_TYPE = "application/problem+json"

GIVEN_UP = {"40001", "40P01", "57014"}
"""What PostgreSQL says of a query that it ended though nothing is wrong with it, such as one that kept a replica from going on."""

ANOTHER_SCHEMA = {"42P01", "42703"}
"""What PostgreSQL says of tables and columns that are not there, as under a process that was started before a migration."""

logger = logging.getLogger(__name__)


class ProblemError(Shape):
    """One thing that is wrong with a request."""

    parameter: str
    """Its name."""
    value: str | None
    """What was given."""
    message: str
    """What is wrong and what to do."""
    did_you_mean: str | None
    """What was most likely meant."""


class ProblemDetails(Shape):
    """RFC 9457 problem details."""

    type: str
    """A term of `/vocabulary#problem`, as a URI reference."""
    title: str
    """What kind of problem."""
    status: int
    """The HTTP status."""
    detail: str
    """What happened, in a sentence."""
    instance: str
    """The path of the request, as a URI reference."""
    errors: list[ProblemError]
    """Each thing that is wrong with the request."""


class Problem(Exception):
    """An error that a client is told about."""

    status: int
    term: str

    def __init__(self, detail: str, errors: list[ProblemError] | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.detail, self.errors, self.headers = detail, errors or [], headers


class InvalidRequest(Problem):
    """The request cannot be understood as it is."""

    status, term = 422, "invalid-request"

    def __init__(self, errors: list[ProblemError]) -> None:
        # A value that is wrong ten times is told once.
        errors = [error for index, error in enumerate(errors) if error not in errors[:index]]
        super().__init__("; ".join(f"{error.parameter}: {error.message}" for error in errors), errors)


class NotFound(Problem):
    """No such path or record."""

    status, term = 404, "not-found"


class Forbidden(Problem):
    """The web page that asks may not."""

    status, term = 403, "forbidden"


class Gone(Problem):
    """The record was withdrawn."""

    status, term = 410, "gone"


class Merged(Problem):
    """The record was merged into another."""

    status, term = 308, "merged"


class NotAcceptable(Problem):
    """No format of the path suits the client."""

    status, term = 406, "not-acceptable"


class NotReady(Problem):
    """There is nothing to answer from."""

    status, term = 503, "not-ready"


def invalid(parameter: str, value: object, message: str, did_you_mean: str | None = None) -> ProblemError:
    """An entry of `errors`; the value is shown at a length that fits a message."""
    shown = None if value is None else str(value)[:200]
    return ProblemError(parameter=parameter, value=shown, message=message, did_you_mean=did_you_mean)


def details(path: str, status: int, term: str, detail: str, errors: list[ProblemError]) -> ProblemDetails:
    """The problem of a request for a path."""
    return ProblemDetails(
        type=f"/vocabulary#problem-{term}",
        title=vocabulary.PROBLEM[term].name,
        status=status,
        detail=detail,
        instance=quote(path, safe="/:@!$&'()*+,;=~"),
        errors=errors,
    )


def respond(request: Request, status: int, term: str, detail: str, errors: list[ProblemError], headers: dict[str, str] | None) -> Response:
    """The answer that carries a problem."""
    body = details(request.url.path, status, term, detail, errors)
    release = getattr(request.state, "release", None)
    told = {} if release is None else {RELEASE_HEADER: str(release)}
    return JSONResponse(body.model_dump(), status, {"Cache-Control": "no-store", **told, **(headers or {})}, MEDIA_TYPE)


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": f"{vocabulary.PROBLEM[term].name}: {vocabulary.PROBLEM[term].definition}",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status, term in [
        *((problem.status, problem.term) for problem in (InvalidRequest, NotFound, Gone, Merged, NotAcceptable, NotReady)),
        (500, "internal-error"),
    ]
}
"""How the OpenAPI document describes each problem, by status."""


def _parameters(request: Request) -> list[str]:
    """The names that the route of a request takes in its query."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    names = []
    for field in dependant.query_params if dependant else []:
        for name, info in field.field_info.annotation.model_fields.items():
            names.append(info.alias or name)
    return names


def _validation_errors(request: Request, error: RequestValidationError) -> list[ProblemError]:
    found = []
    for entry in error.errors():
        parameter = str(entry["loc"][1]) if len(entry["loc"]) > 1 else "query"
        value = entry.get("input")
        if entry["type"] == "extra_forbidden":
            names = _parameters(request)
            message = "unknown parameter; this path takes " + (", ".join(names) or "none")
            found.append(invalid(parameter, value, message, vocabulary.closest(parameter, names)))
        elif entry["type"] == "missing":
            found.append(invalid(parameter, None, "is missing; this path needs it"))
        elif parameter == "query":
            context = entry["ctx"]
            found.append(invalid(context["parameter"], context["value"], entry["msg"]))
        else:
            message = entry["msg"].removeprefix("Value error, ").removeprefix("Input ")
            found.append(invalid(parameter, value, message, entry.get("ctx", {}).get("did_you_mean")))
    return found


def install(app: FastAPI) -> None:
    """Make the application answer every error as a problem."""

    @app.exception_handler(Problem)
    def problem(request: Request, error: Problem) -> Response:
        return respond(request, error.status, error.term, error.detail, error.errors, error.headers)

    @app.exception_handler(RequestValidationError)
    def validation(request: Request, error: RequestValidationError) -> Response:
        return problem(request, InvalidRequest(_validation_errors(request, error)))

    @app.exception_handler(HTTPException)
    def routing(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            if "GET" in headers.get("Allow", ""):
                headers["Allow"] = "GET, HEAD"
            detail = f"{request.method} is not supported here: the API is read-only, and this path takes {headers['Allow'].replace(', ', ' and ')}."
            return respond(request, 405, "method-not-allowed", detail, [], headers)
        if error.status_code == 404:
            return respond(request, 404, "not-found", f"There is nothing at {request.url.path}; see /docs for the paths.", [], headers)
        return respond(request, error.status_code, "invalid-request", str(error.detail), [], headers)

    _install_of_the_database(app)

    @app.exception_handler(Exception)
    def internal(request: Request, _: Exception) -> Response:
        identifier = request.scope.get("request_id", "unknown")
        detail = f"The server failed; the fault has been logged as request {identifier}."
        return respond(request, 500, "internal-error", detail, [], {"X-Request-ID": identifier})


def _install_of_the_database(app: FastAPI) -> None:
    """What goes wrong with the database is no fault of the request's, and may be over in a moment."""

    @app.exception_handler(Behind)
    def behind(request: Request, error: Behind) -> Response:
        return _not_ready(request, str(error), 1)

    @app.exception_handler(Lost)
    def lost(request: Request, _: Lost) -> Response:
        return _not_ready(request, "The connection to the database was lost; ask again in a moment.", 1)

    @app.exception_handler(Outdated)
    def outdated(request: Request, _: Outdated) -> Response:
        logger.error("records are not there that the index names; they are being written anew, or the database is damaged")
        return _not_ready(request, "The records are being written anew; ask again in a moment.", 1)

    @app.exception_handler(OperationalError)
    @app.exception_handler(InterfaceError)
    def database(request: Request, error: OperationalError | InterfaceError) -> Response:
        logger.error("the database failed: %s", error.orig)
        if getattr(error.orig, "sqlstate", None) in GIVEN_UP:
            return _not_ready(request, "The database gave up the query; ask again.", 1)
        return _not_ready(request, "The database cannot be reached.", 5)

    @app.exception_handler(ProgrammingError)
    def unknown(request: Request, error: ProgrammingError) -> Response:
        if getattr(error.orig, "sqlstate", None) not in ANOTHER_SCHEMA:
            raise error
        logger.error("the database has another schema: %s", error.orig)
        detail = "The database has the schema of another version; the operator starts the version that goes with it."
        return _not_ready(request, detail, 60)

    @app.exception_handler(PoolTimeout)
    def busy(request: Request, _: PoolTimeout) -> Response:
        return _not_ready(request, "The server is busy; ask again in a moment.", 2)


def _not_ready(request: Request, detail: str, seconds: int) -> Response:
    return respond(request, NotReady.status, NotReady.term, detail, [], {"Retry-After": str(seconds)})
