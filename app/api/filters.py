"""What several lists filter by in the same way: places, and the works that are cited."""

from collections.abc import Collection, Iterator
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ColumnElement, select

from app.models import RegionWithin, columns
from app.paging import documents
from app.reader import Reader

within = columns(RegionWithin)


def in_regions(reader: Reader, region: ColumnElement[Any], given: Collection[str], match: str) -> ColumnElement[bool]:
    """What lies in one of the regions at any depth; with the match `exact`, what names one of them."""
    if match == "exact":
        return region.in_(given)
    return region.in_(select(within.region_id).where(within.ancestor_id.in_(given), reader.moment.of(within)))


def citing(reader: Reader, kind: str, query: Any) -> Iterator[BitMap]:
    """What cites the sources, publishers and documents that a query names; refuses documents that nobody holds."""
    if query.source:
        yield reader.postings.any(f"{kind}.source", query.source)
    if query.publisher:
        yield reader.postings.any(f"{kind}.publisher", query.publisher)
    if query.document:
        held = [document.sha256 for document in documents(reader.connection, query.document)]
        yield reader.postings.any(f"{kind}.document", held)
