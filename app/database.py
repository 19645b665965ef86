"""Engines, transactions and the state of a database's schema, for SQLite and PostgreSQL."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Integer,
    Text,
    any_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import SQLModel

from app import migrating
from app.envelopes import ReleaseInfo
from app.models import Redaction, Release, columns
from app.settings import Settings
from app.snapshot import Snapshot

BUSY_TIMEOUT = 5
"""Seconds that a connection waits for another one's lock."""

WRITER_CACHE = 65_536
"""Kilobytes of a SQLite file that whoever writes keeps in memory: indexes are filled in no order, and with the usual 2,000 every row of a
large load reads and writes pages of them. Four times as much takes as long, half of it too."""
FILLER_CACHE = 16_384
"""The same of whoever fills a new file, where rows come in order and indexes are made at the end."""
READER_CACHE = 500
"""The same of each connection that answers are made with: the system keeps the file as well, and once for all of them."""

LOAD_LOCK = 0x636774
"""Key of the PostgreSQL advisory lock that loads and migrations take in turn."""


_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 0, "pool_timeout": 5}
"""A request holds a connection only while it works, never while it waits, so that fewer of them than worker threads serve all."""

RECYCLE = 10
"""Seconds after which a connection to a server is made anew, so that a host that came back is used again."""

_LIFE = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10000}
"""The client library's limits of an attempt to connect and of a host's silence; without them a dead host hangs for minutes."""

_ATTRIBUTES = {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}
"""What libpq can be told to look for in `target_session_attrs`."""

_SEVERAL = re.compile(r"(?P<scheme>[a-z+]+)://(?P<user>[^/]*@)?(?P<hosts>[^/?@]*,[^/?@]*)(?P<database>/[^?]*)?(\?(?P<query>.*))?", re.DOTALL)
"""A URL that names several hosts as libpq has it."""


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def parse_url(url: str) -> URL:
    """The URL with its driver; DatabaseError where it is none that the product serves. What it holds is not told: it may be a password."""
    forms = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        parsed = make_url(_in_query(url))
    except (ArgumentError, ValueError):
        raise DatabaseError(f"CGT_DATABASE_URL is no database URL; {forms}") from None
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        if _wanted(parsed := _checked(parsed, "CGT_DATABASE_URL")) in {"read-only", "standby", "prefer-standby"}:
            raise DatabaseError("CGT_DATABASE_URL asks for a standby, which cannot be written; name replicas in CGT_READ_URL")
        return parsed
    if parsed.drivername != "sqlite":
        raise DatabaseError(f"CGT_DATABASE_URL names {parsed.drivername!r}; only sqlite and postgresql are supported")
    if parsed.host:
        raise DatabaseError(f"CGT_DATABASE_URL names a host before the file: {forms} (three slashes, four before an absolute path)")
    if parsed.query:
        raise DatabaseError(f"CGT_DATABASE_URL sets {', '.join(parsed.query)}, which the product does not take for SQLite; {forms}")
    if parsed.database in {None, "", ":memory:"} or "\0" in str(parsed.database):
        raise DatabaseError(f"CGT_DATABASE_URL names no file; {forms}")
    return parsed


def parse_read_url(url: str) -> URL:
    """As `parse_url`, of the URL that only reads: it names PostgreSQL, and replicas may be asked for."""
    try:
        parsed = make_url(_in_query(url))
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise DatabaseError("CGT_READ_URL is no URL of PostgreSQL; write postgresql://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE, or leave it out")
    return _checked(parsed, "CGT_READ_URL")


def _in_query(url: str) -> str:
    """A URL that names several hosts as libpq has it, in the form that carries them here: all of them in the query."""
    several = _SEVERAL.fullmatch(url)
    if several is None:
        return url
    named = [re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::([0-9]*))?", host) for host in several["hosts"].split(",")]
    if not all(named):
        raise ValueError("no host")
    hosts, ports = (",".join((found[part] or "").strip("[]") for found in named if found) for part in (1, 2))
    options = "".join(f"&{several['query']}" if several["query"] else "")
    return f"{several['scheme']}://{several['user'] or ''}{several['database'] or '/'}?host={hosts}&port={ports}{options}"


