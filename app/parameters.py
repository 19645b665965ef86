"""The parameters of queries: their types, what they share, and what is refused.

Every route declares its parameters in one model that forbids all others. Terms are looked up in the
vocabulary here; that ids exist is looked up in the database by `paging.check_ids`.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.types import Scope

from app import vocabulary
from app.dates import EdtfDate, as_query, parse_query
from app.formats import formats_of
from app.problems import InvalidRequest, NotAcceptable, invalid

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 200
LONGEST_Q = 200
LONGEST_CURSOR = 4_000
"""Enough for the longest title in any script."""
CURSOR_PATTERN = r"^[A-Za-z0-9_-]*$"
MOST_VALUES = 200
"""Values of one parameter, or names in one comma list."""
MOST_PARAMETERS = 500
ID_PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _date(value: Any) -> EdtfDate:
    try:
        return parse_query(str(value))
    except ValueError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None


_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_MONTH = "(0[1-9]|1[0-2])"
_DAY = "(0[1-9]|[12][0-9]|3[01])"
_DATE_PATTERN = f"^{_YEAR}(-Q[1-4]|-{_MONTH}(-{_DAY})?)?$"
"""As near as a pattern that every client understands comes to the calendar."""


def _day_schema(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": _DATE_PATTERN, "examples": [example]})


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
    if value.count(",") >= MOST_VALUES:
        raise PydanticCustomError("list", "names {count} things; at most {most}", {"count": value.count(",") + 1, "most": MOST_VALUES})
    return value


Names = Annotated[str, AfterValidator(_names)]
"""A comma-separated list."""


def _digits(form: re.Pattern[str], what: str) -> Any:
    """Refuse what a number may look like in Python and nowhere else: 2_0, +2, 002, or blanks around it."""

    def plain(value: Any) -> Any:
        if isinstance(value, str) and not form.fullmatch(value):
            raise PydanticCustomError("number", "is no {what}", {"what": what})
        return value

    return BeforeValidator(plain)


_WHOLE = _digits(re.compile(r"-?(0|[1-9][0-9]{0,18})"), "whole number")
Whole = Annotated[int, _WHOLE]
Origins = Annotated[int, Field(ge=1, le=1000), _WHOLE]
Decimal = Annotated[
    float,
    # Minus nought is nought.
    AfterValidator(lambda number: number + 0.0),
    Field(allow_inf_nan=False),
    _digits(re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"), "number as JSON writes it, such as 1500, 0.5 or 1e9"),
]


class NoQuery(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


_RELEASE = "(0|[1-9][0-9]{0,8})"
_RELEASE_OR_DATE = f"^({_RELEASE}|{_YEAR}-(Q[1-4]|{_MONTH}(-{_DAY})?))$"


def _release_or_date(value: str) -> str:
    if re.fullmatch(_RELEASE, value):
        return value
    try:
        parse_query(value)
    except ValueError:
        raise PydanticCustomError("release", "is neither a release's number nor a day (2025-09-12), month (2025-09) or quarter (2025-Q3)") from None
    return value


ReleaseOrDate = Annotated[
    str,
    AfterValidator(_release_or_date),
    WithJsonSchema({"type": "string", "pattern": _RELEASE_OR_DATE, "examples": ["1"]}),
]
"""A plain number is a release, also one of four digits; a date has at least its month or quarter."""


_DayOfKnowledge = Annotated[EdtfDate, PlainValidator(_date), _day_schema("2026-01-01")]


class SupportQuery(NoQuery):
    """What may be asked of records that rest on several works."""

    published_before: _DayOfKnowledge | None = Field(default=None, examples=["2026-01-01"])
    """Only what works published before this day support (of a month, quarter or year: before its first day): a record that none of them
    supports is not there; a number takes the value that they state; what else they do not support is empty and named in `unsupported`. A
    work counts when the last day is over on which it may have been published; one of unknown date never does."""


class RecordQuery(NoQuery):
    """Parameters of one record."""

    model_config = ConfigDict(defer_build=True)

    slow: ClassVar[frozenset[str]] = frozenset({"convert"})
    """Parameters with which an answer may take long enough to keep others waiting."""

    fields: Names | None = Field(default=None, examples=["id,kind,release"])
    """Comma list of the fields to return, dotted for parts of a field; default: all."""
    as_of: ReleaseOrDate | None = Field(default=None, examples=["1"])
    """The record as it was in an earlier release: its number, or a date (with its month) for what had been released by the end of that
    day, UTC. Withdrawn and merged records are found where they still were. (SDMX: `asOf`.)"""


def _q(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("q", "is empty; leave it out, or give words to look for")
    return value


Words = Annotated[str, StringConstraints(max_length=LONGEST_Q), AfterValidator(_q)]
"""Words to look for."""


class PageQuery(NoQuery):
    """Parameters of everything that comes in pages."""

    # Made when it is first asked for: no start of the service waits for all of them.
    model_config = ConfigDict(defer_build=True)

    limit: Whole = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT, examples=[20])
    """Records a page; may change from page to page."""
    cursor: Annotated[str, StringConstraints(max_length=LONGEST_CURSOR, pattern=CURSOR_PATTERN)] | None = None
    """Where to go on: `page.next` of the page before. It belongs to its query."""


class PastQuery(PageQuery):
    """Parameters of everything that is answered as it is or as it was."""

    as_of: ReleaseOrDate | None = Field(default=None, examples=["1"])
    """What was on record in an earlier release: its number, or a date (with its month) for what had been released by the end of that
    day, UTC. Before the first release that is nothing, and `note` says so. (SDMX: `asOf`.)"""


class TextQuery(PastQuery):
    """Parameters of everything that is searched by words, now or as it was."""

    q: Words | None = Field(default=None, examples=["Beijing"])
    """Words to find, all of them, in any order: whole words in Latin script, one or more characters of Chinese.
    Names, aliases, titles, summaries and dates are searched. Operators have no meaning; a `q` with no letter or digit finds nothing."""


class ListQuery(TextQuery):
    """Parameters of every list of records."""

    fields: Names | None = Field(default=None, examples=["id,kind,release"])
    """Comma list of the fields to return, dotted for parts of a field; default: all."""


JSON = "application/json"


def offers(kind: str) -> dict[str, str]:
    """The formats of a kind with their media types, JSON first."""
    return {"json": JSON} | {name: format.media_type for name, format in formats_of(kind).items()}


def format_of(kind: str) -> Any:
    """The type of `format`; that a value is one of them is looked at before all else, and answered with 406."""
    return Annotated[str, WithJsonSchema({"type": "string", "enum": list(offers(kind)), "x-kind": kind})]


def date_order(earlier: str, since: EdtfDate | None, later: str, until: EdtfDate | None) -> None:
    """Refuse a reversed range."""
    if since and until and since.first > until.last:
        first, last = as_query(since.edtf), as_query(until.edtf)
        reason = f"{earlier} ({first}) is after {later} ({last})"
        raise PydanticCustomError("range", "{reason}", {"reason": reason, "parameter": earlier, "value": first})


def pairs(scope: Scope) -> list[tuple[str, str]]:
    """The parameters of a query; InvalidRequest where its bytes are no text."""
    raw = scope["query_string"].decode("latin-1")
    try:
        return parse_qsl(raw, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest([invalid("query", raw, "is not UTF-8; percent-encode the parameters as UTF-8")]) from None


def refuse_unclear(given: list[tuple[str, str]], single: set[str]) -> None:
    """Refuse what a query model never gets to see: control characters, repeated single parameters, far too many of them."""
    names = [name for name, _ in given]
    if len(names) == len(set(names)) <= MOST_VALUES and _CONTROL.search("".join([part for pair in given for part in pair])) is None:
        return
    if len(given) > MOST_PARAMETERS:
        raise InvalidRequest([invalid("query", None, f"holds {len(given)} parameters; at most {MOST_PARAMETERS}")])
    errors = [
        invalid(name, None, f"stands there {count} times; at most {MOST_VALUES} values")
        for name, count in Counter(names).items()
        if count > MOST_VALUES
    ]
    seen: set[str] = set()
    for name, value in given:
        if _CONTROL.search(value) or _CONTROL.search(name):
            errors.append(invalid(_CONTROL.sub("?", name), _CONTROL.sub("?", value), "holds control characters; remove them"))
        elif name in seen and name in single:
            errors.append(invalid(name, value, "stands there more than once; it takes one value"))
        seen.add(name)
    if errors:
        raise InvalidRequest(errors)


def negotiate(named: str | None, accept: tuple[str, ...], offered: dict[str, str]) -> str:
    """The format in which a path answers: the one that `format` names, else the one that the Accept header wants most; NotAcceptable."""
    if named is not None and "json" in offered:
        if named in offered:
            return named
        close = vocabulary.closest(named, offered)
        hint = f" Did you mean {close!r}?" if close else ""
        raise NotAcceptable(f"This path has no format {named[:50]!r}; it has {', '.join(offered)}.{hint}")
    if not accept:
        return next(iter(offered))
    wanted = {name: _weight(accept, media_type) for name, media_type in offered.items()}
    best = max(wanted, key=lambda name: wanted[name])  # of equals the first: JSON
    if not wanted[best]:
        raise NotAcceptable(f"This path answers in {', '.join(dict.fromkeys(offered.values()))}; the Accept header admits none of them.")
    return best


_WEIGHT = re.compile(r"q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)")


@lru_cache(1_000)
def _weight(ranges: tuple[str, ...], media_type: str) -> float:
    """How much an Accept header wants a media type: the most specific range that fits it decides (RFC 9110, 12.5.1).

    A range with parameters fits what has the same ones, such as a profile. All is in UTF-8, whether a media type says so or not.
    """
    name, *own = [piece.strip() for piece in media_type.split(";")]
    specificity = {"*/*": 0, name.split("/", maxsplit=1)[0] + "/*": 1, name: 2}
    fitting = [(-1, 0.0)]
    for given in ranges:
        kind, *settings = [piece.strip().replace('"', "") for piece in given.split(";")]
        weights = [setting for setting in settings if setting.startswith("q=")]
        told = set(settings).difference(weights)
        if kind in specificity and all(_WEIGHT.fullmatch(weight) for weight in weights) and told <= {*own, "charset=utf-8"}:
            fitting.append((specificity[kind] + len(told), float(weights[0][2:]) if weights else 1.0))
    return max(fitting)[1]
