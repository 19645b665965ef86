"""Migrations on PostgreSQL that keep no reader waiting.

Altering a table locks it until the transaction ends, and the load that follows in the same transaction takes long. So a migration works on
a copy of all tables in a schema of its own, which nobody sees, and only the very end of the transaction puts the copy in the place of the
tables. Whoever waits for that lock makes new readers wait behind it: it is asked for again and again, each time for a moment only.
"""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError

ASIDE = "cgt_next"
"""The schema in which a migration works."""

PATIENCE = 30.0
"""Seconds for which the end of a migration waits for readers."""

MOMENT = 200
"""Milliseconds for which new readers may be made to wait."""

_LOCK_NOT_AVAILABLE = "55P03"


class Busy(Exception):
    """Readers did not let go of the tables."""


def begin(connection: Connection, revision: str, upgrade: Callable[[str], None]) -> None:
    """Copy all tables, which are at a revision, and work on the copy from now on; `upgrade` brings an empty schema to a revision."""
    place = connection.scalar(text("SELECT current_schema()"))
    tables = inspect(connection).get_table_names(schema=place)
    connection.execute(text(f"CREATE SCHEMA {ASIDE}"))
    connection.execute(text(f"SET LOCAL search_path TO {ASIDE}"))
    upgrade(revision)
    copied = inspect(connection)
    for table in copied.get_table_names(schema=ASIDE):
        if table in tables and table != "alembic_version":
            columns = copied.get_columns(table, schema=ASIDE)
            names = ", ".join(f'"{column["name"]}"' for column in columns)
            connection.execute(text(f'DELETE FROM {ASIDE}."{table}"'))  # noqa: S608  our own names; a revision may write what holds of no records
            connection.execute(text(f'INSERT INTO {ASIDE}."{table}" ({names}) SELECT {names} FROM "{place}"."{table}"'))  # noqa: S608  our own names
            for column in columns:
                _continue_counting(connection, place, table, column)
    # What waits for the commit to be checked would keep the migration from altering the tables.
    connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    connection.info["aside"] = (place, tables)


def _continue_counting(connection: Connection, place: Any, table: str, column: Any) -> None:
    """Let a column that counts itself go on where that of the table stands."""
    find = text("SELECT pg_get_serial_sequence(:table, :column)")
    mine, theirs = (connection.scalar(find, {"table": f'{schema}."{table}"', "column": column["name"]}) for schema in (ASIDE, f'"{place}"'))
    if mine and theirs:
        connection.execute(text(f"SELECT setval('{mine}', last_value, is_called) FROM {theirs}"))  # noqa: S608  our own names


def finish(connection: Connection) -> None:
    """Put the copy in the place of the tables, if there is one; Busy where readers do not let go of them."""
    place, tables = connection.info.pop("aside", (None, []))
    if place is None or not connection.in_transaction():
        return
    _lock(connection, ", ".join(f'"{place}"."{table}"' for table in tables))
    connection.execute(text("DROP TABLE " + ", ".join(f'"{place}"."{table}"' for table in tables)))
    for table in inspect(connection).get_table_names(schema=ASIDE):
        connection.execute(text(f'ALTER TABLE {ASIDE}."{table}" SET SCHEMA "{place}"'))
    connection.execute(text(f"DROP SCHEMA {ASIDE}"))


def _lock(connection: Connection, tables: str) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = {MOMENT}"))
                connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
                return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
        if monotonic() > deadline:
            raise Busy
        sleep(MOMENT / 1000)
