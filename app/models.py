"""The tables. The curated files are their source of truth; `app.seeding` is their only writer.

Filters read the index (`posting`), what it does not know and sorting the typed columns, and answers are joined from `rendering.body`: the
JSON of a record as the API serves it. All stand once for each version of a record. A version holds from the release `since` to before the
release `until` (what was on record), and for the days from `seen_from` to before `seen_until` (what the works published before such a day
support). A query reads one moment of them, see `Moment`; the tables never forget. `citation`, `event_person`, `event_product`, `event_topic` and
`region_member`, and the indexes of types, are for those who open the database themselves.

References name `record.id`, which every version of a record shares. They are deferred to the commit, so that a load may write in any
order and a broken one cannot be published. Text compares by code point on both engines, so that both sort alike.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Column, ColumnElement, DateTime, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint, and_
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
DATA = JSON().with_variant(postgresql.JSONB(), "postgresql")


OPEN = 2**31 - 1
"""`until` of what still holds."""

END = date.max
"""`seen_until` of what all works together support."""

UNDATED = END - timedelta(days=1)
"""The day from which on a work counts whose date is not known: later than any that a query can name."""


def _text(*, index: bool = False, nullable: bool = False, primary_key: bool = False, unique: bool = False) -> Any:
    return Field(sa_column=Column(TEXT, index=index, nullable=nullable, primary_key=primary_key, unique=unique))


def _data() -> Any:
    return Field(sa_column=Column(DATA, nullable=False))


def _reference(target: str, *, nullable: bool = False, primary_key: bool = False, index: bool | None = None) -> Any:
    """A reference to a row, deferred to the commit; indexed unless it (begins and) is the primary key.

    No query asks for most of these indexes. But as long as any reference waits for its row, SQLite looks with each row that is inserted for
    those that wait for it: without them a load of 1 % takes four times as long.
    """
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    kind = Integer() if target in {"release.id", "rendering.key"} else TEXT
    indexed = not primary_key if index is None else index
    return Field(sa_column=Column(kind, key, nullable=nullable, primary_key=primary_key, index=indexed))


def _version() -> Any:
    return _reference("rendering.key", primary_key=True)


def _until() -> Any:
    return Field(default=OPEN, sa_column=Column(Integer, nullable=False, server_default=str(OPEN)))


class Release(SQLModel, table=True):
    """One successful load that changed something."""

    id: int = Field(primary_key=True)
    released_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    digest: str
    licence: str
    counts: dict[str, int] = _data()
    changes: dict[str, dict[str, int]] = Field(sa_column=Column(DATA, nullable=False, server_default="{}"))
    """How many records of each kind it inserted, updated, withdrew or merged."""
    shape: str | None = None
    """SHA-256 of the schema that the renderings have; as it was when this release was the newest. Other software writes them anew."""
    texts: str | None = None
    """SHA-256 over the documents whose texts are kept for quotes; null: none is. No part of the release, and may change after it."""


class Record(SQLModel, table=True):
    """Every id ever published, of whatever kind, and what has become of it."""

    __table_args__ = (
        CheckConstraint("kind IN ('document', 'source', 'organisation', 'region', 'event', 'figure')", name="record_kind"),
        CheckConstraint("state IN ('current', 'withdrawn', 'merged')", name="record_state"),
        CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="record_merged"),
        CheckConstraint("(state = 'current') = (reason IS NULL)", name="record_reason"),
    )

    key: int | None = Field(default=None, primary_key=True)
    id: str = _text(unique=True)
    kind: str = _text(index=True)
    state: str
    merged_into: str | None = _reference("record.id", nullable=True)
    reason: str | None = None
    release: int = _reference("release.id")
    digest: str
    """SHA-256 of the rendered record with all release numbers left out."""
    search_digest: str
    """SHA-256 of the words by which `q` finds the record."""
    stamp: str | None = None
    """Tells whether the entry stands in its file as it did, see `app.seeding.stamps`; null: not known."""


class Rendering(SQLModel, table=True):
    """A version of a record as the API serves it."""

    __table_args__ = (
        UniqueConstraint("record_id", "since", "seen_from", name="rendering_version"),
        CheckConstraint("since < until AND seen_from < seen_until", name="rendering_span"),
    )

    key: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    record_id: str = _reference("record.id", index=False)
    since: int = _reference("release.id")
    """The release in which the record became so."""
    until: int = _until()
    """The release in which it ceased to be so."""
    seen_from: date
    """The first day before which works were published that say so."""
    seen_until: date
    """The first day before which works were published that say more."""
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    quoted: bytes | None = None
    """The same with the cited passages as quotes, where the documents' texts are kept."""


