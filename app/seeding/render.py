"""From entries to the records that the API serves."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json

from app.models import END
from app.seeding import quantities
from app.seeding.dataset import Dataset
from app.seeding.entries import CitationForm, DerivedForm, EventForm, FigureForm, OrganisationForm, RecordForm, RegionForm, SourceForm
from app.seeding.knowledge import Knowledge, View
from app.seeding.links import Links
from app.seeding.receipts import Standing
from app.seeding.references import Json, References, number, span, subject
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
    record: Json

    def days(self) -> dict[str, str]:
        """The days as rows have them."""
        return {"seen_from": self.seen_from.isoformat(), "seen_until": self.seen_until.isoformat()}


class Renderer:
    """Renders the records of a data set; looks at nothing but the data set."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.shown = References(data)
        self.known = Knowledge(data)

    def all(self) -> Iterator[tuple[str, list[Rendered]]]:
        """The views of every record with its id."""
        for kind, record in self.data.records():
            yield record.id, self.views(kind, record)

    def views(self, kind: str, form: Any) -> list[Rendered]:
        """The views of a record, unreleased, the whole record last."""
        match kind:
            case "event":
                return self._event_views(form)
            case "figure":
                return [Rendered(view.seen_from, view.seen_until, self.figure(view)) for view in self.known.views(form)]
            case "region":
                return [Rendered(date.min, END, self.region(form))]
            case "organisation":
                return [Rendered(date.min, END, self.organisation(form))]
        return [Rendered(date.min, END, self.source(form))]

    @cached_property
    def links(self) -> Links:
        return self.data.links()

    def _event_views(self, form: EventForm) -> list[Rendered]:
        """An event has a view more for each day on which one of its figures changes, or one becomes known to be part of it."""
        data, links = self.data, self.links
        figures = [figure for name in sorted(links.figures_of(form.id)) for figure in self.views("figure", data.figures[name])]
        children = [view for name in sorted(links.children_of(form.id)) for view in self.known.views(data.events[name]) if view.form.parent]
        days = {figure.seen_from for figure in figures} | {child.seen_from for child in children}
        found = []
        for view in self.known.views(form):
            inner = sorted(day for day in days if view.seen_from < day < view.seen_until)
            for begin, end in pairwise([view.seen_from, *inner, view.seen_until]):
                shown = [figure.record for figure in figures if figure.seen_from <= begin < figure.seen_until and figure.record["event"]]
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

    def counts_of(self, region: str) -> list[int]:
        """How many events and figures a region has with all that lies in it."""
        return self._region_counts.get(region, [0, 0])

    @cached_property
    def _region_counts(self) -> dict[str, list[int]]:
        return self.links.rolled_up(self.within)

    def region(self, form: RegionForm) -> Json:
        events, figures = self.counts_of(form.id)
        citations, derived = self._receipts_of(form)
        return {
            "id": form.id,
            "kind": "region",
            "name": form.name,
            "name_zh": form.name_zh,
            "type": form.type,
            "parent": self._region(form.parent),
            "members": [self.shown.region(member) for member in form.members],
            "iso_3166": form.iso_3166,
            "gb_2260": form.gb_2260,
            "latitude": number(form.latitude),
            "longitude": number(form.longitude),
            "reference": _reference(form),
            "counts": {"events": events, "figures": figures},
            "derived": derived,
            "redacted": [],
            "release": UNRELEASED,
            "citations": citations,
        }

    def organisation(self, form: OrganisationForm) -> Json:
        citations, derived = self._receipts_of(form)
        identifiers = form.identifiers
        return {
            "id": form.id,
            "kind": "organisation",
            "name": form.name,
            "name_zh": form.name_zh,
            "aliases": [{"text": alias.text, "language": alias.language, "type": alias.type} for alias in form.aliases],
            "type": form.type,
            "region": self._region(form.region),
            "parent": self._organisation(form.parent),
            "website": form.website,
            "identifiers": {"wikidata": identifiers.wikidata, "ror": identifiers.ror, "lei": identifiers.lei},
            "description": form.description,
            "match": None,
            "reference": _reference(form),
            "derived": derived,
            "redacted": [],
            "release": UNRELEASED,
            "citations": citations,
        }

    def source(self, form: SourceForm) -> Json:
        events, figures = self.links.by_events.count(form.id), self.links.by_figures.count(form.id)
        citations, derived = self._receipts_of(form)
        document = None
        if form.document and form.part:
            held = self.data.documents[form.document]
            part = {"start": form.part.start, "end": form.part.end}
            document = {"name": held.name, "sha256": held.sha256, "length": held.length, "part": part}
        return {
            "id": form.id,
            "kind": "source",
            "title": form.title,
            "title_zh": form.title_zh,
            "publisher": self._organisation(form.publisher),
            "authors": form.authors,
            "url": form.url,
            "seen_url": form.seen_url,
            "language": form.language,
            "published": span(form.published),
            "type": form.type,
            "grade": form.grade,
            "derived_from": self.shown.source(form.derived_from) if form.derived_from else None,
            "origin": self.shown.source(self.shown.origin(form.id)),
            "document": document,
            "rights": form.rights,
            "counts": {"events": events, "figures": figures},
            "derived": derived,
            "redacted": [],
            "release": UNRELEASED,
            "citations": citations,
        }

    def event(self, view: View[EventForm], figures: list[Json], children: list[str]) -> Json:
        form = view.form
        citations, derived = self._receipts_of(form)
        identifiers = form.identifiers
        return {
            "id": form.id,
            "kind": "event",
            "type": form.type,
            "status": form.status,
            "title": form.title,
            "title_zh": form.title_zh,
            "summary": form.summary,
            "date": span(form.date),
            "region": self._region(form.region),
            "venue": form.venue,
            "parent": self._event(form.parent),
            "children": [self.shown.event(child) for child in children],
            "organisations": [{"organisation": self.shown.organisation(part.organisation), "role": part.role} for part in form.organisations],
            "people": [
                {"name": person.name, "name_zh": person.name_zh, "role": person.role, "organisation": self._organisation(person.organisation)}
                for person in form.people
            ],
            "products": [
                {"name": product.name, "name_zh": product.name_zh, "modality": product.modality, "indication": product.indication}
                for product in form.products
            ],
            "identifiers": {"nct": identifiers.nct, "chictr": identifiers.chictr, "nmpa": identifiers.nmpa},
            "topics": form.topics,
            "figures": figures,
            "unsupported": view.unsupported,
            "origins": self._origins(form.cite),
            "derived": derived,
            "redacted": [],
            "release": UNRELEASED,
            "citations": citations,
        }

    def figure(self, view: View[FigureForm]) -> Json:
        form = view.form
        citations, derived = self._receipts_of(form)
        told = statements(self.shown, form)
        origins = self._origins(citation for citation in form.cite if "value" in citation.supports)
        contested = [field for field in CONTESTABLE if any(field in citation["stated"] for citation in citations)]
        relative = form.relative_to
        return {
            "id": form.id,
            "kind": "figure",
            "metric": form.metric,
            "subject": subject(form.subject) if form.subject else None,
            "region": self._region(form.region),
            "organisation": self._organisation(form.organisation),
            "event": self._event(form.event),
            "period": span(form.period),
            "value": number(form.value.value),
            "low": number(form.value.low),
            "high": number(form.value.high),
            "qualifier": form.value.qualifier,
            "unit": form.value.unit,
            "basis": form.basis,
            "as_stated": form.as_stated,
            "relative_to": None
            if relative is None
            else {
                "region": self._region(relative.region),
                "subject": subject(relative.subject) if relative.subject else None,
                "period": span(relative.period),
                "figure": {"id": relative.figure} if relative.figure else None,
            },
            "scope_note": form.scope_note,
            "agreement": "contested" if contested else "corroborated" if origins >= 2 else "single-origin",
            "contested_on": contested,
            "spread": _spread(form),
            "statements": told,
            "preference": preferences(told),
            "converted": None,
            "not_converted": None,
            "unsupported": view.unsupported,
            "origins": origins,
            "derived": derived,
            "redacted": [],
            "release": UNRELEASED,
            "citations": citations,
        }

    def citation(self, form: CitationForm, record: RecordForm) -> Json:
        cited = self.shown.cited(form.source)
        attributed = form.attributed_to
        receipt = self._receipts.of(record, form)
        return {
            "source": cited,
            "document": self.shown.document(form.source),
            "locator": {"start": receipt.start, "end": receipt.end, "sha256": receipt.sha256} if receipt else None,
            "anchor": form.at,
            "deep_link": deep_link(cited["url"], form.at),
            "supports": _supports(form, record),
            "stated": _stated(form, record),
            "attributed_to": {"name": attributed.name, "organisation": self._organisation(attributed.organisation)} if attributed else None,
            "reading": form.reading,
            "note": form.note,
            "verification": {
                "status": "verified" if receipt else "unchecked",
                "checked_at": f"{receipt.checked_at:%Y-%m-%dT%H:%M:%SZ}" if receipt else None,
            },
            "quote": None,
        }

    def _receipts_of(self, form: RecordForm) -> tuple[list[Json], list[Json]]:
        """The citations and derivations of a record."""
        derived = [
            {
                "field": derived.field,
                "reason": derived.reason,
                "from": [{"source": self.shown.source(ground.source), "anchor": ground.at} for ground in _grounds(form, derived)],
            }
            for derived in form.derived
        ]
        return [self.citation(citation, form) for citation in form.cite], derived

    def _origins(self, citations: Iterable[CitationForm]) -> int:
        return len({self.shown.origin(citation.source) for citation in citations})

    def _region(self, identifier: str | None) -> Json | None:
        return self.shown.region(identifier) if identifier else None

    def _organisation(self, identifier: str | None) -> Json | None:
        return self.shown.organisation(identifier) if identifier else None

    def _event(self, identifier: str | None) -> Json | None:
        return self.shown.event(identifier) if identifier else None


