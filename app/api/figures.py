"""`/figures`: numbers with their unit, qualifier, basis and receipts."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from pyroaring import BitMap
from sqlalchemy import select

from app import currencies, schemas, vocabulary
from app.api.filters import citing
from app.api.routing import StrictRoute
from app.chosen import answer, bodies
from app.database import values
from app.envelopes import Listing, One
from app.facets import Facet, by_place, by_value
from app.models import Figure, columns
from app.paging import Rewrite, SortKey, check_ids, one
from app.parameters import Date, Decimal, Id, ListQuery, Names, RecordQuery, SupportQuery, TextQuery, UnitTerm, date_order, format_of, term
from app.problems import InvalidRequest, invalid
from app.reader import Reader, reading

router = APIRouter(tags=["figures"], route_class=StrictRoute)

figure = columns(Figure)

MOST_COMPARED = 10_000
"""Figures whose converted numbers are compared for one answer."""
_NAMED = 5
"""Figures without a rate that a note names, which stands in a header of what is written into a file."""

SORTS = {
    "metric": SortKey(figure.metric, str, field="figure.metric", shown=attrgetter("metric")),
    "subject": SortKey(figure.subject, str, nullable=True, field="figure.subject"),
    "region": SortKey(figure.region_id, str, nullable=True, field="figure.region"),
    "period": SortKey(figure.period_first, date, nullable=True, years="figure.first.year"),
    "value": SortKey(figure.value, float, nullable=True),
    "unit": SortKey(figure.unit, str, field="figure.unit"),
    "basis": SortKey(figure.basis, str, field="figure.basis"),
    "agreement": SortKey(figure.agreement, str, field="figure.agreement"),
    "origins": SortKey(figure.origins, float, field="figure.origins"),
    "release": SortKey(figure.since, float, field="since"),
    "id": SortKey(figure.id, str, shown=attrgetter("id")),
}


class FigureFilters(TextQuery, SupportQuery):
    """The filters of figures."""

    metric: list[term("metric")] = Field(default_factory=list, examples=[["market-size"]])  # type: ignore[valid-type]
    """What kind of number."""
    subject: list[term("subject")] = Field(default_factory=list, examples=[["cgt"]])  # type: ignore[valid-type]
    """What is measured."""
    region: list[Id] = Field(default_factory=list, examples=[["cn"]])
    """The place that the number speaks of: a region's id; what lies in the region counts too."""
    region_match: Literal["within", "exact"] = Field(default="within", examples=["within"])
    """`exact` leaves out what lies in the named regions."""
    organisation: list[Id] = Field(default_factory=list, examples=[["packgene-biotech"]])
    """The organisation that the number speaks of."""
    event: list[Id] = Field(default_factory=list, examples=[["csgct-annual-meeting-2025"]])
    """The event that the number speaks of."""
    source: list[Id] = Field(default_factory=list, examples=[["china-daily-2025-09-14"]])
    """A source that the figure's citations name."""
    publisher: list[Id] = Field(default_factory=list, examples=[["china-daily"]])
    """The publisher of a source that the figure's citations name: an organisation's id."""
    document: list[Id] = Field(default_factory=list, examples=[["001_2adcdc448a8b6e9a.txt"]])
    """A held document that the figure's citations point into: its name or SHA-256."""
    basis: list[term("basis")] = Field(default_factory=list, examples=[["forecast"]])  # type: ignore[valid-type]
    """Whether the number is reported, forecast, promised, claimed."""
    qualifier: list[term("qualifier")] = Field(default_factory=list, examples=[["more-than"]])  # type: ignore[valid-type]
    """Whether the number is exact, a bound or a range."""
    unit: list[UnitTerm] = Field(default_factory=list, examples=[["CNY"]])
    """A currency (ISO 4217) or another unit."""
    agreement: list[term("agreement")] = Field(default_factory=list, examples=[["contested"]])  # type: ignore[valid-type]
    """Whether the sources agree."""
    period_from: Date | None = Field(default=None, examples=["2024"])
    """The number's period ends on or after: a day, month, quarter or year. An unknown period never matches."""
    period_to: Date | None = Field(default=None, examples=["2030"])
    """The number's period begins on or before: a day, month, quarter or year."""
    min: Decimal | None = Field(default=None, examples=[1000000000])
    """`low` is at least this; needs one `unit`, or `convert`. A number that is only bounded from above never matches."""
    max: Decimal | None = Field(default=None, examples=[2000000000000])
    """`high` is at most this; needs one `unit`, or `convert`. A number that is only bounded from below never matches."""
    convert: term("currency") | None = Field(default=None, examples=["USD"])  # type: ignore[valid-type]
    """Money in this currency, at the reference rates of the European Central Bank; `converted` tells rate and day, `not_converted` why
    there is none: the rate is that of the end of the number's period, else of the day on which the work appeared that states it. `min`,
    `max` and sorting by value then compare the converted numbers: what is no money never matches and comes last. `unit` and its facet
    stay the units on record."""

    @model_validator(mode="after")
    def _ranges_in_order(self) -> "FigureFilters":
        date_order("period_from", self.period_from, "period_to", self.period_to)
        if self.min is not None and self.max is not None and self.min > self.max:
            reason = f"min ({self.min:g}) is greater than max ({self.max:g})"
            raise PydanticCustomError("range", "{reason}", {"reason": reason, "parameter": "min", "value": self.min})
        return self

    def compares(self) -> tuple[str, Any] | None:
        """The first parameter that compares numbers, and its value; None where none does."""
        sort = getattr(self, "sort", "")
        by_value = "value" in [part.removeprefix("-") for part in sort.split(",")]
        given = (("min", self.min), ("max", self.max), ("sort", sort if by_value else None))
        return next(((name, value) for name, value in given if value is not None), None)

    @model_validator(mode="after")
    def _one_unit(self) -> "FigureFilters":
        found = self.compares()
        if found is not None and len(set(self.unit)) != 1 and self.convert is None:
            reason = "compares numbers, which needs exactly one unit: add unit=CNY or another one, or convert=CNY for money"
            raise PydanticCustomError("unit", "{reason}", {"reason": reason, "parameter": found[0], "value": found[1]})
        return self