def _checked(url: URL, variable: str) -> URL:
    """A URL of PostgreSQL whose options the client library knows; DatabaseError names the variable and what it does not."""
    from psycopg import Error  # noqa: PLC0415  whoever has SQLite loads no client library
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    if "@" in (url.host or ""):  # where the URL would be shown, a part of the password
        raise DatabaseError(f"{variable} has several @; write one in a user name or password as %40")
    url = url.set(drivername="postgresql+psycopg")
    try:
        _, options = url.get_dialect()().create_connect_args(url)
        make_conninfo(**options)
    except ArgumentError as error:
        raise DatabaseError(f"{variable} names hosts and ports that do not go together ({error})") from None
    except Error as error:
        raise DatabaseError(f"{variable} sets what the client library does not take: {error}") from None
    if _wanted(url) not in _ATTRIBUTES:
        raise DatabaseError(f"{variable}: target_session_attrs is none of {', '.join(sorted(_ATTRIBUTES))}")
    if url.query.get("load_balance_hosts", "disable") not in {"disable", "random"}:
        raise DatabaseError(f"{variable}: load_balance_hosts is neither disable nor random")
    return url


def _wanted(url: URL) -> Any:
    return url.query.get("target_session_attrs", "any")


def shown(url: URL) -> str:
    """A URL as messages tell it: where it leads, without its password, wherever that stands."""
    query = {name: value for name, value in url.query.items() if name in {"host", "port", "target_session_attrs", "load_balance_hosts"}}
    return url.set(query=query).render_as_string(hide_password=True)


def connect(url: str) -> Engine:
    """An engine whose transactions are what they say, on both databases. Nothing is opened yet."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _served(parsed)
    return _prepared(create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False}, **_POOL))


def connect_to_read(settings: Settings) -> Engine:
    """The engine that answers are made with: over the replicas, where there are any. Nothing is opened yet."""
    engine = _served(parse_read_url(settings.read_url)) if settings.read_url else connect(settings.database_url)
    if engine.dialect.name == "postgresql":
        # Not by a transaction's option: SQLAlchemy would end it with an explicit "read write", which a replica refuses.
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "read_only", True))
    else:
        event.listen(engine, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size = -{READER_CACHE}"))
    return engine


def _served(url: URL) -> Engine:
    """An engine on PostgreSQL. A connection that died is found out before it is used, and the client library looks for a host that lives."""
    life = {name: value for name, value in _LIFE.items() if name not in url.query}
    return create_engine(url, pool_pre_ping=True, pool_recycle=RECYCLE, connect_args=life, **_POOL)


def in_memory() -> Engine:
    """An engine on a new SQLite database that is gone with it."""
    return _prepared(create_engine("sqlite://"))


def _prepared(engine: Engine) -> Engine:
    """A SQLite engine with foreign keys and whole transactions."""

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # The driver would begin transactions late and end them around DDL; `begin` below does it by hand.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def identity(file: str | None) -> tuple[int, int] | None:
    """Which file lies at a path; None: there is none."""
    try:
        found = os.stat(file) if file else None  # noqa: PTH116  every request asks, and a Path takes as long as the rest of it
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose queries all see the same release, whatever is loaded meanwhile."""
    snapshot = Snapshot(engine)
    try:
        yield snapshot.connection
    finally:
        snapshot.close()


