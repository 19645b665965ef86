"""`/coverage`: what is on record by region, type of event and year, and where nobody has looked."""

from collections.abc import Collection
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import to_json
from sqlalchemy import select

from app import database, vocabulary
from app.api.routing import StrictRoute
from app.citations import DateSpan, Ref
from app.coverage import Cell, Coverage, Grid, Known, LastCurated, NewestSource
from app.envelopes import Bucket, Listing
from app.facets import places
from app.models import Region, Release, Source, columns
from app.paging import Part, check_ids, page_behind
from app.parameters import Date, Id, PastQuery, date_order, term
from app.reader import Reader, reading
from app.snapshot import Outdated
from app.survey import Survey, survey

router = APIRouter(tags=["events"], route_class=StrictRoute)

source, region, release = columns(Source), columns(Region), columns(Release)


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
            items = [(cell.id, cell.model_dump_json().encode()) for cell in _told(reader, grid, names, shown)]
            return Part(sum(counts[state] for state in set(states)), items, {"state": to_json(buckets)} if query.facets else {})

        return page_behind(reader, query, part)


def _names(reader: Reader, wanted: list[str]) -> dict[str, Ref]:
    """The regions to tell of that are on record, by id."""
    asked = [region.id.in_(wanted)] if wanted else []
    rows = reader.connection.execute(select(region.id, region.name, region.name_zh).where(reader.moment.of(region), *asked))
    return {row.id: Ref(id=row.id, name=row.name, name_zh=row.name_zh) for row in rows}


def _survey(reader: Reader) -> Survey:
    return reader.state.index.once("survey", reader.moment, lambda: survey(reader.postings))


def _grid(reader: Reader, query: CoverageQuery, names: Collection[str]) -> Grid:
    """The cells of a query. What is counted for them is kept, as every page of a walk rests on all of it."""
    years, undated = _years(reader, query), query.from_ is None and query.to is None
    asked = (reader.moment, *query.region, query.region_match, *query.type, years, undated)
    known = reader.state.index.kept(("known", asked), lambda: _known(reader, query, years, undated))
    return Grid(names, set(query.type or vocabulary.EVENT_TYPE), years, known, _survey(reader).read)


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
    """The years in which events and sources begin and end."""
    postings = reader.postings
    return [
        int(year)
        for kind in ("event", "source")
        for end in ("first", "last")
        for year, versions in postings.every(f"{kind}.{end}.year").items()
        if not versions.isdisjoint(postings.standing(kind))
    ]


def _known(reader: Reader, query: CoverageQuery, years: range, undated: bool) -> Known:
    """The cells that have events, of the regions and types that a query names."""
    _, above = places(reader)
    wanted = set(query.region or above)
    within = {region: sorted(wanted.intersection([region] if query.region_match == "exact" else reached)) for region, reached in above.items()}
    return Known(_survey(reader).events.of(query.type, unplaced=not query.region), within, years, undated=undated)


def _told(reader: Reader, grid: Grid, names: dict[str, Ref], cells: list[Cell]) -> list[Coverage]:
    """Cells as they are answered."""
    newest, made = _newest_sources(reader, cells), _made(reader, cells)
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
                newest_source=newest[cell.tally.newest] if cell.tally else None,
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


def _newest_sources(reader: Reader, cells: list[Cell]) -> dict[int, NewestSource]:
    """The newest works of the cells that have events, by their places: of several that were published last the last by id, undated ones first."""
    version_of = _survey(reader).version_of
    named = {version_of(cell.tally.newest): cell.tally.newest for cell in cells if cell.tally}
    rows = reader.connection.execute(select(source).where(source.version.in_(named))).all()
    if len(rows) < len(named):
        raise Outdated
    return {named[row.version]: _work(row) for row in rows}


def _work(row: Any) -> NewestSource:
    published = None
    if row.published_edtf is not None:
        days = {"earliest": row.published_earliest, "latest": row.published_latest}
        published = DateSpan(edtf=row.published_edtf, precision=row.published_precision, **days)
    return NewestSource(id=row.id, title=row.title, title_zh=row.title_zh, published=published)
