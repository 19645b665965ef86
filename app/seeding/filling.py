"""Filling a new database: its indexes and references are made at the end, all at once, which takes a fraction of what row by row takes.

Only the transaction that makes the tables does so: nobody else sees them yet, and nobody waits for what is locked.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from app import database

FEWEST = 8_000
"""Entries from which on it is quicker."""

_REFERENCES = """
SELECT conrelid::regclass::text AS of, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""


def is_quicker(engine: Engine, entries: int) -> bool:
    """Whether a load of so many entries fills a new database."""
    if entries < FEWEST:
        return False
    try:
        with database.reading(engine) as connection:
            return database.schema_state(connection) == "empty"
    except DBAPIError:
        return False  # whoever writes to it tells why


@contextmanager
def bare(connection: Connection) -> Iterator[None]:
    """Tables without indexes, and on PostgreSQL without references; SQLite's are not checked by who writes so, see `database.writing`."""
    indexes = [index for table in SQLModel.metadata.sorted_tables for index in table.indexes]
    references = connection.execute(text(_REFERENCES)).all() if connection.dialect.name == "postgresql" else []
    for index in indexes:
        index.drop(connection)
    for reference in references:
        connection.execute(text(f"ALTER TABLE {reference.of} DROP CONSTRAINT {reference.name}"))
    yield
    for index in indexes:
        index.create(connection)
    for reference in references:
        connection.execute(text(f"ALTER TABLE {reference.of} ADD CONSTRAINT {reference.name} {reference.definition}"))