@contextmanager
def writing(engine: Engine, *, at_once: bool = False) -> Iterator[Connection]:
    """The one writing transaction at a time; committed at the end, rolled back on any error.

    `at_once`: on SQLite, all references of the database are checked at the end, not each as it is written.
    """
    try:
        with engine.connect().execution_options(writing=True) as connection, _prepared_to_write(connection, at_once) as file, connection.begin():
            if file is not None and file != identity(engine.url.database):
                raise DatabaseError(f"{shown(engine.url)} was replaced by another load; nothing was changed, try again")
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
            yield connection
            if at_once and connection.in_transaction():
                _check_references(connection)
            migrating.finish(connection)
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(explain(engine, error)) from error
    except migrating.Busy:
        held = f"readers held the tables of {shown(engine.url)} for more than {migrating.PATIENCE:.0f} s"
        raise DatabaseError(f"{held}; nothing was changed: end what reads for so long (pg_stat_activity tells), and try again") from None


@contextmanager
def _prepared_to_write(connection: Connection, at_once: bool) -> Iterator[tuple[int, int] | None]:
    """What a SQLite connection cannot be told within a transaction. Gives the file that it writes to."""
    if connection.dialect.name != "sqlite":
        yield None
        return
    name = connection.engine.url.database
    raw: Any = connection.connection.dbapi_connection
    if name:
        if not at_once:
            raw.execute("PRAGMA journal_mode = WAL")  # readers go on while a load writes; the mode belongs to the file
        raw.execute(f"PRAGMA cache_size = -{FILLER_CACHE if at_once else WRITER_CACHE}")
    raw.execute(f"PRAGMA foreign_keys = {'OFF' if at_once else 'ON'}")
    try:
        yield identity(name)
    finally:
        raw.execute("PRAGMA foreign_keys = ON")


def _check_references(connection: Connection) -> None:
    """DatabaseError where a reference of a SQLite database leads nowhere; PostgreSQL tells by itself."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first() if connection.dialect.name == "sqlite" else None
    if broken is not None:
        raise DatabaseError(f"the table {broken[0]} refers to what is not in {broken[2]}; nothing was changed")


def explain(engine: Engine, error: BaseException, variable: str = "CGT_DATABASE_URL") -> str:
    """What a failure of the database that a variable names means and what to do, in a sentence."""
    where = shown(engine.url)
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if "database is locked" in cause:
        return f"{where} is locked by another process for more than {BUSY_TIMEOUT} s; nothing was changed, try again when it is done"
    if "readonly" in cause or "read-only" in cause:
        return f"{where} cannot be written ({cause}); check the rights of the file and its folder"
    if "unable to open" in cause:
        return f"{where} cannot be opened; check that the folder exists and may be written"
    if "not a database" in cause:
        return f"{where} is no SQLite database; name another file in {variable}"
    unreachable = "connection" in cause or "resolve host" in cause
    if engine.dialect.name == "postgresql" and not getattr(error, "connection_invalidated", False) and unreachable:
        return f"{where} cannot be reached ({cause}); check {variable} and that the server runs"
    return f"{where} failed: {cause}"


def values(connection: Connection, given: Mapping[Any, float | None], *, by_version: bool = False) -> Any:
    """Numbers by ids or versions as a table of the columns `id` (or `version`) and `value`, however many they are.

    One parameter of the statement holds them all.
    """
    key = column("version", Integer) if by_version else column("id", Text)
    if connection.dialect.name == "postgresql":
        pairs = bindparam(None, [{key.name: name, "value": number} for name, number in given.items()], type_=JSON)
        rows = func.json_to_recordset(pairs).table_valued(key, column("value", Float)).render_derived(with_types=True)
        named = rows.c[key.name]
        return select((named if by_version else named.collate("C")).label(key.name), rows.c.value).subquery().c
    each = func.json_each(bindparam(None, list(given.items()), type_=JSON)).table_valued("value")
    name, number = (func.json_extract(each.c.value, path) for path in ("$[0]", "$[1]"))
    return select(name.label(key.name), cast(number, Float).label("value")).subquery().c


def among(connection: Connection, column: ColumnElement[int], keys: Iterable[int]) -> ColumnElement[bool]:
    """What holds for the rows with one of these numbers, however many they are: one parameter of the statement holds them all."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(keys), type_=ARRAY(Integer)))
    return column.in_(select(func.json_each(bindparam(None, list(keys), type_=JSON)).table_valued("value").c.value))


