"""Passages as quotes: kept beside the records where the operator loaded the documents, and no part of any release.

The documents are their publishers' property: what is served of them is the cited passage, cut at a fixed length.
"""

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, or_, select, update

from app.citations import LONGEST_QUOTE
from app.models import OPEN, DocumentText, Release, Rendering, columns
from app.seeding.dataset import Dataset
from app.seeding.references import Json
from app.seeding.render import Rendered, body, released


class Quotes:
    """The texts of the documents, as given now or kept from an earlier load, and the records with quotes from them."""

    def __init__(self, connection: Connection, data: Dataset, changed: set[str]) -> None:
        """`changed` names the records that the load changes: the kept text of a changed document is another one's."""
        text, release = columns(DocumentText), columns(Release)
        self.connection = connection
        kept = {row.document_id: row.text for row in connection.execute(select(text)) if row.document_id not in changed}
        self.texts: dict[str, str] = kept | data.texts
        self.fresh = {document for document, content in data.texts.items() if kept.get(document) != content}
        self._by_name = {data.documents[document].name: content for document, content in self.texts.items()}
        hashes = "".join(sorted(data.documents[document].sha256 for document in self.texts))
        self.digest = hashlib.sha256(hashes.encode()).hexdigest() if hashes else None
        self.news = self.digest != connection.scalar(select(release.texts).order_by(release.id.desc()).limit(1))
        """Whether other texts are kept now than before, so that the quotes of all records are made anew."""

    def body(self, record: Json) -> bytes | None:
        """A released record with its quotes; None where there is none to add."""
        quoted = self._quoted(record)
        return None if quoted is record else body(quoted)

    def store_texts(self) -> None:
        """Keep the texts."""
        text, release = columns(DocumentText), columns(Release)
        self.connection.execute(delete(DocumentText).where(or_(text.document_id.in_(self.fresh), text.document_id.not_in(self.texts))))
        if self.fresh:
            self.connection.execute(insert(DocumentText), [{"document_id": one, "text": self.texts[one]} for one in sorted(self.fresh)])
        latest = select(release.id).order_by(release.id.desc()).limit(1).scalar_subquery()
        self.connection.execute(update(Release).where(release.id == latest).values(texts=self.digest))

    def store(self, records: dict[str, list[Rendered]], releases: Mapping[str, int]) -> None:
        """Keep the quotes of the given records, which are stored."""
        rendering = columns(Rendering)
        for identifier, views in records.items():
            for view in views:
                at = (rendering.record_id == identifier, rendering.until == OPEN, rendering.seen_from == view.seen_from)
                quoted = self.body(released(view.record, releases))
                self.connection.execute(update(Rendering).where(*at).values(quoted=quoted))

    def _quoted(self, record: Json) -> Json:
        update: Json = {}
        found = [self._quote(citation) for citation in record["citations"]]
        if any(quote is not None for quote in found):
            update["citations"] = [{**citation, "quote": quote} for citation, quote in zip(record["citations"], found, strict=True)]
        if record.get("figures"):
            update["figures"] = [self._quoted(figure) for figure in record["figures"]]
        return record | update if update else record

    def _quote(self, citation: Json) -> str | None:
        document, locator = citation["document"], citation["locator"]
        text = self._by_name.get(document["name"]) if document else None
        if text is None or locator is None:
            return None
        passage = text[locator["start"] : locator["end"]]
        return passage if len(passage) <= LONGEST_QUOTE else passage[: LONGEST_QUOTE - 1] + "…"
