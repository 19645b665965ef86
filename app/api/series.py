"""`/figures/series`: figures that measure the same thing over periods, and the growth between them."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api.figures import FigureFilters, check_currency, choose, converted, not_compared, records, within_bounds
from app.api.routing import StrictRoute
from app.envelopes import Listing
from app.paging import page_of
from app.problems import InvalidRequest, invalid
from app.reader import reading
from app.series import STATED_GROWTH, Series, series

MOST_GROUPED = 20_000
"""Figures that are put into series for one answer."""

router = APIRouter(tags=["figures"], route_class=StrictRoute)


@router.get("/figures/series", summary="List series of figures", response_model=Listing[Series])
def list_series(request: Request, query: Annotated[FigureFilters, Query()]) -> Response:
    """Figures grouped by what they measure, with the growth that they imply beside the growth that sources state; by id.

    Every filter holds for the figures; growth that sources state is shown beside them whatever the filters of the numbers are. With
    `convert` money of all currencies stands in one series, each point at the rate of its own day: the implied growth is that of the
    converted numbers, the movement of the rates included.
    """
    with reading(request) as newest:
        check_currency(query.convert)
        reader = newest.at(query)
        wanted = choose(reader, query)
        if len(wanted) > MOST_GROUPED:
            message = (
                f"finds {len(wanted)} figures, too many to be put into series at once; at most {MOST_GROUPED}: add filters, such as region or metric"
            )
            raise InvalidRequest([invalid("query", request.url.query, message)])
        kept = {"subject", "region", "region_match", "organisation", "event"}
        stating = FigureFilters(**{name: getattr(query, name) for name in kept}, metric=sorted(STATED_GROWTH))

        figures: Iterable[dict[str, Any]] = records(reader, wanted)
        if query.convert is not None:
            every = [converted(record, query) for record in figures]
            figures = [record for record in every if within_bounds(record, query)]
            if query.compares():
                reader = reader.noting(not_compared(record["id"] for record in every if record["not_converted"]))

        def made() -> list[tuple[str, bytes]]:
            found = series(figures, records(reader, choose(reader, stating)))
            return sorted((one.id, one.model_dump_json().encode()) for one in found)

        return page_of(reader, query, made)
