"""Databases and servers for the tests: everything runs on SQLite and on a real PostgreSQL."""

import importlib
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, text

from app import database
from app.main import create_app
from app.schemas import RECORDS
from app.seeding import load as seeding
from app.settings import ROOT, Settings
from tests.synthetic import write_synthetic

# How long an example may take says more about the machine than about the code.
hypothesis.settings.register_profile("cgt", deadline=None)
hypothesis.settings.load_profile("cgt")

ENGINES = ["sqlite", "postgresql"]
SEEDS = ROOT / "seeds"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """No test reads the settings of whoever runs it."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CGT_{name.upper()}", raising=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own; the URL of its maintenance database."""
    with tempfile.TemporaryDirectory(prefix="cgt-postgres-") as folder:
        # The package looks for this folder when it is imported and warns where a machine has none, as in containers.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        pgserver = importlib.import_module("pgserver")
        server = pgserver.get_server(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


class Databases:
    """Makes empty databases of one engine and removes them again."""

    def __init__(self, engine: str, folder: Path, request: pytest.FixtureRequest) -> None:
        self.engine, self.folder = engine, folder
        self.maintenance = request.getfixturevalue("postgres") if engine == "postgresql" else ""
        self.made: list[str] = []

    def new(self) -> str:
        """The URL of a new and empty database."""
        name = f"cgt_{uuid.uuid4().hex}"
        if self.engine == "sqlite":
            return f"sqlite:///{self.folder / name}.db"
        self._run(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C.UTF-8'")
        self.made.append(name)
        return database.parse_url(self.maintenance).set(database=name).render_as_string(hide_password=False)

    def remove(self) -> None:
        """Remove what was made on a server."""
        for name in self.made:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        engine = create_engine(database.parse_url(self.maintenance), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.fixture(params=ENGINES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, on each engine in turn."""
    databases = Databases(request.param, tmp_path, request)
    yield databases.new()
    databases.remove()


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """Connections to an empty database, on each engine in turn."""
    made = database.connect(empty_url)
    yield made
    made.dispose()


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the curated files to change or make mistakes in."""
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


@pytest.fixture(scope="session", params=ENGINES)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Databases that last for the session, on each engine in turn."""
    made = Databases(request.param, tmp_path_factory.mktemp("databases"), request)
    yield made
    made.remove()


def load(url: str, folder: Path) -> seeding.Outcome:
    """Load a folder of curated files into a database."""
    engine = database.connect(url)
    try:
        return seeding.load(engine, seeding.read(folder))
    finally:
        engine.dispose()


class Server:
    """The application behind a real HTTP server on a free port."""

    def __init__(self, url: str, app: FastAPI | None = None) -> None:
        app = app or create_app(Settings(database_url=url))
        # A database is asked now and then what it holds, which has tests of its own; all others want to see it at once.
        app.state.standing.patience = 0
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> httpx.Client:
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture(scope="session")
def api(databases: Databases) -> Iterator[httpx.Client]:
    """The API over the curated data."""
    url = databases.new()
    load(url, SEEDS)
    with Server(url) as client:
        yield client


@pytest.fixture(scope="session")
def synthetic_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Curated files of a few hundred made-up records in which every field is filled somewhere and missing elsewhere."""
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder)
    return folder


@pytest.fixture(scope="session")
def synthetic(databases: Databases, synthetic_folder: Path) -> Iterator[httpx.Client]:
    """The API over the made-up data."""
    url = databases.new()
    load(url, synthetic_folder)
    with Server(url) as client:
        yield client


def walk(client: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    """All records of a list, page by page."""
    found: list[dict[str, Any]] = []
    answer = client.get(path, params={"limit": 200} | params)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        if page["links"]["next"] is None:
            assert len(found) == page["page"]["total"]
            return found
        answer = client.get(page["links"]["next"])


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """All records by data set ("curated", "synthetic") and kind, as the API serves them; one engine is enough for what needs none."""
    folder = tmp_path_factory.mktemp("exported")
    write_synthetic(folder / "synthetic")
    found = {}
    for name, seeds in {"curated": SEEDS, "synthetic": folder / "synthetic"}.items():
        url = f"sqlite:///{folder / name}.db"
        load(url, seeds)
        with Server(url) as client:
            found[name] = {kind: walk(client, f"/{kind}s") for kind in RECORDS}
    return found
