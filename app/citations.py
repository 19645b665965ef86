"""What records share as JSON: references, dates, derivations and citations.

No field of what goes out has a default, so that each is always there: what is absent is null, lists may be empty.
"""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app import vocabulary


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


Number = Annotated[float, PlainSerializer(_whole, return_type=int | float), WithJsonSchema({"type": "number"})]
"""A number, written without a decimal point where it is whole."""


LONGEST_QUOTE = 300
"""Characters of a passage that are ever shown."""


def term(scheme: str) -> Any:
    """The JSON schema of a term of the vocabulary."""
    return WithJsonSchema({"type": "string", "enum": list(vocabulary.SCHEMES[scheme]), "x-scheme": scheme})


class Shape(BaseModel):
    """Settings shared by everything that goes out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True, serialize_by_alias=True, defer_build=True)


class Ref(Shape):
    """A reference to a region, an organisation or a subject."""

    id: str
    """Permanent id."""
    name: str
    """Name in English or in Latin script."""
    name_zh: str | None
    """Name in Chinese."""


class TitleRef(Shape):
    """A reference to an event or a source."""

    id: str
    """Permanent id."""
    title: str
    """Title in English."""
    title_zh: str | None
    """Title in Chinese."""


class FigureRef(Shape):
    """A reference to a figure."""

    id: str
    """Permanent id."""


class DateSpan(Shape):
    """A date as precise as the sources give it."""

    edtf: str
    """EDTF (ISO 8601-2): a slash means throughout, brackets mean on some day within."""
    earliest: date | None
    """First day that the date admits; null: open."""
    latest: date | None
    """Last day that the date admits; null: open."""
    precision: Annotated[str, term("precision")]
    """How precise the date is."""


class Derived(Shape):
    """A field that no passage states as such."""

    field: str
    """The field of the record."""
    reason: str
    """How the curator came to it."""
    from_: list["DerivedFrom"] = Field(alias="from")
    """The citations that it was derived from."""


class DerivedFrom(Shape):
    """A citation of the same record."""

    source: TitleRef
    """The source that it cites."""
    anchor: str
    """The anchor of the passage."""


class Reference(Shape):
    """The named data set that fields come from which no cited passage gives."""

    fields: list[str]
    """The fields of the record."""
    dataset: str
    """Name of the data set."""
    version: str
    """Its version."""


class CitedDocument(Shape):
    """The held bytes that a citation points into."""

    name: str
    """File name."""
    sha256: str
    """SHA-256 of the bytes."""


class Part(Shape):
    """The part of a document that holds a source, in code points."""

    start: int
    """First code point."""
    end: int
    """One past the last code point."""


class HeldDocument(CitedDocument):
    """The document that holds a source."""

    length: int
    """In code points of the text decoded as UTF-8."""
    part: Part
    """The part that holds this source."""


class Locator(Shape):
    """A W3C Web Annotation TextPositionSelector in code points, with the SHA-256 of the passage."""

    start: int
    """First code point of the passage."""
    end: int
    """One past its last code point."""
    sha256: str
    """SHA-256 of the passage as UTF-8."""


class Verification(Shape):
    """What a machine found when it read the passage again."""

    status: Annotated[str, term("verification")]
    """What came of it."""
    checked_at: datetime | None
    """When the result was found; null: not yet."""


class Attribution(Shape):
    """Who, in the source, says so."""

    name: str | None
    """A person, as the source names them."""
    organisation: Ref | None
    """The organisation that they speak for, or that speaks."""


class CitedSource(TitleRef):
    """The source of a citation."""

    publisher: Ref | None
    """Who published it; null: not known."""
    url: str | None
    """The work's own page; null: not known."""
    published: DateSpan | None
    """When it was published; null: not known."""
    language: str
    """BCP 47."""
    type: Annotated[str, term("source-type")]
    """Kind of work."""
    grade: Annotated[str, term("source-grade")]
    """How near the work is to what it reports."""


class Citation(Shape):
    """The passage of a source that supports fields of the record."""

    source: CitedSource
    """The work that says so."""
    document: CitedDocument | None
    """The held document with the passage; null: none was held."""
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
    """Who, in the source, says so; null: the source itself."""
    reading: Annotated[str, term("reading")]
    """Whether the passage states it or had to be construed."""
    note: str | None
    """The curator's remark."""
    verification: Verification
    """What a machine found when it read the passage again."""
    quote: str | None
    """The passage, cut after 300 characters; null unless the operator loaded the documents."""
