"""What several lists filter by in the same way: places, and the works that are cited."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from app.models import Citation, RegionWithin, Source, columns
from app.paging import document_ids
from app.reader import Reader

within, citation, source = columns(RegionWithin), columns(Citation), columns(Source)


def in_regions(reader: Reader, region: ColumnElement[Any], given: Collection[str], match: str) -> ColumnElement[bool]:
    """What lies in one of the regions at any depth; with the match `exact`, what names one of them."""
    if match == "exact":
        return region.in_(given)
    return region.in_(select(within.region_id).where(within.ancestor_id.in_(given), reader.moment.of(within)))


def cited(version: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """What has a citation that fulfils conditions."""
    return exists().where(citation.version == version, *conditions)


def citing(reader: Reader, version: ColumnElement[Any], query: Any) -> list[ColumnElement[bool]]:
    """What cites the sources, publishers and documents that a query names; refuses documents that nobody holds."""
    known = (citation.source_id == source.id, reader.moment.whole(source))
    where = []
    if query.source:
        where.append(cited(version, citation.source_id.in_(query.source)))
    if query.publisher:
        where.append(cited(version, *known, source.publisher_id.in_(query.publisher)))
    if query.document:
        where.append(cited(version, *known, source.document_id.in_(document_ids(reader.connection, query.document))))
    return where
