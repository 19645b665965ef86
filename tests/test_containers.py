"""Dockerfile, docker-compose.yml and .dockerignore are right, as far as can be known without a container engine.

`make containers` goes further: it builds the image by hand and runs it (prove_containers.py).
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import typer
import uvicorn
import yaml
from compose_pydantic import ComposeSpecification
from pydantic import ValidationError
from typer.core import TyperGroup
from typer.testing import CliRunner

from app import database
from app.cli import app as cgt
from app.settings import ROOT, Settings
from tests.conftest import Databases, Server
from tests.containers import (
    PASSWORD,
    Image,
    compose_database,
    compose_text,
    context,
    dockerignore,
    ignored,
    postgres_program,
    resolve,
    services,
)
from tests.test_cli import free_port

README = (ROOT / "README.md").read_text("utf-8")
IMAGE = Image()
OURS = ["seed", "api"]
SETTINGS = {f"CGT_{name.upper()}" for name in Settings.model_fields}


def seconds(duration: str) -> int:
    (number,) = re.fullmatch(r"(\d+)s", duration).groups()  # type: ignore[union-attr]  # no match is a failure too
    return int(number)


# The compose file as a whole


def test_every_key_is_one_that_the_compose_specification_knows() -> None:
    # The specification leaves keys that begin with "x-" to whoever writes the file.
    written = {key: value for key, value in yaml.safe_load(compose_text()).items() if not key.startswith("x-")}
    ComposeSpecification.model_validate(written)
    written["services"]["api"]["healtcheck"] = {}
    with pytest.raises(ValidationError, match="healtcheck"):
        ComposeSpecification.model_validate(written)


def test_without_a_password_compose_says_what_to_set() -> None:
    run = resolve()
    assert run.returncode != 0
    assert "set POSTGRES_PASSWORD to a password of your choice" in run.stderr


def test_every_variable_is_told_in_the_readme_and_the_file_itself() -> None:
    names = set(re.findall(r"(?<!\$)\$\{?(\w+)", compose_text()))
    assert names == {"POSTGRES_PASSWORD"}
    for name in names:
        assert f"`{name}`" in README
        assert f"{name}=" in compose_text()


def test_there_are_a_database_one_step_that_seeds_it_and_the_api() -> None:
    found = services()
    assert list(found) == sorted(["db", *OURS])
    assert found["seed"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert found["db"]["healthcheck"]["test"][0] == "CMD"
    assert found["api"]["depends_on"] == {"seed": {"condition": "service_completed_successfully"}}
    for name in OURS:
        assert (ROOT / found[name]["build"]["context"] / "Dockerfile").samefile(ROOT / "Dockerfile")


def test_what_serves_comes_back_and_what_seeds_runs_once() -> None:
    assert {name: service["restart"] for name, service in services().items()} == {"db": "unless-stopped", "seed": "no", "api": "unless-stopped"}


def test_what_serves_is_asked_for_its_health_and_what_seeds_is_not() -> None:
    assert services()["seed"]["healthcheck"] == {"disable": True}
    assert "healthcheck" not in services()["api"]  # it has the image's
    assert IMAGE.health


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_no_more_than_they_need(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert not {"privileged", "user", "volumes", "cap_add", "network_mode", "pid"} & set(service)


def test_images_are_pinned_to_a_version() -> None:
    (base,) = IMAGE.the("FROM")
    found = [base, *(service["image"] for service in services().values() if "image" in service)]
    assert len(found) == 2
    for image in found:
        assert re.fullmatch(r"[a-z]+:\d+(\.\d+)*(-[a-z]+)?", image), image
    (version,) = re.findall(r"^python:(\d+\.\d+)-slim$", base)
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert tuple(map(int, version.split("."))) >= tuple(map(int, needs.removeprefix(">=").split(".")))


# The database


def test_the_database_is_of_the_version_that_the_tests_run_on(postgres: str) -> None:
    version = subprocess.run([postgres_program("pg_isready"), "--version"], capture_output=True, text=True, check=True).stdout
    (major,) = re.findall(r"\(PostgreSQL\) (\d+)\.", version)
    assert services()["db"]["image"] == f"postgres:{major}"


def test_the_data_outlive_the_container() -> None:
    volume, place = services()["db"]["volumes"][0].split(":")
    assert volume in yaml.safe_load(compose_text())["volumes"]
    major = int(services()["db"]["image"].split(":")[1])
    # From 18 on the image keeps each version's data in a folder of its own below this one.
    assert place == ("/var/lib/postgresql" if major >= 18 else "/var/lib/postgresql/data")


@pytest.fixture(scope="module")
def compose(postgres: str) -> Iterator[dict[str, str]]:
    """The variables that lead to a database like that of the compose file."""
    with compose_database() as variables:
        yield variables


def database_health(**variables: str) -> int:
    kind, program, *arguments = services()["db"]["healthcheck"]["test"]
    assert kind == "CMD"
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run([postgres_program(program), *arguments], env=environment, stdout=subprocess.DEVNULL, check=False).returncode


def test_the_database_is_healthy_when_it_can_be_reached(compose: dict[str, str]) -> None:
    assert database_health(**compose) == 0
    assert database_health(**compose | {"PGPORT": str(free_port())}) == 2


def test_the_server_that_only_sets_the_database_up_is_not_healthy(postgres: str) -> None:
    """The image's first server listens on the socket alone and stops again; so does the one that the tests bring."""
    at = str(database.parse_url(postgres).query["host"])
    port = str(free_port())  # by its own port, a server of this machine's could answer the check
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f".s.PGSQL.{port}").symlink_to(Path(at) / ".s.PGSQL.5432")
        where = {"PGHOST": folder, "PGPORT": port}
        on_socket = subprocess.run([postgres_program("pg_isready")], env=where, stdout=subprocess.DEVNULL, check=False)
        assert on_socket.returncode == 0, "the server answers on its socket"
        assert database_health(**where) == 2


