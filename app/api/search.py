"""`/search`: records of all kinds by their words."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from pydantic_core import to_json
from pyroaring import BitMap
from sqlalchemy import literal

from app import highlights
from app.api.organisations import names
from app.api.routing import StrictRoute
from app.caching import refuse_unchanged
from app.chosen import bodies, identifiers
from app.envelopes import Listing
from app.paging import SortKey, applied, envelope, opened, sealed, written
from app.parameters import TextQuery, Words
from app.reader import Reader, reading
from app.search import query_words

router = APIRouter(tags=["search"], route_class=StrictRoute)

KINDS = ("event", "figure", "organisation", "region", "source")

ORDER = [SortKey(literal(0), float), SortKey(literal(""), str), SortKey(literal(""), str)]
"""How many words a record has, its kind and its id."""

MOST_NAMES = 3
"""Organisations of similar names that are told where nothing was found."""


class SearchQuery(TextQuery):
    """Parameters of `/search`."""

    q: Words = Field(examples=["Beijing"])
    """Words to find, all of them, in any order: whole words in Latin script, one or more characters of Chinese.
    Names, aliases, titles, summaries and dates are searched. Operators have no meaning; a `q` with no letter or digit finds nothing."""
    kind: list[Literal["source", "organisation", "region", "event", "figure"]] = Field(default_factory=list, examples=[["event"]])
    """Kind of record."""


@router.get("/search", summary="Search all records", response_model=Listing[highlights.Hit])
def search_records(request: Request, query: Annotated[SearchQuery, Query()]) -> Response:
    """Records of all kinds that have every word, with the places where they stand; those first of whose words the query is the greatest part.

    `facets.kind` counts what the words find in each kind. Where they find nothing, `note` tells of organisations of similar names.
    """
    with reading(request) as newest:
        reader = newest.at(query)
        found = reader.postings.worded(query.q)
        by_kind = {kind: found & reader.postings.standing(kind) for kind in KINDS}
        many = sorted(((len(versions), kind) for kind, versions in by_kind.items() if versions), key=lambda pair: (-pair[0], pair[1]))
        kinds = [{"value": kind, "label": kind, "count": count} for count, kind in many]
        asked = {kind: versions for kind, versions in by_kind.items() if not query.kind or kind in query.kind}
        force = applied(query)
        seal = sealed(request, force)
        behind = None if query.cursor is None else opened(reader, query.cursor, seal, ORDER)
        refuse_unchanged(request, reader.headers)
        if not kinds and reader.moment.release:
            reader = reader.noting(_similar(reader, query.q))
        ranked = list(islice(_ranked(reader, asked, behind), query.limit + 1))
        shown = ranked[: query.limit]
        cursor = written(reader, [*shown[-1][:3]], seal) if len(ranked) > query.limit else None
        wanted = len(query_words(query.q))
        whole = bodies(reader.snapshot, [version for *_, version in shown], quoted=True)
        hits = [highlights.hit(json.loads(body), query.q, wanted / words) for (words, *_), body in zip(shown, whole, strict=True)]
        total = sum(map(len, asked.values()))
        return envelope(reader, force, [hit.model_dump_json().encode() for hit in hits], total, cursor, {"kind": to_json(kinds)})


def _ranked(reader: Reader, found: dict[str, BitMap], behind: list[Any] | None) -> Iterator[tuple[int, str, str, int]]:
    """Versions with how many words they have, their kind and their record's id, in this order; those behind such a place."""
    least = tuple(behind) if behind else (0, "", "")
    for words, versions in sorted(reader.postings.every("words").items()):
        many = int(words)
        if many < least[0]:
            continue
        for kind in sorted(found):
            if (many, kind) < least[:2]:
                continue
            named = ((many, kind, identifier, version) for version, identifier in identifiers(reader.snapshot, found[kind] & versions))
            yield from sorted(place for place in named if place[:3] > least)


def _similar(reader: Reader, q: str) -> str:
    """What to say where nothing was found."""
    near = [f"{match.matched.text!r} ({match.record})" for match in names(reader).resolve(q)[:MOST_NAMES]]
    told = "No record has all of these words."
    return f"{told} Organisations of similar names: {', '.join(near)}; see /organisations?{urlencode({'q': q})}" if near else told
