"""Sources as works to be cited: what BibTeX, RIS and CSL have in common."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.formats.calendar import in_words
from app.formats.context import Record


@dataclass(frozen=True, slots=True)
class Work:
    """A work as a bibliography wants it."""

    id: str
    type: str
    """A term of `/vocabulary#source-type`."""
    title: str
    """As the work bears it: in Chinese for a Chinese work. In square brackets: supplied by the curator."""
    other_title: str | None
    """The title in the other language."""
    authors: list[str]
    publisher: str | None
    url: str | None
    language: str
    published: tuple[int, ...]
    """Year, month and day, as far as they are certain; empty where not even the year is."""
    circa: bool
    date_note: str | None
    """What else is known of the date: `published not before 2025-09-14`."""


def works(kind: str, records: Iterable[Record]) -> Iterator[Work]:
    """The sources themselves, or the distinct ones that the records and their figures cite, in the order of their first mention."""
    seen: set[str] = set()
    for source in _sources(kind, records):
        if source["id"] not in seen:
            seen.add(source["id"])
            yield work(source)


def _sources(kind: str, records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        if kind == "source":
            yield record
            continue
        for cited in (record, *record.get("figures", ())):
            for citation in cited["citations"]:
                yield citation["source"]


def work(source: Record) -> Work:
    """A work from a source, or from the shorter shape that citations carry, which has no authors."""
    title, other = source["title"], source["title_zh"]
    if other and source["language"].startswith("zh"):
        title, other = other, title
    published, circa, note = certain(source["published"])
    publisher = source["publisher"]["name"] if source["publisher"] else None
    authors = source.get("authors", [])
    return Work(source["id"], source["type"], title, other, authors, publisher, source["url"], source["language"], published, circa, note)


def certain(span: dict[str, Any] | None) -> tuple[tuple[int, ...], bool, str | None]:
    """What of a date is certain (year, month, day as far as all days it admits share them), whether it is approximate, and the rest in words."""
    if span is None:
        return (), False, None
    shared: list[int] = []
    if span["earliest"] and span["latest"]:
        first, last = date.fromisoformat(span["earliest"]), date.fromisoformat(span["latest"])
        for one, other in ((first.year, last.year), (first.month, last.month), (first.day, last.day)):
            if one != other:
                break
            shared.append(one)
    circa = re.search(r"[~?%]", span["edtf"]) is not None
    plain = re.fullmatch(r"\d{4}(-(0\d|1[0-2])(-\d{2})?)?", span["edtf"]) is not None
    return tuple(shared), circa, None if plain else f"published {in_words(span)}"


def one_line(text: str) -> str:
    """A text without line ends and control characters."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text).strip()
