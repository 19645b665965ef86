"""Engines, transactions and the state of a database's schema, for SQLite and PostgreSQL."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from sqlalchemy.pool import PoolProxiedConnection
from sqlmodel import SQLModel

from app.envelopes import ReleaseInfo
from app.models import Redaction, Release, columns

BUSY_TIMEOUT = 5
"""Seconds that a connection waits for another one's lock."""

LOAD_LOCK = 0x636774
"""Key of the PostgreSQL advisory lock that loads and migrations take in turn."""


_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 0, "pool_timeout": 5}
"""A request holds a connection only while it works, never while it waits, so that fewer of them than worker threads serve all."""


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


def parse_url(url: str) -> URL:
    """The URL with its driver; DatabaseError where it is none that the product serves. What it holds is not told: it may be a password."""
    forms = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(f"CGT_DATABASE_URL is no database URL; {forms}") from None
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise DatabaseError(f"CGT_DATABASE_URL names {parsed.drivername!r}; only sqlite and postgresql are supported")
    if parsed.host:
        raise DatabaseError(f"CGT_DATABASE_URL names a host before the file: {forms} (three slashes, four before an absolute path)")
    if parsed.query:
        raise DatabaseError(f"CGT_DATABASE_URL sets {', '.join(parsed.query)}, which the product does not take for SQLite; {forms}")
    if parsed.database in {None, "", ":memory:"} or "\0" in str(parsed.database):
        raise DatabaseError(f"CGT_DATABASE_URL names no file; {forms}")
    return parsed


def connect(url: str) -> Engine:
    """An engine whose transactions are what they say, on both databases. Nothing is opened yet."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "postgresql":
        # The client library's own limit of a connection attempt; without it a dead host hangs for minutes.
        return create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 5}, **_POOL)
    return _prepared(create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False}, **_POOL))


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


class Snapshot:
    """What a request reads from: a connection of the pool that is taken when it is first needed, and given back by `close`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._raw: PoolProxiedConnection | None = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """A connection whose queries all see the same release, whatever is loaded meanwhile."""
        if self._connection is None:
            self._give_back()
            self._connection = self.engine.connect()
            if self._connection.dialect.name == "postgresql":
                self._connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        return self._connection

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """The rows of a statement in plain SQL with question marks, which go straight to the driver: what every request asks must be cheap."""
        if self._connection is not None:
            driver: Any = self._connection.connection.dbapi_connection
        else:
            if self._raw is None:
                self._raw = self.engine.raw_connection()
            driver = self._raw.dbapi_connection
        if self.engine.dialect.name == "postgresql":
            statement = statement.replace("?", "%s")
        try:
            return list(driver.execute(statement, parameters).fetchall())
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(statement, None, error, self.engine.dialect.loaded_dbapi.Error, dialect=self.engine.dialect) from error

    def _give_back(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def close(self) -> None:
        """Give the connection back."""
        self._give_back()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose queries all see the same release, whatever is loaded meanwhile."""
    snapshot = Snapshot(engine)
    try:
        yield snapshot.connection
    finally:
        snapshot.close()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """The one writing transaction at a time; committed at the end, rolled back on any error."""
    try:
        with engine.connect().execution_options(writing=True) as connection:
            if connection.dialect.name == "sqlite" and engine.url.database:
                # Readers go on while a load writes. The mode belongs to the file and cannot change in a transaction.
                raw: Any = connection.connection.dbapi_connection
                raw.execute("PRAGMA journal_mode = WAL")
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOAD_LOCK})
                yield connection
    except DBAPIError as error:
        raise DatabaseError(explain(engine, error)) from error


def explain(engine: Engine, error: BaseException) -> str:
    """What a failure of the database means and what to do, in a sentence."""
    where = engine.url.render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    if "database is locked" in cause:
        return f"{where} is locked by another process for more than {BUSY_TIMEOUT} s; nothing was changed, try again when it is done"
    if "readonly" in cause or "read-only" in cause:
        return f"{where} cannot be written ({cause}); check the rights of the file and its folder"
    if "unable to open" in cause:
        return f"{where} cannot be opened; check that the folder exists and may be written"
    if "not a database" in cause:
        return f"{where} is no SQLite database; name another file in CGT_DATABASE_URL"
    unreachable = "connection" in cause or "resolve host" in cause
    if engine.dialect.name == "postgresql" and not getattr(error, "connection_invalidated", False) and unreachable:
        return f"{where} cannot be reached ({cause}); check CGT_DATABASE_URL and that the server runs"
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


HEAD = "0005"
"""The schema revision that this version of the software works with: the last of the folder `migrations`."""


def schema_state(connection: Connection) -> str:
    """`empty`, `old` or `current`; DatabaseError for a schema that is not ours or newer than we are."""
    where = connection.engine.url.render_as_string(hide_password=True)
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
        from app.migrating import known  # noqa: PLC0415  takes half a second to import, which only an old database needs

        if revisions[0] not in known():
            raise DatabaseError(
                f"{where} has schema {revisions[0]}, which this version does not know; install the version that made it, or a newer one"
            )
        return "old"
    if missing := sorted({table.name for table in SQLModel.metadata.tables.values()} - tables):
        raise DatabaseError(f"{where} lacks the tables {', '.join(missing)}; restore a backup, or name an empty database")
    return "current"


def upgrade(connection: Connection) -> bool:
    """Bring the schema up to date inside the caller's transaction; whether there was anything to do."""
    if schema_state(connection) == "current":
        return False
    from app.migrating import migrate  # noqa: PLC0415  as above

    migrate(connection)
    return True


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


def latest_release(connection: Connection) -> tuple[ReleaseInfo, Beside] | None:
    """The release that is served, with what answers depend on beside it; None where nothing has been loaded."""
    release, redaction = columns(Release), columns(Redaction)
    count = select(func.count()).select_from(redaction.field.table).scalar_subquery()
    last = select(func.max(redaction.redacted_at)).scalar_subquery()
    row = connection.execute(select(release, count.label("redactions"), last.label("redacted_at")).order_by(release.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return release_info(row), Beside(row.texts, row.redactions, utc(row.redacted_at) if row.redacted_at else None, row.shape)


def release_info(row: Any) -> ReleaseInfo:
    """A row of the releases, as answers tell it."""
    return ReleaseInfo(id=row.id, released_at=utc(row.released_at), digest=row.digest, licence=row.licence)


def utc(moment: datetime) -> datetime:
    """A stored time with its zone: SQLite keeps none, and what is stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
