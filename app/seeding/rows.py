"""From entries to rows of the tables, as far as filters need them."""

from typing import Any

from sqlmodel import SQLModel

from app import models, schemas, vocabulary
from app.citations import Ref
from app.dates import EdtfDate
from app.seeding.dataset import Dataset
from app.seeding.entries import EventForm, FigureForm, RecordForm

Rows = list[tuple[type[SQLModel], dict[str, Any]]]


def rows(data: Dataset, identifier: str, record: schemas.AnyRecord | None, release: int) -> Rows:
    """The rows of one record with all that belongs to it; `record` is how it was rendered (None: a document)."""
    form = data.table(data.kinds[identifier])[identifier]
    match record:
        case schemas.Region():
            own = _region(form)
        case schemas.Organisation():
            own = _organisation(form)
        case schemas.Source():
            own = _source(data, form)
        case schemas.Event():
            own = _event(form, record)
        case schemas.Figure():
            own = _figure(form, record)
        case _:
            return [(models.Document, {**form.model_dump(), "release": release})]
    derived = [{"field": item.field, "reason": item.reason, "from": item.from_} for item in form.derived]
    own[0][1].update(id=identifier, release=release, derived=derived)
    return own + _citations(form, record)


def _dated(prefix: str, date: EdtfDate | None) -> dict[str, Any]:
    return {
        f"{prefix}_edtf": date.edtf if date else None,
        f"{prefix}_earliest": date.earliest if date else None,
        f"{prefix}_latest": date.latest if date else None,
        f"{prefix}_precision": date.precision if date else None,
        f"{prefix}_first": date.first if date else None,
        f"{prefix}_last": date.last if date else None,
    }


def _region(form: Any) -> Rows:
    own = form.model_dump(include={"name", "name_zh", "type", "iso_3166", "gb_2260", "latitude", "longitude"})
    reference = [item.model_dump() for item in form.reference]
    return [
        (models.Region, {**own, "parent_id": form.parent, "reference": reference}),
        *((models.RegionMember, {"region_id": form.id, "member_id": member}) for member in form.members),
    ]


def _organisation(form: Any) -> Rows:
    own = form.model_dump(include={"name", "name_zh", "type", "website", "description"}) | form.identifiers.model_dump()
    reference = [item.model_dump() for item in form.reference]
    return [
        (models.Organisation, {**own, "region_id": form.region, "parent_id": form.parent, "reference": reference}),
        *(
            (models.OrganisationName, {"organisation_id": form.id, "position": position, **alias.model_dump()})
            for position, alias in enumerate(form.aliases)
        ),
    ]


def _source(data: Dataset, form: Any) -> Rows:
    own = form.model_dump(include={"title", "title_zh", "authors", "url", "seen_url", "language", "type", "grade", "rights"})
    own |= _dated("published", form.published)
    own |= {
        "publisher_id": form.publisher,
        "derived_from_id": form.derived_from,
        "origin_id": data.origin(form.id),
        "document_id": form.document,
        "part_start": form.part.start if form.part else None,
        "part_end": form.part.end if form.part else None,
    }
    return [(models.Source, own)]


def _event(form: EventForm, record: schemas.Event) -> Rows:
    own = form.model_dump(include={"type", "status", "title", "title_zh", "summary", "venue"}) | form.identifiers.model_dump()
    own |= _dated("date", form.date) | {"region_id": form.region, "parent_id": form.parent, "origins": record.origins}
    found: Rows = [(models.Event, own)]
    for part in form.organisations:
        found.append((models.EventOrganisation, {"event_id": form.id, "organisation_id": part.organisation, "role": part.role}))
    for position, person in enumerate(form.people):
        named = person.model_dump(include={"name", "name_zh", "role"})
        found.append((models.EventPerson, {"event_id": form.id, "position": position, **named, "organisation_id": person.organisation}))
    for position, product in enumerate(form.products):
        found.append((models.EventProduct, {"event_id": form.id, "position": position, **product.model_dump()}))
    found += [(models.EventTopic, {"event_id": form.id, "topic": topic}) for topic in form.topics]
    return found


def _figure(form: FigureForm, record: schemas.Figure) -> Rows:
    own: dict[str, Any] = form.model_dump(include={"metric", "subject", "basis", "as_stated", "scope_note"})
    own |= {name: getattr(form.value, name) for name in ("value", "low", "high", "qualifier", "unit")}
    own |= _dated("period", form.period)
    own |= {"region_id": form.region, "organisation_id": form.organisation, "event_id": form.event}
    relative = form.relative_to
    own |= {
        "relative_region_id": relative.region if relative else None,
        "relative_subject": relative.subject if relative else None,
        "relative_period_edtf": relative.period.edtf if relative and relative.period else None,
        "relative_figure_id": relative.figure if relative else None,
        "agreement": record.agreement,
        "origins": record.origins,
    }
    return [(models.Figure, own)]


_OWNER = {"event": "event_id", "figure": "figure_id", "organisation": "organisation_id", "region": "region_id", "source": "work_id"}


def _citations(form: RecordForm, record: Any) -> Rows:
    found: Rows = []
    for position, (written, shown) in enumerate(zip(form.cite, record.citations, strict=True)):
        owner = dict.fromkeys(_OWNER.values()) | {_OWNER[record.kind]: form.id}
        attributed = written.attributed_to
        row = {
            **owner,
            "source_id": written.source,
            "position": position,
            "anchor": written.at,
            "supports": shown.supports,
            "stated": shown.model_dump()["stated"],
            "attributed_name": attributed.name if attributed else None,
            "attributed_organisation_id": attributed.organisation if attributed else None,
            "reading": written.reading,
            "note": written.note,
            "locator_start": shown.locator.start if shown.locator else None,
            "locator_end": shown.locator.end if shown.locator else None,
            "locator_sha256": shown.locator.sha256 if shown.locator else None,
            "status": shown.verification.status,
            "checked_at": shown.verification.checked_at,
        }
        found.append((models.Citation, row))
    return found


def texts(data: Dataset, record: schemas.AnyRecord) -> list[str | None]:
    """The texts by whose words `q` finds a record: names, aliases, titles, summaries, in both languages."""
    match record:
        case schemas.Region():
            return [record.name, record.name_zh]
        case schemas.Organisation():
            return [*_names(data, record), record.description]
        case schemas.Source():
            return [record.title, record.title_zh, *_names(data, record.publisher), *record.authors]
        case schemas.Event():
            people = [name for person in record.people for name in (person.name, person.name_zh)]
            products = [name for product in record.products for name in (product.name, product.name_zh, product.indication)]
            bodies = [name for part in record.organisations for name in _names(data, part.organisation)]
            return [record.title, record.title_zh, record.summary, record.venue, *_places(record.region), *bodies, *people, *products]
        case schemas.Figure():
            metric = vocabulary.METRIC[record.metric]
            subject = [record.subject.name, record.subject.name_zh] if record.subject else []
            event = [record.event.title, record.event.title_zh] if record.event else []
            return [
                metric.name,
                metric.name_zh,
                *subject,
                *event,
                *_places(record.region),
                *_names(data, record.organisation),
                record.scope_note,
                record.as_stated,
            ]
    return []


def _places(region: Ref | None) -> list[str | None]:
    return [region.name, region.name_zh] if region else []


def _names(data: Dataset, organisation: Ref | schemas.Organisation | None) -> list[str | None]:
    """All names of an organisation, the aliases too: whoever knows only one of them finds what it took part in."""
    if organisation is None:
        return []
    form = data.organisations[organisation.id]
    return [form.name, form.name_zh, *(alias.text for alias in form.aliases)]
