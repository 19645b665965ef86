"""Pages: what they can be sorted by, what stands around their records, and cursors.

A cursor holds the newest release and the sort values of the last record, sealed with the query that it belongs to.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlencode

from fastapi.responses import Response
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy import ColumnElement, Connection, Select, and_, literal, or_, select
from starlette.requests import Request

from app import history, vocabulary
from app.caching import refuse_unchanged
from app.dates import EdtfDate, as_query
from app.envelopes import RecordLinks
from app.models import KINDS, OPEN, Document, Record, columns
from app.parameters import ID_PATTERN, PageQuery, RecordQuery
from app.postings import NONE, number
from app.problems import Gone, InvalidRequest, Merged, NotFound, ProblemError, invalid
from app.projection import projection
from app.reader import Reader

_NEAR = 250
"""Ids or names before a wrong one, and as many behind it, that are compared for "did you mean"."""

_SUGGESTED = 5
"""Wrong ids of a parameter for which it is said what was meant: to look for it takes milliseconds, in which others may wait."""

ROWS = 500
"""Rows that are fetched at a time."""

_FREE = {"cursor", "limit", "fields", "facets", "format"}
"""Parameters that may change from page to page."""

Rewrite = Callable[[bytes], bytes]
"""What a query does to the JSON of a record."""


@dataclass(frozen=True, slots=True, eq=False)
class SortKey:
    """A column that lists can be sorted by, and how its values are written in a cursor."""

    column: ColumnElement[Any]
    type: type[str | float | int | date]
    nullable: bool = False
    field: str | None = None
    """The field of the index that has the same values, of what has not too many of them."""
    years: str | None = None
    """Of days: the field that has their years."""
    among: ColumnElement[bool] | None = None
    """What holds for all that a list sorted by it has, and leads the database to them."""
    joined: ColumnElement[bool] | None = None
    """Of a column of another table: what ties it to the list's own."""
    shown: Callable[[Any], Any] | None = None
    """Its value as the JSON of a record shows it (`chosen.Shown`), of those that default orders go by: their cursors are made from it."""

    def value(self, given: str | float | date | None) -> str:
        """A value as the index has it; of a day its year."""
        match given:
            case None:
                return NONE
            case str():
                return given
            case date():
                return f"{given.year:04}"
        return number(int(given))

    def in_year(self, year: int) -> "SortKey":
        """The key of what lies in a year."""
        return replace(self, years=None, among=self.column.between(date(year, 1, 1), date(year, 12, 31)))


Keys = list[tuple[SortKey, bool]]
"""What a list is sorted by, and whether each descends."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what lies in no table: pairs of an id and the JSON, in the order of the ids; how many there are in all; facets as JSON."""

    total: int
    items: list[tuple[str, bytes]]
    counted: dict[str, bytes] = field(default_factory=dict)


def check_ids(reader: Reader, given: dict[str, tuple[str, Sequence[str] | str | None]]) -> None:
    """Refuse ids that name nothing: `given` maps each parameter to the kind of its ids and the ids.

    In an earlier release an id may name what was withdrawn since; what was not on record then is refused as well. Before the first release
    any id is good, as nothing was on record.
    """
    errors: list[ProblemError] = []
    for parameter, (kind, ids) in given.items():
        if not ids:
            continue
        wanted = [ids] if isinstance(ids, str) else list(dict.fromkeys(ids))
        if not all(_is_there(reader, kind, identifier) for identifier in wanted):
            errors += _strangers(reader, parameter, kind, wanted)
    if errors:
        raise InvalidRequest(errors)


def _is_there(reader: Reader, kind: str, identifier: str) -> bool:
    """Whether an id names what is on record at the moment of a reader, or may have been so before the first release."""
    release = reader.moment.release

    def look() -> bool:
        if release == reader.newest:
            there = "SELECT 1 FROM record WHERE id = ? AND kind = ? AND state = 'current'"
            return bool(reader.snapshot.rows(there, (identifier, kind)))
        there = f"SELECT 1 FROM {kind} WHERE id = ? AND since <= ? AND until > ?"  # noqa: S608  a kind of ours
        return bool(release and reader.snapshot.rows(there, (identifier, release, release)))

    return reader.state.index.kept(("is there", kind, identifier, release), look)


