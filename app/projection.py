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

    def __init__(self, names: Iterable[str], behind: str | None = None) -> None:
        """`behind` is a field that stands behind all of these in most records, and in none within what stands before."""
        tree: dict[str, Any] = {}
        for name in names:
            branch = tree
            for part in name.split("."):
                branch = branch.setdefault(part, {})
        self._any = msgspec.json.Decoder(list[_selection(tree)])  # type: ignore[misc]  # made as it runs
        self._usual = msgspec.json.Decoder(list[_selection(tree, required=True)])  # type: ignore[misc]  # likewise
        self._behind = f',"{behind}":'.encode() if behind else None

    def apply(self, body: bytes) -> bytes:
        """The record with only the selected fields, in the order in which it has them."""
        return self.joined([body])

    def joined(self, bodies: list[bytes]) -> bytes:
        """The same of some records, with commas between them: together they take half the time."""
        if behind := self._behind:
            # Most of a record are its citations, which need not be looked at where nothing of them is wanted. Without the field it is cut before
            # its last brace.
            beginnings = b"},".join([body[: body.find(behind)] for body in bodies])
            try:
                return _encoder.encode(self._usual.decode(b"".join((b"[", beginnings, b"}]"))))[1:-1]
            except msgspec.DecodeError:
                pass  # one is in another order, of earlier software
        return _encoder.encode(self._any.decode(b"".join((b"[", b",".join(bodies), b"]"))))[1:-1]


def _selection(tree: dict[str, Any], *, required: bool = False) -> type[msgspec.Struct]:
    """A form of the selected fields only: what else a record holds is passed over, and what is selected as a whole is not taken apart."""
    names = {f"_{place}": name for place, name in enumerate(tree)}
    fields: list[Any] = []
    for alias, name in names.items():
        form: Any = msgspec.Raw
        absent: Any = _ABSENT
        if tree[name]:
            part = _selection(tree[name])
            form, absent = part | list[part | None] | None | msgspec.UnsetType, msgspec.UNSET  # type: ignore[valid-type]
        fields.append((alias, form) if required else (alias, form, absent))
    return msgspec.defstruct("Selection", fields, rename=names, omit_defaults=True)


@lru_cache(100)
def projection(kind: str, fields: str | None) -> Projection | None:
    """The selection that `fields` asks for; None for all. Refuses names that the kind of record does not have.

    It is kept: to make one takes longer than to apply it to a page, and to look at the names as long as to read some records.
    """
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
    wanted = [name for name in known if name in names and not any(name.startswith(f"{other}.") for other in names)]
    return Projection(wanted, _behind(known, wanted))


def _behind(known: list[str], wanted: list[str]) -> str | None:
    """The first field of a kind behind the wanted ones of whose name nothing is within the fields before it; None where there is none."""
    first = {name.partition(".")[0] for name in wanted}
    parts: set[str] = set()
    for name in known:
        field, _, rest = name.partition(".")
        if rest:
            parts.update(rest.split("."))
        elif not first and name not in parts:
            return name
        first.discard(field)
    return None


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
