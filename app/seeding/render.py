"""From entries to the records that the API serves."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from app import citations, schemas
from app.models import END
from app.seeding import quantities, references
from app.seeding.dataset import Dataset
from app.seeding.entries import CitationForm, DerivedForm, EventForm, FigureForm, OrganisationForm, RecordForm, RegionForm, SourceForm
from app.seeding.knowledge import Knowledge, View
from app.seeding.receipts import Standing
from app.seeding.statements import preferences, statements

CONTESTABLE = ("value", "unit", "qualifier", "basis", "subject", "region", "period")
"""Fields on which a differing source makes a figure contested."""

UNRELEASED = 0
"""The release of a record while it is not known in which one it last changed."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A record as works support it that were published before a day from `seen_from` to before `seen_until`."""

    seen_from: date
    seen_until: date
    record: Any


class Renderer:
    """Renders the records of a data set; looks at nothing but the data set."""

    def __init__(self, data: Dataset) -> None:
        self.data = data

    def all(self) -> dict[str, list[Rendered]]:
        """The views of every record by id, unreleased, the whole record last."""
        rendered: dict[str, list[Rendered]] = {}
        for region in self.data.regions.values():
            rendered[region.id] = [Rendered(date.min, END, self.region(region))]
        for organisation in self.data.organisations.values():
            rendered[organisation.id] = [Rendered(date.min, END, self.organisation(organisation))]
        for source in self.data.sources.values():
            rendered[source.id] = [Rendered(date.min, END, self.source(source))]
        rendered.update(self.figures)
        for event in self.data.events.values():
            rendered[event.id] = self._event_views(event)
        return rendered

    @cached_property
    def _known(self) -> Knowledge:
        return Knowledge(self.data)

    @cached_property
    def figures(self) -> dict[str, list[Rendered]]:
        return {
            identifier: [Rendered(view.seen_from, view.seen_until, self.figure(view)) for view in views]
            for identifier, views in self._known.figures.items()
        }

    def _event_views(self, form: EventForm) -> list[Rendered]:
        """An event has a view more for each day on which one of its figures changes, or one becomes known to be part of it."""
        figures = [figure for identifier in self._figures_of_event.get(form.id, []) for figure in self.figures[identifier]]
        children = [view for identifier in self._children_of_event.get(form.id, []) for view in self._known.events[identifier] if view.form.parent]
        days = {figure.seen_from for figure in figures} | {child.seen_from for child in children}
        found = []
        for view in self._known.events[form.id]:
            inner = sorted(day for day in days if view.seen_from < day < view.seen_until)
            for begin, end in pairwise([view.seen_from, *inner, view.seen_until]):
                shown = [figure.record for figure in figures if figure.seen_from <= begin < figure.seen_until and figure.record.event]
                parts = [child.form.id for child in children if child.seen_from <= begin < child.seen_until]
                found.append(Rendered(begin, end, self.event(view, shown, parts)))
        return found

    @cached_property
    def within(self) -> dict[str, set[str]]:
        """Every region with itself and all that it lies in, by parents and memberships."""
        above: dict[str, set[str]] = defaultdict(set)
        for region in self.data.regions.values():
            if region.parent:
                above[region.id].add(region.parent)
            for member in region.members:
                above[member].add(region.id)
        return {region: reached(above, region) for region in self.data.regions}

    @cached_property
    def _receipts(self) -> Standing:
        return Standing(self.data)

    @cached_property
    def _figures_of_event(self) -> dict[str, list[str]]:
        return _group((figure.event, figure.id) for figure in self.data.figures.values())

    @cached_property
    def _children_of_event(self) -> dict[str, list[str]]:
        return _group((event.parent, event.id) for event in self.data.events.values())

    @cached_property
    def _region_counts(self) -> dict[str, list[int]]:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for position, kind in enumerate(("event", "figure")):
            for record in self.data.table(kind).values():
                for ancestor in self.within[record.region] if record.region else ():
                    counts[ancestor][position] += 1
        return counts

    @cached_property
    def _source_counts(self) -> dict[str, list[int]]:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for position, kind in enumerate(("event", "figure")):
            for record in self.data.table(kind).values():
                for source in {citation.source for citation in record.cite}:
                    counts[source][position] += 1
        return counts

    def region(self, form: RegionForm) -> schemas.Region:
        events, figures = self._region_counts[form.id]
        return schemas.Region(
            **self._common(form),
            kind="region",
            name=form.name,
            name_zh=form.name_zh,
            type=form.type,
            parent=self._region(form.parent),
            members=[references.region(self.data, member) for member in form.members],
            iso_3166=form.iso_3166,
            gb_2260=form.gb_2260,
            latitude=form.latitude,
            longitude=form.longitude,
            reference=_reference(form),
            counts=schemas.Counts(events=events, figures=figures),
        )

    def organisation(self, form: OrganisationForm) -> schemas.Organisation:
        return schemas.Organisation(
            **self._common(form),
            kind="organisation",
            name=form.name,
            name_zh=form.name_zh,
            aliases=[schemas.Alias(**alias.model_dump()) for alias in form.aliases],
            type=form.type,
            region=self._region(form.region),
            parent=self._organisation(form.parent),
            website=form.website,
            identifiers=schemas.OrganisationIdentifiers(**form.identifiers.model_dump()),
            description=form.description,
            match=None,
            reference=_reference(form),
        )

    def source(self, form: SourceForm) -> schemas.Source:
        events, figures = self._source_counts[form.id]
        document = None
        if form.document and form.part:
            held = self.data.documents[form.document]
            document = citations.HeldDocument(
                name=held.name, sha256=held.sha256, length=held.length, part=citations.Part(start=form.part.start, end=form.part.end)
            )
        return schemas.Source(
            **self._common(form),
            kind="source",
            title=form.title,
            title_zh=form.title_zh,
            publisher=self._organisation(form.publisher),
            authors=form.authors,
            url=form.url,
            seen_url=form.seen_url,
            language=form.language,
            published=references.span(form.published),
            type=form.type,
            grade=form.grade,
            derived_from=self._work(form.derived_from) if form.derived_from else None,
            origin=self._work(self.data.origin(form.id)),
            document=document,
            rights=form.rights,
            counts=schemas.Counts(events=events, figures=figures),
        )

    def event(self, view: View[EventForm], figures: list[schemas.Figure], children: list[str]) -> schemas.Event:
        form = view.form
        return schemas.Event(
            **self._common(form),
            kind="event",
            type=form.type,
            status=form.status,
            title=form.title,
            title_zh=form.title_zh,
            summary=form.summary,
            date=references.span(form.date),
            region=self._region(form.region),
            venue=form.venue,
            parent=self._event(form.parent),
            children=[references.event(self.data, child) for child in children],
            organisations=[
                schemas.Participation(organisation=references.organisation(self.data, part.organisation), role=part.role)
                for part in form.organisations
            ],
            people=[
                schemas.Person(name=person.name, name_zh=person.name_zh, role=person.role, organisation=self._organisation(person.organisation))
                for person in form.people
            ],
            products=[schemas.Product(**product.model_dump()) for product in form.products],
            identifiers=schemas.EventIdentifiers(**form.identifiers.model_dump()),
            topics=form.topics,
            figures=figures,
            unsupported=view.unsupported,
            origins=self._origins(form.cite),
        )

    def figure(self, view: View[FigureForm]) -> schemas.Figure:
        form = view.form
        differing = [_stated(citation, form) for citation in form.cite]
        told = statements(self.data, form)
        origins = self._origins(citation for citation in form.cite if "value" in citation.supports)
        contested = [field for field in CONTESTABLE if any(field in stated for stated in differing)]
        relative = form.relative_to
        return schemas.Figure(
            **self._common(form),
            kind="figure",
            metric=form.metric,
            subject=references.subject(form.subject) if form.subject else None,
            region=self._region(form.region),
            organisation=self._organisation(form.organisation),
            event=self._event(form.event),
            period=references.span(form.period),
            value=form.value.value,
            low=form.value.low,
            high=form.value.high,
            qualifier=form.value.qualifier,
            unit=form.value.unit,
            basis=form.basis,
            as_stated=form.as_stated,
            relative_to=None
            if relative is None
            else schemas.RelativeTo(
                region=self._region(relative.region),
                subject=references.subject(relative.subject) if relative.subject else None,
                period=references.span(relative.period),
                figure=citations.FigureRef(id=relative.figure) if relative.figure else None,
            ),
            scope_note=form.scope_note,
            agreement="contested" if contested else "corroborated" if origins >= 2 else "single-origin",
            contested_on=contested,
            spread=_spread(form),
            statements=told,
            preference=preferences(told),
            converted=None,
            not_converted=None,
            unsupported=view.unsupported,
            origins=origins,
        )

    def citation(self, form: CitationForm, record: RecordForm) -> citations.Citation:
        source = self.data.sources[form.source]
        document = self.data.documents[source.document] if source.document else None
        attributed = form.attributed_to
        receipt = self._receipts.of(record, form)
        return citations.Citation(
            source=citations.CitedSource(
                id=source.id,
                title=source.title,
                title_zh=source.title_zh,
                publisher=self._organisation(source.publisher),
                url=source.url,
                published=references.span(source.published),
                language=source.language,
                type=source.type,
                grade=source.grade,
            ),
            document=citations.CitedDocument(name=document.name, sha256=document.sha256) if document else None,
            locator=citations.Locator(start=receipt.start, end=receipt.end, sha256=receipt.sha256) if receipt else None,
            anchor=form.at,
            deep_link=deep_link(source.url, form.at),
            supports=_supports(form, record),
            stated=_stated(form, record),
            attributed_to=citations.Attribution(name=attributed.name, organisation=self._organisation(attributed.organisation))
            if attributed
            else None,
            reading=form.reading,
            note=form.note,
            verification=citations.Verification(status="verified" if receipt else "unchecked", checked_at=receipt.checked_at if receipt else None),
            quote=None,
        )

    def _common(self, form: RecordForm) -> dict[str, Any]:
        return {
            "id": form.id,
            "release": UNRELEASED,
            "citations": [self.citation(citation, form) for citation in form.cite],
            "derived": [
                citations.Derived(
                    field=derived.field,
                    reason=derived.reason,
                    from_=[citations.DerivedFrom(source=self._work(ground.source), anchor=ground.at) for ground in _grounds(form, derived)],
                )
                for derived in form.derived
            ],
            "redacted": [],
        }

    def _origins(self, citations: Iterable[CitationForm]) -> int:
        return len({self.data.origin(citation.source) for citation in citations})

    def _region(self, identifier: str | None) -> citations.Ref | None:
        return references.region(self.data, identifier) if identifier else None

    def _organisation(self, identifier: str | None) -> citations.Ref | None:
        return references.organisation(self.data, identifier) if identifier else None

    def _event(self, identifier: str | None) -> citations.TitleRef | None:
        return references.event(self.data, identifier) if identifier else None

    def _work(self, identifier: str) -> citations.TitleRef:
        return references.source(self.data, identifier)


