"""Publishing: one transaction, idempotent, nothing half done, nothing lost; on both engines."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, inspect, select, text

from app import database
from app.models import END, OPEN, Record, Release, Rendering, columns
from app.seeding import load as seeding
from app.seeding.dataset import Dataset
from app.seeding.files import SeedError
from app.seeding.lines import Lines
from tests.conftest import SEEDS, Server, load, walk
from tests.test_lines import as_lines


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


def drop_entry(folder: Path, file: str, identifier: str) -> None:
    """Take an entry out of a file, and out of the floors."""
    path = folder / file
    entries = path.read_text("utf-8").split("\n- id: ")
    kept = [entry for entry in entries if not entry.startswith(f"{identifier}\n")]
    assert len(kept) == len(entries) - 1
    path.write_text("\n- id: ".join(kept), "utf-8")
    floors = ["documents", "regions", "organisations", "sources", "events", "figures", "citations"]
    (folder / "floors.yaml").write_text("".join(f"{name}: {{records: 0}}\n" for name in floors), "utf-8")


def everything(engine: Engine) -> dict[str, list[str]]:
    """All rows of all tables."""
    with engine.connect() as connection:
        wanted = inspect(connection).get_table_names()
        return {name: sorted(str(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))) for name in wanted}  # noqa: S608


def test_a_second_load_changes_no_row_and_makes_no_release(engine: Engine) -> None:
    first = seeding.load(engine, seeding.read(SEEDS))
    assert (first.release, first.migrated) == (1, True)
    before = everything(engine)
    assert len(before["record"]) == sum(count for kind, count in first.counts.items() if kind != "citation")
    assert len(before["event"]) >= first.counts["event"] == 16
    second = seeding.load(engine, seeding.read(SEEDS))
    assert (second.release, second.migrated, second.changes) == (None, False, {})
    assert everything(engine) == before


def test_a_changed_record_makes_a_release_and_keeps_its_earlier_rendering(engine: Engine, seeds: Path) -> None:
    seeding.load(engine, seeding.read(seeds))
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    outcome = seeding.load(engine, seeding.read(seeds))
    assert outcome.release == 2
    assert outcome.changes == {"figure": {"changed": 1}}
    rendering, record = columns(Rendering), columns(Record)
    with engine.connect() as connection:
        versions = connection.execute(
            select(rendering.since, rendering.until, rendering.body)
            .where(rendering.record_id == "world-cgt-market-size-2030", rendering.seen_until == END)
            .order_by(rendering.since)
        ).all()
        untouched = connection.scalar(select(func.count()).select_from(record.id.table).where(record.release == 1))
    assert [(since, until) for since, until, _ in versions] == [(1, 2), (2, OPEN)]
    assert b'"value":76000000000,' in versions[0].body
    assert b'"value":77000000000,' in versions[1].body
    assert untouched == 81


def test_a_change_reaches_every_record_that_shows_it(engine: Engine, seeds: Path) -> None:
    seeding.load(engine, seeding.read(seeds))
    edit(seeds, "figures.yaml", "value: nearly 2000 person", "value: nearly 2100 person")
    assert seeding.load(engine, seeding.read(seeds)).changes == {"figure": {"changed": 1}, "event": {"changed": 1}}
    edit(seeds, "organisations.yaml", "name: Novartis\n", "name: Novartis AG\n")
    assert seeding.load(engine, seeding.read(seeds)).changes == {"organisation": {"changed": 1}}


def test_a_new_alias_is_found_in_events_though_they_do_not_change(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    edit(
        seeds, "organisations.yaml", "    - {text: CSGCT Board,", "    - {text: Zebrasociety, language: en, type: variant}\n    - {text: CSGCT Board,"
    )
    outcome = load(empty_url, seeds)
    assert outcome.changes == {"organisation": {"changed": 1}}
    with Server(empty_url) as client:
        found = walk(client, "/events", q="Zebrasociety")
        assert {record["id"] for record in found} == {"csgct-annual-meeting-2025", "csgct-founding-2025"}
        assert {record["release"] for record in found} == {1}


Reading = Callable[[Path], Dataset]


@pytest.fixture(params=[(), ("figures",), None], ids=["yaml", "some lines", "lines"])
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Reading:
    """Reads a folder of YAML as it is, or with some or all of its files as JSON Lines."""

    def read(folder: Path) -> Dataset:
        copy = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folder, copy)
        as_lines(copy, request.param)
        return seeding.read(copy)

    return read


def test_a_published_id_cannot_just_vanish(engine: Engine, seeds: Path, reading: Reading) -> None:
    seeding.load(engine, reading(seeds))
    before = everything(engine)
    drop_entry(seeds, "figures.yaml", "world-cgt-market-size-2030")
    data = reading(seeds)
    with pytest.raises(SeedError) as error:
        seeding.load(engine, data)
    (mistake,) = error.value.mistakes
    figures, retired = (Path(data.file(name)) for name in ("figures", "retired"))
    assert figures.suffix == (".jsonl" if isinstance(data.figures, Lines) else ".yaml")
    assert figures.exists()
    assert (mistake.file, mistake.line, mistake.record) == (str(figures), 1, "world-cgt-market-size-2030")
    assert mistake.message == f"was published in release 1 and is missing; restore it, or retire it in {retired.name} with a reason"
    assert everything(engine) == before


def test_a_published_id_cannot_become_something_else(engine: Engine, seeds: Path, reading: Reading) -> None:
    seeding.load(engine, reading(seeds))
    drop_entry(seeds, "figures.yaml", "world-cgt-market-size-2030")
    edit(seeds, "events.yaml", "- id: e-town-focus-2023", "- id: world-cgt-market-size-2030")
    with pytest.raises(SeedError) as error:
        seeding.load(engine, reading(seeds))
    assert any("was published as a figure in release 1; give the event another id" in str(mistake) for mistake in error.value.mistakes)


def test_a_published_id_is_retired_as_what_it_was(engine: Engine, seeds: Path, reading: Reading) -> None:
    seeding.load(engine, reading(seeds))
    drop_entry(seeds, "figures.yaml", "world-cgt-market-size-2030")
    (seeds / "retired.yaml").write_text("- {id: world-cgt-market-size-2030, kind: event, reason: No author.}\n", "utf-8")
    with pytest.raises(SeedError) as error:
        seeding.load(engine, reading(seeds))
    assert "was published as a figure in release 1; retire it as one" in str(error.value.mistakes[0])


def test_a_withdrawn_record_is_410_with_the_reason_and_may_come_back(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    whole = seeds.parent / "whole"
    shutil.copytree(seeds, whole)
    drop_entry(seeds, "figures.yaml", "world-cgt-market-size-2030")
    (seeds / "retired.yaml").write_text("- {id: world-cgt-market-size-2030, kind: figure, reason: The projection has no author.}\n", "utf-8")
    assert load(empty_url, seeds).changes["figure"] == {"withdrawn": 1}
    assert load(empty_url, seeds).release is None
    with Server(empty_url) as client:
        answer = client.get("/figures/world-cgt-market-size-2030")
        assert answer.status_code == 410
        assert answer.json()["detail"] == "The figure was withdrawn in release 2: The projection has no author."
        assert "world-cgt-market-size-2030" not in {record["id"] for record in walk(client, "/figures")}
        assert walk(client, "/figures", q="world 76 billion USD") == []
        load(empty_url, whole)
        assert client.get("/figures/world-cgt-market-size-2030").json()["data"]["release"] == 3


def test_what_was_only_ever_retired_is_told_so(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    (seeds / "retired.yaml").write_text("- {id: of-an-earlier-database, kind: event, reason: A double.}\n", "utf-8")
    load(empty_url, seeds)
    with Server(empty_url) as client:
        assert client.get("/events/of-an-earlier-database").status_code == 410
        before = client.get("/events/of-an-earlier-database?as_of=1").json()["detail"]
        assert before == "There was no event 'of-an-earlier-database' in release 1; it was never on record, and retired in release 2."


def test_a_merged_record_is_308_to_its_place(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    drop_entry(seeds, "organisations.yaml", "celartics-biopharma")
    retired = "- {id: celartics-biopharma, kind: organisation, reason: One body., merged_into: platinum-life}\n"
    (seeds / "retired.yaml").write_text(retired, "utf-8")
    assert load(empty_url, seeds).changes["organisation"] == {"merged": 1}
    with Server(empty_url) as client:
        answer = client.get("/organisations/celartics-biopharma")
        assert answer.status_code == 308
        assert answer.headers["location"] == "/organisations/platinum-life"
        assert answer.json()["detail"].endswith("in release 2: One body.")
        followed = client.get("/organisations/celartics-biopharma", follow_redirects=True)
        assert followed.json()["data"]["id"] == "platinum-life"
        assert client.get("/organisations/celartics-biopharma?fields=id").headers["location"] == "/organisations/platinum-life?fields=id"
        assert client.get("/organisations/celartics-biopharma?fields=nonsense").status_code == 422
        error = client.get("/events?organisation=celartics-biopharma").json()["errors"][0]
        assert error["did_you_mean"] == "platinum-life"


def test_a_dry_run_changes_nothing(engine: Engine, seeds: Path) -> None:
    assert seeding.load(engine, seeding.read(seeds), dry_run=True).release == 1
    assert everything(engine) == {}
    seeding.load(engine, seeding.read(seeds))
    before = everything(engine)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    assert seeding.load(engine, seeding.read(seeds), dry_run=True).release == 2
    assert everything(engine) == before


def test_a_load_that_breaks_off_leaves_the_database_as_it_was(engine: Engine, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the power failed")

    monkeypatch.setattr("app.seeding.publication.order", broken)  # the last step
    with pytest.raises(RuntimeError):
        seeding.load(engine, seeding.read(seeds))
    assert everything(engine) == {}  # not even the schema
    monkeypatch.undo()
    seeding.load(engine, seeding.read(seeds))
    before = everything(engine)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    monkeypatch.setattr("app.seeding.publication.order", broken)
    with pytest.raises(RuntimeError):
        seeding.load(engine, seeding.read(seeds))
    assert everything(engine) == before


def test_two_loads_at_once_make_one_release_after_the_other(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    data = seeding.read(seeds)
    outcomes: list[seeding.Outcome] = []

    def run() -> None:
        engine = database.connect(empty_url)
        outcomes.append(seeding.load(engine, data))
        engine.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.release or 0 for outcome in outcomes) == [0, 0, 0, 2]


def test_a_walk_loses_and_repeats_nothing_while_releases_are_loaded(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    with Server(empty_url) as client:
        stable = {record["id"] for record in walk(client, "/figures")}
        seen: list[str] = []
        path, number = "/figures?limit=3&sort=-period", 0
        while path:
            page = client.get(path).json()
            seen += [record["id"] for record in page["data"]]
            path, number = page["links"]["next"], number + 1
            entry = (seeds / "figures.yaml").read_text("utf-8").split("\n- id: world-cgt-market-size-2030\n")[1].split("\n- id: ")[0].strip("\n")
            period = ["2019", "2024", "2035"][number % 3]
            new = f"\n- id: added-{number}\n{entry.replace('period: 2030', f'period: {period}')}\n"
            (seeds / "figures.yaml").write_text((seeds / "figures.yaml").read_text("utf-8") + new, "utf-8")
            assert load(empty_url, seeds).release == number + 1
        assert len(seen) == len(set(seen))
        assert stable <= set(seen)


def test_readers_see_one_release_while_another_is_loaded(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    reader, writer = database.connect(empty_url), database.connect(empty_url)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    with database.reading(reader) as connection:
        first = database.latest_release(connection)
        seeding.load(writer, seeding.read(seeds))
        assert database.latest_release(connection) == first
    with database.reading(reader) as connection:
        assert database.latest_release(connection) != first
    reader.dispose()
    writer.dispose()


def test_releases_tell_their_digest_counts_and_licence(engine: Engine) -> None:
    seeding.load(engine, seeding.read(SEEDS))
    release = columns(Release)
    with engine.connect() as connection:
        row = connection.execute(select(release)).one()
    assert len(row.digest) == 64
    assert row.licence == "CC-BY-4.0"
    assert row.counts["figure"] == 24


def failure(url: str, folder: Path = SEEDS) -> str:
    """What a load into a database that cannot be used says."""
    with pytest.raises(database.DatabaseError) as error:
        load(url, folder)
    return str(error.value)


def test_a_locked_database_is_told_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.2)
    url = f"sqlite:///{tmp_path / 'locked.db'}"
    load(url, SEEDS)
    holder = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "is locked by another process" in failure(url)
    holder.execute("ROLLBACK")
    holder.close()
    assert load(url, SEEDS).release is None


def test_an_unwritable_database_is_told(tmp_path: Path, seeds: Path) -> None:
    assert "cannot be opened; check that the folder exists and may be written" in failure(f"sqlite:///{tmp_path / 'nowhere' / 'a.db'}")
    assert "cannot be opened" in failure(f"sqlite:///{tmp_path}")
    load(f"sqlite:///{tmp_path / 'a.db'}", SEEDS)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    engine = database.connect(f"sqlite:///{tmp_path / 'a.db'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    with pytest.raises(database.DatabaseError, match=r"cannot be written \(attempt to write a readonly database\)"):
        seeding.load(engine, seeding.read(seeds))
    engine.dispose()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear reader, this is no database at all. " * 40, "utf-8")
    assert "is no SQLite database; name another file" in failure(f"sqlite:///{tmp_path / 'letter.db'}")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO alembic_version VALUES ('0000')", "names 2 schema revisions instead of one; restore a backup"),
        ("DELETE FROM alembic_version", "names 0 schema revisions instead of one; restore a backup"),
        ("UPDATE alembic_version SET version_num = '9999'", "has schema 9999, which this version does not know"),
        ("DROP TABLE event_topic", "lacks the tables event_topic; restore a backup"),
    ],
)
def test_a_schema_that_is_not_whole_is_told(engine: Engine, empty_url: str, statement: str, message: str) -> None:
    load(empty_url, SEEDS)
    with engine.begin() as connection:
        connection.execute(text(statement))
    assert message in failure(empty_url)
    with Server(empty_url) as client:
        assert client.get("/readyz").status_code == 503


def test_a_file_that_was_replaced_under_the_server_is_noticed(tmp_path: Path, seeds: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load(url, seeds)
    with Server(url) as client:
        assert client.get("/events").status_code == 200
        edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
        load(f"sqlite:///{tmp_path / 'b.db'}", seeds)
        for name in ("a.db-wal", "a.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "b.db").rename(tmp_path / "a.db")
        assert client.get("/figures/world-cgt-market-size-2030").json()["data"]["value"] == 77e9
        (tmp_path / "a.db").unlink()
        assert client.get("/readyz").status_code == 503


def test_a_database_of_something_else_is_left_alone(engine: Engine, empty_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customers (id integer)"))
    before = everything(engine)
    assert "holds tables of something else (customers); name an empty database" in failure(empty_url)
    assert everything(engine) == before


def test_a_newer_schema_is_left_alone(engine: Engine, empty_url: str) -> None:
    seeding.load(engine, seeding.read(SEEDS))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = everything(engine)
    assert "has schema 9999, which this version does not know; install the version that made it, or a newer one" in failure(empty_url)
    assert everything(engine) == before


def test_a_server_out_of_reach_is_told_without_the_password() -> None:
    message = failure("postgresql://cgt:secret@127.0.0.1:1/cgt")
    assert "cannot be reached" in message
    assert "check CGT_DATABASE_URL and that the server runs" in message
    assert "secret" not in message


def test_other_databases_are_refused() -> None:
    assert "names 'mysql'; only sqlite and postgresql are supported" in failure("mysql://localhost/x")
    assert "is no database URL" in failure("nonsense")
