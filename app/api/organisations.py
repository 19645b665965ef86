"""`/organisations`: who takes part, publishes or is spoken of."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, select

from app import schemas, search
from app.api.routing import StrictRoute
from app.envelopes import Listing, One
from app.facets import Facet, by_column, by_region
from app.models import Event, EventOrganisation, Moment, Organisation, RegionWithin, columns
from app.paging import SortKey, answer, check_ids, one
from app.parameters import Id, ListQuery, Names, RecordQuery, format_of, term
from app.reader import Reader, reading

router = APIRouter(tags=["organisations"], route_class=StrictRoute)

organisation, within = columns(Organisation), columns(RegionWithin)
involved, event = columns(EventOrganisation), columns(Event)

SORTS = {"name": SortKey(organisation.name, str), "id": SortKey(organisation.id, str)}


def _taking_part(query: Any, moment: Moment) -> Any:
    """Organisations with their roles in the events of a moment; in the events that the query names, if it does."""
    named = [event.id.in_(query.event)] if query.event else []
    joined = involved.version.table.join(event.id.table, event.version == involved.version)
    return select(involved.organisation_id, involved.role).select_from(joined).where(moment.of(event), *named)


def _by_role(query: Any, where: list[ColumnElement[bool]], moment: Moment) -> Select[Any]:
    taking = _taking_part(query, moment).subquery()
    joined = organisation.id.table.outerjoin(taking, taking.c.organisation_id == organisation.id)
    counted = func.count(organisation.id.distinct()).label("records")
    return select(taking.c.role.label("value"), taking.c.role.label("label"), counted).select_from(joined).where(*where).group_by(taking.c.role)


FACETS = {
    "type": Facet(("type",), by_column(organisation.type, organisation.id), "organisation-type"),
    "region": Facet(("region", "region_match"), by_region(organisation.region_id, organisation.id)),
    "role": Facet(("role",), _by_role, "role"),
}


class OrganisationQuery(ListQuery):
    """Parameters of `/organisations`."""

    type: list[term("organisation-type")] = Field(default=[], examples=[["company"]])  # type: ignore[valid-type]
    """Kind of organisation."""
    region: list[Id] = Field(default=[], examples=[["cn-bj"]])
    """Where it is: a region's id; what lies in the region counts too."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """`exact` leaves out what lies in the named regions."""
    role: list[term("role")] = Field(default=[], examples=[["host"]])  # type: ignore[valid-type]
    """A role that it has in an event: in the named event, if one is named."""
    event: list[Id] = Field(default=[], examples=[["csgct-annual-meeting-2025"]])
    """An event that it has a role in."""
    facets: Names | None = Field(default=None, examples=["type,region"])
    """Comma list of type, region, role:
    how many records have each value under the other filters, a region with all that lies in it."""
    format: format_of("organisation") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="name", examples=["name"])
    """Comma list of name, id; a leading `-` descends."""


@router.get("/organisations", summary="List organisations", response_model=Listing[schemas.Organisation])
def list_organisations(request: Request, query: Annotated[OrganisationQuery, Query()]) -> Response:
    """Organisations that fulfil every filter, with their names in both languages."""
    with reading(request) as reader:
        return answer(reader, "organisation", query, _where, SORTS, FACETS)


def _where(reader: Reader, query: OrganisationQuery) -> list[ColumnElement[bool]]:
    check_ids(reader, {"region": ("region", query.region), "event": ("event", query.event)})
    where: list[ColumnElement[bool]] = []
    if query.type:
        where.append(organisation.type.in_(query.type))
    if query.region and query.region_match == "exact":
        where.append(organisation.region_id.in_(query.region))
    elif query.region:
        where.append(organisation.region_id.in_(select(within.region_id).where(within.ancestor_id.in_(query.region), reader.moment.of(within))))
    if query.role or query.event:
        taking = _taking_part(query, reader.moment).subquery()
        of_role = [taking.c.role.in_(query.role)] if query.role else []
        where.append(organisation.id.in_(select(taking.c.organisation_id).where(*of_role)))
    if query.q:
        where.append(search.matches(reader.connection, organisation.version, query.q))
    return where


@router.get("/organisations/{id}", summary="Get an organisation", response_model=One[schemas.Organisation])
def get_organisation(
    request: Request,
    id: Annotated[str, Path(description="The organisation's id.", examples=["chinese-society-gene-cell-therapy"])],
    query: Annotated[RecordQuery, Query()],
) -> Response:
    """One organisation with its names and citations."""
    with reading(request) as reader:
        return one(reader, "organisation", id, query)