def _strangers(reader: Reader, parameter: str, kind: str, wanted: list[str]) -> list[ProblemError]:
    """What is wrong with the ids of a parameter."""
    connection = reader.connection
    record = columns(Record)
    errors: list[ProblemError] = []
    rows = connection.execute(select(record.id, record.state, record.merged_into).where(record.id.in_(wanted), record.kind == kind))
    found = {row.id: row for row in rows}
    there = set(wanted)
    if 0 < reader.moment.release < reader.newest:
        table = columns(KINDS[kind])
        there = set(connection.scalars(select(table.id).where(table.id.in_(wanted), reader.moment.whole(table))))
    for identifier in wanted:
        row = found.get(identifier)
        if row is None:
            close = _meant(reader, kind, identifier) if len(errors) < _SUGGESTED else None
            hint = f"; did you mean {close!r}?" if close else f"; see /{kind}s"
            errors.append(invalid(parameter, identifier, f"there is no {kind} of this id{hint}", close))
        elif row.state != "current" and reader.moment.release == reader.newest:
            became = f"merged into {row.merged_into!r}" if row.merged_into else "withdrawn"
            errors.append(invalid(parameter, identifier, f"the {kind} was {became}", row.merged_into))
        elif identifier not in there:
            message = f"the {kind} was not on record in release {reader.moment.release}; see /{kind}s/{identifier}/history"
            errors.append(invalid(parameter, identifier, message))
    return errors


def _meant(reader: Reader, kind: str, identifier: str) -> str | None:
    """The id of a kind that a wrong one was most likely meant for."""
    table = columns(KINDS[kind])
    return _close(reader.connection, table.id, identifier, reader.moment.whole(table))


def _close(connection: Connection, column: ColumnElement[str], wrong: str, *where: ColumnElement[bool]) -> str | None:
    """The value of a column that a wrong one was most likely meant for; of very many, one of those that stand next to it."""
    behind = select(column).where(*where, column >= wrong).order_by(column).limit(_NEAR)
    before = select(column).where(*where, column < wrong).order_by(column.desc()).limit(_NEAR)
    return vocabulary.closest(wrong, [*connection.scalars(before), *connection.scalars(behind)])


def documents(connection: Connection, given: list[str]) -> list[Any]:
    """Held documents (`id`, `name`, `sha256`) by their names or hashes; refuses what names none."""
    document = columns(Document)
    wanted = select(document.id, document.name, document.sha256).where(or_(document.name.in_(given), document.sha256.in_(given)))
    found = list(connection.execute(wanted))
    errors: list[ProblemError] = []
    for value in dict.fromkeys(given):
        if not any(value in (row.name, row.sha256) for row in found):
            close = _close(connection, document.name, value) if len(errors) < _SUGGESTED else None
            message = "there is no held document of this name or SHA-256" + (f"; did you mean {close!r}?" if close else "")
            errors.append(invalid("document", value, message, close))
    if errors:
        raise InvalidRequest(errors)
    return found


def only_json(reader: Reader, given: dict[str, str | None]) -> None:
    """Refuse parameters that the negotiated format has no place for."""
    format = reader.request.scope["format"]
    if format == "json":
        return
    admitted = {"fields": {"json", "ndjson"}, "facets": {"json"}}
    errors = [
        invalid(name, value, f"is not offered with the format {format}; leave it out, or take {' or '.join(sorted(admitted[name]))}")
        for name, value in given.items()
        if value is not None and format not in admitted[name]
    ]
    if errors:
        raise InvalidRequest(errors)


def page(
    reader: Reader,
    query: PageQuery,
    statement: Select[Any],
    counting: Select[Any],
    order: Keys,
    body: Callable[[Any], bytes],
    counted: Callable[[], dict[str, bytes]] = dict,
) -> Response:
    """A page of the rows of a statement in an order (a column, and whether it descends), each written by `body`, and facets beside them."""
    request, connection = reader.request, reader.connection
    force = applied(query)
    seal = sealed(request, force)
    behind = [] if query.cursor is None else [after(order, opened(reader, query.cursor, seal, [key for key, _ in order]))]
    refuse_unchanged(request, reader.headers)
    labels = [f"sort_{place}" for place in range(len(order))]
    rows = connection.execute(
        statement.add_columns(*(key.column.label(label) for (key, _), label in zip(order, labels, strict=True)))
        .where(*behind)
        .order_by(*(key.column.desc() if down else key.column for key, down in order))
        .limit(query.limit + 1)
    ).all()
    total = connection.scalar(counting)
    following = None
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        following = written(reader, [getattr(rows[-1], label) for label in labels], seal)
    return envelope(reader, force, [body(row) for row in rows], total or 0, following, counted())


def explained(reader: Reader, force: dict[str, Any], total: int) -> Reader:
    """The reader of a list that found so many, noting where it is explained that there are no events of some regions."""
    about_events = reader.request.scope["path"].endswith("/events") and "region" in force and "published_before" not in force
    if total or not reader.moment.release or not about_events:
        return reader
    told = {name: force[name] for name in ("region", "region_match", "type", "from", "to", "as_of") if name in force}
    asked: dict[str, Any] = {name: as_query(value["edtf"]) if isinstance(value, dict) else value for name, value in told.items()}
    where = f"/coverage?{urlencode(asked, doseq=True)}"
    return reader.noting(f"Nothing matches. {where} tells whether no event is known there or nobody has looked.")