class FigureQuery(FigureFilters, ListQuery):
    """Parameters of `/figures`."""

    slow: ClassVar[frozenset[str]] = frozenset({"q", "sort", "facets", "format", "published_before", "min", "max", "convert"})

    facets: Names | None = Field(default=None, examples=["metric,region"])
    """Comma list of metric, subject, region, year, unit, basis, qualifier, agreement:
    how many records have each value under the other filters, a region with all that lies in it."""
    format: format_of("figure") | None = Field(default=None, examples=["csv"])  # type: ignore[valid-type]
    """In which format to answer; default: what the Accept header wants, else JSON. Every other format than JSON holds the whole result,
    unless `limit` is given."""
    sort: Names = Field(default="metric", examples=["metric,-period"])
    """Comma list of metric, subject, region, period, value, unit, basis, agreement, origins, release (in which it last changed), id; a
    leading `-` descends. Sorting by value needs one `unit`, or `convert`. What is not known comes last."""


class FigureRecordQuery(RecordQuery, SupportQuery):
    """Parameters of one figure."""

    convert: term("currency") | None = Field(default=None, examples=["USD"])  # type: ignore[valid-type]
    """Money in this currency, at the reference rates of the European Central Bank; `converted` tells rate and day, `not_converted` why
    there is none."""


def check_currency(target: str | None) -> None:
    """Refuse a currency without rates."""
    if target is not None and target not in currencies.currencies():
        known = sorted(currencies.currencies() & vocabulary.CURRENCY.keys())
        message = f"the European Central Bank publishes no reference rate for {target}; use one of {', '.join(known)}"
        raise InvalidRequest([invalid("convert", target, message)])


def rewrite(query: FigureFilters | FigureRecordQuery) -> Rewrite | None:
    """What `convert` does to a figure; refuses a currency without rates."""
    check_currency(query.convert)
    if query.convert is None:
        return None
    return lambda body: json.dumps(converted(json.loads(body), query), ensure_ascii=False, separators=(",", ":")).encode()


def converted(record: dict[str, Any], query: Any) -> dict[str, Any]:
    """A figure as `convert` wants it: with no rate that was not yet known on the day of `published_before`."""
    return currencies.converted(record, query.convert, query.published_before.first if query.published_before else None)


def choose(reader: Reader, query: Any) -> BitMap:
    """The versions of figures that fulfil every filter; refuses ids that name nothing. Converted numbers are not compared here."""
    check_ids(
        reader,
        {
            "region": ("region", query.region),
            "organisation": ("organisation", query.organisation),
            "event": ("event", query.event),
            "source": ("source", query.source),
            "publisher": ("organisation", query.publisher),
        },
    )
    postings = reader.postings
    found = list(citing(reader, "figure", query))
    fields = ("metric", "subject", "organisation", "event", "basis", "qualifier", "unit", "agreement")
    found += [postings.any(f"figure.{field}", values) for field in fields if (values := getattr(query, field))]
    if query.region:
        found.append(postings.within("figure.region", query.region, query.region_match))
    if query.period_from:
        found.append(postings.from_day("figure.last", query.period_from.first))
    if query.period_to:
        found.append(postings.to_day("figure.first", query.period_to.last))
    if query.q:
        found.append(postings.having("figure", query.q))
    chosen = postings.chosen("figure", found)
    if query.convert is not None or (query.min is None and query.max is None):
        return chosen
    return chosen & _bounded(reader, query.unit, query.min, query.max)


