"""What the Dockerfile and docker-compose.yml say, read by real parsers, and what they do, done by hand: no container engine is needed."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import dockerfile
import psycopg
import yaml

from app.settings import ROOT
from tests.test_cli import free_port

PASSWORD = "p@ss/w:o#r%d?&=+ \"'$HOME\\"  # noqa: S105  of a test; every character means something in a URL, a shell or YAML
UNDERSTOOD = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}
WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Image:
    """The Dockerfile, as the builder's own parser reads it."""

    def __init__(self) -> None:
        self.steps: tuple[Any, ...] = dockerfile.parse_file(str(ROOT / "Dockerfile"))
        for step in self.steps:
            assert step.cmd in UNDERSTOOD, f"these tests know nothing of {step.original}"
            assert not step.flags or step.cmd == "HEALTHCHECK", f"these tests know no options: {step.original}"
            assert step.json or step.cmd not in {"CMD", "HEALTHCHECK"}, f"a shell would stand between the engine and {step.original}"

    def all(self, name: str) -> list[tuple[str, ...]]:
        """The arguments of every instruction of this name."""
        return [tuple(step.value) for step in self.steps if step.cmd == name]

    def the(self, name: str) -> tuple[str, ...]:
        """The arguments of the one instruction of this name."""
        (found,) = self.all(name)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        flat = [word for words in self.all("ENV") for word in words]
        return dict(zip(flat[::2], flat[1::2], strict=True))

    @property
    def health(self) -> list[str]:
        """The command that asks whether the API is ready."""
        kind, *command = self.the("HEALTHCHECK")
        assert kind == "CMD"
        return command

    @property
    def copied(self) -> list[tuple[Sequence[str], str]]:
        """What COPY takes and where it puts it."""
        return [(words[:-1], words[-1]) for words in self.all("COPY")]


def compose_text() -> str:
    """The compose file as it stands."""
    return (ROOT / "docker-compose.yml").read_text("utf-8")


def resolve(**variables: str) -> subprocess.CompletedProcess[str]:
    """What a real compose makes of the file with these variables and no others."""
    # A dry run looks for no engine; without the empty file of variables it would read the .env of whoever runs this.
    command = [sys.executable, "-m", "podman_compose", "--dry-run", "--env-file", os.devnull, "-f", str(ROOT / "docker-compose.yml"), "config"]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@cache
