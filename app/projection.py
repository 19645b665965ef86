"""`fields`: the parts of a record that a client wants, by dotted names that go into parts and through lists."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic_core import from_json, to_json

from app import vocabulary
from app.problems import InvalidRequest, invalid
from app.schemas import RECORDS


class Projection:
    """A selection of the fields of a record, dotted names going into parts and through lists."""

    def __init__(self, names: list[str]) -> None:
        self.tree: dict[str, Any] = {}
        for name in names:
            branch = self.tree
            for part in name.split("."):
                branch = branch.setdefault(part, {})

    def apply(self, body: bytes) -> bytes:
        """The record with only the selected fields, in the order in which it has them."""
        return to_json(_prune(from_json(body), self.tree))


def _prune(value: Any, tree: dict[str, Any]) -> Any:
    if not tree or value is None:
        return value
    if isinstance(value, list):
        return [_prune(item, tree) for item in value]
    return {name: _prune(part, tree[name]) for name, part in value.items() if name in tree}


def projection(kind: str, fields: str | None) -> Projection | None:
    """The selection that `fields` asks for; None for all. Refuses names that the kind of record does not have."""
    if fields is None:
        return None
    known = field_names(kind)
    names = list(dict.fromkeys(fields.split(",")))
    errors = []
    for name in names:
        if name not in known:
            close = vocabulary.closest(name, known)
            errors.append(
                invalid("fields", name, f"the record ({kind}) has no field {name!r}" + (f"; did you mean {close!r}?" if close else ""), close)
            )
    if errors:
        raise InvalidRequest(errors)
    # A whole field wins over parts of it.
    return Projection([name for name in names if not any(name.startswith(f"{other}.") for other in names)])


def _collect(schema: dict[str, Any], definitions: dict[str, Any], prefix: str) -> Iterator[str]:
    for option in [schema, *schema.get("anyOf", []), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        resolved = definitions[option["$ref"].rsplit("/", 1)[1]] if "$ref" in option else option
        for name, part in resolved.get("properties", {}).items():
            yield prefix + name
            yield from _collect(part, definitions, f"{prefix}{name}.")


@cache
def field_names(kind: str) -> list[str]:
    """Every field of a kind of record, parts with dots."""
    schema = RECORDS[kind].model_json_schema(mode="serialization")
    return list(dict.fromkeys(_collect(schema, schema.get("$defs", {}), "")))
