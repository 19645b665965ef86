"""Rows into tables by the fastest way that each driver has: prepared statements on SQLite, COPY on PostgreSQL.

Rows are mappings of all columns but those that the engine counts, dates and moments as ISO text, JSON as plain values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from operator import itemgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import JSON, Connection, DateTime
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

Row = Mapping[str, Any]


def write(connection: Connection, model: type[SQLModel], rows: Iterable[Row]) -> None:
    """Insert rows, in the transaction of the connection."""
    insert(connection, model, packed(model, rows, connection.dialect.name))


def packed(model: type[SQLModel], rows: Iterable[Row], engine: str) -> list[tuple[Any, ...]]:
    """Rows as the driver of an engine takes them."""
    _, values = _shape(model, engine)
    return list(map(values, rows))


def insert(connection: Connection, model: type[SQLModel], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows that were packed, in the transaction of the connection."""
    names, _ = _shape(model, connection.dialect.name)
    table, listed = f'"{model.__tablename__}"', ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "sqlite":
        run(connection, f"INSERT INTO {table} ({listed}) VALUES ({', '.join('?' * len(names))})", rows)  # noqa: S608  our own names
        return
    statement = f"COPY {table} ({listed}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    with _told(connection, statement), driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def run(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Run a statement in plain SQL with question marks for each of some rows, in the transaction of the connection."""
    driver: Any = connection.connection.driver_connection
    with _told(connection, statement):
        if connection.dialect.name == "sqlite":
            driver.executemany(statement, rows)
        else:
            driver.cursor().executemany(statement.replace("?", "%s"), rows)


@contextmanager
def _told(connection: Connection, statement: str) -> Iterator[None]:
    """Failures of the driver as those of SQLAlchemy."""
    failure = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except failure as error:
        raise DBAPIError.instance(statement, None, error, failure, dialect=connection.dialect) from error


@cache
def _shape(model: type[SQLModel], engine: str) -> tuple[list[str], Callable[[Row], tuple[Any, ...]]]:
    """The columns that rows fill, and what makes of a row the values of these as the driver takes them."""
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    filled = [column for column in table.columns if not (column.primary_key and column is table.autoincrement_column)]
    names = [column.name for column in filled]
    pick = itemgetter(*names)
    kept: dict[int, Callable[[Any], Any]] = {}
    for place, column in enumerate(filled):
        if isinstance(column.type, JSON):
            kept[place] = _json
        elif isinstance(column.type, DateTime) and engine == "sqlite":
            kept[place] = _moment
    if not kept:
        return names, pick

    def values(row: Row) -> tuple[Any, ...]:
        found = list(pick(row))
        for place, convert in kept.items():
            found[place] = convert(found[place])
        return tuple(found)

    return names, values


def _json(value: Any) -> str:
    return to_json(value).decode()


def _moment(text: str | None) -> str | None:
    """As SQLAlchemy keeps moments on SQLite."""
    return f"{text[:10]} {text[11:19]}.000000" if text else None