def reached(above: Mapping[str, set[str]], start: str) -> set[str]:
    """A region with all that it lies in, from what each lies in directly."""
    found, waiting = {start}, [start]
    while waiting:
        fresh = above.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def body(record: schemas.AnyRecord) -> bytes:
    """The record as the API serves it."""
    return record.model_dump_json().encode()


def digest(record: schemas.AnyRecord) -> str:
    """SHA-256 of what a record says: equal as long as nothing in it has changed, also when later software knows more fields."""
    return hashlib.sha256(json.dumps(_said(json.loads(body(record))), ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _said(part: Any) -> Any:
    """Without what is empty, and without the releases."""
    if isinstance(part, dict):
        said = {name: _said(value) for name, value in part.items() if name != "release"}
        return {name: value for name, value in said.items() if value not in (None, [], {})}
    return [_said(value) for value in part] if isinstance(part, list) else part


def released(record: schemas.AnyRecord, releases: dict[str, int]) -> schemas.AnyRecord:
    """The record with the releases in which it and the figures inside it last changed."""
    update: dict[str, Any] = {"release": releases[record.id]}
    if isinstance(record, schemas.Event):
        update["figures"] = [figure.model_copy(update={"release": releases[figure.id]}) for figure in record.figures]
    return record.model_copy(update=update)


def deep_link(url: str | None, anchor: str) -> str | None:
    """A link to the passage: a WICG text fragment, from its first to its last words where the anchor has both."""
    if url is None:
        return None
    # In a text fragment a comma, an ampersand and a hyphen have a meaning and are written as percent codes.
    ends = [quote(part, safe="").replace("-", "%2D") for part in anchor.split(" … ")]
    return f"{url}#:~:text={','.join(ends)}"


def _grounds(form: RecordForm, derived: DerivedForm) -> list[CitationForm]:
    """The citations that a derivation rests on: of each source it names those that support the field, or else all."""
    grounds: list[CitationForm] = []
    for source in derived.from_:
        cited = [citation for citation in form.cite if citation.source == source]
        grounds += [citation for citation in cited if derived.field in citation.supports] or cited
    return grounds


def _group(pairs: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, member in sorted((key, member) for key, member in pairs if key is not None):
        groups[key].append(member)
    return groups


def _reference(form: RegionForm | OrganisationForm) -> list[citations.Reference]:
    return [citations.Reference(**reference.model_dump()) for reference in form.reference]


def _supports(form: CitationForm, record: RecordForm) -> list[str]:
    """The supported fields as the record names them: an amount is several fields."""
    fields: list[str] = []
    for field in form.supports:
        if field == "value" and isinstance(record, FigureForm):
            fields += [name for name in quantities.FIELDS if getattr(record if name == "as_stated" else record.value, name) is not None]
        else:
            fields.append(field)
    return fields


def _stated(form: CitationForm, record: RecordForm) -> dict[str, str | float]:
    stated: dict[str, str | float] = {}
    for field, text in form.stated.items():
        if field == "value" and isinstance(record, FigureForm):
            quantity = quantities.parse(text)
            for name in ("value", "low", "high", "qualifier", "unit"):
                if (number := getattr(quantity, name)) is not None and number != getattr(record.value, name):
                    stated[name] = number
        else:
            stated[field] = text
    return stated


def _spread(form: FigureForm) -> schemas.Spread:
    stated = [quantities.parse(citation.stated["value"]) for citation in form.cite if "value" in citation.stated]
    numbers = [
        number
        for quantity in (form.value, *stated)
        if quantity.unit == form.value.unit
        for number in (quantity.value, quantity.low, quantity.high)
        if number is not None
    ]
    return schemas.Spread(min=min(numbers), max=max(numbers), unit=form.value.unit)
