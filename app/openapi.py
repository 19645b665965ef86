"""The OpenAPI document.

It is FastAPI's own, with terms defined once, problems instead of FastAPI's validation error, and parameters in the order in which
a reader looks for them.
"""

import warnings
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.warnings import UnsupportedFieldAttributeWarning

from app import vocabulary
from app.envelopes import RELEASE_HEADER
from app.formats import formats_of
from app.parameters import ListQuery
from app.problems import RESPONSES, ProblemDetails
from app.schemas import RECORDS

_PLACE = "#/components/schemas/"

TAGS = {
    "search": "Records of all kinds by their words.",
    "events": "What happened, where, when, and who took part.",
    "figures": "Numbers with unit, qualifier, basis and receipts.",
    "organisations": "Who takes part, publishes or is spoken of.",
    "regions": "The places that records speak of.",
    "sources": "The published works that records cite.",
    "history": "Releases, what each changed, and records as they were.",
    "service": "The service itself, its vocabulary and its health.",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application."""
    with warnings.catch_warnings():
        # FastAPI keeps this to itself where it makes the parameters of a model; models that are made late (`defer_build`) tell it here.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
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
    problem = ProblemDetails.model_json_schema(mode="serialization", ref_template=_PLACE + "{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDetails"] = problem
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _formats(operation)
            _parameters(operation)
            if path not in {"/healthz", "/readyz"}:
                _release(operation)
            _problems(path, operation["responses"])
    _name_terms(made)
    schemas.update({_component(scheme): _terms(terms) for scheme, terms in _schemes().items()})
    for shape in RECORDS.values():
        _admit_parts(shape.__name__, schemas)
    used = _reached(made["paths"], schemas)
    made["components"]["schemas"] = {name: schema for name, schema in sorted(schemas.items()) if name in used}
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


def _release(operation: dict[str, Any]) -> None:
    """The header that keeps a reader from stepping back to an older release, in the request and in every answer made from a release."""
    schema = {"type": "integer", "minimum": 0, "maximum": 999_999_999, "examples": [1]}
    asked = (
        "The newest release that you have seen, from this header of an answer: no older one will do. "
        "A server that does not have it yet answers 503, with `Retry-After`."
    )
    operation.setdefault("parameters", []).append(
        {"name": RELEASE_HEADER, "in": "header", "required": False, "description": asked, "schema": dict(schema)}
    )
    told = "The newest release where the answer was made, also where `as_of` names an earlier one."
    operation["responses"]["200"]["headers"] = {RELEASE_HEADER: {"description": told, "required": True, "schema": dict(schema)}}


def _formats(operation: dict[str, Any]) -> None:
    """Besides JSON, the formats that the parameter `format` offers."""
    for parameter in operation.get("parameters", []):
        kind = _popped(parameter["schema"], "x-kind")
        if kind is not None:
            formats = formats_of(kind).values()
            parameter["description"] += "\n" + "\n".join(f"- `{format.id}` ({format.media_type}): {format.description}" for format in formats)
            # CSV in two forms is one type with different parameters.
            operation["responses"]["200"]["content"] |= {format.media_type.split(";")[0]: {"schema": {}} for format in formats}


def _popped(schema: dict[str, Any], name: str) -> Any:
    """Take a remark to ourselves out of a schema, at whatever depth it stands."""
    for option in (schema, *schema.get("anyOf", [])):
        if name in option:
            return option.pop(name)
    return None


def _problems(path: str, responses: dict[str, Any]) -> None:
    statuses = {422, 406, 500} | ({404, 410, 308} if "{id}" in path else set()) | ({503} if path != "/healthz" else set())
    responses.pop("422", None)
    responses.update({str(status): RESPONSES[status] for status in sorted(statuses)})


def _admit_parts(record: str, schemas: dict[str, Any]) -> None:
    """Wherever a record is answered, `fields` may leave parts of it out: it and what it is made of, with nothing required."""
    whole, partial = {"$ref": f"{_PLACE}{record}"}, {"$ref": f"{_PLACE}Partial{record}"}
    for envelope in (schemas[f"Listing_{record}_"]["properties"]["data"], schemas[f"One_{record}_"]["properties"]):
        slot = "items" if "items" in envelope else "data"
        described = {"description": envelope[slot]["description"]} if "description" in envelope[slot] else {}
        envelope[slot] = {"anyOf": [whole, partial], **described}
    for name in _reached(whole, schemas):
        if "properties" in schemas[name] and f"Partial{name}" not in schemas:
            copy = {key: value for key, value in schemas[name].items() if key != "required"}
            copy |= {"title": f"Partial{name}", "description": f"The parts of `{name}` that `fields` names."}
            schemas[f"Partial{name}"] = _partial(copy, schemas)


def _partial(node: Any, schemas: dict[str, Any]) -> Any:
    """A copy that refers to partial objects."""
    if isinstance(node, list):
        return [_partial(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    target = str(node.get("$ref", "")).removeprefix(_PLACE)
    if "properties" in schemas.get(target, {}):
        return {**node, "$ref": f"{_PLACE}Partial{target}"}
    return {key: _partial(value, schemas) for key, value in node.items()}


def _reached(node: Any, schemas: dict[str, Any]) -> set[str]:
    """The names of all components that something refers to, at any depth."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
            name = str(part.get("$ref", "")).removeprefix(_PLACE)
            if name in schemas and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


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
            node["$ref"] = f"{_PLACE}{_component(scheme)}"
        for part in node.values():
            _name_terms(part)
    elif isinstance(node, list):
        for part in node:
            _name_terms(part)
