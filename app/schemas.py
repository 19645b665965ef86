"""The records as JSON, described for the OpenAPI document."""

import hashlib
import json
from datetime import date, datetime
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from app import vocabulary
from app.citations import Citation, DateSpan, Derived, FigureRef, HeldDocument, Number, Ref, Reference, Shape, TitleRef, term


class Counts(Shape):
    """How many records."""

    events: int
    """Events."""
    figures: int
    """Figures."""


class Redacted(Shape):
    """A field whose value is published in no release."""

    field: str
    """The field of the record; a dot leads to a part of it."""
    reason: str
    """Why."""
    redacted_at: datetime
    """When."""


class Source(Shape):
    """A published work that records cite."""

    id: str
    """Permanent id."""
    kind: Literal["source"]
    """Kind of record."""
    title: str
    """In square brackets: supplied by the curator, as the work bears none that is known."""
    title_zh: str | None
    """Title in Chinese, where the work has one."""
    publisher: Ref | None
    """Who published it; null: not known."""
    authors: list[str]
    """Authors, as the work names them."""
    url: str | None
    """The work's own page."""
    seen_url: str | None
    """Where the held copy was found."""
    language: str
    """BCP 47."""
    published: DateSpan | None
    """When it was published; null: not known."""
    type: Annotated[str, term("source-type")]
    """Kind of work."""
    grade: Annotated[str, term("source-grade")]
    """How near the work is to what it reports."""
    derived_from: TitleRef | None
    """The work that this one repeats, shortens or summarises."""
    origin: TitleRef
    """The root of the derived_from chain; sources of one origin are one independent report."""
    document: HeldDocument | None
    """The held document and the part of it that holds this work; null: none was held."""
    rights: str | None
    """Whose the text is, and what is used of it."""
    counts: Counts
    """Records that cite the source."""
    derived: list[Derived]
    """Fields that no passage states as such, with the reasons."""
    redacted: list[Redacted]
    """Fields whose values were taken out of all releases, for law's sake; they are empty or read `[redacted]`."""
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]
    """The passages that support the record."""


class Alias(Shape):
    """Another name of an organisation."""

    text: str
    """The name."""
    language: str
    """BCP 47."""
    type: Annotated[str, term("alias-type")]
    """Kind of name."""


class OrganisationIdentifiers(Shape):
    """Identifiers in other registers."""

    wikidata: str | None
    """Wikidata item."""
    ror: str | None
    """Research Organization Registry."""
    lei: str | None
    """Legal Entity Identifier (ISO 17442)."""


class Match(Shape):
    """How `q` found an organisation."""

    score: Number
    """From 0 to 1; 1: the very name."""
    how: Annotated[str, term("match")]
    """How the query and the name compare."""
    name: str | None
    """The name by which it was found; null where only the description has the words."""
    language: str | None
    """BCP 47."""
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": ["name", *vocabulary.ALIAS_TYPE]})] | None
    """`name` for the name in either language, else the kind of the alias: a known mistranslation is told as one."""


class Organisation(Shape):
    """A body that takes part in events, publishes, or is spoken of."""

    id: str
    """Permanent id."""
    kind: Literal["organisation"]
    """Kind of record."""
    name: str
    """Name in English or in Latin script."""
    name_zh: str | None
    """Name in Chinese; null: neither the documents nor a reference data set give one."""
    aliases: list[Alias]
    """Other names under which it is known."""
    type: Annotated[str, term("organisation-type")]
    """Kind of organisation."""
    region: Ref | None
    """Where it is; null: not stated."""
    parent: Ref | None
    """The organisation that it is part of."""
    website: str | None
    """Its website."""
    identifiers: OrganisationIdentifiers
    """Identifiers in other registers."""
    description: str | None
    """What it is, in our words."""
    match: Match | None
    """How `q` found it; null where nothing was looked for."""
    reference: list[Reference]
    """Data sets that fields come from which no passage gives."""
    derived: list[Derived]
    """Fields that no passage states as such, with the reasons."""
    redacted: list[Redacted]
    """Fields whose values were taken out of all releases, for law's sake; they are empty or read `[redacted]`."""
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]
    """The passages that support the record."""


