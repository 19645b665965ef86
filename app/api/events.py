"""`/events`: what happened, where, when, and who took part."""

from datetime import date
from operator import attrgetter
from typing import Annotated, ClassVar, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator
from pyroaring import BitMap

from app import schemas
from app.api.filters import citing
from app.api.routing import StrictRoute
from app.chosen import answer
from app.envelopes import Listing, One
from app.facets import Facet, by_organisation, by_place, by_role, by_value
from app.models import Event, columns
from app.paging import SortKey, check_ids, one
from app.parameters import Date, Id, ListQuery, Names, Origins, RecordQuery, SupportQuery, date_order, format_of, term
from app.postings import TAKING
from app.reader import Reader, reading

router = APIRouter(tags=["events"], route_class=StrictRoute)

event = columns(Event)

SORTS = {
    "date": SortKey(event.date_first, date, nullable=True, years="event.first.year", shown=lambda event: event.date and event.date.first),
    "title": SortKey(event.title, str),
    "type": SortKey(event.type, str, field="event.type"),
    "status": SortKey(event.status, str, field="event.status"),
    "region": SortKey(event.region_id, str, nullable=True, field="event.region"),
    "origins": SortKey(event.origins, float, field="event.origins"),
    "release": SortKey(event.since, float, field="since"),
    "id": SortKey(event.id, str, shown=attrgetter("id")),
}


class EventQuery(ListQuery, SupportQuery):
    """Parameters of `/events`."""

    slow: ClassVar[frozenset[str]] = frozenset({"q", "sort", "facets", "format", "published_before"})

    type: list[term("event-type")] = Field(default_factory=list, examples=[["conference"]])  # type: ignore[valid-type]
    """Kind of event."""
    status: list[term("event-status")] = Field(default_factory=list, examples=[["held"]])  # type: ignore[valid-type]
    """How far the event has come."""
    region: list[Id] = Field(default_factory=list, examples=[["cn-bj"]])
    """Where it took place: a region's id; what lies in the region counts too."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """`exact` leaves out what lies in the named regions."""
    organisation: list[Id] = Field(default_factory=list, examples=[["chinese-society-gene-cell-therapy"]])
    """An organisation with a role in the event."""
    role: list[term("role")] = Field(default_factory=list, examples=[["host"]])  # type: ignore[valid-type]
    """A role that an organisation has in the event: the named organisation, if one is named."""
    topic: list[term("topic")] = Field(default_factory=list, examples=[["cgt"]])  # type: ignore[valid-type]
    """A topic of the event."""
    source: list[Id] = Field(default_factory=list, examples=[["china-daily-2025-09-14"]])
    """A source that the event's own citations name."""
    publisher: list[Id] = Field(default_factory=list, examples=[["china-daily"]])
    """The publisher of a source that the event's own citations name: an organisation's id."""
    document: list[Id] = Field(default_factory=list, examples=[["001_2adcdc448a8b6e9a.txt"]])
    """A held document that the event's own citations point into: its name or SHA-256."""
    parent: list[Id] = Field(default_factory=list, examples=[["csgct-annual-meeting-2025"]])
    """The event that it is part of."""
    from_: Date | None = Field(default=None, alias="from", examples=["2025-09"])
    """On or after: a day, month, quarter (2025-Q3) or year, counted from its first day."""
    to: Date | None = Field(default=None, examples=["2025-12"])
    """On or before: a day, month, quarter or year, counted to its last day."""
    date_match: Literal["overlaps", "within"] = Field(default="overlaps", examples=["overlaps"])
    """Whether the event's date must only touch the span from `from` to `to`, or lie in it. An open date counts at the bound it has."""
    origins_min: Origins | None = Field(default=None, examples=[2])
    """At least so many independent origins."""
    verification: list[term("verification")] = Field(default_factory=list, examples=[["unchecked"]])  # type: ignore[valid-type]
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


def choose(reader: Reader, query: EventQuery) -> BitMap:
    """The versions of events that fulfil every filter; refuses ids that name nothing."""
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
    postings = reader.postings
    found = list(citing(reader, "event", query))
    fields = ("type", "status", "topic", "parent", "verification")
    found += [postings.any(f"event.{field}", values) for field in fields if (values := getattr(query, field))]
    if query.region:
        found.append(postings.within("event.region", query.region, query.region_match))
    if query.organisation and query.role:
        found.append(postings.any("event.taking", [f"{role}{TAKING}{name}" for role in query.role for name in query.organisation]))
    elif query.organisation or query.role:
        field = "organisation" if query.organisation else "role"
        found.append(postings.any(f"event.{field}", getattr(query, field)))
    starts, ends = ("last", "first") if query.date_match == "overlaps" else ("first", "last")
    days = [postings.from_day(f"event.{starts}", query.from_.first)] if query.from_ else []
    days += [postings.to_day(f"event.{ends}", query.to.last)] if query.to else []
    if query.origins_min:
        found.append(postings.at_least("event.origins", query.origins_min))
    if query.q:
        found.append(postings.having("event", query.q))
    return postings.chosen("event", found, days)


FACETS = {
    "type": Facet(("type",), by_value(choose, "event.type"), "event-type"),
    "status": Facet(("status",), by_value(choose, "event.status"), "event-status"),
    "region": Facet(("region", "region_match"), by_place(choose, "event.region")),
    "year": Facet(("from_", "to", "date_match"), by_value(choose, "event.year"), ascending=True),
    "topic": Facet(("topic",), by_value(choose, "event.topic"), "topic"),
    "organisation": Facet(("organisation",), by_organisation(choose)),
    "role": Facet(("role",), by_role(choose), "role"),
}


@router.get("/events", summary="List events", response_model=Listing[schemas.Event])
def list_events(request: Request, query: Annotated[EventQuery, Query()]) -> Response:
    """Events that fulfil every filter, each with its citations and figures."""
    with reading(request) as reader:
        return answer(reader, "event", query, choose, SORTS, FACETS)


@router.get("/events/{id}", summary="Get an event", response_model=One[schemas.Event])
def get_event(
    request: Request,
    id: Annotated[str, Path(description="The event's id.", examples=["csgct-annual-meeting-2025"])],
    query: Annotated[EventRecordQuery, Query()],
) -> Response:
    """One event with its citations and figures."""
    with reading(request) as reader:
        return one(reader, "event", id, query)