def reached(above: Mapping[str, set[str]], start: str) -> set[str]:
    """A region with all that it lies in, from what each lies in directly."""
    found, waiting = {start}, [start]
    while waiting:
        fresh = above.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return found


def body(record: Json) -> bytes:
    """The record as the API serves it."""
    return to_json(record)


def digest(views: Iterable[tuple[Rendered, bytes]]) -> str:
    """SHA-256 of what a record says, in all its views, given with their unreleased JSON."""
    found = hashlib.sha256()
    for view, unreleased in views:
        found.update(f"{view.seen_from} {view.seen_until} {len(unreleased)} ".encode() + unreleased)
    return found.hexdigest()


def released_body(record: Json, unreleased: bytes, releases: Mapping[str, int]) -> bytes:
    """The JSON of a record with its releases, made of that without them."""
    if record.get("figures"):
        return body(released(record, releases))
    # No text can look like this: quotation marks in it are escaped.
    return unreleased.replace(b'"release":0,"citations":', b'"release":%d,"citations":' % releases[record["id"]], 1)


def released(record: Json, releases: Mapping[str, int]) -> Json:
    """The record with the releases in which it and the figures inside it last changed."""
    known = {**record, "release": releases.get(record["id"], UNRELEASED)}
    if record.get("figures"):
        known["figures"] = [{**figure, "release": releases.get(figure["id"], UNRELEASED)} for figure in record["figures"]]
    return known


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


