"""`/organisations`: who takes part, publishes or is spoken of."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, Select, func, select

from app import naming, schemas
from app.api.filters import having, in_regions
from app.api.routing import StrictRoute
from app.database import values
from app.envelopes import Listing, One
from app.facets import Facet, by_column, by_region, from_rows
from app.models import Event, EventOrganisation, Moment, Organisation, OrganisationName, columns
from app.paging import SortKey, answer, check_ids, one
from app.parameters import Id, ListQuery, Names, RecordQuery, format_of, term
from app.reader import Reader, reading

router = APIRouter(tags=["organisations"], route_class=StrictRoute)

organisation, alias = columns(Organisation), columns(OrganisationName)
involved, event = columns(EventOrganisation), columns(Event)

SORTS = {
    "name": SortKey(organisation.name, str),
    "type": SortKey(organisation.type, str),
    "region": SortKey(organisation.region_id, str, nullable=True),
    "release": SortKey(organisation.since, float),
    "id": SortKey(organisation.id, str),
}


def _taking_part(query: Any, moment: Moment) -> Any:
    """Organisations with their roles in the events of a moment; in the events that the query names, if it does."""
    named = [event.id.in_(query.event)] if query.event else []
    joined = involved.version.table.join(event.id.table, event.version == involved.version)
    return select(involved.organisation_id, involved.role).select_from(joined).where(moment.of(event), *named)


MOST_PREPARED = 4
"""Releases whose names are kept prepared."""

TEXT_SCORE = 0.3
"""The score of what has the words in no one name: below that of every name."""


class OrganisationQuery(ListQuery):
    """Parameters of `/organisations`."""

    type: list[term("organisation-type")] = Field(default_factory=list, examples=[["company"]])  # type: ignore[valid-type]
    """Kind of organisation."""
    region: list[Id] = Field(default_factory=list, examples=[["cn-bj"]])
    """Where it is: a region's id; what lies in the region counts too."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """`exact` leaves out what lies in the named regions."""
    role: list[term("role")] = Field(default_factory=list, examples=[["host"]])  # type: ignore[valid-type]
    """A role that it has in an event: in the named event, if one is named."""
    event: list[Id] = Field(default_factory=list, examples=[["csgct-annual-meeting-2025"]])
    """An event that it has a role in."""
    facets: Names | None = Field(default=None, examples=["type,region"])
    """Comma list of type, region, role:
    how many records have each value under the other filters, a region with all that lies in it."""
    format: format_of("organisation") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="name", examples=["name"])
    """Comma list of name, type, region, release (in which it last changed), id, and with `q` score; a leading `-` descends. What is not
    known comes last. With `q` the default is -score."""

    @model_validator(mode="after")
    def _best_first(self) -> "OrganisationQuery":
        if self.q is not None and "sort" not in self.model_fields_set:
            self.sort = "-score"
        if self.q is None and "score" in [part.removeprefix("-") for part in self.sort.split(",")]:
            reason = "a score is there only with q"
            raise PydanticCustomError("score", "{reason}", {"reason": reason, "parameter": "sort", "value": self.sort})
        return self


@router.get("/organisations", summary="List organisations", response_model=Listing[schemas.Organisation])
def list_organisations(request: Request, query: Annotated[OrganisationQuery, Query()]) -> Response:
    """Organisations that fulfil every filter, with their names in both languages.

    `q` resolves names in either language, abbreviations, former names, known mistranslations and near misses; `match` tells by which name
    and how well.
    """
    with reading(request) as reader:
        if query.q is None:
            return answer(reader, "organisation", query, _where, SORTS, FACETS)
        found = _resolved(reader.at(query), query.q)
        scored = values(reader.connection, {identifier: match.score for identifier, match in found.items()})

        def where(reader: Reader, asked: OrganisationQuery) -> list[ColumnElement[bool]]:
            return [*_where(reader, asked), scored.id == organisation.id]

        def matched(body: bytes) -> bytes:
            record = json.loads(body)
            record["match"] = found[record["id"]].model_dump(mode="json")
            return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

        return answer(reader, "organisation", query, where, {"score": SortKey(scored.value, float)} | SORTS, FACETS, matched)


