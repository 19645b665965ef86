"""The servers that are compared: this API, the ceiling, Datasette and ROAPI; each a process of its own on a free port."""

import contextlib
import http.client
import importlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from app import database

BIN = Path(sys.executable).parent
CURRENT = {"until": str(2**31 - 1), "seen_until": "9999-12-31"}
"""The columns by which the tables tell the versions of today from earlier ones."""

_CITATIONS = """
  (SELECT json_group_array(json_object('source', source.id, 'title', source.title, 'title_zh', source.title_zh, 'url', source.url,
     'published', source.published_edtf, 'publisher', source.publisher_id, 'grade', source.grade, 'type', source.type,
     'language', source.language, 'anchor', citation.anchor, 'supports', json(citation.supports), 'stated', json(citation.stated),
     'reading', citation.reading, 'note', citation.note, 'status', citation.status))
     FROM citation JOIN source ON source.id = citation.source_id AND source.until = :until AND source.seen_until = :seen_until
    WHERE citation.version = {kind}.version) AS citations
"""

_EVENTS = f"""
SELECT event.id, event.type, event.status, event.title, event.title_zh, event.summary, event.date_edtf, event.region_id, event.parent_id,
  (SELECT json_group_array(json_object('role', part.role, 'id', body.id, 'name', body.name, 'name_zh', body.name_zh))
     FROM event_organisation part JOIN organisation body ON body.id = part.organisation_id AND body.until = :until AND body.seen_until = :seen_until
    WHERE part.version = event.version) AS organisations,{_CITATIONS.format(kind="event")}
FROM event
WHERE event.until = :until AND event.seen_until = :seen_until
"""

_FIGURES = f"""
SELECT figure.id, figure.metric, figure.subject, figure.region_id, figure.organisation_id, figure.event_id, figure.period_edtf, figure.value,
  figure.low, figure.high, figure.qualifier, figure.unit, figure.basis, figure.as_stated, figure.scope_note,
  figure.agreement,{_CITATIONS.format(kind="figure")}
FROM figure
WHERE figure.until = :until AND figure.seen_until = :seen_until
"""

NESTED = {
    "pages": f"{_EVENTS} AND event.type = :type AND event.region_id = :region ORDER BY event.date_first DESC, event.id DESC LIMIT 20",
    "figures": f"{_FIGURES} AND figure.metric = :metric AND figure.region_id = :region ORDER BY figure.id LIMIT 20",
}
"""Queries by which Datasette answers pages with nested parts."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and what it answers from."""

    name: str
    size: int
    engine: str
    workers: int
    port: int
    pid: int

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"


