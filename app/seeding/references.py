"""Entries as other records refer to them."""

from app import vocabulary
from app.citations import DateSpan, Ref, TitleRef
from app.dates import EdtfDate
from app.seeding.dataset import Dataset


def region(data: Dataset, identifier: str) -> Ref:
    """A region."""
    form = data.regions[identifier]
    return Ref(id=form.id, name=form.name, name_zh=form.name_zh)


def organisation(data: Dataset, identifier: str) -> Ref:
    """An organisation."""
    form = data.organisations[identifier]
    return Ref(id=form.id, name=form.name, name_zh=form.name_zh)


def subject(identifier: str) -> Ref:
    """A subject of the vocabulary."""
    term = vocabulary.SUBJECT[identifier]
    return Ref(id=term.id, name=term.name, name_zh=term.name_zh)


def event(data: Dataset, identifier: str) -> TitleRef:
    """An event."""
    form = data.events[identifier]
    return TitleRef(id=form.id, title=form.title, title_zh=form.title_zh)


def source(data: Dataset, identifier: str) -> TitleRef:
    """A source."""
    form = data.sources[identifier]
    return TitleRef(id=form.id, title=form.title, title_zh=form.title_zh)


def span(date: EdtfDate | None) -> DateSpan | None:
    """A date with the days that it admits."""
    return DateSpan(edtf=date.edtf, earliest=date.earliest, latest=date.latest, precision=date.precision) if date else None
