"""Several processes and databases behind one service: nobody steps back to an older release, and a host that dies is passed over."""

import itertools
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from app import database, snapshot
from app.cli import app as command
from app.envelopes import RELEASE_HEADER
from app.main import create_app
from app.settings import Settings
from app.snapshot import Mark, Snapshot
from tests.conftest import SEEDS, Databases, Server, load
from tests.test_cli import cgt as in_a_process
from tests.test_errors import problem
from tests.test_load import edit

NUMBER = "/figures/world-cgt-market-size-2030"


@pytest.fixture(scope="module")
def two(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A server with release 2, and one whose database has not got it yet."""
    seeds = Path(shutil.copytree(SEEDS, tmp_path_factory.mktemp("two") / "seeds"))
    ahead, behind = databases.new(), databases.new()
    for url in (ahead, behind):
        load(url, seeds)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(ahead, seeds)
    with Server(ahead) as first, Server(behind) as second:
        yield first, second


def refused(answer: httpx.Response) -> None:
    """503 that says both numbers and when to ask again."""
    body = problem(answer, 503, "not-ready")
    assert body["detail"] == "Release 2 has not arrived here yet; the newest is 1. Ask again in a moment."
    assert answer.headers["retry-after"] == "1"


def test_a_new_release_is_seen_by_every_process_within_a_second(empty_url: str, seeds: Path) -> None:
    load(empty_url, seeds)
    with Server(empty_url) as one, Server(empty_url) as other:
        for client in (one, other):
            assert client.get(NUMBER).json()["data"]["value"] == 76e9
        edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
        load(empty_url, seeds)
        time.sleep(1)
        for client in (one, other):
            answer = client.get(NUMBER)
            assert (answer.json()["data"]["value"], answer.headers[RELEASE_HEADER]) == (77e9, "2")


@pytest.mark.parametrize(
    "path", ["/", "/vocabulary", "/events?limit=2", "/events?format=csv", "/changes?format=atom", "/search?q=CAR-T", "/llms.txt"]
)
def test_an_answer_tells_its_release_and_takes_none_that_is_older(two: tuple[httpx.Client, httpx.Client], path: str) -> None:
    ahead, lagging = two
    answer = ahead.get(path, headers={"origin": "https://page.example"})
    assert (answer.status_code, answer.headers[RELEASE_HEADER]) == (200, "2")
    assert RELEASE_HEADER in answer.headers["access-control-expose-headers"]
    assert RELEASE_HEADER.lower() in answer.headers["vary"].lower()
    seen = {RELEASE_HEADER: answer.headers[RELEASE_HEADER]}
    refused(lagging.get(path, headers=seen))
    refused(lagging.get(path, headers=seen | {"if-none-match": lagging.get(path).headers["etag"]}))
    assert lagging.get(path, headers={RELEASE_HEADER: "1"}).headers[RELEASE_HEADER] == "1"
    known = ahead.get(path, headers=seen | {"if-none-match": ahead.get(path).headers["etag"]})
    assert (known.status_code, known.headers[RELEASE_HEADER]) == (304, "2")


def test_what_is_not_there_is_told_of_a_release_as_well(two: tuple[httpx.Client, httpx.Client]) -> None:
    ahead, lagging = two
    assert ahead.get("/events/nothing").headers[RELEASE_HEADER] == "2"
    assert ahead.get("/events?as_of=1").headers[RELEASE_HEADER] == "2"
    assert RELEASE_HEADER not in ahead.get("/events?nonsense=1").headers
    refused(lagging.get("/events/nothing", headers={RELEASE_HEADER: "2"}))


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "1234567890", "١", "1, 2", "0x1"])
def test_a_release_that_is_no_number_is_refused(api: httpx.Client, given: str) -> None:
    body = problem(api.get("/events", headers=[(RELEASE_HEADER.encode(), given.encode())]), 422, "invalid-request")
    assert body["errors"][0]["parameter"] == RELEASE_HEADER


@pytest.mark.parametrize(
    "path",
    ["/events?limit=3", "/figures?limit=3&sort=-id", "/search?q=cell&limit=2", "/figures/series?limit=1", "/coverage?limit=3", "/changes?limit=3"],
)
def test_a_cursor_is_not_taken_where_its_release_has_not_arrived(two: tuple[httpx.Client, httpx.Client], path: str) -> None:
    ahead, lagging = two
    following = ahead.get(path).json()["links"]["next"]
    assert ahead.get(following).status_code == 200
    refused(lagging.get(following))
    # One that was made earlier goes on wherever there is more.
    assert ahead.get(lagging.get(path).json()["links"]["next"]).headers[RELEASE_HEADER] == "2"


def test_what_asks_the_service_itself_asks_for_the_same_release(two: tuple[httpx.Client, httpx.Client]) -> None:
    ahead, lagging = two
    asked, seen = f"/cite?path={NUMBER}", {RELEASE_HEADER: "2"}
    assert ahead.get(asked, headers=seen).json()["data"]["release"] == 2
    refused(lagging.get(asked, headers=seen))
    called = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_events", "arguments": {"fields": "id"}}}
    outcomes = []
    for client in (ahead, lagging):
        answer = client.post("/mcp", json=called, headers=seen | {"accept": "application/json, text/event-stream"})
        outcomes.append(answer.json()["result"]["structuredContent"]["outcome"])
    assert outcomes == ["found", "unavailable"]


def cgt(*arguments: str, **settings: str) -> tuple[int, str]:
    """Exit status and output of the command."""
    run = CliRunner().invoke(command, arguments, env=settings)
    assert run.exception is None or isinstance(run.exception, SystemExit)
    return run.exit_code, run.output


@pytest.fixture
def on_postgres(postgres: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Databases on PostgreSQL."""
    databases = Databases("postgresql", tmp_path, request)
    yield databases
    databases.remove()


@pytest.fixture
def replica(on_postgres: Databases) -> str:
    """A loaded database on PostgreSQL."""
    url = on_postgres.new()
    load(url, SEEDS)
    return url


def test_reading_goes_to_the_url_for_it_and_writing_does_not(replica: str, on_postgres: Databases, seeds: Path) -> None:
    both = {"CGT_DATABASE_URL": on_postgres.new(), "CGT_READ_URL": replica}
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    with Server("", create_app(Settings(database_url=both["CGT_DATABASE_URL"], read_url=replica))) as client:
        status, told = cgt("doctor", **both)
        assert status == 1
        assert "its schema is empty" in told
        assert "ok    reading from postgresql" in told
        empty = in_a_process("serve", CGT_READ_URL=both["CGT_DATABASE_URL"])
        assert "has no tables yet; run 'cgt seed' where CGT_DATABASE_URL names the primary" in empty.stderr
        assert "release 1 loaded into" in in_a_process("seed", str(seeds), **both).stdout
        assert client.get(NUMBER).json()["data"]["value"] == 76e9
    status, told = cgt("doctor", **both)
    assert (status, told.count("release 1 of ")) == (0, 2)
    status, told = cgt("doctor", CGT_READ_URL=replica)
    assert (status, told.count("release 1 of ")) == (0, 1)


def several(url: str, *hosts: str, **options: str) -> str:
    """A URL of the same database over several hosts, in the form that takes sockets as well."""
    parsed = database.parse_url(url)
    living = parsed.query.get("host", parsed.host)
    query: dict[str, Any] = {"host": [*hosts, living], **options}
    return parsed.set(host=None, query=query, drivername="postgresql").render_as_string(hide_password=False)


def test_a_host_that_is_dead_is_passed_over(replica: str, tmp_path: Path) -> None:
    for options in ({}, {"load_balance_hosts": "random", "target_session_attrs": "prefer-standby"}):
        url = several(replica, str(tmp_path), "127.0.0.1:1", **options)
        with Server("", create_app(Settings(read_url=url))) as client:
            assert client.get("/events").status_code == 200
        assert cgt("doctor", CGT_READ_URL=url)[0] == 0
    only = several(replica, target_session_attrs="standby")
    with Server("", create_app(Settings(read_url=only))) as client:
        answer = client.get("/events")
        problem(answer, 503, "not-ready")
        assert answer.headers["retry-after"] == "5"
    status, told = cgt("serve", CGT_READ_URL=only)
    assert status == 1
    assert "check CGT_READ_URL and that the server runs" in told


def test_connections_that_died_are_made_anew(replica: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(read_url=replica))
    with Server("", app) as client:
        assert client.get("/events").status_code == 200
        engine = database.connect(replica)
        with engine.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            )
        engine.dispose()
        # Those of a moment ago are used again without being tried, and those that waited for longer are not.
        assert app.state.standing.now().spare
        assert client.get("/events?limit=3").status_code == 200
        monkeypatch.setattr(snapshot, "TRUSTED", 0)
        assert client.get("/events?limit=4").status_code == 200
        assert not app.state.standing.now().spare