def services() -> dict[str, Any]:
    """The services with the password filled in."""
    run = resolve(POSTGRES_PASSWORD=PASSWORD)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = yaml.safe_load(run.stdout)["services"]
    return found


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether a .dockerignore keeps a path from the builder: the last pattern that names it, or a folder above it, decides."""
    verdict = False
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    for line in patterns:
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        keeps = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip("/")
        assert not set(pattern) & set("[]\\"), f"these tests do not read {line!r}"
        regex = re.sub(r"\*\*/|\*\*|\*|\?|[^*?]+", lambda found: WILDCARDS.get(found[0], re.escape(found[0])), pattern)
        if any(re.fullmatch(regex, candidate) for candidate in above):
            verdict = not keeps
    return verdict


def dockerignore() -> list[str]:
    """The lines of .dockerignore."""
    return (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def context() -> list[str]:
    """The files that a builder is sent."""
    # Folders with a dot hold the virtual environment, caches and the like; that nothing of them is sent is tested by name.
    found = [path for top in sorted(ROOT.iterdir()) if not top.name.startswith(".") for path in ([top] if top.is_file() else top.rglob("*"))]
    names = [path.relative_to(ROOT).as_posix() for path in found if path.is_file()]
    return sorted(name for name in names if not ignored(name, dockerignore()))


def postgres_program(name: str) -> Path:
    """A program of the PostgreSQL that the tests bring."""
    found = Path(importlib.import_module("pgserver").__file__ or "").parent / "pginstall" / "bin" / name
    assert found.exists(), f"{found} is not there"
    return found


@contextmanager
def compose_database() -> Iterator[dict[str, str]]:
    """The compose file's `db` as its image makes it: it listens on TCP and wants the password. Yields variables that lead libpq to it.

    The compose file's URL stays as it is: PGHOSTADDR stands in for the resolution of its host name.
    """
    wanted = services()["db"]["environment"]
    with tempfile.TemporaryDirectory(prefix="cgt-compose-") as folder:
        server = importlib.import_module("pgserver").get_server(Path(folder) / "data")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            user, name = psycopg.sql.Identifier(wanted["POSTGRES_USER"]), psycopg.sql.Identifier(wanted["POSTGRES_DB"])
            password = psycopg.sql.Literal(wanted["POSTGRES_PASSWORD"])
            connection.execute(psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, password))
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 LOCALE 'C.UTF-8'").format(name, user))
        server.cleanup()  # it is set up; from here on it is ours to start and stop, on TCP
        (server.pgdata / "pg_hba.conf").write_text("host all all all scram-sha-256\n", "utf-8")
        port = free_port()
        control = [postgres_program("pg_ctl"), "-D", server.pgdata, "-l", server.log, "-w"]
        options = f"-h 127.0.0.1 -p {port} -k {folder}"

        def run(*command: str | Path) -> None:
            # The output goes nowhere, since the server would keep a pipe open; what goes wrong stands in its log.
            subprocess.run(command, user=server.system_user, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=60, check=True)

        Path(folder).chmod(0o777)  # for the socket; the server runs as another user when the tests run as root
        run(*control, "-o", options, "start")
        try:
            yield {"PGHOSTADDR": "127.0.0.1", "PGPORT": str(port)}
        finally:
            run(*control, "-m", "fast", "stop")


class Container:
    """The image, built in a folder by doing what the Dockerfile says, and processes in it."""

    def __init__(self, image: Image, root: Path, interpreter: str) -> None:
        self.image, self.root = image, root
        self.files = context()
        self.workdir = root
        python = root / "python"
        subprocess.run([interpreter, "-m", "venv", python], check=True, umask=0o022)
        path = os.pathsep.join([str(python / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
        # What the base image sets, and nothing of whoever runs the tests.
        self.environment = {"PATH": path, "LANG": "C.UTF-8", "HOME": "/"}
        for step in image.steps:
            if step.cmd == "WORKDIR":
                self.workdir = root / step.value[0].lstrip("/")
                self.workdir.mkdir(parents=True)
            elif step.cmd == "COPY":
                self._copy(step.value[:-1], step.value[-1])
            elif step.cmd == "RUN":
                self._run(step.value[0])
        self.environment |= image.environment

    def _copy(self, sources: Sequence[str], target: str) -> None:
        """COPY: of a folder what is in it, of files the files, as from a checkout that only its owner may read."""
        destination = self.workdir / target
        for source in sources:
            inside = [name for name in self.files if name.startswith(f"{source}/")]
            assert inside or source in self.files, f"the builder is sent no {source}"
            for name in inside or [source]:
                copy = destination / name.removeprefix(f"{source}/") if inside else destination / Path(name).name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, copy)
                copy.chmod(0o600)
        for folder in self.workdir.rglob("*/"):
            folder.chmod(0o700)

    def _run(self, line: str) -> None:
        """RUN: the line in a shell, with the package index that whoever runs the tests has set."""
        index = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower().endswith("_proxy")}
        command = ["/bin/sh", "-c", line]
        run = subprocess.run(
            command, cwd=self.workdir, env=self.environment | index, umask=0o022, capture_output=True, text=True, timeout=600, check=False
        )
        assert run.returncode == 0, f"{line}\n{run.stdout}\n{run.stderr}"

    def start(self, command: Sequence[str], **settings: str) -> subprocess.Popen[str]:
        """A process as the image's user; as root nobody else can be asked to be one."""
        environment = self.environment | settings
        program = shutil.which(command[0], path=environment["PATH"])
        assert program is not None, f"{command[0]} is not on the image's PATH"
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.workdir,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0o022,
            **identity(self.image),
        )

    def run(self, command: Sequence[str], **settings: str) -> tuple[int, str]:
        """The exit status and the output of a process that ends by itself."""
        with self.start(command, **settings) as process:
            output, _ = process.communicate(timeout=120)
            return process.returncode, output


def identity(image: Image) -> dict[str, Any]:
    """Arguments of `subprocess` that run a process as the image's user; none where the tests run as an ordinary user, who stays one."""
    if os.geteuid() != 0:
        return {}
    user, group = image.the("USER")[0].split(":")
    return {"user": int(user), "group": int(group), "extra_groups": []}


def interpreter_for(image: Image) -> str | None:
    """A Python that the image's user may run: this one, unless it lies in a folder that is root's alone."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/local/bin", version), Path("/usr/bin", version)):
        try:
            subprocess.run([candidate, "-c", "import venv, ensurepip"], check=True, capture_output=True, **identity(image))
        except (OSError, subprocess.CalledProcessError):
            continue
        return str(candidate)
    return None
