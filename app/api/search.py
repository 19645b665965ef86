"""`/search`: records of all kinds by their words."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from sqlalchemy import func, select

from app import highlights, search
from app.api.organisations import names
from app.api.routing import StrictRoute
from app.envelopes import Listing
from app.models import Record, Rendering, columns
from app.paging import SortKey, page
from app.parameters import TextQuery, Words
from app.reader import Reader, reading

router = APIRouter(tags=["search"], route_class=StrictRoute)

record, rendering = columns(Record), columns(Rendering)

MOST_NAMES = 3
"""Organisations of similar names that are told where nothing was found."""


class SearchQuery(TextQuery):
    """Parameters of `/search`."""

    q: Words = Field(examples=["Beijing"])
    """Words to find, all of them, in any order: whole words in Latin script, one or more characters of Chinese.
    Names, aliases, titles, summaries and dates are searched. Operators have no meaning; a `q` with no letter or digit finds nothing."""
    kind: list[Literal["source", "organisation", "region", "event", "figure"]] = Field(default=[], examples=[["event"]])
    """Kind of record."""


@router.get("/search", summary="Search all records", response_model=Listing[highlights.Hit])
def search_records(request: Request, query: Annotated[SearchQuery, Query()]) -> Response:
    """Records of all kinds that have every word, with the places where they stand; those first of whose words the query is the greatest part.

    `facets.kind` counts what the words find in each kind. Where they find nothing, `note` tells of organisations of similar names.
    """
    with reading(request) as newest:
        reader = newest.at(query)
        found = search.hits(reader.connection, query.q)
        wanted = len(search.query_words(query.q))
        everything = (
            select(record.kind, func.count().label("records"))
            .join_from(record.id.table, rendering.body.table, rendering.record_id == record.id)
            .join(found.version.table, found.version == rendering.key)
            .where(reader.moment.of(rendering))
        )
        asked = everything.where(record.kind.in_(query.kind)) if query.kind else everything
        statement = asked.with_only_columns(func.coalesce(rendering.quoted, rendering.body).label("body"), found.words.label("words"))
        order = [(SortKey(found.words, float), False), (SortKey(record.kind, str), False), (SortKey(record.id, str), False)]

        def body(row: Any) -> bytes:
            return highlights.hit(json.loads(row.body), query.q, wanted / row.words).model_dump_json().encode()

        rows = reader.connection.execute(everything.group_by(record.kind).order_by(func.count().desc(), record.kind))
        kinds = [{"value": row.kind, "label": row.kind, "count": row.records} for row in rows]
        if not kinds and reader.moment.release:
            reader = reader.noting(_similar(reader, query.q))
        return page(reader, query, statement, asked.with_only_columns(func.count()), order, body, lambda: {"kind": kinds})


def _similar(reader: Reader, q: str) -> str:
    """What to say where nothing was found."""
    near = [f"{match.matched.text!r} ({match.record})" for match in names(reader).resolve(q)[:MOST_NAMES]]
    told = "No record has all of these words."
    return f"{told} Organisations of similar names: {', '.join(near)}; see /organisations?{urlencode({'q': q})}" if near else told
