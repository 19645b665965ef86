"""The tables: migrations in step with the models, and constraints that hold, on both engines."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pyroaring import BitMap
from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel

from app import database, models, revisions
from app.seeding import load as seeding
from tests.conftest import SEEDS


@pytest.fixture(scope="module")
def engine(databases: Any) -> Iterator[Engine]:
    made = database.connect(databases.new())
    seeding.load(made, seeding.read(SEEDS))
    yield made
    made.dispose()


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrations_can_be_undone(databases: Any) -> None:
    engine = database.connect(databases.new())
    with database.writing(engine) as connection:
        database.upgrade(connection)
        command.downgrade(revisions.configured(connection), "base")
        left = set(inspect(connection).get_table_names())
    assert left == {"alembic_version"}
    engine.dispose()


def test_the_index_after_a_migration_is_that_of_a_load(databases: Any) -> None:
    """What lists of all kinds come from is made of the records that are there."""
    engine = database.connect(databases.new())
    seeding.load(engine, seeding.read(SEEDS))

    def index(connection: Connection) -> list[Any]:
        postings = connection.execute(select(models.Posting).order_by("field", "value")).all()
        orders = connection.execute(select(models.Ordering).order_by("kind")).all()
        return [*((row.field, row.value, BitMap.deserialize(row.versions)) for row in postings), *((row.kind, row.versions) for row in orders)]

    with database.writing(engine) as connection:
        before = index(connection)
        command.downgrade(revisions.configured(connection), "0006")
        fields = {row[0] for row in index(connection)}
        assert "event.type" in fields
        assert fields.isdisjoint({"source.type", "organisation.region", "region.parent", "figure.origins", "source", "region"})
        database.upgrade(connection)
        assert index(connection) == before
    engine.dispose()


def test_postgresql_keeps_records_as_they_are(engine: Engine) -> None:
    """To decompress the records of a page takes the server longer than all else that it does for it."""
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite compresses nothing")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*), count(pg_column_compression(body)), max(length(body)) FROM rendering")).one()
    assert found[1] == 0
    assert found[2] > 2_000  # from which on the server would compress


def refused(engine: Engine, model: type[SQLModel], **row: Any) -> str:
    """The complaint of the database about a row, at the latest at the commit."""
    with pytest.raises((IntegrityError, DBAPIError)) as error, engine.begin() as connection:
        connection.execute(insert(model), row)
    return str(error.value.orig)


CITATION = {
    "version": 1,
    "source_id": "china-daily-2025-09-14",
    "position": 99,
    "anchor": "x",
    "supports": [],
    "stated": {},
    "reading": "literal",
    "status": "unchecked",
}
FIGURE = {
    "version": 10_000,
    "since": 1,
    "until": models.OPEN,
    "seen_from": date.min,
    "seen_until": models.END,
    "id": "novartis",
    "metric": "rank",
    "value": 1.0,
    "low": 1.0,
    "high": 1.0,
    "qualifier": "exact",
    "unit": "rank",
    "basis": "reported",
    "as_stated": "first",
    "agreement": "single-origin",
    "origins": 1,
    "derived": [],
}


def test_references_must_exist_at_the_commit(engine: Engine) -> None:
    assert "foreign key" in refused(engine, models.Citation, **{**CITATION, "source_id": "nobody"}).lower()
    assert "foreign key" in refused(engine, models.Citation, **{**CITATION, "version": 10_000}).lower()
    assert "foreign key" in refused(engine, models.EventOrganisation, version=1, organisation_id="nobody", role="host").lower()
    assert "foreign key" in refused(engine, models.Figure, **FIGURE).lower()


def test_a_version_holds_for_some_time(engine: Engine) -> None:
    row = {"key": 10_000, "record_id": "cn", "since": 1, "until": models.OPEN, "seen_from": date(2020, 1, 1), "seen_until": models.END, "body": b"{}"}
    assert "rendering_span" in refused(engine, models.Rendering, **{**row, "until": 1})
    assert "rendering_span" in refused(engine, models.Rendering, **{**row, "seen_until": date(2020, 1, 1)})
    assert "unique" in refused(engine, models.Rendering, **{**row, "seen_from": date.min}).lower()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"low": 2.0, "value": None, "qualifier": "range"}, "figure_bounds"),
        ({"value": None}, "figure_value"),
        ({"high": None}, "figure_qualifier"),
        ({"qualifier": "more-than"}, "figure_qualifier"),
        ({"qualifier": "nearly"}, "figure_qualifier"),
        ({"qualifier": "roughly"}, "figure_qualifier"),
    ],
)
def test_the_bounds_of_a_figure_fit_its_qualifier(engine: Engine, change: dict[str, Any], constraint: str) -> None:
    assert constraint in refused(engine, models.Figure, **{**FIGURE, **change})


def test_a_retired_record_has_a_reason(engine: Engine) -> None:
    row = {"id": "x", "kind": "event", "state": "withdrawn", "release": 1, "digest": "", "search_digest": ""}
    assert "record_reason" in refused(engine, models.Record, **row)
    assert "record_merged" in refused(engine, models.Record, **{**row, "state": "merged", "reason": "y"})
    assert "record_state" in refused(engine, models.Record, **{**row, "state": "lost", "reason": "y"})
    assert "record_kind" in refused(engine, models.Record, **{**row, "kind": "thing", "reason": "y"})


def test_ids_sort_by_code_point_whatever_the_database_collates(engine: Engine) -> None:
    with engine.begin() as connection:
        names = [row[0] for row in connection.execute(text("SELECT name FROM organisation ORDER BY name"))]
    assert names == sorted(names)
