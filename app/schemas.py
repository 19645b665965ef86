"""What goes out: the records and envelopes as JSON, described for the OpenAPI document.

No field has a default, so that each is always there: what is absent is null, lists may be empty.
"""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app import vocabulary


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


Number = Annotated[float, PlainSerializer(_whole, return_type=int | float), WithJsonSchema({"type": "number"})]
"""A number, written without a decimal point where it is whole."""


def term(scheme: str) -> Any:
    """The JSON schema of a term of the vocabulary."""
    terms = vocabulary.SCHEMES[scheme]
    return WithJsonSchema({"type": "string", "enum": list(terms), "description": f"A term of `/vocabulary#{scheme}`."})


class Shape(BaseModel):
    """Settings shared by everything that goes out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True, serialize_by_alias=True)


class Ref(Shape):
    """A reference to a region, an organisation or a subject."""

    id: str
    name: str
    name_zh: str | None


class TitleRef(Shape):
    """A reference to an event or a source."""

    id: str
    title: str
    title_zh: str | None


class FigureRef(Shape):
    """A reference to a figure."""

    id: str


class DateSpan(Shape):
    """A date as precise as the sources give it."""

    edtf: str
    """EDTF (ISO 8601-2): a slash means throughout, brackets mean on some day within."""
    earliest: date | None
    """First day that the date admits; null: open."""
    latest: date | None
    """Last day that the date admits; null: open."""
    precision: Annotated[str, term("precision")]


class Derived(Shape):
    """A field that no passage states as such."""

    field: str
    reason: str
    """How the curator came to it."""
    from_: list["DerivedFrom"] = Field(alias="from")
    """The citations that it was derived from."""


class DerivedFrom(Shape):
    """A citation of the same record."""

    source: TitleRef
    anchor: str


class Reference(Shape):
    """The named data set that fields come from which no cited passage gives."""

    fields: list[str]
    dataset: str
    version: str


class CitedDocument(Shape):
    """The held bytes that a citation points into."""

    name: str
    sha256: str


class Part(Shape):
    """The part of a document that holds a source, in code points."""

    start: int
    end: int


class HeldDocument(CitedDocument):
    """The document that holds a source."""

    length: int
    """In code points of the text decoded as UTF-8."""
    part: Part


class Locator(Shape):
    """A W3C Web Annotation TextPositionSelector in code points, with the SHA-256 of the passage."""

    start: int
    end: int
    sha256: str


class Verification(Shape):
    """What a machine found when it read the passage again."""

    status: Annotated[str, term("verification")]
    checked_at: datetime | None


class Attribution(Shape):
    """Who, in the source, says so."""

    name: str | None
    organisation: Ref | None


class CitedSource(TitleRef):
    """The source of a citation."""

    publisher: Ref | None
    url: str | None
    published: DateSpan | None
    language: str
    type: Annotated[str, term("source-type")]
    grade: Annotated[str, term("source-grade")]


class Citation(Shape):
    """The passage of a source that supports fields of the record."""

    source: CitedSource
    document: CitedDocument | None
    locator: Locator | None
    """Where in the document the passage stands; null until a machine has located it."""
    anchor: str
    """A short phrase of the passage, or its first and last words around an ellipsis."""
    deep_link: str | None
    """The source's page at the passage (a text fragment), where its address is known."""
    supports: list[str]
    """The fields of the record that the passage supports."""
    stated: dict[str, str | Number]
    """What the source says instead, by field, where it differs from the record; else empty."""
    attributed_to: Attribution | None
    reading: Annotated[str, term("reading")]
    note: str | None
    verification: Verification
    quote: str | None
    """The passage, at most 300 characters; null unless the operator loaded the documents."""


class Counts(Shape):
    """How many records."""

    events: int
    figures: int


class Source(Shape):
    """A published work that records cite."""

    id: str
    kind: Literal["source"]
    title: str
    """In square brackets: supplied by the curator, as the work bears none that is known."""
    title_zh: str | None
    publisher: Ref | None
    authors: list[str]
    url: str | None
    """The work's own page."""
    seen_url: str | None
    """Where the held copy was found."""
    language: str
    """BCP 47."""
    published: DateSpan | None
    type: Annotated[str, term("source-type")]
    grade: Annotated[str, term("source-grade")]
    derived_from: TitleRef | None
    """The work that this one repeats, shortens or summarises."""
    origin: TitleRef
    """The root of the derived_from chain; sources of one origin are one independent report."""
    document: HeldDocument | None
    rights: str | None
    counts: Counts
    """Records that cite the source."""
    derived: list[Derived]
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]


class Alias(Shape):
    """Another name of an organisation."""

    text: str
    language: str
    type: Annotated[str, term("alias-type")]


class OrganisationIdentifiers(Shape):
    """Identifiers in other registers."""

    wikidata: str | None
    ror: str | None
    lei: str | None