def page_behind(reader: Reader, query: PageQuery, made: Callable[[str, int], Part]) -> Response:
    """A page of what is made for the query and lies in no table: of what comes behind an id, so many at the most."""
    force = applied(query)
    seal = sealed(reader.request, force)
    last = "" if query.cursor is None else str(opened(reader, query.cursor, seal, [SortKey(literal(""), str)])[0])
    refuse_unchanged(reader.request, reader.headers)
    part = made(last, query.limit + 1)
    shown = part.items[: query.limit]
    following = written(reader, [shown[-1][0]], seal) if len(part.items) > query.limit else None
    return envelope(reader, force, [body for _, body in shown], part.total, following, part.counted)


def envelope(reader: Reader, force: dict[str, Any], bodies: list[bytes], total: int, following: str | None, counted: dict[str, bytes]) -> Response:
    """The answer around the records of a page, with the parameters in force.

    `following` is the cursor of the next page, `counted` the JSON of facets.
    """
    reader = explained(reader, force, total)
    request = reader.request
    onward = link_to_next(request, following)
    # As `Listing` shows it; its models would take longer than all the rest.
    parts: dict[str, Any] = {} if reader.note is None else {"note": reader.note}
    parts["page"] = {"limit": force["limit"], "total": total, "total_is": "exact", "next": following}
    parts["links"] = {"self": _self(request), "next": onward}
    parts["applied"] = force
    tail = to_json(parts)[1:-1]
    release = reader.state.as_json if reader.release is reader.state.release else reader.release.model_dump_json().encode()
    records = [b","] * (2 * len(bodies) - 1)
    records[::2] = bodies
    beside = [part for name, buckets in counted.items() for part in (b'"%b":' % name.encode(), buckets, b",")]
    if beside:
        beside = [b'"facets":{', *beside[:-1], b"},"]
    headers = reader.headers | ({"Link": f'<{onward}>; rel="next"'} if onward else {})
    # Joined once: what thousands of values of a facet take is not copied again and again.
    content = b"".join((b'{"data":[', *records, b"],", *beside, tail, b',"release":', release, b"}"))
    return Response(content, headers=headers, media_type="application/json")


def one(newest: Reader, kind: str, identifier: str, query: RecordQuery, rewrite: Rewrite | None = None) -> Response:
    """One record, changed by `rewrite`; NotFound, Gone or Merged where there is none of this id."""
    request = newest.request
    if not re.fullmatch(ID_PATTERN, identifier):
        raise NotFound(f"There is no {kind} {identifier[:200]!r}; ids are like 'cn-bj' or 'novartis'.")
    shape = projection(kind, query.fields)
    reader = newest.at(query)
    found = _version(reader, kind, identifier)
    if found is None:
        _tell_why(reader, kind, identifier, getattr(query, "published_before", None))
    refuse_unchanged(request, reader.headers)
    whole = found if rewrite is None else rewrite(found)
    body = whole if shape is None else shape.apply(whole)
    links = RecordLinks(self=_self(request)).model_dump_json().encode()
    content = b'{"data":' + body + b',"links":' + links + b',"release":' + reader.release.model_dump_json().encode() + b"}"
    return Response(content, headers=reader.headers, media_type="application/json")


def _version(reader: Reader, kind: str, identifier: str) -> bytes | None:
    moment = reader.moment
    held = (
        f"SELECT coalesce(r.quoted, r.body) FROM {kind} AS k JOIN rendering AS r ON r.key = k.version"  # noqa: S608  a kind of ours
        " WHERE k.id = ? AND k.since <= ? AND k.until > ? AND k.seen_from <= ? AND k.seen_until > ?"
    )
    # What all works together support begins to be seen on some day before the last one, and is seen to the end.
    rows = reader.snapshot.rows(held, (identifier, moment.release, moment.release, moment.day.isoformat(), moment.day.isoformat()))
    return bytes(rows[0][0]) if rows else None


def _tell_why(reader: Reader, kind: str, identifier: str, before: EdtfDate | None) -> NoReturn:
    """Why a record is not there: NotFound, Gone or Merged."""
    request, record = reader.request, columns(Record)
    known = reader.connection.scalar(select(record.key).where(record.id == identifier, record.kind == kind))
    if known is None:
        close = _meant(reader, kind, identifier)
        raise NotFound(f"There is no {kind} {identifier[:200]!r}." + (f" Did you mean {close!r}?" if close else ""))
    fate = history.fate(reader.connection, kind, identifier, reader.moment)
    if fate is None:
        raise NotFound(f"No work published before {as_query(before.edtf) if before else 'then'} supports the {kind} {identifier!r}.")
    if fate.state == "merged":
        asked = f"?{request.url.query}" if request.url.query else ""
        place = f"{request.scope.get('root_path', '')}/{kind}s/{fate.merged_into}{asked}"
        raise Merged(f"The {kind} was merged into {fate.merged_into!r} in release {fate.release}: {fate.reason}", headers={"Location": place})
    raise Gone(f"The {kind} was withdrawn in release {fate.release}: {fate.reason}")


