"""`/organisations`: who takes part, publishes or is spoken of."""

import json
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from pyroaring import BitMap
from sqlalchemy import select

from app import naming, schemas
from app.api.routing import StrictRoute
from app.chosen import answer, identifiers
from app.database import values
from app.envelopes import Listing, One
from app.facets import Bucket, Facet, by_place, by_value
from app.models import Event, EventOrganisation, Organisation, OrganisationName, columns
from app.paging import SortKey, check_ids, one
from app.parameters import Id, ListQuery, Names, RecordQuery, format_of, term
from app.postings import TAKING
from app.reader import Reader, reading

router = APIRouter(tags=["organisations"], route_class=StrictRoute)

organisation, alias = columns(Organisation), columns(OrganisationName)
involved, event = columns(EventOrganisation), columns(Event)

SORTS = {
    "name": SortKey(organisation.name, str, shown=attrgetter("name")),
    "type": SortKey(organisation.type, str, field="organisation.type"),
    "region": SortKey(organisation.region_id, str, nullable=True, field="organisation.region"),
    "release": SortKey(organisation.since, float, field="since"),
    "id": SortKey(organisation.id, str, shown=attrgetter("id")),
}


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
            return answer(reader, "organisation", query, choose, SORTS, FACETS)
        found = _resolved(reader.at(query), query.q)
        scored = values(reader.connection, {match.version: match.shown.score for match in found.values()}, by_version=True)
        by_score = SortKey(scored.value, float, joined=scored.version == organisation.version)

        def matched(body: bytes) -> bytes:
            record = json.loads(body)
            record["match"] = found[record["id"]].shown.model_dump(mode="json")
            return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()

        return answer(reader, "organisation", query, choose, {"score": by_score} | SORTS, FACETS, matched)


class _Found(NamedTuple):
    """A version of an organisation that a query finds, and by what."""

    version: int
    shown: schemas.Match

    @property
    def nbytes(self) -> int:
        """About how much room it takes, with the name that it tells."""
        return 1_000


def _resolved(reader: Reader, q: str) -> dict[str, _Found]:
    """What a query finds, by id: by names, and by the words of names and description together."""

    def make() -> dict[str, _Found]:
        text = schemas.Match(score=TEXT_SCORE, how="text", name=None, language=None, type=None)
        found = dict.fromkeys((name for _, name in identifiers(reader.snapshot, reader.postings.having("organisation", q))), text)
        for match in names(reader).resolve(q):
            name = match.matched
            found[match.record] = schemas.Match(score=match.score, how=match.how, name=name.text, language=name.language, type=name.type)
        named = values(reader.connection, dict.fromkeys(found))
        rows = reader.connection.execute(
            select(organisation.id, organisation.version).where(organisation.id == named.id, reader.moment.of(organisation))
        )
        return {row.id: _Found(row.version, found[row.id]) for row in rows}

    return reader.state.index.kept(("resolved", reader.moment, q), make)


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


def choose(reader: Reader, query: OrganisationQuery) -> BitMap:
    """The versions of organisations that fulfil every filter; refuses ids that name nothing."""
    check_ids(reader, {"region": ("region", query.region), "event": ("event", query.event)})
    postings = reader.postings
    found = [postings.any("organisation.type", query.type)] if query.type else []
    if query.region:
        found.append(postings.within("organisation.region", query.region, query.region_match))
    if query.role or query.event:
        taking = _in_roles(reader, query.event)
        found.append(BitMap.union(*(having for role, having in taking.items() if role in query.role or not query.role), BitMap()))
    if query.q is not None:
        found.append(BitMap(match.version for match in _resolved(reader, query.q).values()))
    return postings.chosen("organisation", found)


def _in_roles(reader: Reader, events: list[str]) -> dict[str, BitMap]:
    """By role, the versions of organisations that have it in one of some events, or in any."""
    standing = select(organisation.id, organisation.version).where(reader.moment.of(organisation))
    found: defaultdict[str, BitMap] = defaultdict(BitMap)
    if events:
        joined = standing.add_columns(involved.role).where(involved.organisation_id == organisation.id, involved.version == event.version)
        for row in reader.connection.execute(joined.where(event.id.in_(events), reader.moment.of(event))):
            found[row.role].add(row.version)
        return found

    def make() -> dict[str, BitMap]:
        postings = reader.postings
        versions: dict[str, int] = {row.id: row.version for row in reader.connection.execute(standing)}
        known = postings.standing("event")
        for portion in postings.portions("event.taking"):
            for value, taking in portion.items():
                role, _, identifier = value.partition(TAKING)
                if identifier in versions and not taking.isdisjoint(known):
                    found[role].add(versions[identifier])
        return dict(found)

    return reader.state.index.once("roles", reader.moment, make)


def _by_role(reader: Reader, query: OrganisationQuery) -> Iterator[Bucket]:
    """Counts by the roles of organisations in events: in those that the query names, if it does."""
    chosen, taking = choose(reader, query), _in_roles(reader, query.event)
    for role, having in taking.items():
        yield role, None, having.intersection_cardinality(chosen)
    yield None, None, len(chosen - BitMap.union(*taking.values(), BitMap()))


FACETS = {
    "type": Facet(("type",), by_value(choose, "organisation.type"), "organisation-type"),
    "region": Facet(("region", "region_match"), by_place(choose, "organisation.region")),
    "role": Facet(("role",), _by_role, "role"),
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
