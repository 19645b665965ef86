"""From rendered records to rows of the tables, and to the words by which `q` finds them."""

from collections.abc import Callable
from typing import Any

from sqlmodel import SQLModel

from app import models, schemas, vocabulary
from app.citations import Citation, DateSpan, Ref, TitleRef

Rows = list[tuple[type[SQLModel], dict[str, Any]]]

Names = Callable[[str], list[str | None]]
"""All names of an organisation by its id."""


def rows(record: schemas.AnyRecord, documents: dict[str, str]) -> Rows:
    """The rows of a version of a record with all that belongs to it, without what makes it a version; `documents` gives ids by names."""
    match record:
        case schemas.Region():
            found = _region(record)
        case schemas.Organisation():
            found = _organisation(record)
        case schemas.Source():
            found = _source(record, documents)
        case schemas.Event():
            found = _event(record)
        case schemas.Figure():
            found = _figure(record)
    derived = [{"field": item.field, "reason": item.reason, "from": [ground.source.id for ground in item.from_]} for item in record.derived]
    found[0][1].update(id=record.id, derived=derived)
    return found + [(models.Citation, _citation(position, citation)) for position, citation in enumerate(record.citations)]


def _dated(prefix: str, date: DateSpan | None) -> dict[str, Any]:
    return {
        f"{prefix}_edtf": date.edtf if date else None,
        f"{prefix}_earliest": date.earliest if date else None,
        f"{prefix}_latest": date.latest if date else None,
        f"{prefix}_precision": date.precision if date else None,
        f"{prefix}_first": (date.earliest or date.latest) if date else None,
        f"{prefix}_last": (date.latest or date.earliest) if date else None,
    }


def _id(reference: Ref | TitleRef | None) -> str | None:
    return reference.id if reference else None


def _region(record: schemas.Region) -> Rows:
    own = record.model_dump(include={"name", "name_zh", "type", "iso_3166", "gb_2260", "latitude", "longitude", "reference"})
    members: Rows = [(models.RegionMember, {"member_id": member.id}) for member in record.members]
    return [(models.Region, {**own, "parent_id": _id(record.parent)}), *members]


def _organisation(record: schemas.Organisation) -> Rows:
    own = record.model_dump(include={"name", "name_zh", "type", "website", "description", "reference"}) | record.identifiers.model_dump()
    names: Rows = [(models.OrganisationName, {"position": position, **alias.model_dump()}) for position, alias in enumerate(record.aliases)]
    return [(models.Organisation, {**own, "region_id": _id(record.region), "parent_id": _id(record.parent)}), *names]


def _source(record: schemas.Source, documents: dict[str, str]) -> Rows:
    own = record.model_dump(include={"title", "title_zh", "authors", "url", "seen_url", "language", "type", "grade", "rights"})
    own |= _dated("published", record.published)
    own |= {
        "publisher_id": _id(record.publisher),
        "derived_from_id": _id(record.derived_from),
        "origin_id": record.origin.id,
        "document_id": documents[record.document.name] if record.document else None,
        "part_start": record.document.part.start if record.document else None,
        "part_end": record.document.part.end if record.document else None,
    }
    return [(models.Source, own)]


def _event(record: schemas.Event) -> Rows:
    own = record.model_dump(include={"type", "status", "title", "title_zh", "summary", "venue", "origins"}) | record.identifiers.model_dump()
    own |= _dated("date", record.date) | {"region_id": _id(record.region), "parent_id": _id(record.parent)}
    found: Rows = [(models.Event, own)]
    found += [(models.EventOrganisation, {"organisation_id": part.organisation.id, "role": part.role}) for part in record.organisations]
    for position, person in enumerate(record.people):
        named = person.model_dump(include={"name", "name_zh", "role"})
        found.append((models.EventPerson, {"position": position, **named, "organisation_id": _id(person.organisation)}))
    found += [(models.EventProduct, {"position": position, **product.model_dump()}) for position, product in enumerate(record.products)]
    found += [(models.EventTopic, {"topic": topic}) for topic in record.topics]
    return found


def _figure(record: schemas.Figure) -> Rows:
    same = {"metric", "value", "low", "high", "qualifier", "unit", "basis", "as_stated", "scope_note", "agreement", "origins"}
    own = {name: getattr(record, name) for name in same} | _dated("period", record.period)
    relative = record.relative_to
    own |= {
        "subject": _id(record.subject),
        "region_id": _id(record.region),
        "organisation_id": _id(record.organisation),
        "event_id": _id(record.event),
        "relative_region_id": _id(relative.region) if relative else None,
        "relative_subject": _id(relative.subject) if relative else None,
        "relative_period_edtf": relative.period.edtf if relative and relative.period else None,
        "relative_figure_id": relative.figure.id if relative and relative.figure else None,
    }
    return [(models.Figure, own)]


def _citation(position: int, shown: Citation) -> dict[str, Any]:
    attributed = shown.attributed_to
    return {
        "position": position,
        "source_id": shown.source.id,
        "anchor": shown.anchor,
        "supports": shown.supports,
        "stated": shown.model_dump(mode="json")["stated"],
        "attributed_name": attributed.name if attributed else None,
        "attributed_organisation_id": _id(attributed.organisation) if attributed else None,
        "reading": shown.reading,
        "note": shown.note,
        "locator_start": shown.locator.start if shown.locator else None,
        "locator_end": shown.locator.end if shown.locator else None,
        "locator_sha256": shown.locator.sha256 if shown.locator else None,
        "status": shown.verification.status,
        "checked_at": shown.verification.checked_at,
    }


def texts(names: Names, record: schemas.AnyRecord) -> list[str | None]:
    """The texts by whose words `q` finds a record: names, aliases, titles, summaries, in both languages.

    Whoever knows only one of an organisation's names finds what it took part in.
    """
    match record:
        case schemas.Region():
            return [record.name, record.name_zh]
        case schemas.Organisation():
            return [*names(record.id), record.description]
        case schemas.Source():
            return [record.title, record.title_zh, *_called(names, record.publisher), *record.authors, *_written(record.published)]
        case schemas.Event():
            people = [name for person in record.people for name in (person.name, person.name_zh)]
            products = [name for product in record.products for name in (product.name, product.name_zh, product.indication)]
            bodies = [name for part in record.organisations for name in names(part.organisation.id)]
            texts = [record.title, record.title_zh, record.summary, record.venue, *_places(record.region), *_written(record.date)]
            return texts + bodies + people + products
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
                *_written(record.period),
                *_called(names, record.organisation),
                record.scope_note,
                record.as_stated,
            ]
    return []


def _places(region: Ref | None) -> list[str | None]:
    return [region.name, region.name_zh] if region else []


def _written(date: DateSpan | None) -> list[str | None]:
    return [date.edtf] if date else []


def _called(names: Names, organisation: Ref | None) -> list[str | None]:
    return names(organisation.id) if organisation else []


def called(organisation: schemas.Organisation) -> list[str | None]:
    """All names of an organisation, the aliases too."""
    return [organisation.name, organisation.name_zh, *(alias.text for alias in organisation.aliases)]
