"""A new database that is filled at one go becomes what any other does: the same rows, indexes and references, on both engines."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pyroaring import BitMap
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from app import database
from app.main import create_app
from app.models import Posting, columns
from app.seeding import filling, postings
from app.seeding import load as seeding
from app.seeding.files import SeedError
from app.seeding.postings import Gathered
from app.seeding.publication import Publication
from app.settings import Settings
from tests.conftest import SEEDS, Databases
from tests.test_load import edit, everything

MADE = {
    "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix\\_%' ESCAPE '\\' ORDER BY tbl_name, rowid",
    "postgresql": "SELECT of.relname, made.relname FROM pg_index JOIN pg_class made ON made.oid = indexrelid JOIN pg_class of ON of.oid = indrelid "
    "WHERE made.relname LIKE 'ix\\_%' ORDER BY of.relname, made.oid",
}
"""The indexes of tables in the order in which they were made."""

BROKEN = "INSERT INTO event_topic (version, topic) VALUES (1000000, 'cgt')"


def test_a_new_file_of_which_nothing_comes_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Publication) -> None:
        raise SeedError([])

    monkeypatch.setattr(filling, "FEWEST", 1)
    monkeypatch.setattr(Publication, "publish", fail)
    engine = database.connect(f"sqlite:///{tmp_path / 'new.db'}")
    with pytest.raises(SeedError):
        seeding.load(engine, seeding.read(SEEDS))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new.db").touch()
    with pytest.raises(SeedError):
        seeding.load(engine, seeding.read(SEEDS))
    assert [file.name for file in tmp_path.iterdir()] == ["new.db"]  # which was there before
    engine.dispose()


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


def test_the_planner_knows_what_a_filled_database_holds(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "FEWEST", 1)
    engine = database.connect(databases.new())
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite finds rows by their indexes without statistics")
    seeding.load(engine, seeding.read(SEEDS))
    with engine.connect() as connection:
        known = set(connection.scalars(text("SELECT tablename FROM pg_stats WHERE schemaname = current_schema()")))
    assert {"rendering", "record", "event", "posting"} <= known
    engine.dispose()


def test_postings_that_wait_in_a_file_are_those_that_do_not(databases: Databases, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = seeding.read(seeds)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    changed = seeding.read(seeds)
    waiting: dict[int, list[int]] = {16_000_000: [], 200: []}
    write = Gathered.write

    def counting(self: Gathered) -> None:
        waiting[postings.MOST_GATHERED].append(len(self._runs))
        write(self)

    monkeypatch.setattr(Gathered, "write", counting)
    found = []
    for most in waiting:
        monkeypatch.setattr(postings, "MOST_GATHERED", most)
        engine = database.connect(databases.new())
        for data in (read, changed):
            seeding.load(engine, data)
            rows = everything(engine)
            for table in ("release", "posting"):  # the time; the same set may be written in two ways
                rows.pop(table)
            with engine.connect() as connection:
                sets = {(row.field, row.value): set(BitMap.deserialize(row.versions)) for row in connection.execute(select(columns(Posting)))}
            found.append((rows, sets))
        engine.dispose()
    assert found[0] == found[2]
    assert found[1] == found[3]
    assert not any(waiting[16_000_000])
    assert sum(runs > 0 for runs in waiting[200]) == 2


def test_indexes_are_made_in_a_fixed_order(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "FEWEST", 1)
    seeding.load(engine, seeding.read(SEEDS))
    with engine.connect() as connection:
        made = [tuple(row) for row in connection.execute(text(MADE[engine.dialect.name]))]
    assert len(made) > 30
    assert made == sorted(made)


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


def loading(url: str, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Path], Any]) -> Path:
    """Fill a file with the curated data, and do something when all rows are written; its folder."""
    monkeypatch.setattr(filling, "FEWEST", 1)
    retire = Publication._retire

    def pausing(publication: Publication) -> None:
        retire(publication)
        meanwhile(file)

    monkeypatch.setattr(Publication, "_retire", pausing)
    engine = database.connect(url)
    file = Path(str(engine.url.database))
    assert seeding.load(engine, seeding.read(SEEDS)).release == 1
    with database.reading(engine) as connection:  # the engine that loaded sees it too
        assert database.latest_release(connection) is not None
    engine.dispose()
    return file.parent


def test_readers_of_a_file_that_is_filled_wait_for_nobody_and_see_it_when_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/atlas.db"
    seen = []
    with TestClient(create_app(Settings(database_url=url))) as client:

        def read(file: Path) -> None:
            assert not file.with_name("atlas.db-journal").exists()
            begun = monotonic()
            seen.append(client.get("/events"))
            assert monotonic() - begun < database.BUSY_TIMEOUT / 2

        read(tmp_path / "atlas.db")
        folder = loading(url, monkeypatch, read)
        assert [(answer.status_code, answer.headers["Retry-After"]) for answer in seen] == [(503, "60"), (503, "60")]
        assert client.get("/events").json()["page"]["total"] > 0
    assert [file.name for file in folder.iterdir()] == ["atlas.db"]


def test_who_else_writes_to_a_file_that_is_filled_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)

    def write(file: Path) -> None:
        for at_once in (False, True):
            with (
                pytest.raises(database.DatabaseError, match="locked by another process"),
                database.writing(database.connect(f"sqlite:///{file}"), at_once=at_once),
            ):
                pass

    loading(f"sqlite:///{tmp_path}/atlas.db", monkeypatch, write)


def test_who_waited_for_a_file_that_was_replaced_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Future[None]] = []

    def wait(file: Path) -> None:
        with database.writing(database.connect(f"sqlite:///{file}"), at_once=True) as connection:
            database.upgrade(connection)

    with ThreadPoolExecutor() as pool:

        def begin(file: Path) -> None:
            waiting.append(pool.submit(wait, file))
            sleep(0.5)

        folder = loading(f"sqlite:///{tmp_path}/atlas.db", monkeypatch, begin)
        with pytest.raises(database.DatabaseError, match="replaced by another load"):
            waiting[0].result()
    assert [file.name for file in folder.iterdir()] == ["atlas.db"]


def test_what_a_killed_filling_left_is_thrown_away_and_a_failed_one_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("atlas.db-filling", "atlas.db-filling-journal"):
        (tmp_path / name).write_bytes(b"half of a page")

    def fail(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        loading(f"sqlite:///{tmp_path}/atlas.db", patch, fail)
    assert list(tmp_path.iterdir()) == []
    folder = loading(f"sqlite:///{tmp_path}/atlas.db", monkeypatch, lambda _: None)
    assert [file.name for file in folder.iterdir()] == ["atlas.db"]