def _reference(form: RegionForm | OrganisationForm) -> list[Json]:
    return [{"fields": given.fields, "dataset": given.dataset, "version": given.version} for given in form.reference]


def _supports(form: CitationForm, record: RecordForm) -> list[str]:
    """The supported fields as the record names them: an amount is several fields."""
    fields: list[str] = []
    for field in form.supports:
        if field == "value" and isinstance(record, FigureForm):
            fields += [name for name in quantities.FIELDS if getattr(record if name == "as_stated" else record.value, name) is not None]
        else:
            fields.append(field)
    return fields


def _stated(form: CitationForm, record: RecordForm) -> Json:
    stated: Json = {}
    for field, text in form.stated.items():
        if field == "value" and isinstance(record, FigureForm):
            quantity = quantities.parse(text)
            for name in ("value", "low", "high", "qualifier", "unit"):
                if (part := getattr(quantity, name)) is not None and part != getattr(record.value, name):
                    stated[name] = number(part) if isinstance(part, float) else part
        else:
            stated[field] = text
    return stated


def _spread(form: FigureForm) -> Json:
    stated = [quantities.parse(citation.stated["value"]) for citation in form.cite if "value" in citation.stated]
    numbers = [
        named
        for quantity in (form.value, *stated)
        if quantity.unit == form.value.unit
        for named in (quantity.value, quantity.low, quantity.high)
        if named is not None
    ]
    return {"min": number(min(numbers)), "max": number(max(numbers)), "unit": form.value.unit}
