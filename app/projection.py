"""`fields`: the parts of a record that a client wants, by dotted names that go into parts and through lists."""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

import msgspec

from app import vocabulary
from app.problems import InvalidRequest, invalid
from app.schemas import RECORDS

_ABSENT = msgspec.Raw(b"")
"""What a record that has no such field has there."""

_encoder = msgspec.json.Encoder()


class Projection:
    """A selection of the fields of a record, dotted names going into parts and through lists."""

    def __init__(self, names: Iterable[str]) -> None:
        tree: dict[str, Any] = {}
        for name in names:
            branch = tree
            for part in name.split("."):
                branch = branch.setdefault(part, {})
        self._decoder = msgspec.json.Decoder(_selection(tree))

    def apply(self, body: bytes) -> bytes:
        """The record with only the selected fields, in the order in which it has them."""
        return _encoder.encode(self._decoder.decode(body))


def _selection(tree: dict[str, Any]) -> type[msgspec.Struct]:
    """A form of the selected fields only: what else a record holds is passed over, and what is selected as a whole is not taken apart."""
    names = {f"_{place}": name for place, name in enumerate(tree)}
    fields: list[Any] = []
    for alias, name in names.items():
        if tree[name]:
            part = _selection(tree[name])
            fields.append((alias, part | list[part | None] | None | msgspec.UnsetType, msgspec.UNSET))  # type: ignore[valid-type]
        else:
            fields.append((alias, msgspec.Raw, _ABSENT))
    return msgspec.defstruct("Selection", fields, rename=names, omit_defaults=True)


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
    return _of(tuple(name for name in known if name in names and not any(name.startswith(f"{other}.") for other in names)))


@lru_cache(100)
def _of(names: tuple[str, ...]) -> Projection:
    """The selection of some fields: to make one takes longer than to apply it to a page."""
    return Projection(names)


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