class Region(Shape):
    """A place."""

    id: str
    """Permanent id."""
    kind: Literal["region"]
    """Kind of record."""
    name: str
    """Name in English."""
    name_zh: str | None
    """Name in Chinese."""
    type: Annotated[str, term("region-type")]
    """Kind of region."""
    parent: Ref | None
    """The region that it is part of."""
    members: list[Ref]
    """Of a group of regions."""
    iso_3166: str | None
    """Code of ISO 3166."""
    gb_2260: str | None
    """Six-digit code of a Chinese division (GB/T 2260)."""
    latitude: Number | None
    """Degrees north, WGS 84."""
    longitude: Number | None
    """Degrees east, WGS 84."""
    reference: list[Reference]
    """Data sets that fields come from which no passage gives."""
    counts: Counts
    """Events and figures of the region and all that lies in it."""
    derived: list[Derived]
    """Fields that no passage states as such, with the reasons."""
    redacted: list[Redacted]
    """Fields whose values were taken out of all releases, for law's sake; they are empty or read `[redacted]`."""
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]
    """The passages that support the record."""


class RelativeTo(Shape):
    """What a share, rank, growth or change is measured against."""

    region: Ref | None
    """The whole of a share, the field of a rank."""
    subject: Ref | None
    """What the whole counts."""
    period: DateSpan | None
    """The base of a growth."""
    figure: FigureRef | None
    """The other figure of a pair, such as the baseline."""


class Spread(Shape):
    """The smallest and largest number that the record and the citing sources name, in one unit."""

    min: Number
    """The smallest."""
    max: Number
    """The largest."""
    unit: str
    """Their unit."""


Currency = Annotated[str, WithJsonSchema({"type": "string", "enum": list(vocabulary.CURRENCY), "x-scheme": "currency"})]
"""A code of ISO 4217."""


class Converted(Shape):
    """How the numbers of a figure were converted: each times the rate, at five significant digits, bounds rounded so that they stay bounds."""

    from_: Currency = Field(alias="from")
    """The currency of the record."""
    value: Number | None
    """The record's own value in it; null for a range."""
    rate: Number
    """One unit of `from` in the figure's present unit."""
    day: date
    """The day on which the rate was published."""
    source: str
    """Who published it."""
    day_reason: Literal["period-end", "published"]
    """Why that day: it is, or last precedes, the end of the figure's period (`period-end`), or the day on which the work appeared that
    states the number (`published`), as for a forecast or a period that is not stated."""


class Statement(Shape):
    """What one source says of the figure; null where it does not say."""

    source: TitleRef
    """The source."""
    publisher: Ref | None
    """Who published it; null: not known."""
    published: DateSpan | None
    """When; null: not known."""
    grade: Annotated[str, term("source-grade")]
    """How near the work is to what it reports."""
    origin: TitleRef
    """The work that it goes back to: statements of one origin are one."""
    value: Number | None
    """The number named."""
    low: Number | None
    """Its lower bound."""
    high: Number | None
    """Its upper bound."""
    qualifier: Annotated[str, term("qualifier")] | None
    """Whether it is exact, a bound or a range."""
    unit: str | None
    """Its unit."""
    basis: Annotated[str, term("basis")] | None
    """Whether it is reported, forecast, promised, claimed."""
    subject: Ref | None
    """What it measures."""
    region: Ref | None
    """The place it speaks of."""
    period: DateSpan | None
    """The time it speaks of."""
    followed_on: list[str]
    """What the record has as this source states it."""
    differs_on: list[str]
    """What the record has otherwise."""


class Preference(Shape):
    """Why the record follows some sources and not others on a field on which they differ."""

    field: str
    """The field."""
    rule: Annotated[str, term("preference")]
    """What chose."""
    followed: list[str]
    """The sources that the record follows."""
    differing: list[str]
    """The sources that state something else."""


