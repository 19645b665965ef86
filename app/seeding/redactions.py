"""What is redacted for law's sake: the rules by which a value goes from a rendered record and from whatever shows it, and stays gone.

A redaction names a field of a record as it is served. The rules look at nothing but the record and the redactions, so that a load, which
renders the curated files anew, comes to the same record as the command that changed what was stored. With the value of a field go

- its copies: the name, title, publisher or address of the record wherever another record refers to it;
- what the citations that support it say of the passage (anchor, link, locator, quote, note, what is stated instead), and why it was derived.

Places in lists move from version to version; a list is redacted whole, and so is a text about other things too.
"""

import copy
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from app import database, models, schemas, search
from app.models import columns
from app.seeding.files import Mistake
from app.seeding.references import Json
from app.seeding.render import Rendered, Renderer

REDACTED = "[redacted]"
"""What stands in the place of a text that may not be missing."""

TOLD: dict[str, Any] = {
    "derived.reason": REDACTED,
    "citations.anchor": REDACTED,
    "citations.quote": None,
    "citations.note": None,
    "citations.attributed_to": None,
}
"""Parts of the citations and derivations of any record, in all of them at once."""

FIELDS: dict[str, dict[str, Any]] = {
    "region": dict.fromkeys(("name_zh", "iso_3166", "gb_2260", "latitude", "longitude")) | {"name": REDACTED} | TOLD,
    "organisation": dict.fromkeys(
        ("name_zh", "region", "parent", "website", "identifiers.wikidata", "identifiers.ror", "identifiers.lei", "description")
    )
    | {"name": REDACTED, "aliases": []}
    | TOLD,
    "source": dict.fromkeys(("title_zh", "publisher", "url", "seen_url", "rights")) | {"title": REDACTED, "authors": []} | TOLD,
    "event": dict.fromkeys(("title_zh", "summary", "date", "venue", "identifiers.nct", "identifiers.chictr", "identifiers.nmpa"))
    | {"title": REDACTED, "organisations": [], "people": [], "products": [], "topics": []}
    | TOLD,
    "figure": dict.fromkeys(("organisation", "period", "as_stated", "relative_to", "scope_note")) | TOLD,
}
"""The fields of each kind of record that can be redacted, and what stands in their place.

Not among them: what may not be empty, what other records count or show back (regions, parents), and what decides which works and days
support what (a source's date and origin).
"""

HEADINGS = {"name", "name_zh", "title", "title_zh"}
"""What other records show of a record."""

_SPOKEN = {"text", "name", "name_zh", "indication"}
"""The parts of the items of a list that are words of their own, and no terms of the vocabulary."""

_SHORTEST = 4
"""Letters of a value that is looked for in other texts; Chinese, Japanese and Korean need two."""

redaction = columns(models.Redaction)


@dataclass(frozen=True, slots=True)
class Held:
    """The redactions of a database: by id of the record, those of its fields, sorted."""

    of: dict[str, list[schemas.Redacted]]

    def views(self, views: list[Rendered]) -> list[Rendered]:
        """The views of a record without what is redacted."""
        return [replace(view, record=self.record(view.record)) for view in views] if self.of else views

    def record(self, record: Json) -> Json:
        """The record without what is redacted of it and of the records that it shows."""
        content = copy.deepcopy(record)
        return content if self.strip(content) else record

    def strip(self, record: dict[str, Any]) -> bool:
        """Take what is redacted out of the JSON of a record; whether that changed it."""
        before = copy.deepcopy(record)
        for shown in (record, *record.get("figures", [])):
            self._strip_own(shown)
        self._strip_copies(record)
        return record != before

    def _strip_own(self, record: dict[str, Any]) -> None:
        held = self.of.get(record["id"], [])
        if not held:
            return
        record["redacted"] = [item.model_dump(mode="json") for item in held]
        for item in held:
            outer, _, inner = item.field.partition(".")
            instead = FIELDS[record["kind"]][item.field]
            if item.field not in TOLD:
                (record[outer] if inner else record)[inner or outer] = copy.copy(instead)
                _strip_receipts(record, outer)
            elif outer == "derived":
                for derived in record["derived"]:
                    derived["reason"] = instead
            else:
                for citation in record["citations"]:
                    _strip_citation(citation, inner)
        stripped = {citation["source"]["id"] for citation in record["citations"] if citation["anchor"] == REDACTED}
        kept = {citation["anchor"] for citation in record["citations"]}
        for derived in record["derived"]:
            for ground in derived["from"]:
                if ground["source"]["id"] in stripped and ground["anchor"] not in kept:
                    ground["anchor"] = REDACTED

    def _strip_copies(self, part: Any) -> None:
        """Take out what is redacted of the records that a part of a record refers to."""
        if isinstance(part, list):
            for item in part:
                self._strip_copies(item)
        elif isinstance(part, dict):
            if "kind" not in part:
                for item in self.of.get(part.get("id", ""), []):
                    if item.field in part:
                        part[item.field] = None if item.field not in HEADINGS or item.field.endswith("_zh") else REDACTED
            source = part.get("source")
            if isinstance(source, dict):
                gone = {item.field for item in self.of.get(source["id"], [])}
                if "publisher" in gone and "publisher" in part:
                    part["publisher"] = None
                if "url" in gone and "deep_link" in part:
                    part["deep_link"] = None
            for name, value in part.items():
                if name != "subject":  # a term of the vocabulary, whose id may be that of a record
                    self._strip_copies(value)

    def unheeded(self, renderer: Renderer) -> list[Mistake]:
        """Values of redacted fields that the curated files still hold."""
        found = []
        for identifier, items in self.of.items():
            if (kind := renderer.data.kind(identifier)) is None:
                continue
            content = renderer.views(kind, renderer.data.table(kind)[identifier])[-1].record
            for item in items:
                if _still_there(content, item.field):
                    mend = f"write '{REDACTED}' there" if FIELDS[content["kind"]][item.field] == REDACTED else "take it out of the files"
                    message = f"{item.field}: was redacted on {item.redacted_at:%Y-%m-%d} and is not published; {mend}"
                    path = item.field.replace("citations", "cite").partition(".")[0]
                    found.append(renderer.data.entry(identifier).mistake(message, path))
        return sorted(found)


