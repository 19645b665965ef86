"""`/events`: what happened, where, when, and who took part."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from app import schemas, search
from app.api.filters import cited, citing, in_regions
from app.api.routing import StrictRoute
from app.envelopes import Listing, One
from app.facets import Facet, again, by_column, by_region, by_year
from app.models import Citation, Event, EventOrganisation, EventTopic, Moment, Organisation, columns
from app.paging import SortKey, answer, check_ids, one
from app.parameters import Date, Id, ListQuery, Names, Origins, RecordQuery, SupportQuery, date_order, format_of, term
from app.reader import Reader, reading

router = APIRouter(tags=["events"], route_class=StrictRoute)

event, citation = columns(Event), columns(Citation)
involved, topics = columns(EventOrganisation), columns(EventTopic)

SORTS = {
    "date": SortKey(event.date_first, date, nullable=True),
    "title": SortKey(event.title, str),
    "type": SortKey(event.type, str),
    "status": SortKey(event.status, str),
    "region": SortKey(event.region_id, str, nullable=True),
    "origins": SortKey(event.origins, float),
    "release": SortKey(event.since, float),
    "id": SortKey(event.id, str),
}


taking, body, about = again(involved), again(columns(Organisation)), again(topics)


def _by_participation(value: ColumnElement[Any], label: ColumnElement[Any]) -> Callable[[Any, list[ColumnElement[bool]], Moment], Select[Any]]:
    """Counts over the roles of organisations; of the roles that the query names, and the organisations that it names, if it does."""

    def counts(query: Any, where: list[ColumnElement[bool]], moment: Moment) -> Select[Any]:
        part = [taking.version == event.version]
        if query.organisation:
            part.append(taking.organisation_id.in_(query.organisation))
        if query.role:
            part.append(taking.role.in_(query.role))
        named = and_(body.id == taking.organisation_id, moment.whole(body))
        joined = event.id.table.outerjoin(taking.version.table, and_(*part)).outerjoin(body.id.table, named)
        counted = func.count(event.id.distinct()).label("records")
        return select(value.label("value"), label.label("label"), counted).select_from(joined).where(*where).group_by(value, label)

    return counts


def _by_topic(_: Any, where: list[ColumnElement[bool]], __: Moment) -> Select[Any]:
    joined = event.id.table.outerjoin(about.version.table, about.version == event.version)
    counted = func.count(event.id.distinct()).label("records")
    return select(about.topic.label("value"), about.topic.label("label"), counted).select_from(joined).where(*where).group_by(about.topic)


FACETS = {
    "type": Facet(("type",), by_column(event.type, event.id), "event-type"),
    "status": Facet(("status",), by_column(event.status, event.id), "event-status"),
    "region": Facet(("region", "region_match"), by_region(event.region_id, event.id)),
    "year": Facet(("from_", "to", "date_match"), by_year(event.date_first, event.date_last, event.id), ascending=True),
    "topic": Facet(("topic",), _by_topic, "topic"),
    "organisation": Facet(("organisation",), _by_participation(taking.organisation_id, body.name)),
    "role": Facet(("role",), _by_participation(taking.role, taking.role), "role"),
}


class EventQuery(ListQuery, SupportQuery):
    """Parameters of `/events`."""

    type: list[term("event-type")] = Field(default=[], examples=[["conference"]])  # type: ignore[valid-type]
    """Kind of event."""
    status: list[term("event-status")] = Field(default=[], examples=[["held"]])  # type: ignore[valid-type]
    """How far the event has come."""
    region: list[Id] = Field(default=[], examples=[["cn-bj"]])
    """Where it took place: a region's id; what lies in the region counts too."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """`exact` leaves out what lies in the named regions."""
    organisation: list[Id] = Field(default=[], examples=[["chinese-society-gene-cell-therapy"]])
    """An organisation with a role in the event."""
    role: list[term("role")] = Field(default=[], examples=[["host"]])  # type: ignore[valid-type]
    """A role that an organisation has in the event: the named organisation, if one is named."""
    topic: list[term("topic")] = Field(default=[], examples=[["cgt"]])  # type: ignore[valid-type]
    """A topic of the event."""
    source: list[Id] = Field(default=[], examples=[["china-daily-2025-09-14"]])
    """A source that the event's own citations name."""
    publisher: list[Id] = Field(default=[], examples=[["china-daily"]])
    """The publisher of a source that the event's own citations name: an organisation's id."""
    document: list[Id] = Field(default=[], examples=[["001_2adcdc448a8b6e9a.txt"]])
    """A held document that the event's own citations point into: its name or SHA-256."""
    parent: list[Id] = Field(default=[], examples=[["csgct-annual-meeting-2025"]])
    """The event that it is part of."""
    from_: Date | None = Field(default=None, alias="from", examples=["2025-09"])
    """On or after: a day, month, quarter (2025-Q3) or year, counted from its first day."""
    to: Date | None = Field(default=None, examples=["2025-12"])
    """On or before: a day, month, quarter or year, counted to its last day."""
    date_match: Literal["overlaps", "within"] = Field(default="overlaps", examples=["overlaps"])
    """Whether the event's date must only touch the span from `from` to `to`, or lie in it. An open date counts at the bound it has."""
    origins_min: Origins | None = Field(default=None, examples=[2])
    """At least so many independent origins."""
    verification: list[term("verification")] = Field(default=[], examples=[["unchecked"]])  # type: ignore[valid-type]
    """`verified`: all of the event's citations are; any other: at least one of them is."""
    facets: Names | None = Field(default=None, examples=["type,region,year"])
    """Comma list of type, status, region, year, topic, organisation, role:
    how many records have each value under the other filters, a region with all that lies in it."""
    format: format_of("event") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="-date", examples=["-date"])
    """Comma list of date, title, type, status, region, origins, release (in which it last changed), id; a leading `-` descends. What is not
    known comes last."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "EventQuery":
        date_order("from", self.from_, "to", self.to)
        return self


class EventRecordQuery(RecordQuery, SupportQuery):
    """Parameters of one event."""


@router.get("/events", summary="List events", response_model=Listing[schemas.Event])
def list_events(request: Request, query: Annotated[EventQuery, Query()]) -> Response:
    """Events that fulfil every filter, each with its citations and figures."""
    with reading(request) as reader:
        return answer(reader, "event", query, _where, SORTS, FACETS)


def _where(reader: Reader, query: EventQuery) -> list[ColumnElement[bool]]:
    check_ids(
        reader,
        {
            "region": ("region", query.region),
            "organisation": ("organisation", query.organisation),
            "source": ("source", query.source),
            "publisher": ("organisation", query.publisher),
            "parent": ("event", query.parent),
        },
    )
    where: list[ColumnElement[bool]] = []
    if query.type:
        where.append(event.type.in_(query.type))
    if query.status:
        where.append(event.status.in_(query.status))
    if query.region:
        where.append(in_regions(reader, event.region_id, query.region, query.region_match))
    if query.organisation or query.role:
        part = [involved.version == event.version]
        if query.organisation:
            part.append(involved.organisation_id.in_(query.organisation))
        if query.role:
            part.append(involved.role.in_(query.role))
        where.append(exists().where(*part))
    if query.topic:
        where.append(exists().where(topics.version == event.version, topics.topic.in_(query.topic)))
    where += citing(reader, event.version, query)
    if query.parent:
        where.append(event.parent_id.in_(query.parent))
    starts, ends = (event.date_last, event.date_first) if query.date_match == "overlaps" else (event.date_first, event.date_last)
    if query.from_:
        where.append(starts >= query.from_.first)
    if query.to:
        where.append(ends <= query.to.last)
    if query.origins_min:
        where.append(event.origins >= query.origins_min)
    if query.verification:
        where.append(_verification(query.verification))
    if query.q:
        where.append(search.matches(reader.connection, event.version, query.q))
    return where


def _verification(statuses: list[str]) -> ColumnElement[bool]:
    ways: list[Any] = [cited(event.version, citation.status.in_([status for status in statuses if status != "verified"]))]
    if "verified" in statuses:
        ways.append(and_(cited(event.version), ~cited(event.version, citation.status != "verified")))
    return or_(*ways)


@router.get("/events/{id}", summary="Get an event", response_model=One[schemas.Event])
def get_event(
    request: Request,
    id: Annotated[str, Path(description="The event's id.", examples=["csgct-annual-meeting-2025"])],
    query: Annotated[EventRecordQuery, Query()],
) -> Response:
    """One event with its citations and figures."""
    with reading(request) as reader:
        return one(reader, "event", id, query)
