"""Entries of a file of JSON Lines, read from it when they are asked for: a million of them take 28 bytes each, not some kilobytes."""

import json
import os
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import to_json

from app.seeding import files
from app.seeding.entries import Form
from app.seeding.files import Entry, Mistake
from app.seeding.numbers import arranged, in_order, number_of, of_text

_KEPT = 500
"""Entries of a file that are kept as they were read last."""
_ID = re.compile(rb'\s*\{"id": ?"([a-z0-9-]+)"')
_AT_ONCE = 4096
_OWN = {"_file", "_forms", "_entries", "_ranks", "_ranked", "_digests"}
"""What goes to no other process."""

F = TypeVar("F", bound=Form)


class Unsound(KeyError):
    """An entry has mistakes of form, so that it cannot be asked for."""


def _numbers() -> "array[int]":
    return array("Q")


@dataclass
class Found:
    """Where the entries of a portion of a file stand, and what tells them apart."""

    hashes: "array[int]" = field(default_factory=_numbers)
    """What stands for their ids."""
    places: "array[int]" = field(default_factory=_numbers)
    """In bytes from the beginning of the file."""
    numbers: "array[int]" = field(default_factory=_numbers)
    """Of their lines, from the beginning of the portion."""
    digests: "array[int]" = field(default_factory=_numbers)
    ranks: "array[int]" = field(default_factory=_numbers)
    lines: int = 0
    """How many lines there are."""

    def add(self, entry: Entry, place: int, rank: int) -> None:
        """An entry stands in the line that was read last; its rank is a number below 2**28."""
        self.hashes.append(of_text(entry.data["id"]))
        self.places.append(place)
        self.numbers.append(self.lines)
        self.digests.append(digest(entry))
        self.ranks.append(rank)


