"""Migrations keep no reader waiting: the tables stay as they were until the very end, whatever is loaded with the migration."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, event, text

from app import database, migrating, revisions, standing
from app.seeding import load as seeding
from tests.conftest import SEEDS, Databases, Server, load
from tests.test_errors import problem
from tests.test_load import edit

QUERIES = ["SELECT max(id) FROM release", "SELECT count(*) FROM rendering", "SELECT count(*) FROM event", "SELECT count(*) FROM search"]
"""What processes of the earlier version ask."""


@pytest.fixture
def earlier(engine: Engine, empty_url: str) -> Engine:
    """A loaded database of an earlier schema."""
    load(empty_url, SEEDS)
    with database.writing(engine) as connection:
        command.downgrade(revisions.configured(connection), "0004")
    return engine


@pytest.fixture
def other(earlier: Engine, empty_url: str) -> Iterator[Engine]:
    """Another process on it, whose queries may wait for a second."""
    made = database.connect(empty_url)
    if made.dialect.name == "postgresql":

        @event.listens_for(made, "connect")
        def hurry(connection: object, _: object) -> None:
            with connection.cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute("SET statement_timeout = 1000")
            connection.commit()  # type: ignore[attr-defined]

    yield made
    made.dispose()


def told(engine: Engine) -> list[int]:
    with database.reading(engine) as connection:
        return [connection.scalar(text(query)) or 0 for query in QUERIES]


def test_readers_are_answered_while_a_migration_and_its_load_go_on(earlier: Engine, other: Engine, empty_url: str, seeds: Path) -> None:
    before = told(other)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    looked = []
    with Server(empty_url) as client:

        def look(doing: str) -> None:
            assert told(other) == before
            begun = time.monotonic()
            for path in ("/readyz", "/events"):  # this version's processes say what they wait for
                problem(client.get(path), 503, "not-ready")
            assert time.monotonic() - begun < 5
            looked.append(doing.split(maxsplit=1)[0])

        outcome = seeding.load(earlier, seeding.read(seeds), progress=look)
        assert (outcome.migrated, outcome.release) == (True, 2)
        assert "writing" in looked
        assert client.get("/readyz").json()["release"]["id"] == 2
        assert client.get("/figures/world-cgt-market-size-2030").json()["data"]["value"] == 77e9
        assert client.get("/figures/world-cgt-market-size-2030?as_of=1").json()["data"]["value"] == 76e9
    if earlier.dialect.name == "postgresql":
        with earlier.connect() as connection:
            schemas = connection.scalar(text("SELECT count(*) FROM pg_namespace WHERE nspname = :name"), {"name": migrating.ASIDE})
            assert schemas == 0


def test_a_migrated_database_is_a_new_one(earlier: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Tables, constraints, indexes and sequences are those that a new database gets."""
    with database.writing(earlier) as connection:
        assert database.upgrade(connection)
    databases = Databases(earlier.dialect.name, tmp_path, request)
    fresh = database.connect(databases.new())
    with database.writing(fresh) as connection:
        database.upgrade(connection)
    if earlier.dialect.name == "postgresql":
        parts = [
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
            "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_schema = 'public'",
            "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
        ]
    else:
        parts = ["SELECT type, name, tbl_name FROM sqlite_master"]
    for part in parts:
        with earlier.connect() as mine, fresh.connect() as theirs:
            found = [sorted(map(str, connection.execute(text(part)).all())) for connection in (mine, theirs)]
        assert found[0] == found[1]
    fresh.dispose()
    databases.remove()
    # What counts itself goes on behind what there is.
    assert seeding.load(earlier, seeding.read(SEEDS)).release is None


def test_what_has_the_schema_of_an_earlier_version_is_not_answered_from(engine: Engine, empty_url: str) -> None:
    """Where the index lacks what newer lists come from, nothing would seem to be there."""
    load(empty_url, SEEDS)
    with Server(empty_url) as client:
        assert client.get("/sources?type=article").json()["page"]["total"]
        with database.writing(engine) as connection:
            command.downgrade(revisions.configured(connection), "0006")
        time.sleep(standing.PATIENCE)
        refused = client.get("/sources?type=article&limit=1")
        assert refused.status_code == 503
        assert "cgt db upgrade" in refused.json()["detail"]
        with database.writing(engine) as connection:
            database.upgrade(connection)
        time.sleep(standing.PATIENCE)
        assert client.get("/sources?type=article&limit=1").json()["page"]["total"]


ON_POSTGRES = pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
"""A file's readers hold no locks that a writer waits for."""


@ON_POSTGRES
def test_what_was_migrated_is_counted_at_once(earlier: Engine) -> None:
    """The server reads whole tables otherwise until it does so by itself."""
    with database.writing(earlier) as connection:
        assert database.upgrade(connection)
        told = text("SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema()")
        assert {"rendering", "record", "event", "figure", "posting"} <= set(connection.scalars(told))


@ON_POSTGRES
def test_a_long_reader_makes_nobody_else_wait_and_is_waited_for(earlier: Engine, other: Engine) -> None:
    before = told(other)
    done = []

    def migrate() -> None:
        with database.writing(earlier) as connection:
            done.append(database.upgrade(connection))

    with database.reading(other) as holder:
        holder.execute(text(QUERIES[2]))
        thread = threading.Thread(target=migrate)
        thread.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted")
        seen, deadline = 0, time.monotonic() + 20
        while seen < 3 and time.monotonic() < deadline:
            with other.connect() as connection:
                seen += bool(connection.scalar(waiting))
            assert told(other) == before  # each within a second, though the migration waits
    thread.join(20)
    assert seen == 3
    assert done == [True]
    with earlier.connect() as connection:
        assert database.schema_state(connection) == "current"


@ON_POSTGRES
def test_a_migration_that_gets_no_lock_changes_nothing(earlier: Engine, other: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "PATIENCE", 0.5)
    before = told(other)
    with database.reading(other) as holder:
        holder.execute(text(QUERIES[0]))
        with pytest.raises(database.DatabaseError, match=r"readers held the tables of .* nothing was changed"):
            seeding.load(earlier, seeding.read(SEEDS))
    assert told(other) == before
    with earlier.connect() as connection:
        assert database.schema_state(connection) == "old"
    assert seeding.load(earlier, seeding.read(SEEDS)).migrated
