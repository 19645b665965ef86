"""The form of an entry of the curated files; whatever does not fit is a mistake.

References to other entries are ids here; that they exist is looked at in `checks`.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, StringConstraints, TypeAdapter

from app import dates, vocabulary
from app.seeding import quantities

LONGEST_ANCHOR = 8
"""Words; a Chinese character counts as half a word."""


def _text(value: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("holds control characters or line breaks; write it on one line")
    return value


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is a list or a mapping; write one value")  # noqa: TRY004  Pydantic collects ValueErrors only
    return value


def _short(value: str) -> str:
    characters = len(re.findall(r"[\u3400-\u9fff]", value))
    others = len(re.findall(r"[^\s\u3400-\u9fff…]+", value))
    if others + characters / 2 > LONGEST_ANCHOR:
        raise ValueError(f"is longer than {LONGEST_ANCHOR} words; shorten it, or write its first and last words around ' … '")
    return value


def _web(value: str) -> str:
    TypeAdapter(HttpUrl).validate_python(value)
    return value


def _term(scheme: str) -> Any:
    terms = vocabulary.SCHEMES[scheme]

    def known(value: str) -> str:
        if value not in terms:
            close = vocabulary.closest(value, terms)
            raise ValueError(f"{value!r} is no {scheme}; " + (f"did you mean {close!r}?" if close else f"use one of {', '.join(terms)}"))
        return value

    return AfterValidator(known)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), AfterValidator(_text)]
Phrase = Annotated[Line, AfterValidator(_short)]
Web = Annotated[Line, AfterValidator(_web)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
Day = Annotated[dates.EdtfDate, BeforeValidator(dates.parse), BeforeValidator(_scalar)]
Amount = Annotated[quantities.Quantity, BeforeValidator(quantities.parse), BeforeValidator(_scalar)]
Stated = Literal["value", "basis", "subject", "region", "period", "title", "name", "date", "status", "type"]


class Form(BaseModel):
    """Settings shared by all entries."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class AttributionForm(Form):
    name: Line | None = None
    organisation: Slug | None = None


class CitationForm(Form):
    source: Slug
    at: Phrase
    supports: list[str] = Field(min_length=1)
    stated: dict[Stated, Line] = {}
    attributed_to: AttributionForm | None = None
    reading: Annotated[str, _term("reading")] = "literal"
    note: Line | None = None


class DerivedForm(Form):
    field: str
    reason: Line
    from_: list[Slug] = Field(alias="from", min_length=1)


class ReferenceForm(Form):
    fields: list[str] = Field(min_length=1)
    dataset: Line
    version: Line


class DocumentForm(Form):
    id: Slug
    name: Line
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    length: int = Field(gt=0)
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    language: Language


class RecordForm(Form):
    id: Slug
    derived: list[DerivedForm] = []
    cite: list[CitationForm] = []


class PartForm(Form):
    start: int = Field(ge=0)
    end: int = Field(gt=0)


class SourceForm(RecordForm):
    title: Line
    title_zh: Line | None = None
    publisher: Slug | None = None
    authors: list[Line] = []
    url: Web | None = None
    seen_url: Web | None = None
    language: Language
    published: Day | None = None
    type: Annotated[str, _term("source-type")]
    grade: Annotated[str, _term("source-grade")]
    derived_from: Slug | None = None
    document: Slug | None = None
    part: PartForm | None = None
    rights: Line | None = None


class AliasForm(Form):
    text: Line
    language: Language
    type: Annotated[str, _term("alias-type")]


class OrganisationIdentifiersForm(Form):
    wikidata: Annotated[str, StringConstraints(pattern=r"^Q[1-9]\d*$")] | None = None
    ror: Annotated[str, StringConstraints(pattern=r"^https://ror\.org/0[a-z0-9]{8}$")] | None = None
    lei: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{20}$")] | None = None


class OrganisationForm(RecordForm):
    name: Line
    name_zh: Line | None = None
    aliases: list[AliasForm] = []
    type: Annotated[str, _term("organisation-type")]
    region: Slug | None = None
    parent: Slug | None = None
    website: Web | None = None
    identifiers: OrganisationIdentifiersForm = OrganisationIdentifiersForm()
    description: Line | None = None
    reference: list[ReferenceForm] = []