class Redaction(SQLModel, table=True):
    """A field of a record whose value is published in no release, for law's sake."""

    record_id: str = _reference("record.id", primary_key=True)
    field: str = _text(primary_key=True)
    reason: str
    redacted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Change(SQLModel, table=True):
    """What a release did to a record; rows are only ever added."""

    __table_args__ = (CheckConstraint("change IN ('insert', 'update', 'withdraw', 'merge')", name="change_change"),)

    release: int = _reference("release.id", primary_key=True)
    position: int = Field(primary_key=True)
    kind: str
    record_id: str = _reference("record.id")
    change: str
    fields: dict[str, Any] = _data()
    """Of an update: each field that differs, as {from, to}; of a merge: merged_into."""
    reason: str | None = None


class Posting(SQLModel, table=True):
    """The versions of records that have a value of a field: what the index is made of."""

    field: str = _text(primary_key=True)
    value: str = _text(primary_key=True)
    versions: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """A Roaring bitmap of their keys, in the portable format."""


class Ordering(SQLModel, table=True):
    """The order in which the list of a kind of record shows its versions by default."""

    kind: str = _text(primary_key=True)
    versions: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Their keys, each as 32 bits with the low byte first."""


class Document(SQLModel, table=True):
    """Bytes that a curator held."""

    __table_args__ = (CheckConstraint("length >= 0", name="document_length"),)

    id: str = _reference("record.id", primary_key=True)
    name: str = _text(unique=True)
    sha256: str = _text(unique=True)
    length: int
    """In code points of the text."""
    media_type: str
    language: str
    release: int = _reference("release.id")


class DocumentText(SQLModel, table=True):
    """The text of a document, where the operator loaded it: outside of releases, digests and exports."""

    __tablename__ = "document_text"

    document_id: str = _reference("document.id", primary_key=True)
    text: str


class Region(SQLModel, table=True):
    """A place that records speak of."""

    version: int = _version()
    id: str = _reference("record.id")
    since: int
    until: int
    seen_from: date
    seen_until: date
    name: str = _text(index=True)
    name_zh: str | None = None
    type: str = _text(index=True)
    parent_id: str | None = _reference("record.id", nullable=True)
    iso_3166: str | None = None
    gb_2260: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    reference: list[dict[str, Any]] = _data()
    derived: list[dict[str, Any]] = _data()


class RegionMember(SQLModel, table=True):
    """A member of a multi-region."""

    __tablename__ = "region_member"

    version: int = _version()
    member_id: str = _reference("record.id", primary_key=True)


class RegionWithin(SQLModel, table=True):
    """Every region with itself and all that it lies in, by parents and memberships: what roll-ups read."""

    __tablename__ = "region_within"

    region_id: str = _reference("record.id", primary_key=True)
    ancestor_id: str = _reference("record.id", primary_key=True, index=True)
    since: int = _reference("release.id", primary_key=True)
    until: int = _until()


class Organisation(SQLModel, table=True):
    """A body that takes part, publishes or is spoken of."""

    version: int = _version()
    id: str = _reference("record.id")
    since: int
    until: int
    seen_from: date
    seen_until: date
    name: str = _text(index=True)
    name_zh: str | None = None
    type: str = _text(index=True)
    region_id: str | None = _reference("record.id", nullable=True)
    parent_id: str | None = _reference("record.id", nullable=True)
    website: str | None = None
    wikidata: str | None = None
    ror: str | None = None
    lei: str | None = None
    description: str | None = None
    reference: list[dict[str, Any]] = _data()
    derived: list[dict[str, Any]] = _data()


class OrganisationName(SQLModel, table=True):
    """Another name under which an organisation is known."""

    __tablename__ = "organisation_name"

    version: int = _version()
    position: int = Field(primary_key=True)
    text: str
    language: str
    type: str


class Source(SQLModel, table=True):
    """A published work that records cite."""

    __table_args__ = (
        CheckConstraint("part_start IS NULL OR (document_id IS NOT NULL AND 0 <= part_start AND part_start < part_end)", name="source_part"),
        CheckConstraint("published_earliest <= published_latest", name="source_published"),
    )

    version: int = _version()
    id: str = _reference("record.id")
    since: int
    until: int
    seen_from: date
    seen_until: date
    title: str = _text(index=True)
    title_zh: str | None = None
    publisher_id: str | None = _reference("record.id", nullable=True)
    authors: list[str] = _data()
    url: str | None = None
    seen_url: str | None = None
    language: str = _text()
    published_edtf: str | None = None
    published_earliest: date | None = None
    published_latest: date | None = None
    published_precision: str | None = None
    published_first: date | None = Field(default=None, index=True)
    published_last: date | None = None
    type: str = _text()
    grade: str = _text()
    derived_from_id: str | None = _reference("record.id", nullable=True)
    origin_id: str = _reference("record.id")
    document_id: str | None = _reference("document.id", nullable=True)
    part_start: int | None = None
    part_end: int | None = None
    rights: str | None = None
    derived: list[dict[str, Any]] = _data()


class Event(SQLModel, table=True):
    """Something that happened, is set to happen, or was announced."""

    __table_args__ = (
        CheckConstraint("date_earliest <= date_latest", name="event_date"),
        Index("ix_event_date_first_id", "date_first", "id"),
    )

    version: int = _version()
    id: str = _reference("record.id")
    since: int
    until: int
    seen_from: date
    seen_until: date
    type: str = _text(index=True)
    status: str = _text()
    title: str = _text(index=True)
    title_zh: str | None = None
    summary: str | None = None
    date_edtf: str | None = None
    date_earliest: date | None = None
    date_latest: date | None = None
    date_precision: str | None = None
    date_first: date | None = None
    """The earliest day, or the latest where that is open: what sorting and filters read."""
    date_last: date | None = None
    region_id: str | None = _reference("record.id", nullable=True)
    venue: str | None = None
    parent_id: str | None = _reference("record.id", nullable=True)
    nct: str | None = None
    chictr: str | None = None
    nmpa: str | None = None
    origins: int
    derived: list[dict[str, Any]] = _data()


class EventOrganisation(SQLModel, table=True):
    """An organisation's role in an event."""

    __tablename__ = "event_organisation"

    version: int = _version()
    organisation_id: str = _reference("record.id", primary_key=True, index=True)
    role: str = _text(primary_key=True)


