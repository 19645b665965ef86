"""`facets`: how many records of a list have each value of a field, under the filters in force.

A facet leaves its own filter out, so that a page can offer the other values. What a record does not say is counted under null. Nothing
is cut: every value that some record has is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, extract, func, select

from app import vocabulary
from app.models import Moment, Region, RegionWithin, columns
from app.parameters import ListQuery
from app.problems import InvalidRequest, invalid

UNKNOWN = "unknown"
"""The label of null."""

Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Facet:
    """A field that a list can be counted by."""

    leaves_out: tuple[str, ...]
    """The parameters that filter by the field."""
    counts: Callable[[Any, Conditions, Moment], Select[Any]]
    """From the query, its conditions and the moment that it reads to rows of `value`, `label` and `records`."""
    scheme: str | None = None
    """The vocabulary that names the values, where they are terms."""
    ascending: bool = False
    """In the order of the values; else the most frequent first."""


def names(facets: dict[str, Facet], given: str | None) -> list[str]:
    """The facets that a query asks for, each once; refuses those that the list does not have."""
    wanted = list(dict.fromkeys(given.split(","))) if given else []
    errors = []
    for name in wanted:
        if name not in facets:
            close = vocabulary.closest(name, facets)
            errors.append(invalid("facets", name, f"there is no facet {name!r} here; use {', '.join(facets)}", close))
    if errors:
        raise InvalidRequest(errors)
    return wanted


def count(connection: Connection, facet: Facet, query: ListQuery, where: Callable[[Any], Conditions], moment: Moment) -> list[dict[str, Any]]:
    """The values of a facet in a moment with their labels and counts, null last; `where` gives the conditions of a query."""
    fields = type(query).model_fields
    free = query.model_copy(update={name: fields[name].get_default(call_default_factory=True) for name in facet.leaves_out})
    rows = connection.execute(facet.counts(free, where(free), moment)).all()
    found = [(str(row.value), _label(facet, row), row.records) for row in rows if row.value is not None]
    found.sort(key=lambda bucket: bucket[0] if facet.ascending else (-bucket[2], bucket[0]))
    unknown = sum(row.records for row in rows if row.value is None)
    buckets = [{"value": value, "label": label, "count": many} for value, label, many in found]
    return [*buckets, {"value": None, "label": UNKNOWN, "count": unknown}] if unknown else buckets


def _label(facet: Facet, row: Any) -> str:
    terms = vocabulary.UNITS if facet.scheme == "any-unit" else vocabulary.SCHEMES.get(facet.scheme or "", {})
    return terms[row.value].name if row.value in terms else str(row.label)


def again(table: Any) -> Any:
    """The columns of a table under another name: the conditions of the list speak of the table itself."""
    return next(iter(table)).table.alias().c


def by_column(column: ColumnElement[Any], identifier: ColumnElement[Any]) -> Callable[[Any, Conditions, Moment], Select[Any]]:
    """Counts by a column of the list's own table."""
    counted = func.count(identifier).label("records")
    return lambda _, where, __: select(column.label("value"), column.label("label"), counted).where(*where).group_by(column)


def by_region(region: ColumnElement[Any], identifier: ColumnElement[Any]) -> Callable[[Any, Conditions, Moment], Select[Any]]:
    """Counts by region, each with all that lies in it."""
    within, place = again(columns(RegionWithin)), again(columns(Region))

    def counts(_: Any, where: Conditions, moment: Moment) -> Select[Any]:
        joined = identifier.table.outerjoin(within.region_id.table, and_(within.region_id == region, moment.whole(within))).outerjoin(
            place.id.table, and_(place.id == within.ancestor_id, moment.whole(place))
        )
        counted = func.count(identifier.distinct()).label("records")
        return (
            select(within.ancestor_id.label("value"), place.name.label("label"), counted)
            .select_from(joined)
            .where(*where)
            .group_by(within.ancestor_id, place.name)
        )

    return counts


def by_year(first: ColumnElement[Any], last: ColumnElement[Any], identifier: ColumnElement[Any]) -> Callable[[Any, Conditions, Moment], Select[Any]]:
    """Counts by year, a record in each year that its date touches; an open date in that of the bound it has."""

    def counts(_: Any, where: Conditions, __: Moment) -> Select[Any]:
        begin, end = extract("year", first), extract("year", last)
        span = select(func.min(begin).label("first"), func.max(end).label("last")).where(*where).subquery()
        years = select(span.c.first.label("year")).cte("years", recursive=True)
        years = years.union_all(select(years.c.year + 1).where(years.c.year < select(span.c.last).scalar_subquery()))
        touched = identifier.table.outerjoin(years, (begin <= years.c.year) & (end >= years.c.year))
        return (
            select(years.c.year.label("value"), years.c.year.label("label"), func.count(identifier).label("records"))
            .select_from(touched)
            .where(*where)
            .group_by(years.c.year)
        )

    return counts
