"""The parameters of queries: their types, what they share, and what is refused.

Every route declares its parameters in one model that forbids all others. Terms are looked up in the
vocabulary here; that ids exist is looked up in the database by `paging.check_ids`.
"""

import re
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from app import vocabulary
from app.dates import EdtfDate, parse_query
from app.problems import InvalidRequest, NotAcceptable, ProblemError, invalid

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 200
LONGEST_Q = 200
LONGEST_CURSOR = 16_000
"""Enough for the longest title in any script."""
ID_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _date(value: Any) -> EdtfDate:
    try:
        return parse_query(str(value))
    except ValueError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None


def _day_schema(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": r"^\d{4}(-Q[1-4]|-\d{2}(-\d{2})?)?$", "examples": [example]})


Date = Annotated[EdtfDate, PlainValidator(_date), _day_schema("2025-09")]
"""A whole day, month, quarter or year."""


def _term(scheme: str, terms: dict[str, vocabulary.Term]) -> Any:
    def known(value: str) -> str:
        if value in terms:
            return value
        close = vocabulary.SYNONYMS.get(value) or vocabulary.closest(value, terms)
        place = "/vocabulary#unit or #currency" if scheme == "any-unit" else f"/vocabulary#{scheme}"
        hint = f"did you mean {close!r}?" if close else f"use one of {', '.join(list(terms)[:40])}"
        message = f"is no term of {place}; {hint}"
        raise PydanticCustomError("unknown_term", "{message}", {"message": message, "did_you_mean": close})

    return Annotated[str, AfterValidator(known), WithJsonSchema({"type": "string", "enum": list(terms), "x-scheme": scheme})]


def term(scheme: str) -> Any:
    """The type of a parameter that takes a term of the vocabulary."""
    return _term(scheme, vocabulary.SCHEMES[scheme])


UnitTerm = _term("any-unit", vocabulary.UNITS)
Id = Annotated[str, StringConstraints(max_length=200)]
"""The id of a record; that it exists is checked against the database."""


def _names(value: str) -> str:
    if not value or any(not part for part in value.split(",")):
        raise PydanticCustomError("list", "is no comma-separated list of names")
    return value


Names = Annotated[str, AfterValidator(_names)]
"""A comma-separated list."""


class NoQuery(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class RecordQuery(NoQuery):
    """Parameters of one record."""

    fields: Names | None = Field(default=None, examples=["id,kind,release"])
    """Comma list of the fields to return, dotted for parts of a field; default: all."""


def _q(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("q", "is empty; leave it out, or give words to look for")
    return value


class ListQuery(RecordQuery):
    """Parameters of every list."""

    q: Annotated[str, StringConstraints(max_length=LONGEST_Q), AfterValidator(_q)] | None = Field(default=None, examples=["Beijing"])
    """Words to find, all of them, in any order: whole words in Latin script, one or more characters of Chinese.
    Names, aliases, titles and summaries are searched. Operators have no meaning; a `q` with no letter or digit finds nothing."""
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, examples=[20])
    """Records a page; may change from page to page."""
    cursor: Annotated[str, StringConstraints(max_length=LONGEST_CURSOR)] | None = None
    """Where to go on: `page.next` of the page before. It belongs to its query."""


def date_order(earlier: str, since: EdtfDate | None, later: str, until: EdtfDate | None) -> None:
    """Refuse a reversed range."""
    if since and until and since.first > until.last:
        reason = f"{earlier} ({since.edtf}) is after {later} ({until.edtf})"
        raise PydanticCustomError("range", "{reason}", {"reason": reason, "parameter": earlier, "value": since.edtf})


def refuse_unclear(request: Request, single: set[str]) -> None:
    """Refuse what a query model never gets to see: bytes that are no text, control characters, repeated single parameters."""
    raw = request.scope.get("query_string", b"").decode("latin-1")
    try:
        unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest([invalid("query", raw, "is not UTF-8; percent-encode the parameters as UTF-8")]) from None
    errors: list[ProblemError] = []
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if _CONTROL.search(value) or _CONTROL.search(name):
            errors.append(invalid(_CONTROL.sub("?", name), _CONTROL.sub("?", value), "holds control characters; remove them"))
        elif name in seen and name in single:
            errors.append(invalid(name, value, "stands there more than once; it takes one value"))
        seen.add(name)
    if errors:
        raise InvalidRequest(errors)


def refuse_unacceptable(request: Request, media_type: str) -> None:
    """Refuse a request whose Accept header does not admit the media type that the path answers in."""
    ranges = [part.strip().lower() for header in request.headers.getlist("accept") for part in header.split(",") if part.strip()]
    if not ranges:
        return
    for given in ranges:
        kind, *settings = [piece.strip() for piece in given.split(";")]
        if any(re.fullmatch(r"q=0(\.0{0,3})?", setting) for setting in settings):
            continue
        if kind in {"*/*", media_type, media_type.split("/", maxsplit=1)[0] + "/*"}:
            return
    raise NotAcceptable(f"This path answers in {media_type}, which the Accept header does not admit.")
