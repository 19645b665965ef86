"""Filling a new database, in a fraction of the time that a load row by row takes.

Its indexes and references are made at the end, all at once, and a SQLite file is written beside and moved into its place. Only the transaction
that makes the tables does so: nobody else sees them yet, and nobody waits for what is locked.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copymode

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
    file = database.sqlite_file(engine)
    if file is not None:
        return not _is_something(file)
    try:
        with database.reading(engine) as connection:
            return database.schema_state(connection) == "empty"
    except DBAPIError:
        return False  # whoever writes to it tells why


def _is_something(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


@contextmanager
def beside(engine: Engine) -> Iterator[Engine]:
    """Where a new database is filled: one of SQLite in a file beside, which takes its place when all is done.

    Whoever reads meanwhile sees a database without a release and waits for nobody. In the file itself that would take a write-ahead log
    as large as all that is written, in which each page is looked for again. DatabaseError where others write to the database.
    """
    file = database.sqlite_file(engine)
    if file is None:
        yield engine
        return
    path = file.resolve()
    with _reserved(engine, path) as reserved:
        if not reserved:
            yield engine
            return
        own = path.with_name(f"{path.name}-filling")
        _remove(own)  # of a load that was killed
        filled = database.connect(engine.url.set(database=str(own)).render_as_string(hide_password=False))
        try:
            yield filled
            filled.dispose()
            with closing(sqlite3.connect(own, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            copymode(path, own)
            own.replace(path)
        finally:
            filled.dispose()
            engine.dispose()  # its connections have the file that was there before
            _remove(own)


@contextmanager
def _reserved(engine: Engine, path: Path) -> Iterator[bool]:
    """A file kept from others who would write to it; whether there is still nothing in it. One that is new goes again where nothing comes of it."""
    existed = path.exists()
    try:
        with closing(sqlite3.connect(path, timeout=database.BUSY_TIMEOUT, isolation_level=None)) as connection:
            file = database.identity(str(path))
            # A journal of this transaction on the disk would be taken for one of the file that comes into its place, and undo that.
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("BEGIN IMMEDIATE")
            untouched = file == database.identity(str(path)) and not _is_something(path)
            if not untouched:
                connection.execute("ROLLBACK")
            try:
                yield untouched
            except BaseException:
                if untouched and not existed and not _is_something(path):
                    path.unlink(missing_ok=True)
                raise
    except (sqlite3.Error, OSError) as error:
        raise database.DatabaseError(database.explain(engine, error)) from error


def _remove(file: Path) -> None:
    for name in (file, file.with_name(f"{file.name}-journal")):
        name.unlink(missing_ok=True)


@contextmanager
def bare(connection: Connection) -> Iterator[None]:
    """Tables without indexes, and on PostgreSQL without references; SQLite's are not checked by who writes so, see `database.writing`."""
    # By name, as migrations make them: a table's own are a set, and of equals SQLite takes the one that was made last.
    indexes = [index for table in SQLModel.metadata.sorted_tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
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
    database.analyse(connection)
