"""`facets`: how many records of a list have each value of a field, under the filters in force.

A facet leaves its own filter out, so that a page can offer the other values. What a record does not say is counted under null. Nothing
is cut: every value that some record has is there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from pyroaring import BitMap
from sqlalchemy import select

from app import vocabulary
from app.models import Organisation, Region, RegionWithin, columns
from app.parameters import ListQuery
from app.participation import Buckets, Participation
from app.postings import NONE, TAKING
from app.problems import InvalidRequest, invalid
from app.reader import Reader

UNKNOWN = "unknown"
"""The label of null."""

_NO_FILTERS = {*ListQuery.model_fields, "sort", "facets", "format", "published_before"} - {"q"}
"""Parameters that do not filter; two of them tell the moment that is looked at."""

Bucket = tuple[str | None, str | None, int]
"""A value, its label and how many records have it; without a value: how many have none."""


class _Counted(msgspec.Struct, gc=False):
    """A bucket as answers show it, which takes a fifth of what a mapping does: there may be ten thousands."""

    value: Any
    label: str
    count: int


Choice = Callable[[Reader, Any], BitMap]


@dataclass(frozen=True, slots=True)
class Facet:
    """A field that a list can be counted by."""

    leaves_out: tuple[str, ...]
    """The parameters that filter by the field."""
    counts: Callable[[Reader, Any], Iterable[Bucket] | bytes]
    """The values of the records that a query finds; or all of it as JSON, where they are very many."""
    scheme: str | None = None
    """The vocabulary that names the values, where they are terms."""
    ascending: bool = False
    """In the order of the values; else the most frequent first."""
    keeps: Callable[[Any], bool] = lambda _: False
    """Whether a query's own filter by the field stays, as others of its filters mean nothing without it."""


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


def count(reader: Reader, facet: Facet, query: ListQuery) -> bytes:
    """The values of a facet with their labels and counts as JSON, null last. Those of all records are counted once."""
    usual = _defaults(type(query))
    free = query if facet.keeps(query) else query.model_copy(update={name: usual[name] for name in facet.leaves_out})
    if any(getattr(free, name) != value for name, value in usual.items() if name not in _NO_FILTERS):
        return _written(reader, facet, free)
    return reader.state.index.kept(("facet", facet, reader.moment), lambda: _written(reader, facet, free))


@cache
def _defaults(model: type[ListQuery]) -> dict[str, Any]:
    """What a query holds of which nothing is given."""
    return {name: info.get_default(call_default_factory=True) for name, info in model.model_fields.items()}


def _written(reader: Reader, facet: Facet, free: ListQuery) -> bytes:
    """The values of a facet for a query without the facet's own filter, as JSON."""
    terms = vocabulary.UNITS if facet.scheme == "any-unit" else vocabulary.SCHEMES.get(facet.scheme or "", {})
    counts = facet.counts(reader, free)
    if isinstance(counts, bytes):
        return counts
    found: list[_Counted] = []
    unknown = 0
    for value, label, many in counts:
        if value is None:
            unknown += many
        elif many:
            found.append(_Counted(value, terms[value].name if value in terms else label or value, many))
    found.sort(key=lambda counted: counted.value if facet.ascending else (-counted.count, counted.value))
    return msgspec.json.encode([*found, _Counted(None, UNKNOWN, unknown)] if unknown else found)


def by_value(choose: Choice, field: str) -> Callable[[Reader, Any], Iterable[Bucket]]:
    """Counts by the values of a field of the index."""

    def counts(reader: Reader, query: Any) -> Iterable[Bucket]:
        chosen = choose(reader, query)
        for value, versions in reader.postings.every(field).items():
            yield (value or None), None, versions.intersection_cardinality(chosen)

    return counts


def by_place(choose: Choice, field: str) -> Callable[[Reader, Any], Iterable[Bucket]]:
    """Counts by region, each with all that lies in it."""

    def counts(reader: Reader, query: Any) -> Iterable[Bucket]:
        labels, above = places(reader)
        many: Counter[str] = Counter()
        for region, _, own in by_value(choose, field)(reader, query):
            if region is None:
                yield None, None, own
            elif own:
                for place in above[region]:
                    many[place] += own
        yield from ((place, labels[place], records) for place, records in many.items())

    return counts


def places(reader: Reader) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The names of the regions of a moment, and what each lies in, with itself."""

    def make() -> tuple[dict[str, str], dict[str, list[str]]]:
        region, within = columns(Region), columns(RegionWithin)
        labels = {row.id: row.name for row in reader.connection.execute(select(region.id, region.name).where(reader.moment.whole(region)))}
        above: dict[str, list[str]] = {}
        for row in reader.connection.execute(select(within.region_id, within.ancestor_id).where(reader.moment.whole(within))):
            above.setdefault(row.region_id, []).append(row.ancestor_id)
        return labels, above

    return reader.state.index.kept(("places", reader.moment.release), make)


def by_organisation(choose: Choice) -> Callable[[Reader, Any], bytes]:
    """Counts by organisations that take part, in the roles that the query names, if it does."""

    def counts(reader: Reader, query: Any) -> bytes:
        chosen, postings = choose(reader, query), reader.postings
        index = postings.index

        def make() -> Participation:
            return Participation(postings.values("event.organisation"), postings.portions("event.taking"))

        parts = index.once("parts", index.usual, make)
        buckets = index.kept(("buckets", reader.moment.release), lambda: Buckets(_labelled(reader, parts.organisations)))
        written = buckets.written(*parts.count(chosen, query.role))
        if not query.role and (unknown := postings.any("event.organisation", [NONE]).intersection_cardinality(chosen)):
            written.append(msgspec.json.encode(_Counted(None, UNKNOWN, unknown)))
        elif written:
            written[-1] = written[-1].removesuffix(b",")
        return b"".join((b"[", *written, b"]"))

    return counts


def _labelled(reader: Reader, organisations: list[str]) -> Iterator[bytes]:
    """The buckets of organisations, with their names at a moment, up to the count: there may be ten thousands in an answer."""
    body = columns(Organisation)
    names = {row.id: row.name for row in reader.connection.execute(select(body.id, body.name).where(reader.moment.whole(body)))}
    return (msgspec.json.encode(_Counted(value, names.get(value, value), 0)).removesuffix(b"0}") for value in organisations)


def by_role(choose: Choice) -> Callable[[Reader, Any], Iterable[Bucket]]:
    """Counts by the roles of organisations, of those that the query names, if it does."""

    def counts(reader: Reader, query: Any) -> Iterable[Bucket]:
        if not query.organisation:
            yield from by_value(choose, "event.role")(reader, query)
            return
        chosen = choose(reader, query)
        for role in vocabulary.SCHEMES["role"]:
            versions = reader.postings.any("event.taking", [f"{role}{TAKING}{name}" for name in query.organisation])
            yield role, None, versions.intersection_cardinality(chosen)

    return counts
