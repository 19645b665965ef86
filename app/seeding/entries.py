"""The form of an entry of the curated files; whatever does not fit is a mistake.

References to other entries are ids here; that they exist is looked at in `checks`.
"""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, StringConstraints, TypeAdapter, model_validator

from app import dates, vocabulary
from app.seeding import quantities

LONGEST_ANCHOR = 8
"""Words; a Chinese, Japanese or Korean character counts as half a word."""

LONGEST_NAME = 500
"""Characters of a name or title."""

IDEOGRAPH = r"[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"


_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_MOST_MARKS = 3

RESERVED = {"series", "history"}
"""What stands in paths where an id could."""


_PILED = re.compile(rf"[{_MARKS}]{{{_MOST_MARKS + 1}}}")
_IDEOGRAPHS = re.compile(IDEOGRAPH)
_WORD_RUNS = re.compile(rf"(?:(?!{IDEOGRAPH})[^\s…])+")


def _text(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    # Categories C*: control, format (zero-width, bidirectional), surrogates, private use, unassigned; Zl and Zp part lines.
    strange = not value.isprintable() and any(unicodedata.category(one) in {"Zl", "Zp"} or unicodedata.category(one)[0] == "C" for one in value)
    if strange or "\ufffd" in value:
        raise ValueError("holds control, invisible or unassigned characters, or a line break; write it on one line without them")
    if not unicodedata.is_normalized("NFC", value):
        raise ValueError("is not in Unicode's normal form C; write each accented letter as one character")
    if _PILED.search(value):
        raise ValueError(f"piles more than {_MOST_MARKS} combining marks on a letter; remove them")
    return value


def _plain_blanks(value: str) -> str:
    if not value.isprintable() and any(unicodedata.category(character) == "Zs" and character != " " for character in value):
        raise ValueError("holds blanks that are no plain blanks (no-break or wide ones); write plain ones")
    return value


def _indexed(value: str) -> str:
    # PostgreSQL's indexes take 2,704 bytes, a character has up to four.
    if len(value) > LONGEST_NAME:
        raise ValueError(f"is longer than {LONGEST_NAME} characters; shorten it")
    return value


def _language(value: str) -> str:
    code = value.split("-", maxsplit=1)[0]
    if not vocabulary.is_language(code):
        raise ValueError(f"{code!r} is no language of ISO 639")
    return value


def _moment(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value, re.ASCII):
        raise ValueError("is no time such as 2025-09-12T08:00:00Z")
    return value


def _free(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"{value!r} names a path of the API; choose another id")
    return value


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is a list or a mapping; write one value")  # noqa: TRY004  Pydantic collects ValueErrors only
    return value


def _short(value: str) -> str:
    ideographs = 0 if value.isascii() else len(_IDEOGRAPHS.findall(value))
    words = len(_WORD_RUNS.findall(value)) if ideographs else len(value.replace("…", " ").split())
    if words + ideographs / 2 > LONGEST_ANCHOR or len(value) > 120:
        raise ValueError(f"is longer than {LONGEST_ANCHOR} words; shorten it, or write its first and last words around ' … '")
    return value


def _anchor(value: str) -> str:
    parts = value.split(" … ")
    if len(parts) > 2 or any("…" in part or not part.strip() for part in parts):
        raise ValueError("is no anchor; write a phrase, or its first and last words around one ' … '")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError("is no whole number in plain digits")
    return int(value)


def _decimal(value: Any) -> float:
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,9})?", value):
        raise ValueError("is no decimal number in plain digits")
    return float(value)


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("names the same thing twice; keep one")
    return values


def _something(form: Any) -> Any:
    if all(part is None for _, part in form):
        raise ValueError("is empty; fill it or leave the key out")
    return form


_ADDRESS = TypeAdapter(HttpUrl)


def _web(value: str) -> str:
    if _ADDRESS.validate_python(value).username is not None:
        raise ValueError("holds a user name; leave it out")
    return value


