"""What several lists filter by in the same way: the works that are cited."""

from collections.abc import Iterator
from typing import Any

from pyroaring import BitMap

from app.paging import documents
from app.reader import Reader


def citing(reader: Reader, kind: str, query: Any) -> Iterator[BitMap]:
    """What cites the sources, publishers and documents that a query names; refuses documents that nobody holds."""
    if query.source:
        yield reader.postings.any(f"{kind}.source", query.source)
    if query.publisher:
        yield reader.postings.any(f"{kind}.publisher", query.publisher)
    if query.document:
        held = [document.sha256 for document in documents(reader.connection, query.document)]
        yield reader.postings.any(f"{kind}.document", held)