@pytest.mark.parametrize("name", OURS)
def test_the_url_leads_to_the_database_of_the_compose_file(name: str) -> None:
    url = database.parse_url(services()[name]["environment"]["CGT_DATABASE_URL"])
    wanted = services()["db"]["environment"]
    assert (url.host, url.port, url.username, url.database) == ("db", None, wanted["POSTGRES_USER"], wanted["POSTGRES_DB"])
    assert url.password is None, "in a URL some characters of a password mean something else"


@pytest.mark.parametrize("name", OURS)
def test_a_password_of_any_characters_opens_the_database(name: str, compose: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert services()["db"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD
    for variable, value in {**services()[name]["environment"], **compose}.items():
        monkeypatch.setenv(variable, value)
    engine = database.connect(Settings().database_url)
    with database.reading(engine) as connection:
        assert database.schema_state(connection) == "empty"
    engine.dispose()
    monkeypatch.setenv("PGPASSWORD", "another")
    run = CliRunner().invoke(cgt, ["seed"])
    assert run.exit_code == 1
    assert "password authentication failed" in run.output


def test_every_setting_is_one_that_somebody_reads() -> None:
    libpq = {option.envvar.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar}
    assert set(IMAGE.environment) <= SETTINGS
    for name in OURS:
        for variable, value in services()[name]["environment"].items():
            assert variable in SETTINGS | libpq, variable
            assert value
    Settings.model_validate({name.removeprefix("CGT_").lower(): value for name, value in IMAGE.environment.items()})


# The image


def test_the_user_is_not_root() -> None:
    (user,) = IMAGE.the("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number, which tells without the image's list of users that it is not root"
    order = [step.cmd for step in IMAGE.steps]
    assert order.index("USER") > max(place for place, name in enumerate(order) if name in {"COPY", "RUN"}), "what is in the image is root's"
    assert order.index("USER") < order.index("CMD")


def test_the_port_is_the_same_everywhere() -> None:
    port = str(Settings.model_fields["port"].default)
    assert IMAGE.the("EXPOSE") == (port,)
    assert IMAGE.environment["CGT_PORT"] == port
    assert services()["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"http://127.0.0.1:{port}" in compose_text()


def test_the_api_listens_to_the_outside_of_its_container() -> None:
    assert IMAGE.environment["CGT_HOST"] == "0.0.0.0"  # noqa: S104  of its container


@pytest.mark.parametrize(
    "command", [list(IMAGE.the("CMD")), *(service["command"] for service in services().values() if "command" in service)], ids=str
)
def test_every_command_is_one_of_ours(command: list[str]) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    program, *arguments = command
    assert scripts[program] == "app.cli:app"
    found: Any = typer.main.get_command(cgt)
    while isinstance(found, TyperGroup):
        name, *arguments = arguments
        found = found.commands[name]
    found.make_context(found.name, arguments)


def test_stopping_leaves_time_for_the_requests_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **options: asked.update(options))
    monkeypatch.setenv("CGT_DATABASE_URL", f"sqlite:///{tmp_path / 'a.db'}")
    monkeypatch.setenv("CGT_PORT", str(free_port()))
    assert CliRunner().invoke(cgt, list(IMAGE.the("CMD")[1:])).exit_code == 0
    assert seconds(services()["api"]["stop_grace_period"]) > asked["timeout_graceful_shutdown"]


# The image's health check


def api_health(port: int, **variables: str) -> int:
    program, *arguments = IMAGE.health
    assert program == "python"
    environment = {"PATH": os.environ["PATH"], **IMAGE.environment, "CGT_PORT": str(port), **variables}
    return subprocess.run([sys.executable, *arguments], env=environment, stderr=subprocess.DEVNULL, timeout=20, check=False).returncode


def test_the_health_check_is_python_and_reads_the_port() -> None:
    _, option, code = IMAGE.health
    assert option == "-c"
    compile(code, "HEALTHCHECK", "exec")
    assert str(Settings.model_fields["port"].default) not in code


@pytest.mark.parametrize("variables", [{}, {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}], ids=["plain", "behind a proxy"])
def test_an_api_that_is_ready_is_healthy(api: httpx.Client, variables: dict[str, str]) -> None:
    assert api_health(api.base_url.port or 0, **variables) == 0


def test_an_api_without_data_is_not_healthy(databases: Databases) -> None:
    url = databases.new()
    engine = database.connect(url)
    with database.writing(engine) as connection:
        database.upgrade(connection)
    engine.dispose()
    with Server(url) as client:
        assert client.get("/healthz").status_code == 200
        assert api_health(client.base_url.port or 0) == 1


def test_no_api_is_not_healthy() -> None:
    assert api_health(free_port()) == 1


def test_an_api_that_hangs_is_not_healthy_and_the_check_says_so_in_time() -> None:
    (limit,) = [flag.split("=")[1] for flag in next(step.flags for step in IMAGE.steps if step.cmd == "HEALTHCHECK") if flag.startswith("--timeout=")]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        program = [sys.executable, *IMAGE.health[1:]]
        environment = {"PATH": os.environ["PATH"], "CGT_PORT": str(silent.getsockname()[1])}
        run = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 1
    assert "TimeoutError" in run.stderr
    (own,) = re.findall(r"timeout=(\d+)", IMAGE.health[-1])
    assert int(own) < seconds(limit)


# What the builder is sent


def test_what_is_copied_is_in_a_checkout_and_reaches_the_builder() -> None:
    sent = context()
    taken: set[str] = set()
    for sources, _ in IMAGE.copied:
        for source in sources:
            found = {name for name in sent if name == source or name.startswith(f"{source}/")}
            assert found, f"{source} is not in a checkout, or .dockerignore keeps it back"
            taken |= found
    assert set(sent) == taken, "the builder is sent what no COPY takes"
    needed = [path for folder in ("app", "migrations", "seeds") for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".yaml", ".mako"}]
    assert {path.relative_to(ROOT).as_posix() for path in needed} <= taken


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".git",
        ".venv/bin/python",
        ".env",
        "cgt.db",
        "cgt.db-wal",
        "app/cgt.db",
        ".mypy_cache/x",
        "app/api/__pycache__/x.pyc",
        "tests/x.py",
    ],
)
def test_what_is_nobodys_business_stays_out(path: str) -> None:
    assert ignored(path, dockerignore())


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["*"], "a/b", True),
        (["*", "!a"], "a/b", False),
        (["*", "!a", "**/b"], "a/b", True),
        (["a"], "b/a", False),
        (["**/a"], "b/c/a", True),
        (["**/a"], "a", True),
        (["/a/"], "a/b", True),
        (["*/b"], "a/b", True),
        (["*/b"], "a/c/b", False),
        (["a?"], "ab", True),
        (["a?"], "a", False),
        (["*.md", "!README.md"], "README.md", False),
        (["!README.md", "*.md"], "README.md", True),
        (["# a", ""], "# a", False),
    ],
)
def test_patterns_are_read_as_builders_read_them(patterns: Sequence[str], path: str, expected: bool) -> None:
    """The rules and examples of the reference of .dockerignore."""
    assert ignored(path, patterns) is expected
