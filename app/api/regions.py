"""`/regions`: the places that records speak of."""

from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from pyroaring import BitMap
from sqlalchemy import select

from app import schemas
from app.api.routing import StrictRoute
from app.chosen import answer
from app.envelopes import Listing, One
from app.models import Region, RegionWithin, columns
from app.paging import SortKey, check_ids, one
from app.parameters import Id, ListQuery, Names, RecordQuery, format_of, term
from app.reader import Reader, reading

router = APIRouter(tags=["regions"], route_class=StrictRoute)

region, lies_within = columns(Region), columns(RegionWithin)

SORTS = {
    "name": SortKey(region.name, str, shown=attrgetter("name")),
    "type": SortKey(region.type, str, field="region.type"),
    "parent": SortKey(region.parent_id, str, nullable=True, field="region.parent"),
    "release": SortKey(region.since, float, field="since"),
    "id": SortKey(region.id, str, shown=attrgetter("id")),
}


class RegionQuery(ListQuery):
    """Parameters of `/regions`."""

    type: list[term("region-type")] = Field(default_factory=list, examples=[["district"]])  # type: ignore[valid-type]
    """Kind of region."""
    parent: list[Id] = Field(default_factory=list, examples=[["cn-bj"]])
    """The region that it is directly part of."""
    within: list[Id] = Field(default_factory=list, examples=[["cn"]])
    """A region that it lies in at any depth, by parents or as a member; the named region itself is not listed."""
    format: format_of("region") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="name", examples=["name"])
    """Comma list of name, type, parent, release (in which it last changed), id; a leading `-` descends. What is not known comes last."""


@router.get("/regions", summary="List regions", response_model=Listing[schemas.Region])
def list_regions(request: Request, query: Annotated[RegionQuery, Query()]) -> Response:
    """Regions that fulfil every filter, with the counts of their records rolled up."""
    with reading(request) as reader:
        return answer(reader, "region", query, choose, SORTS, {})


def choose(reader: Reader, query: RegionQuery) -> BitMap:
    """The versions of regions that fulfil every filter; refuses ids that name nothing."""
    check_ids(reader, {"parent": ("region", query.parent), "within": ("region", query.within)})
    postings = reader.postings
    found = [postings.any(f"region.{field}", values) for field in ("type", "parent") if (values := getattr(query, field))]
    if query.within:
        inside = [lies_within.ancestor_id.in_(query.within), lies_within.region_id != lies_within.ancestor_id, reader.moment.of(lies_within)]
        of_them = select(region.version).where(region.id.in_(select(lies_within.region_id).where(*inside)), reader.moment.of(region))
        found.append(BitMap(reader.connection.scalars(of_them)))
    if query.q:
        found.append(postings.having("region", query.q))
    return postings.chosen("region", found)


@router.get("/regions/{id}", summary="Get a region", response_model=One[schemas.Region])
def get_region(
    request: Request,
    id: Annotated[str, Path(description="The region's id.", examples=["cn-bj"])],
    query: Annotated[RecordQuery, Query()],
) -> Response:
    """One region with its place in the whole."""
    with reading(request) as reader:
        return one(reader, "region", id, query)
