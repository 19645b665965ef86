"""`/figures/series`: figures that measure the same thing over periods, and the growth between them."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import func, select

from app.api.figures import FigureFilters, conditions, figure
from app.api.routing import StrictRoute
from app.envelopes import Listing
from app.models import Rendering, columns
from app.paging import page_of
from app.reader import Reader, reading
from app.series import STATED_GROWTH, Series, series

router = APIRouter(tags=["figures"], route_class=StrictRoute)

rendering = columns(Rendering)


@router.get("/figures/series", summary="List series of figures", response_model=Listing[Series])
def list_series(request: Request, query: Annotated[FigureFilters, Query()]) -> Response:
    """Figures grouped by what they measure, with the growth that they imply beside the growth that sources state; by id.

    Every filter holds for the figures; growth that sources state is shown beside them whatever the filters of the numbers are.
    """
    with reading(request) as newest:
        reader = newest.at(query)
        wanted = conditions(reader, query)
        kept = {"subject", "region", "region_match", "organisation", "event"}
        stating = FigureFilters(**{name: getattr(query, name) for name in kept}, metric=sorted(STATED_GROWTH))

        def made() -> list[tuple[str, bytes]]:
            found = series(_figures(reader, wanted), _figures(reader, conditions(reader, stating)))
            return sorted((one.id, one.model_dump_json().encode()) for one in found)

        return page_of(reader, query, made)


def _figures(reader: Reader, wanted: list[Any]) -> list[dict[str, Any]]:
    statement = (
        select(func.coalesce(rendering.quoted, rendering.body))
        .join_from(figure.id.table, rendering.body.table, rendering.key == figure.version)
        .where(reader.moment.of(figure), *wanted)
    )
    return [json.loads(body) for body in reader.connection.scalars(statement)]
