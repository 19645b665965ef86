"""The tools: each names its route, from which its title, description and parameters are taken."""

from dataclasses import dataclass
from typing import Any

from app.schemas import RECORDS

SMALLEST_BUDGET = 2_000
DEFAULT_BUDGET = 20_000
LARGEST_BUDGET = 200_000
"""Characters of the JSON of an answer."""

_CODE_LISTS = {"AnyUnitTerm", "CurrencyTerm"}
"""Schemes whose terms need no definition: ISO 4217, and units that say what they are."""

_ABSENT = "That is no evidence that there is none in the world: the database was made from {document} documents and {source} cited works, no more."


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and the route behind it."""

    name: str
    path: str
    """The route's path; `{kind}` stands for each kind of record."""
    hint: str
    """What an agent should know beyond the description of the route."""
    none: str = f"Every id and term of the query is known, and no record fulfils it. {_ABSENT}"
    """What an empty list means; `{document}` and the like stand for how many there are."""


# A tool that a route is added for is added here, in one line.
TOOLS = (
    Tool("get", "/{kind}s/{id}", "Take ids from lists. `as_of` shows the record as an earlier release had it."),
    Tool(
        "list_events",
        "/events",
        "Conferences, foundings, launches, policies, investments, approvals. Whole records are long: name the `fields` that you need.",
    ),
    Tool(
        "list_figures",
        "/figures",
        "Market sizes, output, counts, shares, ranks, rates, amounts. Keep unit, qualifier and basis beside a value that you tell, and say so "
        "where `agreement` is contested. Whole records are long: name the `fields` that you need.",
    ),
    Tool(
        "series",
        "/figures/series",
        "For questions about growth and change over time: nothing is computed across units, subjects or regions.",
        f"Every id and term of the query is known, and no figures make a series of it. {_ABSENT}",
    ),
    Tool("search", "/search", "Start here when you know words and no ids; `get` takes what it finds."),
    Tool(
        "coverage",
        "/coverage",
        "Whether nothing is known of a region, type and year, or nobody has looked: ask before you say that there is none.",
    ),
    Tool("cite", "/cite", "A footnote, BibTeX and CSL-JSON for the path of an answer, such as `/figures?metric=market-size&region=cn`."),
    Tool(
        "changes",
        "/changes",
        "For keeping a copy in step: remember the release of your last answer and ask with it as `since`.",
        "No release changed anything that fulfils the query.",
    ),
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as clients are told of it."""

    tool: Tool
    title: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of the arguments."""
    pinnable: bool
    """Whether the route can be asked for an earlier release."""


def define(document: dict[str, Any]) -> dict[str, Definition]:
    """The tools by name, from the OpenAPI document; LookupError where a route is missing."""
    return {tool.name: _defined(tool, document) for tool in TOOLS}


def _defined(tool: Tool, document: dict[str, Any]) -> Definition:
    kinds = list(RECORDS) if "{kind}" in tool.path else []
    paths = [tool.path.replace("{kind}", kind) for kind in kinds] or [tool.path]
    for path in paths:
        if path not in document["paths"]:
            raise LookupError(f"the tool {tool.name} needs the route {path}")
    operations = [document["paths"][path]["get"] for path in paths]
    properties: dict[str, Any] = {}
    required = []
    if kinds:
        properties["kind"] = {"type": "string", "enum": kinds, "description": "Kind of record."}
        properties["id"] = {"type": "string", "description": "The record's id.", "examples": ["cn-bj"]}
        required = ["kind", "id"]
    for operation, kind in zip(operations, kinds or [""], strict=True):
        for parameter in operation.get("parameters", []):
            name = parameter["name"]
            # A tool answers in JSON alone.
            if parameter["in"] == "query" and name != "format" and name not in properties:
                properties[name] = _plain(parameter["schema"], document["components"]["schemas"])
                if any(name not in _names(other) for other in operations):
                    properties[name]["description"] += f" Only of the kind {kind}."
                if parameter.get("required"):
                    required.append(name)
    properties["budget"] = {
        "type": "integer",
        "minimum": SMALLEST_BUDGET,
        "maximum": LARGEST_BUDGET,
        "default": DEFAULT_BUDGET,
        "description": "The most characters that the JSON of the answer may have. A page that is longer comes with fewer records and says so.",
    }
    title = "Get a record" if kinds else operations[0]["summary"]
    told = "One record with all that is known of it and its citations." if kinds else operations[0]["description"]
    return Definition(
        tool,
        title,
        f"{told} {tool.hint}",
        {"type": "object", "properties": properties, "required": required, "additionalProperties": False},
        "as_of" in properties,
    )


def _names(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def _plain(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without references: the terms stand in it, their definitions in its description."""
    found = {key: value for key, value in schema.items() if key not in {"title", "$ref", "items"} and value != []}
    items = schema.get("items", {})
    named = str(schema.get("$ref") or items.get("$ref") or "").rpartition("/")[2]
    if named:
        scheme = components[named]
        terms = {"type": "string", "enum": scheme["enum"]}
        if named not in _CODE_LISTS:
            found["description"] += "\n" + scheme["description"]
        return found | ({"items": terms} if items else terms)
    return found | ({"items": items} if items else {})
