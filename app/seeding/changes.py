"""What a release changes, field by field."""

from typing import Any

_APART = {"release", "figures"}
"""A record's own release follows from the change; the figures of an event have changes of their own."""


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields that differ between two renderings of a record, as `{name: {from, to}}`, parts of a field by dotted names.

    Lists are told whole; of the figures of an event only which they are and in which release each last changed.
    """
    found = _differing({name: value for name, value in before.items() if name not in _APART}, after, "")
    figures = [[{"id": figure["id"], "release": figure["release"]} for figure in record.get("figures", [])] for record in (before, after)]
    if figures[0] != figures[1]:
        found["figures"] = {"from": figures[0], "to": figures[1]}
    return found


def _differing(before: dict[str, Any], after: dict[str, Any], prefix: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if (prefix == "" and name in _APART) or old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found |= _differing(old, new, f"{prefix}{name}.")
        else:
            found[prefix + name] = {"from": old, "to": new}
    return found