def is_missing_table(error: DBAPIError) -> bool:
    """Whether a query failed because the schema is not there."""
    return "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", None) == "42P01"


HEAD = "0008"
"""The schema revision that this version of the software works with: the last of the folder `migrations`."""


def schema_state(connection: Connection) -> str:
    """`empty`, `old` or `current`; DatabaseError for a schema that is not ours or newer than we are."""
    where = shown(connection.engine.url)
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise DatabaseError(f"{where} holds tables of something else ({', '.join(sorted(tables)[:3])}); name an empty database")
        return "empty"
    revisions = list(connection.scalars(text("SELECT version_num FROM alembic_version")))
    if not revisions and tables == {"alembic_version"}:
        return "empty"
    if len(revisions) != 1:
        raise DatabaseError(f"{where} names {len(revisions)} schema revisions instead of one; restore a backup, or name an empty database")
    if revisions[0] != HEAD:
        from app import revisions as chain  # noqa: PLC0415  takes half a second to import, which only an old database needs

        if revisions[0] not in chain.known():
            raise DatabaseError(
                f"{where} has schema {revisions[0]}, which this version does not know; install the version that made it, or a newer one"
            )
        return "old"
    if missing := sorted({table.name for table in SQLModel.metadata.tables.values()} - tables):
        raise DatabaseError(f"{where} lacks the tables {', '.join(missing)}; restore a backup, or name an empty database")
    return "current"


def upgrade(connection: Connection) -> bool:
    """Bring the schema up to date inside the caller's transaction; whether there was anything to do."""
    state = schema_state(connection)
    if state == "current":
        return False
    from app import revisions  # noqa: PLC0415  as above

    def to(revision: str) -> None:
        revisions.upgrade(connection, revision)

    if state == "old" and connection.dialect.name == "postgresql":
        migrating.begin(connection, str(connection.scalar(text("SELECT version_num FROM alembic_version"))), to)
    to("head")
    if state == "old":
        analyse(connection)
    return True


def analyse(connection: Connection) -> None:
    """Have PostgreSQL count what all tables hold that were filled in this transaction.

    It takes minutes until it does so by itself; until then it reads whole tables instead of a few rows by an index.
    """
    if connection.dialect.name == "postgresql":
        tables = ", ".join(f'"{table.name}"' for table in SQLModel.metadata.sorted_tables)
        connection.execute(text(f"ANALYZE {tables}"))


def sqlite_file(engine: Engine) -> Path | None:
    """The file behind a SQLite engine."""
    database = engine.url.database
    return Path(database) if engine.dialect.name == "sqlite" and database else None


class Beside(NamedTuple):
    """What answers depend on beside the release."""

    texts: str | None
    """Digest of the documents' texts that are kept for quotes."""
    redactions: int
    """How many fields are redacted."""
    redacted_at: datetime | None
    """When the last of them was."""
    shape: str | None
    """Digest of the schema in which the records are written."""
    schema: str
    """The revision of the tables."""


def latest_release(connection: Connection) -> tuple[ReleaseInfo, Beside] | None:
    """The release that is served, with what answers depend on beside it; None where nothing has been loaded."""
    release, redaction = columns(Release), columns(Redaction)
    count = select(func.count()).select_from(redaction.field.table).scalar_subquery()
    last = select(func.max(redaction.redacted_at)).scalar_subquery()
    found = select(release, count.label("redactions"), last.label("redacted_at"), text("(SELECT version_num FROM alembic_version) AS schema"))
    row = connection.execute(found.order_by(release.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return release_info(row), Beside(row.texts, row.redactions, utc(row.redacted_at) if row.redacted_at else None, row.shape, row.schema)


def release_info(row: Any) -> ReleaseInfo:
    """A row of the releases, as answers tell it."""
    return ReleaseInfo(id=row.id, released_at=utc(row.released_at), digest=row.digest, licence=row.licence)


def utc(moment: datetime) -> datetime:
    """A stored time with its zone: SQLite keeps none, and what is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