def _resolved(reader: Reader, q: str) -> dict[str, schemas.Match]:
    """What a query finds, by id: by names, and by the words of names and description together."""
    of_words = select(organisation.id).where(having(reader, "organisation", organisation.version, q))
    text = schemas.Match(score=TEXT_SCORE, how="text", name=None, language=None, type=None)
    found = dict.fromkeys(reader.connection.scalars(of_words), text)
    for match in names(reader).resolve(q):
        name = match.matched
        found[match.record] = schemas.Match(score=match.score, how=match.how, name=name.text, language=name.language, type=name.type)
    return found


def names(reader: Reader) -> naming.Names:
    """The names of the organisations of a moment, prepared once for each release that is asked for."""
    prepared: dict[tuple[int, str, int], naming.Names] = reader.request.app.state.names
    key = (reader.moment.release, reader.release.digest, reader.state.beside.redactions)
    known = prepared.pop(key, None)
    if known is None:
        found = []
        for row in reader.connection.execute(select(organisation.id, organisation.name, organisation.name_zh).where(reader.moment.of(organisation))):
            given = [(row.name, "en"), (row.name_zh, "zh")]
            found += [naming.Name(row.id, text, language, "name") for text, language in given if text]
        of_moment = select(organisation.id, alias.text, alias.language, alias.type).join_from(
            organisation.id.table, alias.version.table, alias.version == organisation.version
        )
        found += [naming.Name(*row) for row in reader.connection.execute(of_moment.where(reader.moment.of(organisation)))]
        known = naming.Names(found)
    # What was used last stands last; other threads may do the same meanwhile, and do no harm.
    prepared[key] = known
    for oldest in list(prepared)[:-MOST_PREPARED]:
        prepared.pop(oldest, None)
    return known


def _where(reader: Reader, query: OrganisationQuery) -> list[ColumnElement[bool]]:
    check_ids(reader, {"region": ("region", query.region), "event": ("event", query.event)})
    where: list[ColumnElement[bool]] = []
    if query.type:
        where.append(organisation.type.in_(query.type))
    if query.region:
        where.append(in_regions(reader, organisation.region_id, query.region, query.region_match))
    if query.role or query.event:
        taking = _taking_part(query, reader.moment).subquery()
        of_role = [taking.c.role.in_(query.role)] if query.role else []
        where.append(organisation.id.in_(select(taking.c.organisation_id).where(*of_role)))
    return where


def _standing(reader: Reader, query: OrganisationQuery) -> list[ColumnElement[bool]]:
    """What facets count: with `q` what it finds."""
    conditions = [reader.moment.of(organisation), *_where(reader, query)]
    if query.q is not None:
        found = values(reader.connection, dict.fromkeys(_resolved(reader, query.q)))
        conditions.append(organisation.id.in_(select(found.id)))
    return conditions


def _by_role(reader: Reader, query: Any) -> Select[Any]:
    taking = _taking_part(query, reader.moment).subquery()
    joined = organisation.id.table.outerjoin(taking, taking.c.organisation_id == organisation.id)
    counted = func.count(organisation.id.distinct()).label("records")
    chosen = select(taking.c.role.label("value"), taking.c.role.label("label"), counted).select_from(joined)
    return chosen.where(*_standing(reader, query)).group_by(taking.c.role)


FACETS = {
    "type": Facet(("type",), by_column(_standing, organisation.type, organisation.id), "organisation-type"),
    "region": Facet(("region", "region_match"), by_region(_standing, organisation.region_id, organisation.id)),
    "role": Facet(("role",), from_rows(_by_role), "role"),
}


@router.get("/organisations/{id}", summary="Get an organisation", response_model=One[schemas.Organisation])
def get_organisation(
    request: Request,
    id: Annotated[str, Path(description="The organisation's id.", examples=["chinese-society-gene-cell-therapy"])],
    query: Annotated[RecordQuery, Query()],
) -> Response:
    """One organisation with its names and citations."""
    with reading(request) as reader:
        return one(reader, "organisation", id, query)
