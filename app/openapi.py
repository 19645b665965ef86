"""The OpenAPI document.

It is FastAPI's own, with terms defined once, problems instead of FastAPI's validation error, and parameters in the order in which
a reader looks for them.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app import vocabulary
from app.parameters import ListQuery
from app.problems import RESPONSES, ProblemDetails

TAGS = {
    "events": "What happened, where, when, and who took part.",
    "figures": "Numbers with unit, qualifier, basis and receipts.",
    "organisations": "Who takes part, publishes or is spoken of.",
    "regions": "The places that records speak of.",
    "sources": "The published works that records cite.",
    "service": "The service itself, its vocabulary and its health.",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError", "EdtfDate"):  # nothing refers to them
        schemas.pop(name, None)
    problem = ProblemDetails.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDetails"] = problem
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _parameters(operation)
            _problems(path, operation["responses"])
    _name_terms(made)
    schemas.update({_component(scheme): _terms(terms) for scheme, terms in _schemes().items()})
    return made


def _parameters(operation: dict[str, Any]) -> None:
    """Put filters first and what every list has last; and a parameter that may be missing is still never null."""
    common = list(ListQuery.model_fields)
    parameters = operation.get("parameters", [])
    parameters.sort(key=lambda parameter: parameter["name"] in {*common, "sort"})
    for parameter in parameters:
        schema = parameter["schema"]
        options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
        if len(options) == 1:
            del schema["anyOf"]
            schema.update(options[0])


def _problems(path: str, responses: dict[str, Any]) -> None:
    statuses = {422, 406} | ({404, 410, 308} if "{id}" in path else set()) | ({503} if path != "/healthz" else set())
    responses.pop("422", None)
    responses.update({str(status): RESPONSES[status] for status in sorted(statuses)})


def _schemes() -> dict[str, dict[str, vocabulary.Term]]:
    return vocabulary.SCHEMES | {"any-unit": vocabulary.UNITS}


def _component(scheme: str) -> str:
    return scheme.title().replace("-", "") + "Term"


def _terms(terms: dict[str, vocabulary.Term]) -> dict[str, Any]:
    lines = [f"- `{term.id}`: {term.definition}" for term in terms.values()]
    return {"type": "string", "enum": list(terms), "description": "\n".join(lines)}


def _name_terms(node: Any) -> None:
    """Refer to the definition of a scheme wherever its terms stand."""
    if isinstance(node, dict):
        scheme = node.pop("x-scheme", None)
        if scheme is not None:
            node.pop("enum"), node.pop("type")
            node["$ref"] = f"#/components/schemas/{_component(scheme)}"
        for part in node.values():
            _name_terms(part)
    elif isinstance(node, list):
        for part in node:
            _name_terms(part)