class Figure(Shape):
    """A number with its receipts."""

    id: str
    """Permanent id."""
    kind: Literal["figure"]
    """Kind of record."""
    metric: Annotated[str, term("metric")]
    """What kind of number."""
    subject: Ref | None
    """What is measured (a term of the vocabulary); null for a one-off project, whose event says it."""
    region: Ref | None
    """The place that the number speaks of."""
    organisation: Ref | None
    """The organisation that it speaks of."""
    event: TitleRef | None
    """The event that it speaks of."""
    period: DateSpan | None
    """The time that the number speaks of; null: not stated."""
    value: Number | None
    """The number named, also for a bound; null only for a range."""
    low: Number | None
    """Lower bound; null: open."""
    high: Number | None
    """Upper bound; null: open."""
    qualifier: Annotated[str, term("qualifier")]
    """Whether the number is exact, a bound or a range."""
    unit: Annotated[str, WithJsonSchema({"type": "string", "enum": list(vocabulary.UNITS), "x-scheme": "any-unit"})]
    """An ISO 4217 code for money, else a term of `/vocabulary#unit`."""
    basis: Annotated[str, term("basis")]
    """Whether the number is reported, forecast, promised, claimed."""
    as_stated: str | None
    """The number in the words of the preferred source; null only where `published_before` leaves that source out."""
    relative_to: RelativeTo | None
    """What it is measured against."""
    scope_note: str | None
    """What the number counts and what it leaves open, in our words."""
    agreement: Annotated[str, term("agreement")]
    """Whether the sources agree."""
    contested_on: list[str]
    """The fields on which a cited source differs."""
    spread: Spread
    """The range of the numbers that sources name."""
    statements: list[Statement]
    """What each source says, side by side."""
    preference: list[Preference]
    """For each field on which sources differ: whom the record follows, and by which rule."""
    converted: Converted | None
    """How `convert` converted the numbers; null: it was not asked for, or there was nothing to convert."""
    not_converted: str | None
    """Why `convert` could not convert them; null: it did, or there was nothing to convert."""
    unsupported: list[str]
    """With `published_before`: fields that the record fills and no source published by then supports; they are empty here. Else empty."""
    origins: int
    """Independent origins among the citations that support the value."""
    derived: list[Derived]
    """Fields that no passage states as such, with the reasons."""
    redacted: list[Redacted]
    """Fields whose values were taken out of all releases, for law's sake; they are empty or read `[redacted]`."""
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]
    """The passages that support the record."""


class Participation(Shape):
    """An organisation and its role."""

    organisation: Ref
    """The organisation."""
    role: Annotated[str, term("role")]
    """Its role in the event."""


class Person(Shape):
    """A person and their role."""

    name: str
    """Name in Latin script."""
    name_zh: str | None
    """Name in Chinese."""
    role: Annotated[str, term("role")]
    """Their role in the event."""
    organisation: Ref | None
    """The organisation that the source names with them."""


class Product(Shape):
    """A product that the event is about."""

    name: str
    """Name in Latin script."""
    name_zh: str | None
    """Name in Chinese."""
    modality: Annotated[str, term("modality")] | None
    """Kind of product."""
    indication: str | None
    """What it is for."""


class EventIdentifiers(Shape):
    """Register numbers: ClinicalTrials.gov, ChiCTR, the Chinese medicines agency."""

    nct: str | None
    """ClinicalTrials.gov."""
    chictr: str | None
    """Chinese Clinical Trial Registry."""
    nmpa: str | None
    """Acceptance or approval number in China."""


class Event(Shape):
    """Something that happened, is set to happen, or was announced."""

    id: str
    """Permanent id."""
    kind: Literal["event"]
    """Kind of record."""
    type: Annotated[str, term("event-type")]
    """Kind of event."""
    status: Annotated[str, term("event-status")]
    """How far it has come."""
    title: str
    """Title in English."""
    title_zh: str | None
    """Title in Chinese, where a source gives one."""
    summary: str | None
    """What happened, in our words; null only where `published_before` leaves out what they rest on."""
    date: DateSpan | None
    """When; null: not known."""
    region: Ref | None
    """Where; null: not stated."""
    venue: str | None
    """The place within the region."""
    parent: TitleRef | None
    """The event that it is part of."""
    children: list[TitleRef]
    """The events that are part of it."""
    organisations: list[Participation]
    """Who took part, in which role."""
    people: list[Person]
    """Persons with a role."""
    products: list[Product]
    """Products that it is about."""
    identifiers: EventIdentifiers
    """Register numbers."""
    topics: list[Annotated[str, term("topic")]]
    """What it is about."""
    figures: list[Figure]
    """The figures of the event, whole."""
    unsupported: list[str]
    """With `published_before`: fields that the record fills and no source published by then supports; they are empty here. Else empty."""
    origins: int
    """Independent origins among the citations of the event."""
    derived: list[Derived]
    """Fields that no passage states as such, with the reasons."""
    redacted: list[Redacted]
    """Fields whose values were taken out of all releases, for law's sake; they are empty or read `[redacted]`."""
    release: int
    """The release in which the record last changed."""
    citations: list[Citation]
    """The passages that support the record."""


AnyRecord = Source | Organisation | Region | Event | Figure

RECORDS: dict[str, type[AnyRecord]] = {
    "source": Source,
    "organisation": Organisation,
    "region": Region,
    "event": Event,
    "figure": Figure,
}
"""The shape of each kind of record that the API serves."""


_WAY = 2
"""Counts the ways in which software has written renderings and their digests of the same schemas."""


@cache
def shape() -> str:
    """SHA-256 of the schemas of all records: which software wrote a rendering."""
    written: dict[str, object] = {kind: model.model_json_schema() for kind, model in RECORDS.items()}
    written["way"] = _WAY
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()
