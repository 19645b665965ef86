"""The admin command as a person uses it: in a process of its own, by its output and exit status."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import cli, database
from tests.conftest import SEEDS

CGT = Path(sys.executable).parent / "cgt"


def cgt(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CGT_")} | settings
    return subprocess.run([CGT, *arguments], capture_output=True, text=True, env=environment, timeout=60, check=False)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_seeding_says_what_changed_and_a_second_time_that_nothing_did(empty_url: str) -> None:
    first = cgt("seed", CGT_DATABASE_URL=empty_url)
    assert first.returncode == 0, first.stderr
    assert f"schema: brought to revision {database.HEAD}" in first.stdout
    assert "figure: 24 added" in first.stdout
    assert "release 1 loaded into" in first.stdout
    second = cgt("seed", CGT_DATABASE_URL=empty_url)
    assert second.returncode == 0
    assert second.stdout.startswith("no change: ")
    assert len(second.stdout.splitlines()) == 1


def test_a_log_is_told_of_progress_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with cli.progress("loading") as tell:
        tell("writing records: 1 of 3")
        monkeypatch.setattr(cli, "TOLD_EVERY", 0.0)
        tell("writing records: 2 of 3")
    assert capsys.readouterr().err.splitlines() == ["cgt: writing records: 2 of 3"]


def test_a_dry_run_says_what_would_change_and_makes_no_file(tmp_path: Path) -> None:
    run = cgt("seed", "--dry-run", CGT_DATABASE_URL=f"sqlite:///{tmp_path / 'a.db'}")
    assert run.returncode == 0, run.stderr
    assert "dry run: release 1 would be made" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_listed_and_nothing_is_made(tmp_path: Path) -> None:
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    figures = seeds / "figures.yaml"
    figures.write_text(figures.read_text("utf-8").replace("region: world", "region: wrold").replace("8.7 percent", "8.7"), "utf-8")
    for command in (["seed", str(seeds)], ["verify", str(seeds)]):
        run = cgt(*command, CGT_DATABASE_URL=f"sqlite:///{tmp_path / 'a.db'}")
        assert run.returncode == 1
        lines = run.stderr.splitlines()
        assert len(lines) == 3
        for line in lines[:2]:
            assert re.match(rf"{re.escape(str(figures))}:\d+: [a-z0-9-]+: .+", line), line
        assert lines[2] == "cgt: 2 mistakes in the curated files; nothing was changed"
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize("command", [["seed"], ["serve"], ["db", "upgrade"]])
def test_a_database_out_of_reach_ends_with_a_sentence(command: list[str]) -> None:
    run = cgt(*command, CGT_DATABASE_URL="postgresql://cgt:secret@127.0.0.1:1/cgt")
    assert run.returncode == 1
    assert "cannot be reached" in run.stderr
    assert "secret" not in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("command", [["seed"], ["serve"], ["db", "upgrade"], ["doctor"]])
def test_an_unwritable_place_ends_with_a_sentence(command: list[str], tmp_path: Path) -> None:
    run = cgt(*command, CGT_DATABASE_URL=f"sqlite:///{tmp_path / 'nowhere' / 'a.db'}")
    assert run.returncode == 1
    assert "cannot be opened; check that the folder exists" in run.stderr or "does not exist yet" in run.stdout
    assert "Traceback" not in run.stderr


def test_a_port_in_use_ends_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = cgt("serve", CGT_PORT=port, CGT_DATABASE_URL=f"sqlite:///{tmp_path / 'a.db'}")
    assert run.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use); set CGT_PORT or CGT_HOST to another one" in run.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CGT_PORT", "eighty", "CGT_PORT: Value error, is no whole number in plain digits"),
        ("CGT_PORT", "80_66", "is no whole number in plain digits"),
        ("CGT_PORT", "70000", "CGT_PORT: Input should be less than or equal to 65535"),
        ("CGT_LOG_LEVEL", "loud", "CGT_LOG_LEVEL: Input should be 'critical', 'error'"),
        ("CGT_DATABASE_URL", "mysql://x/y", "names 'mysql'; only sqlite and postgresql are supported"),
        ("CGT_DATABASE_URL", "nonsense", "CGT_DATABASE_URL is no database URL"),
        ("CGT_DATABASE_URL", "postgres//u:secret@h/x", "CGT_DATABASE_URL is no database URL"),
        ("CGT_DATABASE_URL", "postgresql://u:secret@127.0.0.1:abc/x", "CGT_DATABASE_URL is no database URL"),
        ("CGT_DATABASE_URL", "postgresql://u:secret@[::1/x", "CGT_DATABASE_URL is no database URL"),
        ("CGT_DATABASE_URL", "postgresql://u:secret@nohost.invalid/x", "cannot be reached"),
        ("CGT_DATABASE_URL", "postgresql://u:secret@127.0.0.1/x?nonsense=1", "does not take: invalid connection option"),
        ("CGT_DATABASE_URL", "sqlite://host/x.db", "names a host before the file"),
        ("CGT_DATABASE_URL", "sqlite:///x.db?timeout=banana", "sets timeout, which the product does not take"),
        ("CGT_DATABASE_URL", "sqlite:///x.db?mode=ro", "sets mode, which the product does not take"),
        ("CGT_DATABASE_URL", "sqlite:////tmp/a%00.db", "CGT_DATABASE_URL names no file"),
        ("CGT_DATABASE_URL", "sqlite:///:memory:", "CGT_DATABASE_URL names no file"),
        ("CGT_DATABASE_URL", "sqlite://", "CGT_DATABASE_URL names no file"),
        ("CGT_DOCUMENTS", "/nowhere/at/all", "there is no such folder of documents"),
        ("CGT_SEEDS", "/nowhere/at/all", "there is no such folder; name the one with the curated files"),
    ],
)
def test_a_wrong_setting_ends_with_a_sentence(name: str, value: str, message: str, tmp_path: Path) -> None:
    run = cgt("seed", **({"CGT_DATABASE_URL": f"sqlite:///{tmp_path / 'a.db'}"} | {name: value}))
    assert run.returncode == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert "secret" not in run.stderr


def test_a_mistake_at_line_100_is_told_as_it_is(tmp_path: Path) -> None:
    seeds = Path(shutil.copytree(SEEDS, tmp_path / ":smile:"))
    (seeds / "figures.yaml").write_text("#\n" * 99 + "- hello\n", "utf-8")
    run = cgt("verify", str(seeds))
    assert f"{seeds}/figures.yaml:100: (no id): is no mapping of keys to values" in run.stderr


def test_what_may_not_be_read_ends_with_a_sentence(tmp_path: Path) -> None:
    """As an ordinary user: the rights of a folder stop nobody who is root."""
    locked = tmp_path / "locked"
    shutil.copytree(SEEDS, locked / "seeds")
    ordinary: Any = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o055)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CGT, *arguments], capture_output=True, text=True, env=environment | settings, cwd="/", timeout=60, check=False, **ordinary
        )

    try:
        run("--version").check_returncode()
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("the packages lie where an ordinary user may not read them; run the tests as one")
    locked.chmod(0)
    try:
        tries = [run("verify", f"{locked}/seeds"), run("seed", f"{locked}/seeds", CGT_DATABASE_URL="sqlite:////tmp/never.db")]
        tries += [run("verify", CGT_DOCUMENTS=f"{locked}/documents"), run("seed", "--dry-run", CGT_DATABASE_URL=f"sqlite:///{locked}/a.db")]
        health = run("doctor", CGT_SEEDS=f"{locked}/seeds", CGT_DATABASE_URL=f"sqlite:///{locked}/a.db")
    finally:
        locked.chmod(0o755)
    for done in tries:
        assert done.returncode == 1
        assert "cannot be used: Permission denied; check that it is there and may be read" in done.stderr
        assert "Traceback" not in done.stderr
    assert health.returncode == 1
    assert health.stdout.count("cannot be used: Permission denied") == 2


def test_a_slip_in_retired_yaml_is_warned_of_and_can_be_taken_out_again(empty_url: str, tmp_path: Path) -> None:
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    assert cgt("seed", str(seeds), CGT_DATABASE_URL=empty_url).returncode == 0
    (seeds / "retired.yaml").write_text("- {id: typo-id, kind: event, reason: A double.}\n", "utf-8")
    slip = cgt("seed", str(seeds), CGT_DATABASE_URL=empty_url)
    assert "warning: retired entries name what this database never published: typo-id" in slip.stderr
    assert "event: 1 withdrawn" in slip.stdout
    (seeds / "retired.yaml").write_text("[]\n", "utf-8")
    mended = cgt("seed", str(seeds), CGT_DATABASE_URL=empty_url)
    assert mended.returncode == 0, mended.stderr
    assert mended.stdout.startswith("no change: ")


def test_a_setting_that_does_not_exist_is_warned_of() -> None:
    run = cgt("verify", CGT_DATABSE_URL="sqlite:///x.db")
    assert run.returncode == 0
    assert "warning: CGT_DATABSE_URL is set, but there is no such setting; did you mean CGT_DATABASE_URL?" in run.stderr


def test_the_doctor_tells_what_is_wrong_and_then_that_nothing_is(empty_url: str) -> None:
    cgt("db", "upgrade", CGT_DATABASE_URL=empty_url)
    sick = cgt("doctor", CGT_DATABASE_URL=empty_url)
    assert sick.returncode == 1
    assert "no release is loaded; run 'cgt seed'" in sick.stdout
    cgt("seed", CGT_DATABASE_URL=empty_url)
    well = cgt("doctor", CGT_DATABASE_URL=empty_url)
    assert well.returncode == 0, well.stdout
    assert "WRONG" not in well.stdout
    assert "release 1 of 20" in well.stdout


def test_openapi_and_version_are_printed() -> None:
    assert json.loads(cgt("openapi").stdout)["info"]["title"] == "CGT Atlas"
    assert re.fullmatch(r"cgt-atlas \d+\.\d+\.\d+\n", cgt("--version").stdout)


def test_serving_an_empty_place_makes_the_schema_and_says_that_it_is_empty(empty_url: str, tmp_path: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CGT_")}
    environment |= {"CGT_DATABASE_URL": empty_url, "CGT_PORT": str(port)}
    with (tmp_path / "log").open("w") as log, subprocess.Popen([CGT, "serve"], env=environment, stderr=log) as process:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}")
        for _ in range(200):
            try:
                client.get("/healthz")
                break
            except httpx.ConnectError:
                time.sleep(0.1)
        assert client.get("/readyz").status_code == 503
        assert cgt("seed", CGT_DATABASE_URL=empty_url).returncode == 0
        assert client.get("/readyz").status_code == 200
        assert client.get("/events?limit=1").json()["page"]["total"] == 16
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}
    assert "the database is new and empty" in (tmp_path / "log").read_text()