def _still_there(record: dict[str, Any], field: str) -> bool:
    """Whether the JSON of a record, as the curated files have it, holds a value that may be taken out: anchors and reasons they need."""
    if field in TOLD:
        return field in {"citations.note", "citations.attributed_to"} and any(words_of(record, field))
    return _at(record, field) not in (None, [], REDACTED)


def _strip_receipts(record: dict[str, Any], field: str) -> None:
    """Take out what receipts and derivations tell of a field, and what sources state of it instead."""
    for citation in record["citations"]:
        if field in citation["supports"] or field in citation["stated"]:
            citation["stated"].pop(field, None)
            for part in ("anchor", "note"):
                _strip_citation(citation, part)
    for derived in record["derived"]:
        if derived["field"].partition(".")[0] == field:
            derived["reason"] = REDACTED
    for statement in record.get("statements", []):
        if field in statement:
            statement[field] = None


def _strip_citation(citation: dict[str, Any], part: str) -> None:
    match part:
        case "anchor":
            citation |= {"anchor": REDACTED, "deep_link": None, "locator": None, "quote": None}
        case "quote":
            citation |= {"locator": None, "quote": None}
        case "note":
            citation["note"] = None
        case "attributed_to" if citation["attributed_to"]:
            citation["attributed_to"]["name"] = None


def held(connection: Connection) -> Held:
    """The redactions of a database."""
    of: dict[str, list[schemas.Redacted]] = {}
    for row in connection.execute(select(redaction).order_by(redaction.record_id, redaction.field)):
        item = schemas.Redacted(field=row.field, reason=row.reason, redacted_at=database.utc(row.redacted_at))
        of.setdefault(row.record_id, []).append(item)
    return Held(of)


def _at(record: dict[str, Any], field: str) -> Any:
    outer, _, inner = field.partition(".")
    return record[outer][inner] if inner else record[outer]


def words_of(record: dict[str, Any], field: str) -> Iterator[str]:
    """The words of a field of the JSON of a record; none where it holds numbers, dates, terms or references."""
    outer, _, inner = field.partition(".")
    yield from _leaves([part[inner] for part in record[outer]] if field in TOLD else _at(record, field))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict) and "id" not in value:
        yield from (value[name] for name in sorted(_SPOKEN & value.keys()) if value[name])


def telling(texts: Collection[str]) -> re.Pattern[str] | None:
    """What finds any of these texts in another one, both folded as for the search; None where they are too short to tell anything."""
    wanted = []
    for text in sorted({search.fold(given).strip() for given in texts} - {REDACTED}):
        cjk = any(search.is_cjk(character) for character in text)
        if len(text) >= (2 if cjk else _SHORTEST):
            # An address is not told by the one of a page below it.
            end = r"(?!\.?[\w/?#&=%-])" if "://" in text else r"(?!\w)"
            wanted.append(re.escape(text) if cjk else rf"(?<!\w){re.escape(text)}{end}")
    return re.compile("|".join(wanted)) if wanted else None


def places(record: dict[str, Any], pattern: re.Pattern[str]) -> set[str]:
    """The fields of the JSON of a record, of those that can be redacted, that hold what is looked for."""
    return {field for field in FIELDS[record["kind"]] if any(pattern.search(search.fold(text)) for text in words_of(record, field))}