class EventPerson(SQLModel, table=True):
    """A person's role in an event."""

    __tablename__ = "event_person"

    version: int = _version()
    position: int = Field(primary_key=True)
    name: str
    name_zh: str | None = None
    role: str
    organisation_id: str | None = _reference("record.id", nullable=True)


class EventProduct(SQLModel, table=True):
    """A product that an event is about."""

    __tablename__ = "event_product"

    version: int = _version()
    position: int = Field(primary_key=True)
    name: str
    name_zh: str | None = None
    modality: str | None = None
    indication: str | None = None


class EventTopic(SQLModel, table=True):
    """A topic of an event."""

    __tablename__ = "event_topic"

    version: int = _version()
    topic: str = _text(primary_key=True)


class Figure(SQLModel, table=True):
    """A number with its unit, qualifier and basis, and what it measures, where and when."""

    __table_args__ = (
        CheckConstraint("low <= high", name="figure_bounds"),
        CheckConstraint("period_earliest <= period_latest", name="figure_period"),
        CheckConstraint("(qualifier = 'range') = (value IS NULL)", name="figure_value"),
        CheckConstraint(
            "CASE WHEN qualifier IN ('exact', 'about') THEN low IS NOT NULL AND high IS NOT NULL AND low = value AND high = value"
            " WHEN qualifier IN ('more-than', 'at-least') THEN low IS NOT NULL AND low = value AND high IS NULL"
            " WHEN qualifier IN ('nearly', 'up-to', 'less-than') THEN high IS NOT NULL AND low IS NULL AND high = value"
            " ELSE qualifier = 'range' AND low IS NOT NULL AND high IS NOT NULL END",
            name="figure_qualifier",
        ),
        Index("ix_figure_unit_value", "unit", "value"),
    )

    version: int = _version()
    id: str = _reference("record.id")
    since: int
    until: int
    seen_from: date
    seen_until: date
    metric: str = _text(index=True)
    subject: str | None = _text(nullable=True, index=True)
    region_id: str | None = _reference("record.id", nullable=True)
    organisation_id: str | None = _reference("record.id", nullable=True)
    event_id: str | None = _reference("record.id", nullable=True)
    period_edtf: str | None = None
    period_earliest: date | None = None
    period_latest: date | None = None
    period_precision: str | None = None
    period_first: date | None = Field(default=None, index=True)
    period_last: date | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    qualifier: str
    unit: str = _text()
    basis: str = _text()
    as_stated: str | None = None
    relative_region_id: str | None = _reference("record.id", nullable=True)
    relative_subject: str | None = None
    relative_period_edtf: str | None = None
    relative_figure_id: str | None = _reference("record.id", nullable=True)
    scope_note: str | None = None
    agreement: str
    origins: int
    derived: list[dict[str, Any]] = _data()


