"""`/figures/series`: figures that measure the same thing over periods, and the growth between them."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pyroaring import BitMap

from app.api.figures import FigureFilters, choose, not_compared, rewrite, within_bounds
from app.api.routing import StrictRoute
from app.chosen import bodies
from app.envelopes import Listing
from app.growth import Outline
from app.paging import Part, page_behind
from app.postings import NONE
from app.problems import InvalidRequest, invalid
from app.reader import reading
from app.schemas import Figure
from app.series import STATED_GROWTH, Series, grouped

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
        convert = rewrite(query)
        reader = newest.at(query)
        wanted = choose(reader, query)
        if len(wanted) > MOST_GROUPED:
            message = (
                f"finds {len(wanted)} figures, too many to be put into series at once; at most {MOST_GROUPED}: add filters, such as region or metric"
            )
            raise InvalidRequest([invalid("query", request.url.query, message)])
        kept = {"subject", "region", "region_match", "organisation", "event"}
        stating = FigureFilters(**{name: getattr(query, name) for name in kept}, metric=sorted(STATED_GROWTH))

        def shown(versions: Iterable[int]) -> Iterator[bytes]:
            return map(convert or bytes, bodies(reader.snapshot, versions, quoted=True))

        if query.convert is not None and query.compares():
            figures = dict(zip(wanted, map(json.loads, shown(wanted)), strict=True))
            wanted = BitMap(version for version, figure in figures.items() if within_bounds(figure, query))
            reader = reader.noting(not_compared(figure["id"] for figure in figures.values() if figure["not_converted"]))

        def part(last: str, most: int) -> Part:
            versions: dict[str, int] = {}

            def outlines(chosen: BitMap) -> Iterator[Outline]:
                for version, body in zip(chosen, shown(chosen), strict=True):
                    outline = Outline.model_validate_json(body)
                    versions[outline.id] = version
                    yield outline

            grown = list(outlines(wanted))
            beside = choose(reader, stating)
            for field in ("subject", "region"):  # growth belongs to series of its own ones, and of all there is much
                about = {reference.id if (reference := getattr(outline, field)) else NONE for outline in grown}
                beside = beside & reader.postings.any(f"figure.{field}", about)
            groups = grouped(grown, outlines(beside))
            asked = list(islice((group for group in groups if group.id > last), most))
            needed = sorted({versions[name] for group in asked for name in group.needs})
            whole = {figure.id: figure for figure in map(Figure.model_validate_json, shown(needed))}
            return Part(len(groups), [(group.id, group.made(whole).model_dump_json().encode()) for group in asked])

        return page_behind(reader, query, part)