class RegionForm(RecordForm):
    name: Line
    name_zh: Line | None = None
    type: Annotated[str, _term("region-type")]
    parent: Slug | None = None
    members: list[Slug] = []
    iso_3166: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    gb_2260: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] | None = None
    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    reference: list[ReferenceForm] = []


class ParticipationForm(Form):
    organisation: Slug
    role: Annotated[str, _term("role")]


class PersonForm(Form):
    name: Line
    name_zh: Line | None = None
    role: Annotated[str, _term("role")]
    organisation: Slug | None = None


class ProductForm(Form):
    name: Line
    name_zh: Line | None = None
    modality: Annotated[str, _term("modality")] | None = None
    indication: Line | None = None


class EventIdentifiersForm(Form):
    nct: Annotated[str, StringConstraints(pattern=r"^NCT\d{8}$")] | None = None
    chictr: Annotated[str, StringConstraints(pattern=r"^ChiCTR\d{10}$")] | None = None
    nmpa: Line | None = None


class EventForm(RecordForm):
    type: Annotated[str, _term("event-type")]
    status: Annotated[str, _term("event-status")]
    title: Line
    title_zh: Line | None = None
    summary: Line
    date: Day | None = None
    region: Slug | None = None
    venue: Line | None = None
    parent: Slug | None = None
    organisations: list[ParticipationForm] = []
    people: list[PersonForm] = []
    products: list[ProductForm] = []
    identifiers: EventIdentifiersForm = EventIdentifiersForm()
    topics: list[Annotated[str, _term("topic")]] = []


class RelativeToForm(Form):
    region: Slug | None = None
    subject: Annotated[str, _term("subject")] | None = None
    period: Day | None = None
    figure: Slug | None = None


class FigureForm(RecordForm):
    metric: Annotated[str, _term("metric")]
    subject: Annotated[str, _term("subject")] | None = None
    region: Slug | None = None
    organisation: Slug | None = None
    event: Slug | None = None
    period: Day | None = None
    value: Amount
    as_stated: Phrase
    basis: Annotated[str, _term("basis")]
    relative_to: RelativeToForm | None = None
    scope_note: Line | None = None


class RetiredForm(Form):
    id: Slug
    kind: Literal["source", "organisation", "region", "event", "figure"]
    reason: Line
    merged_into: Slug | None = None


class LeftOutForm(Form):
    document: Slug
    at: Phrase
    reason: Line


class ReceiptForm(Form):
    record: Slug
    claim: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    read: list[str] = []
    checked_at: datetime


class FloorForm(Form):
    records: int = Field(ge=0)
    filled: dict[str, Annotated[int, Field(ge=1)]] = {}


FORMS: dict[str, type[Form]] = {
    "documents": DocumentForm,
    "regions": RegionForm,
    "organisations": OrganisationForm,
    "sources": SourceForm,
    "events": EventForm,
    "figures": FigureForm,
    "retired": RetiredForm,
}
"""The form of the entries of each file `<name>.yaml`."""

KIND_OF_FILE = {name: name.removesuffix("s") for name in FORMS if name != "retired"}
"""The kind of the entries of each file."""

REFERENCE_FIELDS = {
    "region": {"name", "name_zh", "parent", "members", "iso_3166", "gb_2260", "latitude", "longitude"},
    "organisation": {"name", "name_zh", "website", "identifiers", "region"},
}
"""Fields that a named reference data set may give where no cited passage does."""

FACTS: dict[str, tuple[str, ...]] = {
    "source": ("publisher", "authors", "url", "seen_url", "language", "published", "derived_from"),
    "organisation": ("name", "name_zh", "aliases", "region", "parent", "website", "identifiers"),
    "region": ("name", "name_zh", "parent", "members", "iso_3166", "gb_2260", "latitude", "longitude"),
    "event": ("status", "date", "region", "venue", "parent", "organisations", "people", "products", "identifiers"),
    "figure": ("region", "organisation", "event", "period", "value", "basis", "relative_to"),
}
"""The fields that state facts: each that is filled needs a citation, a derivation or a reference."""
