"""`/sources`: the published works that records cite."""

from datetime import date
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, StringConstraints, model_validator
from pyroaring import BitMap
from sqlalchemy import ColumnElement, select

from app import schemas
from app.api.routing import StrictRoute
from app.chosen import answer
from app.envelopes import Listing, One
from app.models import Source, columns
from app.paging import SortKey, check_ids, documents, one
from app.parameters import Date, Id, ListQuery, Names, RecordQuery, date_order, format_of, term
from app.reader import Reader, reading

router = APIRouter(tags=["sources"], route_class=StrictRoute)

source = columns(Source)

SORTS = {
    "published": SortKey(
        source.published_first,
        date,
        nullable=True,
        years="source.first.year",
        shown=lambda source: source.published and source.published.first,
    ),
    "title": SortKey(source.title, str),
    "publisher": SortKey(source.publisher_id, str, nullable=True, field="source.publisher"),
    "type": SortKey(source.type, str, field="source.type"),
    "grade": SortKey(source.grade, str, field="source.grade"),
    "language": SortKey(source.language, str, field="source.language"),
    "release": SortKey(source.since, float, field="since"),
    "id": SortKey(source.id, str, shown=attrgetter("id")),
}


class SourceQuery(ListQuery):
    """Parameters of `/sources`."""

    publisher: list[Id] = Field(default_factory=list, examples=[["china-daily"]])
    """Who published it: an organisation's id."""
    type: list[term("source-type")] = Field(default_factory=list, examples=[["article"]])  # type: ignore[valid-type]
    """Kind of work."""
    grade: list[term("source-grade")] = Field(default_factory=list, examples=[["B"]])  # type: ignore[valid-type]
    """How near the work is to what it reports."""
    language: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]] = Field(default_factory=list, examples=[["en"]])
    """BCP 47 language tag, exactly as the source has it."""
    published_from: Date | None = Field(default=None, examples=["2025-09"])
    """Published on or after: a day, month, quarter or year. An open date counts at the bound it has."""
    published_to: Date | None = Field(default=None, examples=["2025-12"])
    """Published on or before: a day, month, quarter or year."""
    origin: list[Id] = Field(default_factory=list, examples=[["china-daily-2025-09-14"]])
    """The source from which it goes back: lists the reports that are one."""
    document: list[Id] = Field(default_factory=list, examples=[["001_2adcdc448a8b6e9a.txt"]])
    """The held document that holds it: its name or SHA-256."""
    format: format_of("source") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="-published", examples=["-published"])
    """Comma list of published, title, publisher, type, grade, language, release (in which it last changed), id; a leading `-` descends. What
    is not known comes last."""

    @model_validator(mode="after")
    def _dates_in_order(self) -> "SourceQuery":
        date_order("published_from", self.published_from, "published_to", self.published_to)
        return self


@router.get("/sources", summary="List sources", response_model=Listing[schemas.Source])
def list_sources(request: Request, query: Annotated[SourceQuery, Query()]) -> Response:
    """Sources that fulfil every filter, with what each was derived from."""
    with reading(request) as reader:
        return answer(reader, "source", query, choose, SORTS, {})


def choose(reader: Reader, query: SourceQuery) -> BitMap:
    """The versions of sources that fulfil every filter; refuses ids that name nothing."""
    check_ids(reader, {"publisher": ("organisation", query.publisher), "origin": ("source", query.origin)})
    postings = reader.postings
    fields = ("publisher", "type", "grade", "language")
    found = [postings.any(f"source.{field}", values) for field in fields if (values := getattr(query, field))]
    if query.published_from:
        found.append(postings.from_day("source.last", query.published_from.first))
    if query.published_to:
        found.append(postings.to_day("source.first", query.published_to.last))
    if query.origin:
        found.append(_with(reader, source.origin_id, query.origin))
    if query.document:
        found.append(_with(reader, source.document_id, [document.id for document in documents(reader.connection, query.document)]))
    if query.q:
        found.append(postings.having("source", query.q))
    return postings.chosen("source", found)


def _with(reader: Reader, column: ColumnElement[str], values: list[str]) -> BitMap:
    """The versions that have one of a column's values, which are many and rare: an index of them would be as large as all others together."""
    return BitMap(reader.connection.scalars(select(source.version).where(column.in_(values), reader.moment.of(source))))


@router.get("/sources/{id}", summary="Get a source", response_model=One[schemas.Source])
def get_source(
    request: Request,
    id: Annotated[str, Path(description="The source's id.", examples=["china-daily-2025-09-14"])],
    query: Annotated[RecordQuery, Query()],
) -> Response:
    """One source with what is known of its publisher, date and origin."""
    with reading(request) as reader:
        return one(reader, "source", id, query)
