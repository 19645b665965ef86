"""Stamps: by which a load sees what stands in the files as it did when it was rendered.

A stamp has two halves: a digest of the entry, of its receipts and of the software, and one of the entry's face, which is what records show of
another one that they refer to. Of events and figures that is all that they say.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from app.seeding.dataset import Dataset
from app.seeding.files import Entry
from app.seeding.lines import digest, written
from app.seeding.numbers import number_of
from app.seeding.references import Json

RENDERING = ("citations", "dates", "edtf", "models", "postings", "reading", "schemas", "search", "seeding", "shapes", "vocabulary")
"""The modules and packages of this software that make records, rows and postings; what reads these may change without any of them being made anew."""

HALF = 16
"""Hexadecimal digits of half a stamp."""

_UNSEEN = {"rights", "authors", "seen_url", "cite", "derived"}
"""The keys of a source that nobody else shows."""
_SHOWN = {"region": ("name", "name_zh"), "organisation": ("name", "name_zh", "aliases")}


class Stamps:
    """The stamps of the entries of a data set."""

    def __init__(self, data: Dataset) -> None:
        self._software = number_of(software())
        self._receipts: dict[str, list[Json]] = {}
        for receipt in data.receipts:
            self._receipts.setdefault(receipt.record, []).append(receipt.model_dump(mode="json"))

    def of(self, kind: str, entry: Entry) -> str:
        """The stamp of an entry as it stands in its file."""
        own = digest(entry) ^ self.beside(entry.name)
        return f"{own:0{HALF}x}{number_of(written(_face(kind, entry.data))):0{HALF}x}"

    def beside(self, identifier: str) -> int:
        """What the first half of a stamp tells beside the digest of the entry."""
        found = self._receipts.get(identifier)
        return number_of(software() + to_json(found)) if found else self._software


def face(stamp: str) -> str:
    """The second half of a stamp."""
    return stamp[HALF:]


def _face(kind: str, entry: Mapping[str, Any]) -> Any:
    if kind in _SHOWN:
        return [entry.get(name) for name in _SHOWN[kind]]
    return {name: value for name, value in entry.items() if name not in _UNSEEN} if kind == "source" else entry


@cache
def software() -> bytes:
    """A digest of what renders: whatever changes in it may change a rendering."""
    root = Path(__file__).resolve().parent.parent
    found = blake2b(digest_size=16)
    for name in RENDERING:
        for path in sorted([*root.glob(f"{name}.py"), *root.glob(f"{name}/**/*.py")]):
            content = path.read_bytes()
            found.update(len(content).to_bytes(4, "big") + content)
    return found.digest()
