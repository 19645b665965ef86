"""`/releases`, `/changes` and the history of a record: what changed, when, and why."""

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import ColumnElement, func, select

from app import database, history
from app.api.routing import StrictRoute
from app.caching import refuse_unchanged
from app.envelopes import ChangeOut, FieldChange, Listing, ReleaseOut
from app.exporting import export
from app.models import Change, Record, Release, columns
from app.paging import ROWS, SortKey, page
from app.parameters import ID_PATTERN, PageQuery, ReleaseOrDate, format_of
from app.problems import InvalidRequest, NotFound, invalid
from app.reader import Reader, reading

router = APIRouter(tags=["history"], route_class=StrictRoute)

release, change, record = columns(Release), columns(Change), columns(Record)

IN_ORDER = [(SortKey(change.release, float), False), (SortKey(change.position, float), False)]
"""As the changes were made: what is added later stands behind, so that a walk loses nothing while loads go on."""


class ChangeQuery(PageQuery):
    """Parameters of `/changes`."""

    since: ReleaseOrDate | None = Field(default=None, examples=["0"])
    """Changes after this release; with a date (with its month), changes released on that day or later, UTC. (SDMX: `updatedAfter`.)"""
    kind: list[Literal["source", "organisation", "region", "event", "figure"]] = Field(default_factory=list, examples=[["figure"]])
    """Kind of record."""
    change: list[Literal["insert", "update", "withdraw", "merge"]] = Field(default_factory=list, examples=[["insert"]])
    """What became of the record."""
    format: format_of("change") | None = Field(default=None, examples=["atom"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. A feed has the newest change first, and all of them
    unless `limit` is given."""


def _release(row: Any) -> bytes:
    return ReleaseOut(**database.release_info(row).model_dump(), counts=row.counts, changes=row.changes).model_dump_json().encode()


@router.get("/releases", summary="List releases", response_model=Listing[ReleaseOut])
def list_releases(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """Every release, the newest first: each load of the curated files that changed something."""
    with reading(request) as reader:
        newest_first = [(SortKey(release.id, float), True)]
        return page(reader, query, select(release), select(func.count()).select_from(release.id.table), newest_first, _release)


@router.get("/changes", summary="List changes", response_model=Listing[ChangeOut])
def list_changes(request: Request, query: Annotated[ChangeQuery, Query()]) -> Response:
    """What releases did to records, in the order in which they did it. Keep the newest release's number to ask for what came since."""
    with reading(request) as reader:
        if query.cursor is not None and request.scope["format"] != "json":
            raise InvalidRequest([invalid("cursor", query.cursor, "a feed has no pages; give since or limit")])
        where = []
        if query.since is not None:
            where.append(change.release > history.release_number(reader.connection, "since", query.since, inclusive=False))
        if query.kind:
            where.append(change.kind.in_(query.kind))
        if query.change:
            where.append(change.change.in_(query.change))
        return _changes(reader, query, where)


def _changes(reader: Reader, query: PageQuery, where: list[ColumnElement[bool]]) -> Response:
    statement = select(change, release.released_at).join_from(change.release.table, release.id.table, release.id == change.release).where(*where)
    if reader.request.scope["format"] != "json":
        refuse_unchanged(reader.request, reader.headers)
        newest_first = statement.order_by(change.release.desc(), change.position.desc())
        asked = newest_first.limit(query.limit) if "limit" in query.model_fields_set else newest_first
        return export(reader, "change", map(_body, reader.connection.execute(asked.execution_options(yield_per=ROWS))))
    counting = select(func.count()).select_from(change.release.table).where(*where)
    return page(reader, query, statement, counting, IN_ORDER, _body)


def _body(row: Any) -> bytes:
    shown = ChangeOut(
        release=row.release,
        released_at=database.utc(row.released_at),
        kind=row.kind,
        id=row.record_id,
        change=row.change,
        fields={name: FieldChange(from_=part["from"], to=part["to"]) for name, part in row.fields.items()},
        reason=row.reason,
    )
    return shown.model_dump_json().encode()


def _history(request: Request, kind: str, identifier: str, query: PageQuery) -> Response:
    with reading(request) as reader:
        is_id = re.fullmatch(ID_PATTERN, identifier) is not None
        if not is_id or reader.connection.scalar(select(record.key).where(record.id == identifier, record.kind == kind)) is None:
            raise NotFound(f"There is no {kind} {identifier[:200]!r}, and there never was one.")
        return _changes(reader, query, [change.record_id == identifier])


Pages = Annotated[PageQuery, Query()]


@router.get("/events/{id}/history", summary="Get the history of an event", response_model=Listing[ChangeOut])
def get_event_history(
    request: Request, id: Annotated[str, Path(description="The event's id.", examples=["csgct-annual-meeting-2025"])], query: Pages
) -> Response:
    """What releases did to an event, the oldest first; `as_of` on the event shows it as it was."""
    return _history(request, "event", id, query)


@router.get("/figures/{id}/history", summary="Get the history of a figure", response_model=Listing[ChangeOut])
def get_figure_history(
    request: Request, id: Annotated[str, Path(description="The figure's id.", examples=["cn-bj-health-industry-output-2024"])], query: Pages
) -> Response:
    """What releases did to a figure, the oldest first; `as_of` on the figure shows it as it was."""
    return _history(request, "figure", id, query)


@router.get("/organisations/{id}/history", summary="Get the history of an organisation", response_model=Listing[ChangeOut])
def get_organisation_history(
    request: Request, id: Annotated[str, Path(description="The organisation's id.", examples=["chinese-society-gene-cell-therapy"])], query: Pages
) -> Response:
    """What releases did to an organisation, the oldest first; `as_of` on the organisation shows it as it was."""
    return _history(request, "organisation", id, query)


@router.get("/regions/{id}/history", summary="Get the history of a region", response_model=Listing[ChangeOut])
def get_region_history(request: Request, id: Annotated[str, Path(description="The region's id.", examples=["cn-bj"])], query: Pages) -> Response:
    """What releases did to a region, the oldest first; `as_of` on the region shows it as it was."""
    return _history(request, "region", id, query)


@router.get("/sources/{id}/history", summary="Get the history of a source", response_model=Listing[ChangeOut])
def get_source_history(
    request: Request, id: Annotated[str, Path(description="The source's id.", examples=["china-daily-2025-09-14"])], query: Pages
) -> Response:
    """What releases did to a source, the oldest first; `as_of` on the source shows it as it was."""
    return _history(request, "source", id, query)
