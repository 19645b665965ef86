"""Stamps: a digest of all that the rendering of a record rests on, so that what has the same one as before need not be looked at again.

That is the entry as it stands in the file, what it shows of the records that it refers to, what it shows of those that refer to it, and the
software. What a record shows of another one is the other one's face; of events and figures it is all that they say themselves and of the
works that they cite, since these decide from which day on they are known.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from app.seeding.dataset import Dataset
from app.seeding.links import Links
from app.seeding.references import Json

_KEPT = 50_000
_UNSEEN = {"rights", "authors", "seen_url", "cite", "derived", "publisher", "derived_from", "document"}
"""The keys of a source that nobody else shows, and those that lead to other faces."""


class Stamps:
    """The stamps of the records of a data set."""

    def __init__(self, data: Dataset, links: Links, counts: Callable[[str], list[int]]) -> None:
        """`counts` gives the events and figures of a region with all that lies in it."""
        self.data, self.links, self.counts = data, links, counts
        self._receipts: dict[str, list[Json]] = {}
        for receipt in data.receipts:
            self._receipts.setdefault(receipt.record, []).append(receipt.model_dump(mode="json"))
        self.face = lru_cache(_KEPT)(self._face)
        self.core = lru_cache(_KEPT)(self._core)

    def of(self, kind: str, entry: Mapping[str, Any]) -> str | None:
        """The stamp of an entry as it stands in its file; None where its parts have not the form that they should have."""
        try:
            return self._of(kind, entry).hex()
        except (TypeError, AttributeError, KeyError, IndexError):
            return None

    def _of(self, kind: str, entry: Mapping[str, Any]) -> bytes:
        identifier = entry["id"]
        parts = [software(), _plain(self._receipts.get(identifier)), self.core(kind, identifier)]
        parts += [self.core(other, name) if other in {"event", "figure"} else self.face(other, name) for other, name in _targets(kind, entry)]
        match kind:
            case "event":
                parts += [self.core("event", child) for child in sorted(self.links.children_of.get(identifier, ()))]
                figures = sorted(self.links.figures_of.get(identifier, ()))
                parts += [self._of("figure", self.data.entry_of("figure", figure).data) for figure in figures]
            case "region":
                parts.append(_plain(self.counts(identifier)))
            case "source":
                parts.append(_plain(self.links.of_sources.get(identifier)))
        return _digest(*parts)

    def _core(self, kind: str, identifier: str) -> bytes:
        """All that an entry says itself, and the faces of the works that it cites."""
        entry = self._entry(kind, identifier)
        if entry is None:
            return b""
        return _digest(_plain(entry), *(self.face("source", citation["source"]) for citation in entry.get("cite", ())))

    def _face(self, kind: str, identifier: str) -> bytes:
        """What others show of a region, organisation, source or document."""
        entry = self._entry(kind, identifier)
        if entry is None:
            return b""
        match kind:
            case "region":
                return _digest(_plain([entry["name"], entry.get("name_zh")]))
            case "organisation":
                return _digest(_plain([entry["name"], entry.get("name_zh"), entry.get("aliases")]))
            case "source":
                leading = (("organisation", "publisher"), ("source", "derived_from"), ("document", "document"))
                faces = [self.face(other, entry[name]) for other, name in leading if name in entry]
                return _digest(_plain({name: value for name, value in entry.items() if name not in _UNSEEN}), *faces)
        return _digest(_plain(entry))

    def _entry(self, kind: str, identifier: str) -> Json | None:
        try:
            found: Json = self.data.entry_of(kind, identifier).data
        except KeyError:
            return None
        return found


def _targets(kind: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an entry refers to beside sources that it cites: kind and id."""
    relative = entry.get("relative_to", {})
    lists = [(entry, "parent", kind), (entry, "region", "region"), (entry, "organisation", "organisation"), (entry, "event", "event")]
    lists += [(entry, "publisher", "organisation"), (entry, "derived_from", "source"), (entry, "document", "document")]
    lists += [(relative, "region", "region"), (relative, "figure", "figure")]
    lists += [(part, "organisation", "organisation") for name in ("organisations", "people") for part in entry.get(name, ())]
    for citation in entry.get("cite", ()):
        lists.append((citation.get("attributed_to", {}), "organisation", "organisation"))
        lists.append((citation.get("stated", {}), "region", "region"))
    for holder, name, other in lists:
        if name in holder:
            yield other, holder[name]
    for member in entry.get("members", ()):
        yield "region", member


def _plain(value: Any) -> bytes:
    return to_json(value)


def _digest(*parts: bytes) -> bytes:
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(len(part).to_bytes(4, "big") + part)
    return found.digest()


@cache
def software() -> bytes:
    """A digest of the modules of this software: whatever changes in them may change a rendering."""
    root = Path(__file__).resolve().parent.parent
    return _digest(*(path.read_bytes() for path in sorted(root.rglob("*.py"))))
