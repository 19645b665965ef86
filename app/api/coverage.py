"""`/coverage`: what is on record by region, type of event and year, and where nobody has looked."""

from collections.abc import Collection
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import to_json
from sqlalchemy import ColumnElement, FromClause, Subquery, Text, and_, cast, extract, func, or_, select, union

from app import database, vocabulary
from app.api.filters import in_regions
from app.api.routing import StrictRoute
from app.citations import DateSpan, Ref
from app.coverage import Cell, Coverage, Grid, LastCurated, NewestSource, Place, Reading, spread
from app.envelopes import Bucket, Listing
from app.models import Citation, Event, Figure, Region, RegionWithin, Release, Source, columns
from app.paging import Part, check_ids, page_behind
from app.parameters import Date, Id, PastQuery, date_order, term
from app.reader import Reader, reading

router = APIRouter(tags=["events"], route_class=StrictRoute)

event, figure, citation, source = columns(Event), columns(Figure), columns(Citation), columns(Source)
region, within, release = columns(Region), columns(RegionWithin), columns(Release)


class CoverageQuery(PastQuery):
    """Parameters of `/coverage`."""

    region: list[Id] = Field(default_factory=list, examples=[["cn-bj"]])
    """The regions to tell of; default: every region, and that of events which do not say where they took place."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """Whether a region's cells count what lies in it as well; `exact` leaves that out."""
    type: list[term("event-type")] = Field(default_factory=list, examples=[["conference"]])  # type: ignore[valid-type]
    """The kinds of event to tell of; default: every kind."""
    from_: Date | None = Field(default=None, alias="from", examples=["2023"])
    """The first year, whole: that of this day, month, quarter or year. Default: the first that the date of an event or source touches,
    or that of `to` if it is earlier. With `from` or `to`, events without a date are left out."""
    to: Date | None = Field(default=None, examples=["2025"])
    """The last year, whole. Default: the last that the date of an event or source touches, or that of `from` if it is later."""
    state: list[term("coverage")] = Field(default_factory=list, examples=[["none-known"]])  # type: ignore[valid-type]
    """Whether events are known, and if not, whether anybody has looked; default: all."""
    facets: Literal["state"] | None = Field(default=None, examples=["state"])
    """`state`: how many cells are in each state under the other filters."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "CoverageQuery":
        date_order("from", self.from_, "to", self.to)
        return self


@router.get("/coverage", summary="Tell what is covered", response_model=Listing[Coverage])
def list_coverage(request: Request, query: Annotated[CoverageQuery, Query()]) -> Response:
    """A cell for each region, type of event and year, by id, so that "none known" and "never looked at" can be told apart.

    - `known`: at least one event is on record. An event counts in each year that its date touches, an open date in that of the bound it
      has, and in each region that its own lies in.
    - `none-known`: no event is on record, and works on the region were read that were published in that year or the next.
    - `not-looked-at`: no event is on record, and no such work was read.

    A work on a region is one that an event or figure of that very region cites: to read of a town is not to look at its country. It
    counts for the first day on which it may have been published; one for which that day is not known does not count. `none-known` says no
    more than that: `works` tells how many works it rests on, `looked_at_until` up to which day they go.

    What an event does not say stands under null: without a region or without a date it counts in a cell of its own, which is there only
    where there is such an event.
    """
    with reading(request) as newest:
        reader = newest.at(query)
        check_ids(reader, {"region": ("region", query.region)})
        names = _names(reader, query.region)

        def part(last: str, most: int) -> Part:
            grid = _grid(reader, query, names)
            states = query.state or list(vocabulary.COVERAGE)
            counts = grid.counts()
            shown = list(islice(grid.cells(states, last), most))
            buckets = [
                Bucket(value=state.id, label=state.name, count=counts[state.id]).model_dump()
                for state in vocabulary.COVERAGE.values()
                if counts[state.id]
            ]
            items = [(cell.id, cell.model_dump_json().encode()) for cell in _told(reader, query, grid, names, shown)]
            return Part(sum(counts[state] for state in set(states)), items, {"state": to_json(buckets)} if query.facets else {})

        return page_behind(reader, query, part)


def _names(reader: Reader, wanted: list[str]) -> dict[str, Ref]:
    """The regions to tell of that are on record, by id."""
    asked = [region.id.in_(wanted)] if wanted else []
    rows = reader.connection.execute(select(region.id, region.name, region.name_zh).where(reader.moment.of(region), *asked))
    return {row.id: Ref(id=row.id, name=row.name, name_zh=row.name_zh) for row in rows}


def _grid(reader: Reader, query: CoverageQuery, names: Collection[str]) -> Grid:
    """The cells of a query. What is counted for them is kept, as every page of a walk rests on all of it."""
    years, undated = _years(reader, query), query.from_ is None and query.to is None
    kept, regions = reader.state.index.kept, (reader.moment, *query.region)
    asked = (regions, query.region_match, *query.type)
    known = kept(("known", asked, years, undated), lambda: spread(_counted(reader, query), years, undated=undated))
    read = kept(("read", regions), lambda: _read(reader, query))
    return Grid(names, set(query.type or vocabulary.EVENT_TYPE), years, known, read)


def _years(reader: Reader, query: CoverageQuery) -> range:
    """The years that are asked for, else those between the first and the last that an event or a source touches."""
    if query.from_ and query.to:
        return range(query.from_.first.year, query.to.last.year + 1)
    touched = [given.first.year for given in (query.from_, query.to) if given]
    touched += reader.state.index.kept(("touched", reader.moment), lambda: _touched(reader))
    if not touched:
        return range(0)
    begin = query.from_.first.year if query.from_ else min(touched)
    end = query.to.last.year if query.to else max(touched)
    return range(begin, end + 1)


def _touched(reader: Reader) -> list[int]:
    """The first and the last years that events and sources touch."""
    found = []
    for record, first, last in ((event, event.date_first, event.date_last), (source, source.published_first, source.published_last)):
        bounds = reader.connection.execute(select(func.min(first), func.max(last)).where(reader.moment.of(record))).one()
        found += [day.year for day in bounds if day is not None]
    return found


def _counted(reader: Reader, query: CoverageQuery) -> list[tuple[Any, ...]]:
    """Events by region, type, first and last year: how many, and the newest release that changed one."""
    first, last = extract("year", event.date_first), extract("year", event.date_last)
    asked = [in_regions(reader, event.region_id, query.region, query.region_match)] if query.region else []
    asked += [event.type.in_(query.type)] if query.type else []
    grouped = (
        select(
            event.region_id, event.type, first.label("first"), last.label("last"), func.count().label("events"), func.max(event.since).label("since")
        )
        .where(reader.moment.of(event), *asked)
        .group_by(event.region_id, event.type, first, last)
        .subquery()
    )
    joined, place = _rolled_up(reader, query, grouped)
    rows = reader.connection.execute(
        select(place, grouped.c.type, grouped.c.first, grouped.c.last, func.sum(grouped.c.events), func.max(grouped.c.since))
        .select_from(joined)
        .where(*([place.in_(query.region)] if query.region else []))
        .group_by(place, grouped.c.type, grouped.c.first, grouped.c.last)
    )
    # PostgreSQL takes years and sums for decimals.
    return [(where, kind, *(None if number is None else int(number) for number in numbers)) for where, kind, *numbers in rows]


def _read(reader: Reader, query: CoverageQuery) -> dict[str, Reading]:
    """The works that were read, by region."""
    cited = union(
        *(
            select(record.region_id, citation.source_id)
            .join_from(record.id.table, citation.version.table, citation.version == record.version)
            .where(
                reader.moment.of(record),
                record.region_id.is_not(None),
                *([record.region_id.in_(query.region)] if query.region else []),
            )
            for record in (event, figure)
        )
    ).subquery()
    year = extract("year", source.published_earliest)
    rows = reader.connection.execute(
        select(cited.c.region_id, year.label("year"), func.count().label("works"), func.max(source.published_earliest).label("until"))
        .join_from(cited, source.id.table, source.id == cited.c.source_id)
        .where(reader.moment.of(source), source.published_earliest.is_not(None))
        .group_by(cited.c.region_id, year)
        .order_by(cited.c.region_id, year)
    )
    found: dict[str, Reading] = {}
    for row in rows:
        read = found.setdefault(row.region_id, Reading([], [], row.until))
        found[row.region_id] = Reading([*read.years, int(row.year)], [*read.works, row.works], row.until)
    return found


def _rolled_up(reader: Reader, query: CoverageQuery, rows: Subquery) -> tuple[FromClause, ColumnElement[Any]]:
    """Rows with a `region_id`, joined with the regions that they count in, and the column of those."""
    if query.region_match == "exact":
        return rows, rows.c.region_id
    return rows.outerjoin(within.region_id.table, and_(within.region_id == rows.c.region_id, reader.moment.of(within))), within.ancestor_id


def _told(reader: Reader, query: CoverageQuery, grid: Grid, names: dict[str, Ref], cells: list[Cell]) -> list[Coverage]:
    """Cells as they are answered."""
    newest, made = _newest_sources(reader, query, cells), _made(reader, cells)
    found = []
    for cell in cells:
        read = grid.read.get(cell.region or "")
        found.append(
            Coverage(
                id=cell.id,
                region=names[cell.region] if cell.region else None,
                type=cell.type,
                year=cell.year,
                state=cell.state,
                events=cell.tally.events if cell.tally else 0,
                newest_source=newest.get(cell.place),
                last_curated=LastCurated(release=cell.tally.release, released_at=made[cell.tally.release]) if cell.tally else None,
                looked_at_until=read.until if read else None,
                works=read.of(cell.year) if read else 0,
            )
        )
    return found


def _made(reader: Reader, cells: list[Cell]) -> dict[int, datetime]:
    """When the releases were made that cells name."""
    numbers = {cell.tally.release for cell in cells if cell.tally}
    rows = reader.connection.execute(select(release.id, release.released_at).where(release.id.in_(numbers))) if numbers else ()
    return {number: database.utc(moment) for number, moment in rows}


def _newest_sources(reader: Reader, query: CoverageQuery, cells: list[Cell]) -> dict[Place, NewestSource]:
    """For each cell that has events, the work published last among those that they cite; of several the last by id, undated ones first."""
    filled = [cell for cell in cells if cell.tally]
    if not filled:
        return {}
    # The day of publication and the id as one text, which is the latest where both are: before every day comes none.
    latest = func.max(func.coalesce(cast(source.published_first, Text), "").concat(" ").concat(source.id))
    first, last = extract("year", event.date_first), extract("year", event.date_last)
    regions = {cell.region for cell in filled if cell.region}
    grouped = (
        select(event.region_id, event.type, first.label("first"), last.label("last"), latest.label("latest"))
        .select_from(event.id.table)
        .join(citation.version.table, citation.version == event.version)
        .join(source.id.table, source.id == citation.source_id)
        .where(
            reader.moment.of(event),
            reader.moment.of(source),
            event.type.in_({cell.type for cell in filled}),
            or_(event.region_id.is_(None), in_regions(reader, event.region_id, regions, query.region_match)),
        )
        .group_by(event.region_id, event.type, first, last)
        .subquery()
    )
    joined, place = _rolled_up(reader, query, grouped)
    rows = reader.connection.execute(select(place, grouped.c.type, grouped.c.first, grouped.c.last, grouped.c.latest).select_from(joined)).all()
    wanted = {cell.place for cell in filled}
    found: dict[Place, str] = {}
    for where, kind, begin, end, newest in rows:
        for year in [None] if begin is None else range(int(begin), int(end) + 1):
            if (where, kind, year) in wanted:
                found[where, kind, year] = max(found.get((where, kind, year), ""), newest)
    cited = {place: newest.partition(" ")[2] for place, newest in found.items()}
    shown = reader.connection.execute(select(source).where(reader.moment.of(source), source.id.in_(set(cited.values()))))
    works = {row.id: _work(row) for row in shown}
    return {place: works[identifier] for place, identifier in cited.items()}


def _work(row: Any) -> NewestSource:
    published = None
    if row.published_edtf is not None:
        days = {"earliest": row.published_earliest, "latest": row.published_latest}
        published = DateSpan(edtf=row.published_edtf, precision=row.published_precision, **days)
    return NewestSource(id=row.id, title=row.title, title_zh=row.title_zh, published=published)
