"""What a request reads from: one connection to a state of the data, for plain statements and for those that are put together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

TRUSTED = 1
"""Seconds for which a connection that answered goes from request to request. To take it out of the pool and give it back costs as much as to read a
page of a file, and on a server, where the pool tries it first, a third of an answer."""


class Behind(Exception):
    """What is read from is older than what the reader has seen, such as a replica that has not caught up; in a moment it may be there."""

    def __init__(self, newest: int, wanted: int) -> None:
        super().__init__(f"Release {wanted} has not arrived here yet; the newest is {newest}. Ask again in a moment.")
        self.wanted = wanted


class Outdated(Exception):
    """Something that was known of the data is no longer there: it was written anew. The request begins again."""


class Lost(Exception):
    """A connection that was used again without being tried has died meanwhile. The request begins again with another."""


class Mark(NamedTuple):
    """What tells two states of the data apart, as one query sees it on every host alike."""

    release: int
    texts: str | None
    shape: str | None
    redactions: int
    schema: str


_MARKED = "SELECT id, texts, shape, (SELECT count(*) FROM redaction), (SELECT version_num FROM alembic_version) FROM release ORDER BY id DESC LIMIT 1"


class Snapshot:
    """What a request reads from: a connection of the pool that is taken when it is first needed, and given back by `close`.

    It may serve another request instead (`again`): Lost, where its connection turns out to have died. Connections of a pool may lead
    to several hosts; one whose host has not got the state that is read is not used: Behind.
    """

    def __init__(self, engine: Engine, least: Mark | None = None) -> None:
        self.engine, self.least = engine, least
        self._on_file = engine.dialect.name == "sqlite"
        self._raw: PoolProxiedConnection | None = None
        self._connection: Connection | None = None
        self._taken = monotonic()
        self._again = False

    @property
    def connection(self) -> Connection:
        """A connection whose queries all see the same release, whatever is loaded meanwhile."""
        if self._connection is None:
            self._give_back()
            self._connection, self._again = self.engine.connect(), False
            self._check(self._connection.connection)
            if self._connection.dialect.name == "postgresql":
                self._connection.execution_options(isolation_level="REPEATABLE READ")
        return self._connection

    def rows(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """The rows of a statement in plain SQL with question marks, which go straight to the driver: what every request asks must be cheap."""
        if self._connection is not None:
            driver: Any = self._connection.connection.dbapi_connection
        else:
            if self._raw is None:
                with self._told():
                    self._raw, self._taken, self._again = self.engine.raw_connection(), monotonic(), False
                self._commit_each(True)
                self._check(self._raw)
            driver = self._raw.dbapi_connection
        return self._run(driver, statement, parameters)

    def _check(self, taken: PoolProxiedConnection) -> None:
        """Behind where the host of a connection has not got what is read. A host only goes on, so that it is asked once for each state."""
        least = self.least
        if least is None or self._on_file or _has(taken.info.get("mark"), least):
            return
        driver: Any = taken.dbapi_connection
        rows = self._run(driver, _MARKED, ())
        if not driver.autocommit:
            with self._told():
                driver.rollback()  # whoever reads now begins a transaction of its own
        mark = taken.info["mark"] = Mark(*rows[0]) if rows else Mark(0, None, None, 0, "")
        if not _has(mark, least):
            raise Behind(mark.release, least.release)

    def _run(self, driver: Any, statement: str, parameters: Sequence[Any]) -> list[Any]:
        try:
            if self._on_file:
                rows = driver.execute(statement, parameters).fetchall()
            else:  # records and postings are bytes, which are twice as long as text
                rows = driver.execute(statement.replace("?", "%s"), parameters, binary=True).fetchall()
            return cast("list[Any]", rows)
        except self.engine.dialect.loaded_dbapi.Error as error:
            if self._again and getattr(driver, "closed", False):
                raise Lost from error
            raise self._failure(error, statement) from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Failures of the driver as those of SQLAlchemy, which answers are made of."""
        try:
            yield
        except self.engine.dialect.loaded_dbapi.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception, statement: str | None = None) -> Exception:
        dialect = self.engine.dialect
        return DBAPIError.instance(statement, None, error, dialect.loaded_dbapi.Error, dialect=dialect)

    def _commit_each(self, each: bool) -> None:
        """Whether plain statements stand for themselves: versions never change, and a transaction takes two more messages to the server."""
        driver: Any = self._raw.dbapi_connection if self._raw is not None else None
        if not self._on_file and driver is not None and not driver.closed:
            driver.autocommit = each

    def _give_back(self) -> None:
        if self._raw is not None:
            self._commit_each(False)
            self._raw.close()
            self._raw = None

    def again(self) -> bool:
        """Have it serve another request, if it may: each statement stood for itself, and its connection was taken a moment ago."""
        self._again = self._connection is None and self._raw is not None and monotonic() - self._taken < TRUSTED
        return self._again

    def close(self) -> None:
        """Give the connection back."""
        self._give_back()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _has(mark: Mark | None, least: Mark) -> bool:
    """Whether a host that was seen in one state has another."""
    return mark is not None and (mark.release > least.release or mark == least)