class Organisation(Shape):
    """A body that takes part in events, publishes, or is spoken of."""

    id: str
    kind: Literal["organisation"]
    name: str
    name_zh: str | None
    aliases: list[Alias]
    type: Annotated[str, term("organisation-type")]
    region: Ref | None
    parent: Ref | None
    website: str | None
    identifiers: OrganisationIdentifiers
    description: str | None
    reference: list[Reference]
    derived: list[Derived]
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]


class Region(Shape):
    """A place."""

    id: str
    kind: Literal["region"]
    name: str
    name_zh: str | None
    type: Annotated[str, term("region-type")]
    parent: Ref | None
    members: list[Ref]
    """Of a group of regions."""
    iso_3166: str | None
    gb_2260: str | None
    latitude: Number | None
    """Degrees north, WGS 84."""
    longitude: Number | None
    """Degrees east, WGS 84."""
    reference: list[Reference]
    counts: Counts
    """Events and figures of the region and all that lies in it."""
    derived: list[Derived]
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]


class RelativeTo(Shape):
    """What a share, rank, growth or change is measured against."""

    region: Ref | None
    subject: Ref | None
    period: DateSpan | None
    figure: FigureRef | None


class Spread(Shape):
    """The smallest and largest number that the record and the citing sources name, in one unit."""

    min: Number
    max: Number
    unit: str


class Figure(Shape):
    """A number with its receipts."""

    id: str
    kind: Literal["figure"]
    metric: Annotated[str, term("metric")]
    subject: Ref | None
    """What is measured (a term of the vocabulary); null for a one-off project, whose event says it."""
    region: Ref | None
    organisation: Ref | None
    event: TitleRef | None
    period: DateSpan | None
    """The time that the number speaks of; null: not stated."""
    value: Number | None
    """The number named, also for a bound; null only for a range."""
    low: Number | None
    high: Number | None
    qualifier: Annotated[str, term("qualifier")]
    unit: str
    """An ISO 4217 code for money, else a term of `/vocabulary#unit`."""
    basis: Annotated[str, term("basis")]
    as_stated: str
    """The number in the words of the preferred source."""
    relative_to: RelativeTo | None
    scope_note: str | None
    agreement: Annotated[str, term("agreement")]
    contested_on: list[str]
    spread: Spread
    origins: int
    """Independent origins among the citations that support the value."""
    derived: list[Derived]
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]


class Participation(Shape):
    """An organisation and its role."""

    organisation: Ref
    role: Annotated[str, term("role")]


class Person(Shape):
    """A person and their role."""

    name: str
    name_zh: str | None
    role: Annotated[str, term("role")]
    organisation: Ref | None


class Product(Shape):
    """A product that the event is about."""

    name: str
    name_zh: str | None
    modality: Annotated[str, term("modality")] | None
    indication: str | None


class EventIdentifiers(Shape):
    """Register numbers: ClinicalTrials.gov, ChiCTR, the Chinese medicines agency."""

    nct: str | None
    chictr: str | None
    nmpa: str | None


class Event(Shape):
    """Something that happened, is set to happen, or was announced."""

    id: str
    kind: Literal["event"]
    type: Annotated[str, term("event-type")]
    status: Annotated[str, term("event-status")]
    title: str
    title_zh: str | None
    summary: str
    date: DateSpan | None
    region: Ref | None
    venue: str | None
    parent: TitleRef | None
    children: list[TitleRef]
    organisations: list[Participation]
    people: list[Person]
    products: list[Product]
    identifiers: EventIdentifiers
    topics: list[Annotated[str, term("topic")]]
    figures: list[Figure]
    origins: int
    """Independent origins among the citations of the event."""
    derived: list[Derived]
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]


AnyRecord = Source | Organisation | Region | Event | Figure

RECORDS: dict[str, type[AnyRecord]] = {
    "source": Source,
    "organisation": Organisation,
    "region": Region,
    "event": Event,
    "figure": Figure,
}
"""The shape of each kind of record that the API serves."""


class Page(Shape):
    """Where a list stands."""

    limit: int
    total: int
    """How many records match, on all pages."""
    total_is: Literal["exact", "at-least"]
    next: str | None
    """Cursor of the next page; null at the end."""


class ListLinks(Shape):
    """Path-relative URLs."""

    self: str
    next: str | None


class RecordLinks(Shape):
    """Path-relative URLs."""

    self: str


class ReleaseInfo(Shape):
    """The state of the data that an answer was made from."""

    id: int
    released_at: datetime
    digest: str
    licence: str


class AppliedDate(Shape):
    """How a date of the query was understood."""

    edtf: str
    earliest: date
    latest: date


Applied = Annotated[
    dict[str, str | int | float | list[str] | AppliedDate],
    Field(description="The parameters in force, defaults included: lists for repeatable ones, dates with the days they span."),
]


R = TypeVar("R", bound=AnyRecord)
T = TypeVar("T")


class Listing(Shape, Generic[R]):
    """A page of records."""

    data: list[R]
    page: Page
    links: ListLinks
    applied: Applied
    release: ReleaseInfo


class One(Shape, Generic[T]):
    """One record."""

    data: T
    links: RecordLinks
    release: ReleaseInfo
