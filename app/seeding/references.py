"""Entries as other records refer to them, as JSON. What is shown often is made once: nobody may change it."""

from datetime import date
from functools import lru_cache
from typing import Any

from app import vocabulary
from app.dates import EdtfDate
from app.seeding.dataset import Dataset

Json = dict[str, Any]
"""A record or a part of one, as the API serves it: the fields in the order of the schemas, dates as text."""

KEPT = 5_000
"""Of each kind of thing that many records show, how many are kept. With ten times as many a load of 100,000 events takes 3 % less time
and each of its processes 50 MB more."""


class References:
    """The entries of a data set as others show them, by their ids."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.region = lru_cache(KEPT)(self._region)
        self.organisation = lru_cache(KEPT)(self._organisation)
        self.source = lru_cache(KEPT)(self._source)
        self.cited = lru_cache(KEPT)(self._cited)
        self.document = lru_cache(KEPT)(self._document)
        self.origin = lru_cache(KEPT)(data.origin)

    def _region(self, identifier: str) -> Json:
        form = self.data.regions[identifier]
        return {"id": form.id, "name": form.name, "name_zh": form.name_zh}

    def _organisation(self, identifier: str) -> Json:
        form = self.data.organisations[identifier]
        return {"id": form.id, "name": form.name, "name_zh": form.name_zh}

    def event(self, identifier: str) -> Json:
        """An event."""
        form = self.data.events[identifier]
        return {"id": form.id, "title": form.title, "title_zh": form.title_zh}

    def _source(self, identifier: str) -> Json:
        form = self.data.sources[identifier]
        return {"id": form.id, "title": form.title, "title_zh": form.title_zh}

    def _cited(self, identifier: str) -> Json:
        """The source of a citation."""
        form = self.data.sources[identifier]
        return {
            "id": form.id,
            "title": form.title,
            "title_zh": form.title_zh,
            "publisher": self.organisation(form.publisher) if form.publisher else None,
            "url": form.url,
            "published": span(form.published),
            "language": form.language,
            "type": form.type,
            "grade": form.grade,
        }

    def _document(self, source: str) -> Json | None:
        """The document that holds a source."""
        document = self.data.sources[source].document
        held = self.data.documents[document] if document else None
        return {"name": held.name, "sha256": held.sha256} if held else None


def subject(identifier: str) -> Json:
    """A subject of the vocabulary."""
    term = vocabulary.SUBJECT[identifier]
    return {"id": term.id, "name": term.name, "name_zh": term.name_zh}


def span(when: EdtfDate | None) -> Json | None:
    """A date with the days that it admits."""
    if when is None:
        return None
    return {"edtf": when.edtf, "earliest": _day(when.earliest), "latest": _day(when.latest), "precision": when.precision}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def number(given: float | None) -> float | None:
    """A number as JSON has it: without a decimal point where it is whole."""
    return int(given) if given is not None and given.is_integer() else given
