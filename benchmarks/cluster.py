"""Servers of PostgreSQL and processes of the API, as many as a proof needs, each on a port of its own of this machine."""

import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

CGT = Path(sys.executable).parent / "cgt"


class Postgres:
    """A PostgreSQL server in a folder of its own, on a port of its own."""

    def __init__(self, folder: Path, binaries: Path, user: str | None) -> None:
        self.folder, self.binaries, self.user, self.port = folder, binaries, user, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        subprocess.run([self.binaries / program, *arguments], user=self.user, check=True, capture_output=True, cwd=self.folder.parent)

    def make(self) -> None:
        """A new primary."""
        self.run("initdb", "-D", str(self.folder), "-U", "postgres", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8")
        settings = "fsync = off\nwal_keep_size = '512MB'\nhot_standby_feedback = on\nmax_connections = 100\nunix_socket_directories = ''\n"
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(settings)

    def copy(self, primary: "Postgres", delay: int) -> None:
        """A new replica of a primary that runs, which lags behind it by so many milliseconds at least."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        self.run("pg_basebackup", "-D", str(self.folder), "-d", source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        with (self.folder / "postgresql.auto.conf").open("a") as file:
            file.write(f"recovery_min_apply_delay = {delay}\n")

    def start(self) -> None:
        """Run until it answers."""
        command: list[str | Path] = [self.binaries / "postgres", "-D", self.folder, "-p", str(self.port), "-h", "127.0.0.1"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, user=self.user, stdout=log, stderr=log, cwd=self.folder)
        wait(lambda: self.ask("SELECT 1") == 1, f"PostgreSQL in {self.folder} does not start", tolerated=psycopg.Error)

    def kill(self) -> None:
        """As a power cut does it: its processes are gone at once."""
        if self.process is None:
            return
        backends = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        for backend in backends:
            with suppress(ProcessLookupError):
                os.kill(int(backend), signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def ask(self, statement: str, database: str = "postgres") -> Any:
        """The first value that a statement gives."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=2) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def url(self, database: str = "cgt") -> str:
        """Where it is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait(until: Callable[[], object], complaint: str, tolerated: type[Exception] = ValueError, seconds: float = 60) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if until():
                return
        except tolerated:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.05)


def environment(**settings: str) -> dict[str, str]:
    """What a process of ours is started with."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CGT_")} | {"CGT_LOG_LEVEL": "error"} | settings


@contextmanager
def serving(report_to: Path, **settings: str) -> Iterator[str]:
    """A process of the API; its address."""
    port = free_port()
    with report_to.open("wb") as log, subprocess.Popen([CGT, "serve"], env=environment(CGT_PORT=str(port), **settings), stderr=log) as process:
        base = f"http://127.0.0.1:{port}"
        try:
            wait(lambda: httpx.get(f"{base}/readyz").status_code == 200, f"the API at {base} does not start", tolerated=httpx.TransportError)
            yield base
        finally:
            process.terminate()
            process.wait(40)


def binaries_in(folder: Path) -> tuple[Path, str | None]:
    """PostgreSQL's programs out of an installed package, and the user to run them as where we are root, which they refuse."""
    # The package looks for this folder when it is imported and warns where a machine has none, as in containers.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    package = importlib.import_module("pgserver")
    binaries = Path(str(package.__file__)).parent / "pginstall" / "bin"
    if os.geteuid() != 0:
        return binaries, None
    tools = importlib.import_module("pgserver.utils")
    user = "pgserver"
    tools.ensure_user_exists(user)
    tools.ensure_prefix_permissions(binaries)
    shutil.chown(folder, user)
    return binaries, user