class Citation(SQLModel, table=True):
    """The passage of a source that supports fields of a record."""

    __table_args__ = (CheckConstraint("locator_start IS NULL OR (0 <= locator_start AND locator_start < locator_end)", name="citation_locator"),)

    version: int = _version()
    position: int = Field(primary_key=True)
    source_id: str = _reference("record.id")
    anchor: str
    locator_start: int | None = None
    locator_end: int | None = None
    locator_sha256: str | None = None
    supports: list[str] = _data()
    stated: dict[str, Any] = _data()
    attributed_name: str | None = None
    attributed_organisation_id: str | None = _reference("record.id", nullable=True)
    reading: str
    note: str | None = None
    status: str
    checked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))


@dataclass(frozen=True, slots=True)
class Moment:
    """What a query reads: the state of a release, as far as works support it that were published before a day."""

    release: int
    day: date = UNDATED

    def of(self, table: Any) -> ColumnElement[bool]:
        """What holds for the rows of a table, given by its columns, that stand in this moment."""
        recorded = and_(table.since <= self.release, table.until > self.release)
        if "seen_from" not in table:
            return recorded
        if self.day == UNDATED:
            return and_(recorded, table.seen_until == END)
        return and_(recorded, table.seen_from <= self.day, table.seen_until > self.day)

    def whole(self, table: Any) -> ColumnElement[bool]:
        """As `of`, with all that was on record whenever it was published: what the records of a moment refer to."""
        return Moment(self.release).of(table)


KINDS: dict[str, type[SQLModel]] = {
    "document": Document,
    "region": Region,
    "organisation": Organisation,
    "source": Source,
    "event": Event,
    "figure": Figure,
}
"""The table of each kind of record."""


def columns(model: type[SQLModel]) -> Any:
    """The columns of a table, for queries: to the type checker a model's attributes are plain values."""
    return SQLModel.metadata.tables[str(model.__tablename__)].c
