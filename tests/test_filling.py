"""A new database that is filled at one go becomes what any other does: the same rows, indexes and references, on both engines."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from app import database
from app.seeding import filling
from app.seeding import load as seeding
from app.seeding.publication import Publication
from tests.conftest import SEEDS, Databases
from tests.test_load import edit, everything

BROKEN = "INSERT INTO event_topic (version, topic) VALUES (1000000, 'cgt')"


def shape(engine: Engine) -> dict[str, Any]:
    """The indexes, references and unique columns of all tables."""
    found = inspect(engine)
    parts: list[Callable[[str], list[Any]]] = [found.get_indexes, found.get_foreign_keys, found.get_unique_constraints]
    return {table: [sorted(map(str, part(table))) for part in parts] for table in found.get_table_names()}


def test_it_becomes_what_any_other_does(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for fewest in (1_000_000, 1):
        monkeypatch.setattr(filling, "FEWEST", fewest)
        engine = database.connect(databases.new())
        assert filling.is_quicker(engine, 1000) == (fewest == 1)
        seeding.load(engine, seeding.read(SEEDS))
        assert not filling.is_quicker(engine, 1000)
        rows = everything(engine)
        rows.pop("release")  # has the time
        found.append((shape(engine), rows))
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(BROKEN))
        engine.dispose()
    assert found[0] == found[1]


def test_what_refers_to_nothing_is_not_published(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    retire = Publication._retire

    def breaking(publication: Publication) -> None:
        retire(publication)
        publication.connection.execute(text(BROKEN))

    monkeypatch.setattr(Publication, "_retire", breaking)
    for fewest in (1, 1_000_000):
        monkeypatch.setattr(filling, "FEWEST", fewest)
        with pytest.raises(database.DatabaseError):
            seeding.load(engine, seeding.read(SEEDS))
        assert everything(engine) == {}
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:  # who uses the connection next has references again
                assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_dry_run_and_a_later_load_go_as_ever(engine: Engine, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "FEWEST", 1)
    assert seeding.load(engine, seeding.read(seeds), dry_run=True).release == 1
    assert everything(engine) == {}
    seeding.load(engine, seeding.read(seeds))
    before = shape(engine)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    assert seeding.load(engine, seeding.read(seeds)).release == 2
    assert shape(engine) == before