def test_a_host_that_lags_gives_no_mixture_of_releases(replica: str, on_postgres: Databases, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = on_postgres.new()
    load(ahead, seeds)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(ahead, seeds)
    app = create_app(Settings(read_url=replica))
    hosts = itertools.cycle(database.parse_url(url).database for url in (ahead, replica))
    event.listen(app.state.engine, "do_connect", lambda _, __, ___, options: options.update(dbname=next(hosts)))
    monkeypatch.setattr("app.standing._is_replica", lambda _: True)
    monkeypatch.setattr("app.api.routing.PAUSE", 0)
    with Server("", app) as client:
        with ThreadPoolExecutor(8) as threads:  # several connections, to either database
            answers = list(threads.map(client.get, [NUMBER, "/figures?metric=market-size&limit=200&fields=id,value"] * 20))
        seen = [answer.headers[RELEASE_HEADER] for answer in answers if answer.status_code == 200]
        assert seen
        assert {answer.status_code for answer in answers} <= {200, 503}
        for answer in answers:
            if answer.status_code == 200:
                record = answer.json()["data"]
                (value,) = [one["value"] for one in (record if isinstance(record, list) else [record]) if one["id"] == NUMBER.split("/")[2]]
                assert value == {"1": 76e9, "2": 77e9}[answer.headers[RELEASE_HEADER]] == {1: 76e9, 2: 77e9}[answer.json()["release"]["id"]]
        load(replica, seeds)
        assert all(client.get(NUMBER).headers[RELEASE_HEADER] == "2" for _ in range(20))


def test_a_connection_that_cannot_be_made_or_dies_at_once_is_a_failure_like_any_other(replica: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures of SQLAlchemy are answered with 503, those of the driver were a 500."""
    away = database.connect("postgresql://postgres@127.0.0.1:1/cgt")
    for read in (lambda: Snapshot(away).rows("SELECT 1", ()), lambda: Snapshot(away).connection):
        with pytest.raises(OperationalError):
            read()
    engine, killer, run = database.connect(replica), database.connect(replica), Snapshot._run

    def killed(self: Snapshot, driver: Any, statement: str, parameters: Any) -> list[Any]:
        rows = run(self, driver, statement, parameters)
        with killer.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": driver.info.backend_pid})
        return rows

    monkeypatch.setattr(Snapshot, "_run", killed)
    snapshot = Snapshot(engine, Mark(1, None, None, 0, ""))
    with pytest.raises(OperationalError):
        _ = snapshot.connection
    snapshot.close()
    for one in (away, engine, killer):
        one.dispose()


@pytest.mark.parametrize(("deed", "retry"), [("pg_terminate_backend", "5"), ("pg_cancel_backend", "1")])
def test_a_server_that_dies_in_the_middle_of_a_read_is_503(replica: str, deed: str, retry: str) -> None:
    engine = database.connect(replica)
    waiting = text(f"SELECT {deed}(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")  # noqa: S608

    def end() -> None:
        deadline = time.monotonic() + 10
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.execute(waiting).all() and time.monotonic() < deadline:
                time.sleep(0.02)

    with Server("", create_app(Settings(read_url=replica))) as client, engine.begin() as holder:
        holder.execute(text("LOCK TABLE event, rendering IN ACCESS EXCLUSIVE MODE"))
        thread = threading.Thread(target=end)
        thread.start()
        answer = client.get("/events")
        thread.join()
        holder.rollback()
        problem(answer, 503, "not-ready")
        assert answer.headers["retry-after"] == retry
        assert client.get("/events").status_code == 200
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://u:p@h1:5432,h2:5433/db?target_session_attrs=prefer-standby&load_balance_hosts=random", "h1,h2", "5432,5433"),
        ("postgres://u:p@h1,h2:5433/db", "h1,h2", ",5433"),
        ("postgresql://u:p@[::1]:5432,[::2]/db", "::1,::2", "5432,"),
        ("postgresql://u:p@/db?host=h1:5432&host=h2:5433", "h1,h2", "5432,5433"),
        ("postgresql://u:p@/db?host=h1,h2&port=5432,5433", "h1,h2", "5432,5433"),
        ("postgresql://u:p@h1:5432/db", "h1", 5432),
    ],
)
def test_several_hosts_are_written_as_people_write_them(url: str, host: str, port: Any) -> None:
    parsed = database.parse_read_url(url)
    _, options = parsed.get_dialect()().create_connect_args(parsed)
    told = {name: options[name] for name in ("host", "port", "user", "password", "dbname")}
    assert told == {"host": host, "port": port, "user": "u", "password": "p", "dbname": "db"}
    assert ":p@" not in database.shown(parsed)


@pytest.mark.parametrize(
    ("name", "url", "message"),
    [
        ("CGT_READ_URL", "sqlite:///cgt.db", "CGT_READ_URL is no URL of PostgreSQL"),
        ("CGT_DATABASE_URL", "postgresql://u:pa@secret@h/db", "CGT_DATABASE_URL has several @; write one in a user name or password as %40"),
        ("CGT_READ_URL", "nonsense with secret", "CGT_READ_URL is no URL of PostgreSQL"),
        ("CGT_READ_URL", "postgresql://u:secret@h1:x,h2/db", "CGT_READ_URL is no URL of PostgreSQL"),
        ("CGT_READ_URL", "postgresql://u:secret@/db?host=h1,h2&port=1,2,3", "CGT_READ_URL names hosts and ports that do not go together"),
        ("CGT_READ_URL", "postgresql://u:secret@h/db?targt=any", 'does not take: invalid connection option "targt"'),
        ("CGT_READ_URL", "postgresql://u:secret@h1,h2/db?target_session_attrs=replica", "CGT_READ_URL: target_session_attrs is none of any, "),
        ("CGT_READ_URL", "postgresql://u:secret@h1,h2/db?load_balance_hosts=yes", "CGT_READ_URL: load_balance_hosts is neither"),
        ("CGT_DATABASE_URL", "postgresql://u:secret@h1,h2/db?target_session_attrs=standby", "asks for a standby, which cannot be written"),
        ("CGT_READ_URL", "postgresql://u@127.0.0.1:1,127.0.0.1:2/db?password=secret", "check CGT_READ_URL and that the server runs"),
    ],
)  # fmt: skip
def test_a_url_that_cannot_work_is_refused_by_the_name_of_its_variable(name: str, url: str, message: str) -> None:
    for asked in ("serve", "doctor"):
        status, told = cgt(asked, **{name: url})
        assert status == 1
        assert message in told
        assert "secret" not in told