def applied(query: BaseModel) -> dict[str, Any]:
    """The parameters in force, by the names that they have in the URL, dates as `AppliedDate` shows them."""
    found: dict[str, Any] = {}
    values = query.__dict__
    for name, shown in _shown_names(type(query)):
        value = values[name]
        if value is None or value == []:
            continue
        found[shown] = {"edtf": value.edtf, "earliest": value.first, "latest": value.last} if isinstance(value, EdtfDate) else value
    return found


@cache
def _shown_names(model: type[BaseModel]) -> list[tuple[str, str]]:
    """The fields of a query with the names that they have in the URL."""
    return [(name, info.alias or name) for name, info in model.model_fields.items()]


def ordered(sort: str, sorts: dict[str, SortKey]) -> Keys:
    """What a parameter `sort` names, ending in the id."""
    order: list[tuple[str, bool]] = []
    errors = []
    for part in sort.split(","):
        name = part.removeprefix("-")
        if name not in sorts:
            close = vocabulary.closest(name, sorts)
            errors.append(invalid("sort", part, f"cannot sort by {name!r}; use {', '.join(sorts)}, each with '-' for descending", close))
        elif name in (taken for taken, _ in order):
            errors.append(invalid("sort", part, f"names {name!r} twice"))
        else:
            order.append((name, part.startswith("-")))
    if errors:
        raise InvalidRequest(errors)
    last = [] if "id" in (name for name, _ in order) else [("id", False)]
    return [(sorts[name], down) for name, down in [*order, *last]]


def after(order: Keys, values: list[Any]) -> ColumnElement[bool]:
    """What holds for the rows behind the one with these sort values."""
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for (key, down), value in zip(order, values, strict=True):
        ways.append(and_(*same, key.column < value if down else key.column > value))
        same.append(key.column == value)
    return or_(*ways)


def sealed(request: Request, force: dict[str, Any]) -> bytes:
    """What ties a cursor to its path and query; `limit`, `fields` and `facets` may change from page to page."""
    bound = sorted(item for item in force.items() if item[0] not in _FREE)
    return hashlib.sha256(to_json([request.scope["path"], bound])).digest()


def written(reader: Reader, values: list[Any], seal: bytes) -> str:
    """The cursor of a record by its sort values."""
    plain = to_json([reader.newest, *values])
    return base64.urlsafe_b64encode(hashlib.blake2b(plain, digest_size=9, key=seal).digest() + plain).decode().rstrip("=")


def opened(reader: Reader, cursor: str, seal: bytes, keys: list[SortKey]) -> list[Any]:
    """The sort values of a cursor. The seal keeps it to its query; whoever forges it gets a page or an error, nothing else.

    Behind where the release that it was made at has not arrived here.
    """
    values, release = None, 0
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        mark, plain = packed[:9], packed[9:]
        if hashlib.blake2b(plain, digest_size=9, key=seal).digest() == mark:
            release, *held = json.loads(plain)
            if type(release) is int:
                values = [_value(value, key) for value, key in zip(held, keys, strict=True)]
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        values = None
    if values is None:
        raise InvalidRequest([invalid("cursor", cursor, "was not given out for this query; start again without a cursor")])
    reader.refuse_before(release)
    return values


def _value(value: Any, key: SortKey) -> str | float | date | None:
    if value is None and key.nullable:
        return None
    if key.type is int and type(value) is int and 0 <= value < OPEN:
        return value
    if key.type is float and type(value) in {int, float} and abs(value) < float("inf"):
        return float(value)
    if key.type in {str, date} and isinstance(value, str) and value.isprintable():
        return date.fromisoformat(value) if key.type is date else value
    raise ValueError


def _self(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")


def link_to_next(request: Request, cursor: str | None) -> str | None:
    """The path-relative URL of the page that a cursor leads to."""
    if cursor is None:
        return None
    given = request.scope["query_string"].decode("latin-1").split("&")
    kept = [part for part in given if part and not _names_cursor(part)]
    # What a client may send as it is and a header may not hold is encoded.
    query = quote("&".join(kept), safe="%/:?@!$&'()*+,;=")
    return f"{request.scope['path']}?{query}{'&' if query else ''}cursor={cursor}"


def _names_cursor(part: str) -> bool:
    name = part.partition("=")[0]
    return (unquote(name) if "%" in name else name) == "cursor"