def _term(scheme: str) -> Any:
    terms = vocabulary.SCHEMES[scheme]

    def known(value: str) -> str:
        if value not in terms:
            close = vocabulary.closest(value, terms)
            raise ValueError(f"{value!r} is no {scheme}; " + (f"did you mean {close!r}?" if close else f"use one of {', '.join(terms)}"))
        return value

    return AfterValidator(known)


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=120), AfterValidator(_free)]
_Words = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), AfterValidator(_text)]
Line = Annotated[_Words, AfterValidator(_plain_blanks)]
Name = Annotated[Line, AfterValidator(_indexed)]
"""A name or title."""
Phrase = Annotated[_Words, AfterValidator(_short)]
Anchor = Annotated[Phrase, AfterValidator(_anchor)]
Names = Annotated[list[str], AfterValidator(_distinct), Field(min_length=1)]
Whole = Annotated[int, BeforeValidator(_whole)]
Decimal = Annotated[float, BeforeValidator(_decimal)]
Web = Annotated[Line, AfterValidator(_web)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"), AfterValidator(_language)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
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
    at: Anchor
    supports: Names
    stated: dict[Stated, Line] = Field(default_factory=dict)
    attributed_to: Annotated[AttributionForm, AfterValidator(_something)] | None = None
    reading: Annotated[str, _term("reading")] = "literal"
    note: Line | None = None


class DerivedForm(Form):
    field: str
    reason: Line
    from_: list[Slug] = Field(alias="from", min_length=1)


class ReferenceForm(Form):
    fields: Names
    dataset: Line
    version: Line


class DocumentForm(Form):
    id: Slug
    name: Annotated[Name, StringConstraints(pattern=r"^[^/\\]*[^/\\.][^/\\]*$")]
    sha256: Hash
    length: Annotated[Whole, Field(gt=0)]
    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    language: Language


class RecordForm(Form):
    id: Slug
    derived: list[DerivedForm] = Field(default_factory=list)
    cite: list[CitationForm] = Field(default_factory=list)


class PartForm(Form):
    start: Whole
    end: Whole


class SourceForm(RecordForm):
    title: Name
    title_zh: Name | None = None
    publisher: Slug | None = None
    authors: list[Line] = Field(default_factory=list)
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
    text: Name
    language: Language
    type: Annotated[str, _term("alias-type")]


class OrganisationIdentifiersForm(Form):
    wikidata: Annotated[str, StringConstraints(pattern=r"^Q[1-9][0-9]*$")] | None = None
    ror: Annotated[str, StringConstraints(pattern=r"^https://ror\.org/0[a-z0-9]{8}$")] | None = None
    lei: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{20}$")] | None = None


class OrganisationForm(RecordForm):
    name: Name
    name_zh: Name | None = None
    aliases: list[AliasForm] = Field(default_factory=list)
    type: Annotated[str, _term("organisation-type")]
    region: Slug | None = None
    parent: Slug | None = None
    website: Web | None = None
    identifiers: OrganisationIdentifiersForm = OrganisationIdentifiersForm()
    description: Line | None = None
    reference: list[ReferenceForm] = Field(default_factory=list)


class RegionForm(RecordForm):
    name: Name
    name_zh: Name | None = None
    type: Annotated[str, _term("region-type")]
    parent: Slug | None = None
    members: list[Slug] = Field(default_factory=list)
    iso_3166: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    gb_2260: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    latitude: Decimal | None = Field(default=None, ge=-90, le=90)
    longitude: Decimal | None = Field(default=None, ge=-180, le=180)
    reference: list[ReferenceForm] = Field(default_factory=list)


class ParticipationForm(Form):
    organisation: Slug
    role: Annotated[str, _term("role")]


class PersonForm(Form):
    name: Name
    name_zh: Name | None = None
    role: Annotated[str, _term("role")]
    organisation: Slug | None = None


class ProductForm(Form):
    name: Name
    name_zh: Name | None = None
    modality: Annotated[str, _term("modality")] | None = None
    indication: Line | None = None


class EventIdentifiersForm(Form):
    nct: Annotated[str, StringConstraints(pattern=r"^NCT[0-9]{8}$")] | None = None
    chictr: Annotated[str, StringConstraints(pattern=r"^ChiCTR[0-9]{10}$")] | None = None
    nmpa: Line | None = None


class EventForm(RecordForm):
    type: Annotated[str, _term("event-type")]
    status: Annotated[str, _term("event-status")]
    title: Name
    title_zh: Name | None = None
    summary: Line
    date: Day | None = None
    region: Slug | None = None
    venue: Line | None = None
    parent: Slug | None = None
    organisations: list[ParticipationForm] = Field(default_factory=list)
    people: list[PersonForm] = Field(default_factory=list)
    products: list[ProductForm] = Field(default_factory=list)
    identifiers: EventIdentifiersForm = EventIdentifiersForm()
    topics: list[Annotated[str, _term("topic")]] = Field(default_factory=list)


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
    relative_to: Annotated[RelativeToForm, AfterValidator(_something)] | None = None
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
    start: Whole
    end: Whole
    sha256: Hash
    read: list[str] = Field(default_factory=list)
    checked_at: Annotated[datetime, BeforeValidator(_moment)]

    @model_validator(mode="after")
    def _has_length(self) -> "ReceiptForm":
        if self.start >= self.end:
            raise ValueError(f"the passage from {self.start} to {self.end} has no length")
        return self


class FloorForm(Form):
    records: Whole
    filled: dict[str, Annotated[Whole, Field(ge=1)]] = {}


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