def _bounded(reader: Reader, units: list[str], least: float | None, most: float | None) -> BitMap:
    """The versions of figures of a unit whose bounds lie between two numbers."""

    def make() -> BitMap:
        bounds = [figure.low >= least] if least is not None else []
        bounds += [figure.high <= most] if most is not None else []
        return BitMap(reader.connection.scalars(select(figure.version).where(figure.unit.in_(units), *bounds)))

    return reader.state.index.kept(("bounded", tuple(sorted(units)), least, most), make)


@router.get("/figures", summary="List figures", response_model=Listing[schemas.Figure])
def list_figures(request: Request, query: Annotated[FigureQuery, Query()]) -> Response:
    """Figures that fulfil every filter, each with its citations and what sources differ on."""
    with reading(request) as newest:
        change = rewrite(query)
        if query.compares() is None:
            return answer(newest, "figure", query, choose, SORTS, FACETS, change)
        if query.convert is None:
            of_unit = replace(SORTS["value"], among=figure.unit == query.unit[0])
            return answer(newest, "figure", query, choose, SORTS | {"value": of_unit}, FACETS, change)
        numbers, unknown = _compared(newest.at(query), query, query.convert)
        compared = values(newest.connection, numbers, by_version=True)
        by_number = SortKey(compared.value, float, nullable=True, joined=compared.version == figure.version)
        told = newest.noting(not_compared(unknown))
        return answer(told, "figure", query, lambda _, __: BitMap(numbers), SORTS | {"value": by_number}, FACETS, change)


def _shown(reader: Reader, query: FigureQuery) -> BitMap:
    """The versions of figures that a query shows, by their converted numbers if these are bounded."""
    bounded = query.convert is not None and (query.min is not None or query.max is not None)
    return BitMap(_compared(reader, query, str(query.convert))[0]) if bounded else choose(reader, query)


FACETS = {
    "metric": Facet(("metric",), by_value(_shown, "figure.metric"), "metric"),
    "subject": Facet(("subject",), by_value(_shown, "figure.subject"), "subject"),
    "region": Facet(("region", "region_match"), by_place(_shown, "figure.region")),
    "year": Facet(("period_from", "period_to"), by_value(_shown, "figure.year"), ascending=True),
    # Bounds are numbers of the unit that is asked for, unless they are compared with converted ones.
    "unit": Facet(("unit",), by_value(_shown, "figure.unit"), "any-unit", keeps=lambda query: query.convert is None and query.compares() is not None),
    "basis": Facet(("basis",), by_value(_shown, "figure.basis"), "basis"),
    "qualifier": Facet(("qualifier",), by_value(_shown, "figure.qualifier"), "qualifier"),
    "agreement": Facet(("agreement",), by_value(_shown, "figure.agreement"), "agreement"),
}


def _compared(reader: Reader, query: FigureQuery, target: str) -> tuple[dict[int, float | None], list[str]]:
    """The converted values of the figures that fulfil a query, by version, and the ids of those of money that have no rate.

    Refuses more than can be converted while a client waits.
    """
    chosen = choose(reader, query)
    if len(chosen) > MOST_COMPARED:
        message = f"would compare the converted numbers of {len(chosen)} figures; at most {MOST_COMPARED}: add filters, such as metric or unit"
        raise InvalidRequest([invalid("convert", target, message)])
    found: dict[int, float | None] = {}
    unknown = []
    for version, record in zip(chosen, records(reader, chosen), strict=True):
        shown = converted(record, query)
        if shown["not_converted"]:
            unknown.append(shown["id"])
        if within_bounds(shown, query):
            found[version] = shown["value"] if shown["unit"] == target else None
    return found, unknown


def not_compared(unknown: Iterable[str]) -> str | None:
    """What to say of money that has no rate."""
    names = sorted(unknown)
    told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return f"Not compared, as there is no rate for them: {told}." if names else None


def within_bounds(record: dict[str, Any], query: FigureFilters) -> bool:
    """Whether a converted figure lies within `min` and `max`; what could not be converted lies in no bounds."""
    if query.min is None and query.max is None:
        return True
    least = query.min is None or (record["low"] is not None and record["low"] >= query.min)
    most = query.max is None or (record["high"] is not None and record["high"] <= query.max)
    return record["unit"] == query.convert and least and most


def records(reader: Reader, versions: Iterable[int]) -> Iterator[dict[str, Any]]:
    """The records of versions of figures, in their order."""
    return (json.loads(body) for body in bodies(reader.snapshot, versions, quoted=True))


@router.get("/figures/{id}", summary="Get a figure", response_model=One[schemas.Figure])
def get_figure(
    request: Request,
    id: Annotated[str, Path(description="The figure's id.", examples=["cn-bj-health-industry-output-2024"])],
    query: Annotated[FigureRecordQuery, Query()],
) -> Response:
    """One figure with its citations and what sources differ on."""
    with reading(request) as reader:
        return one(reader, "figure", id, query, rewrite(query))