class Lines(Mapping[str, Any]):
    """The forms of the entries of a file, by their ids."""

    def __init__(self, path: Path, shown: str, form: type[Form]) -> None:
        self.path, self.shown, self.form = path, shown, form
        self._hashes, self._places, self._digests, self._ranks = array("Q"), array("Q"), array("Q"), array("Q")
        self._ranked = array("I")
        self.lines = 0
        """How many lines were read."""
        self.whole = False
        """Whether every line holds an entry, or nothing."""
        self._rest()

    def _rest(self) -> None:
        self._file = -1
        self._forms: LRUCache[str, Any] = LRUCache(_KEPT)
        self._entries: LRUCache[str, Entry] = LRUCache(_KEPT)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _OWN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._digests, self._ranks, self._ranked = array("Q"), array("Q"), array("I")
        self._rest()

    def take(self, found: Found) -> None:
        """Learn where the entries of the next portion of the file stand."""
        numbers = np.asarray(found.numbers) + self.lines
        self._hashes.extend(found.hashes)
        self._places.frombytes((np.asarray(found.places) << 24 | np.minimum(numbers, 0xFFFFFF)).tobytes())
        self._digests.extend(found.digests)
        self._ranks.frombytes((np.asarray(found.ranks) << 36 | numbers).tobytes())
        self.lines += found.lines

    def sort(self) -> None:
        """Have all entries ready to be asked for."""
        order = in_order(self._hashes)
        self._hashes, self._places, self._digests = (arranged(found, order) for found in (self._hashes, self._places, self._digests))
        self._ranked, self._ranks = in_order(arranged(self._ranks, order)), array("Q")

    def forget(self) -> None:
        """Drop what is asked for only where the entries are compared with what is stored; it is made anew if it is asked for again."""
        self._digests = array("Q")

    def repeated(self) -> Iterator[tuple[Entry, Entry]]:
        """Entries whose id an earlier one has, each behind the first one."""
        for place in range(1, len(self._hashes)):
            if self._hashes[place - 1] == self._hashes[place]:
                first, second = sorted((self._entry(self._places[place - 1]), self._entry(self._places[place])), key=Entry.line)
                if first.data["id"] == second.data["id"]:
                    yield first, second

    def hashes(self) -> "Iterator[tuple[int, Lines]]":
        """What stands for the ids, in order, with the file."""
        return ((found, self) for found in self._hashes)

    def at(self, sought: int) -> Entry:
        """The first entry for whose id a number stands."""
        return self.standing(bisect_left(self._hashes, sought))

    def standing(self, place: int) -> Entry:
        """The entry that has a place in the order of the numbers that stand for the ids."""
        return self._entry(self._places[place])

    def place(self, identifier: str) -> int | None:
        """The place of an id in the order of the numbers that stand for them; None where there is none."""
        sought = of_text(identifier)
        place = bisect_left(self._hashes, sought)
        return place if place < len(self._hashes) and self._hashes[place] == sought else None

    def places(self, identifiers: Sequence[str]) -> "NDArray[np.int64]":
        """The place of each id, as `place`; -1 where there is none."""
        if not len(self):
            return np.full(len(identifiers), -1)
        sought, hashes = np.fromiter(map(of_text, identifiers), np.uint64, len(identifiers)), np.asarray(self._hashes)
        places = np.searchsorted(hashes, sought)
        return np.where(hashes[places % len(hashes)] == sought, places, -1)

    @property
    def digests(self) -> "NDArray[np.uint64]":
        """The digests of the entries by their places."""
        if len(self._digests) < len(self):
            self._digests = array("Q", (digest(self.standing(place)) for place in range(len(self))))
        return np.asarray(self._digests)

    def entry(self, identifier: str) -> Entry:
        """An entry as it stands in the file; KeyError where there is none."""
        kept = self._entries.get(identifier)
        if kept is not None:
            return kept
        sought = of_text(identifier)
        place = bisect_left(self._hashes, sought)
        while place < len(self._hashes) and self._hashes[place] == sought:
            found = self.standing(place)
            if found.data["id"] == identifier:
                self._entries[identifier] = found
                return found
            place += 1
        raise KeyError(identifier)

    def _entry(self, place: int) -> Entry:
        entry, _ = files.line(self._content(place), self.shown, place & 0xFFFFFF)
        if entry is None or not named(entry):
            raise OSError(0, "was changed while it was read", str(self.path))
        return entry

    def _content(self, place: int) -> bytes:
        if self._file < 0:
            self._file = os.open(self.path, os.O_RDONLY)
        content, end = b"", -1
        while end < 0:
            more = os.pread(self._file, _AT_ONCE, (place >> 24) + len(content))
            content += more
            end = content.find(b"\n") if more else len(content)
        return content[:end]

    def __getitem__(self, identifier: str) -> Any:
        """The form of an entry; Unsound where it has mistakes."""
        form = self._forms.get(identifier)
        if form is None:
            form = self._forms[identifier] = self.taken(self.entry(identifier))
        return form

    def taken(self, entry: Entry) -> Any:
        """The form of an entry of this file; Unsound where it has mistakes."""
        try:
            return self.form.model_validate(entry.data)
        except ValidationError:
            raise Unsound(entry.name) from None

    def __contains__(self, identifier: object) -> bool:
        return self.place(str(identifier)) is not None

    def __iter__(self) -> Iterator[str]:
        """The ids in the order of the file."""
        with self.path.open("rb") as file:
            yield from (name for content in file if (name := name_of(content, self.whole)) is not None)

    def ranked(self) -> Iterator[str]:
        """The ids by the ranks of their entries, of equal ones in the order of the file."""
        for place in self._ranked:
            if (name := name_of(self._content(self._places[place]), self.whole)) is not None:
                yield name

    def __len__(self) -> int:
        return len(self._hashes)


def name_of(content: bytes, whole: bool) -> str | None:
    """The id that a line holds, of a file that is whole or not; None where it holds no entry with an id."""
    if whole and (found := _ID.match(content)):
        return found[1].decode()
    entry, _ = files.line(content, "", 1)
    return entry.data["id"] if entry is not None and named(entry) else None


def digest(entry: Entry) -> int:
    """A number of 64 bits that tells an entry from others by all that it says, in a line of JSON Lines also by how that is written."""
    return number_of(written(entry.data) if entry.content is None else entry.content.strip())


def written(entry: Any) -> bytes:
    """An entry as JSON."""
    try:
        return to_json(entry)
    except ValueError:  # half characters, which no form takes
        return json.dumps(entry).encode()


def named(entry: Entry) -> bool:
    """Whether an entry is a mapping with an id that can be looked for: an empty one or half a character can not."""
    identifier = entry.data.get("id") if isinstance(entry.data, dict) else None
    return isinstance(identifier, str) and identifier != "" and identifier.isprintable()


def unfit(form: type[Form], entry: Entry) -> list[Mistake]:
    """The mistakes of an entry that is not `named`."""
    if not isinstance(entry.data, dict):
        return [entry.mistake("is no mapping of keys to values; write '- id: ...' with its keys below")]
    try:
        form.model_validate(entry.data)
    except ValidationError as error:
        return files.form_mistakes(form, entry, error)
    return []
