"""What of an event or figure was supported by the works that had been published before a day.

An entry has as many views as its citations have days of publication. A view keeps the citations of the works seen by then, and of the
facts what they support:

- a figure whose own value none of them supports takes the value that one of them states, of the best grade, with what else that work
  states of it; a figure of no value, or of none that is known to be reported or forecast, is not there, nor is an event of which they
  support nothing;
- what it refers to must have been known too;
- a derivation needs all the works that it rests on, a list all that support it, since what each of its parts rests on is not recorded;
- any other fact needs one of the works that support it; our own words (summary, scope note) may tell what all works say and need all.

What is left out so is named in `unsupported`. A work counts from the day after the last one on which it may have been published.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Generic, TypeVar

from app import dates, vocabulary
from app.models import END, UNDATED
from app.seeding import quantities
from app.seeding.dataset import Dataset
from app.seeding.entries import FACTS, CitationForm, DerivedForm, EventForm, FigureForm, Stated
from app.seeding.references import KEPT

_EMPTY = {"status": "unknown", "organisations": [], "people": [], "products": [], "identifiers": EventForm.model_fields["identifiers"].default}
"""What stands in place of what is not supported; else None."""

_WORDS = ("summary", "scope_note")
"""Our own words, which may tell what all works say."""

_NAMES = ("title_zh",)
"""Editorial fields that stand only with a work that gives them, where a citation says which."""


COMPARED: tuple[Stated, ...] = ("value", "basis", "subject", "region", "period")
"""What sources can state of a figure; a value with its qualifier and unit."""

_READ: dict[Stated, Callable[[str], Any]] = {"value": quantities.parse, "basis": str, "subject": str, "region": str, "period": dates.parse}

F = TypeVar("F", EventForm, FigureForm)


@dataclass(frozen=True, slots=True)
class View(Generic[F]):
    """An entry as far as the works support it that were published before a day from `seen_from` to before `seen_until`."""

    form: F
    seen_from: date
    seen_until: date
    unsupported: list[str]
    """Fields that the entry fills and no work published by then supports."""


def seen(data: Dataset, source: str) -> date:
    """The first day before which a work was certainly published."""
    published = data.sources[source].published
    return min(published.latest + timedelta(days=1), UNDATED) if published and published.latest else UNDATED


class Knowledge:
    """The views of the events and figures of a data set, which know of each other."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.seen = lru_cache(KEPT)(lambda source: seen(data, source))
        self.since = lru_cache(KEPT)(self._since)

    def _since(self, identifier: str) -> date:
        """The first day before which works were published that support an event or figure at all."""
        form: Any = self.data.events[identifier] if identifier in self.data.events else self.data.figures[identifier]
        days = sorted({self.seen(citation.source) for citation in form.cite})
        return next((day for day in days[:-1] if self._known(form, day, lambda _: date.min)[0] is not None), days[-1])

    def views(self, form: F) -> list[View[F]]:
        """The views of a record, the earliest first; the last one is the whole entry."""
        targets = {target for _, target in _references(form)}
        days = sorted({self.seen(citation.source) for citation in form.cite} | {self.since(target) for target in targets})
        found = []
        for day, following in pairwise(days):
            known, unsupported = self._known(form, day, self.since)
            if known is not None:
                found.append(View(known, day, following, unsupported))
        found.append(View(form, days[-1], END, []))
        return found

    def _known(self, form: F, day: date, since: Callable[[str], date]) -> tuple[F | None, list[str]]:
        """What of an entry the works support that were published before a day, and the fields that they do not.

        What it refers to must be known by then as well, as far as `since` tells.
        """
        cited: list[CitationForm] = [citation for citation in form.cite if self.seen(citation.source) <= day]
        works = {citation.source for citation in cited}
        derived: list[DerivedForm] = [item for item in form.derived if works.issuperset(item.from_)]
        update: dict[str, Any] = {"cite": cited, "derived": derived}
        if isinstance(form, FigureForm):
            update |= _fallback(self.data, form, cited)
            if "value" not in update and _spoken(form) not in cited:
                update["as_stated"] = None
        unknown: set[str] = {field for field, target in _references(form) if since(target) > day}
        lost = dict.fromkeys([*_lost(form, cited, {item.field for item in derived}), *sorted(unknown)])
        unsupported = [field for field in lost if field not in update]
        supported = {field for citation in update["cite"] for field in citation.supports} - set(unsupported)
        if not supported or {"value", "basis"}.intersection(unsupported):
            return None, unsupported
        update |= {field: _EMPTY.get(field) for field in unsupported}
        unsupported += [field for field in ("as_stated",) if field in update and update[field] is None]
        return form.model_copy(update=update), unsupported