class Servers:
    """Starts servers and stops them all at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def api(self, url: str, size: int, workers: int) -> Site:
        """The API as it is shipped."""
        port = free_port()
        environment = _environment() | {"CGT_DATABASE_URL": url, "CGT_PORT": str(port), "CGT_WORKERS": str(workers), "CGT_LOG_LEVEL": "error"}
        engine = "sqlite" if url.startswith("sqlite") else "postgresql"
        return self._start(Site("api", size, engine, workers, port, 0), [str(BIN / "cgt"), "serve"], "/healthz", environment)

    def ceiling(self, page: Path, size: int, workers: int) -> Site:
        """The application that sends a page of bytes."""
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.ceiling", str(port), str(workers)]
        return self._start(Site("ceiling", size, "none", workers, port, 0), command, "/", _environment() | {"CEILING_PAGE": str(page)})

    def datasette(self, file: Path, size: int) -> Site | None:
        """Datasette on a SQLite file, with the nested queries as canned ones; None where it is not installed."""
        if importlib.util.find_spec("datasette") is None:
            return None
        metadata = self.folder / f"datasette-{size}.json"
        metadata.write_text(json.dumps({"databases": {file.stem: {"queries": {name: {"sql": sql} for name, sql in NESTED.items()}}}}), "utf-8")
        port = free_port()
        settings = ["sql_time_limit_ms", "60000", "suggest_facets", "off"]
        command = [sys.executable, "-m", "datasette", "serve", str(file), "--port", str(port), "--metadata", str(metadata)]
        command += [part for name, value in zip(settings[::2], settings[1::2], strict=True) for part in ("--setting", name, value)]
        return self._start(Site("datasette", size, "sqlite", 1, port, 0), command, "/-/versions.json", _environment())

    def roapi(self, file: Path, size: int) -> Site | None:
        """ROAPI on Parquet files with the events and figures of today; None where it is not installed."""
        program = shutil.which("roapi", path=str(BIN))
        if program is None:
            return None
        tables = {"event": _EVENTS.replace("event.region_id,", "event.region_id, event.date_first,"), "figure": _FIGURES}
        exports = {name: export(file, query, self.folder / f"{name}-{size}.parquet") for name, query in tables.items()}
        port = free_port()
        command = [program, "--addr-http", f"127.0.0.1:{port}", "--addr-postgres", f"127.0.0.1:{free_port()}"]
        command += ["--addr-flight-sql", f"127.0.0.1:{free_port()}"]
        command += [part for name, path in exports.items() for part in ("--table", f"{name}={path}")]
        return self._start(Site("roapi", size, "parquet", 1, port, 0), command, "/api/tables/event?limit=1", _environment())

    def _start(self, site: Site, command: list[str], path: str, environment: dict[str, str]) -> Site:
        log = self.folder / f"{site.name}-{site.engine}-{site.size}-{site.workers}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True, cwd=Path(__file__).parent.parent)
        self._running.append(process)
        for _ in wait(120):
            if process.poll() is not None:
                break
            if _answers(site.port, path):
                return Site(site.name, site.size, site.engine, site.workers, site.port, process.pid)
        raise RuntimeError(f"{site.name} on {site.engine} does not answer; {log} says:\n{log.read_text('utf-8', 'replace')[-2000:]}")

    def stop(self, pid: int | None = None) -> None:
        """Stop the server of a process id, or all."""
        for process in [one for one in self._running if pid in {None, one.pid}]:
            self._running.remove(process)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait(seconds: float) -> Iterator[None]:
    """Turns every few milliseconds until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.004)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CGT_", "CEILING_"))}
    return kept | {"PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def workers_of(site: Site) -> list[int]:
    """The ids of the processes that answer: the server itself, or the children that it has for it."""
    if site.workers == 1:
        return [site.pid]
    children = Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text("ascii").split()
    serving = [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    return serving or [int(child) for child in children]


def rest(site: Site) -> None:
    """Wait until a server no longer works for those who have left: what others do meanwhile would be measured with it."""
    before = _worked(site)
    for _ in range(600):
        time.sleep(0.2)
        now = _worked(site)
        if now - before < 0.02:
            return
        before = now
    raise RuntimeError(f"{site.name} on {site.engine} at {site.size:,} events works on two minutes after everybody has left")


def _worked(site: Site) -> float:
    """Seconds of processor time that a server and its children have taken."""
    children = Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text("ascii").split()
    fields = [Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split() for pid in (site.pid, *children)]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A real PostgreSQL of our own with its data in a folder; the URL of its maintenance database."""
    with tempfile.TemporaryDirectory(prefix="cgt-postgres-") as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
        pgserver = importlib.import_module("pgserver")
        server = pgserver.get_server(folder)
        # More processes than a usual installation has ask it at once; else it is as it comes. It takes effect with a new start.
        server.psql("ALTER SYSTEM SET max_connections = 400")
        server.cleanup()
        server = pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def own_database(maintenance: str, name: str, *, anew: bool) -> str:
    """The URL of a database on a server, new and empty if it is wanted so."""
    engine = create_engine(database.parse_url(maintenance), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if anew:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C.UTF-8'"))
    engine.dispose()
    return database.parse_url(maintenance).set(database=name).render_as_string(hide_password=False)


def export(file: Path, query: str, target: Path) -> Path:
    """The records of today that a query gives, with what is nested in them as JSON, as Parquet."""
    pyarrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    writer = None
    with contextlib.closing(sqlite3.connect(file)) as connection:
        cursor = connection.execute(query, CURRENT | {"until": int(CURRENT["until"])})
        names = [column[0] for column in cursor.description]
        schema = pyarrow.schema([(name, pyarrow.string()) for name in names])
        while rows := cursor.fetchmany(20_000):
            columns = [[None if value is None else str(value) for value in column] for column in zip(*rows, strict=True)]
            writer = writer or parquet.ParquetWriter(target, schema)
            writer.write_table(pyarrow.Table.from_arrays([pyarrow.array(column, pyarrow.string()) for column in columns], schema=schema))
    if writer is not None:
        writer.close()
    return target