def _references(form: EventForm | FigureForm) -> Iterator[tuple[str, str]]:
    """The fields that refer to events or figures, and which."""
    if isinstance(form, FigureForm):
        if form.event:
            yield "event", form.event
        if form.relative_to and form.relative_to.figure:
            yield "relative_to", form.relative_to.figure
    elif form.parent:
        yield "parent", form.parent


def _lost(form: EventForm | FigureForm, cited: list[CitationForm], derived: set[str]) -> Iterator[str]:
    """The filled fields that the citations do not support."""
    for field in (*FACTS["figure" if isinstance(form, FigureForm) else "event"], *_NAMES, *_WORDS):
        value = getattr(form, field, None)
        if value is None or value in ([], "unknown") or value == _EMPTY.get(field):
            continue
        supporting = [citation for citation in form.cite if field in citation.supports]
        left = [citation for citation in supporting if citation in cited]
        if field in _WORDS:
            stands = len(cited) == len(form.cite)
        elif field in {item.field for item in form.derived} - derived:
            # Where the derivation is lost, the field may still stand literally.
            stands = any(citation.reading == "literal" for citation in left)
        elif isinstance(value, list):
            stands = len(left) == len(supporting)
        else:
            stands = bool(left) or not supporting
        if not stands:
            yield field


def _fallback(data: Dataset, form: FigureForm, cited: list[CitationForm]) -> dict[str, Any]:
    """The fields of which the works state something else than the entry and none what it says, with the citations set right.

    What the work says from which the value comes goes before what others say: no number is put together that nobody states.
    """
    grades = list(vocabulary.SOURCE_GRADE)
    update: dict[str, Any] = {}
    leading: str | None = None
    for field in COMPARED:
        stating = [citation for citation in cited if field in citation.stated]
        following = {citation.source for citation in cited if field in citation.supports}
        first = [citation for citation in stating if citation.source == leading]
        if (first and leading not in following) or (stating and not following):
            chosen = min(first or stating, key=lambda citation: grades.index(data.sources[citation.source].grade))
            text = chosen.stated[field]
            update[field] = _READ[field](text)
            update["cite"] = cited = [_beside(citation, field, text, _written(form, field)) for citation in cited]
            if field == "value":
                leading, update["as_stated"] = chosen.source, text
    return update


def _beside(citation: CitationForm, field: Stated, text: str, own: str) -> CitationForm:
    """A citation beside a record that has a field as the text says, instead of its own."""
    if citation.stated.get(field) == text:
        stated = {name: value for name, value in citation.stated.items() if name != field}
        return citation.model_copy(update={"supports": [*citation.supports, field], "stated": stated})
    if field in citation.supports:
        supports = [name for name in citation.supports if name != field]
        return citation.model_copy(update={"supports": supports, "stated": {**citation.stated, field: own}})
    return citation


def _written(form: FigureForm, field: Stated) -> str:
    """A field of an entry as a citation would state it; the value is only ever left where nobody supports it."""
    value = getattr(form, field)
    return value.edtf if isinstance(value, dates.EdtfDate) else str(value)


def _spoken(form: FigureForm) -> CitationForm:
    """The citation whose words `as_stated` has."""
    return next(citation for citation in form.cite if "value" in citation.supports)
