"""The Dockerfile's steps, done by hand in a clean folder, and what the compose file runs in the result."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.containers import Container, Image, compose_database, identity, interpreter_for, services
from tests.test_cli import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # every package is installed anew, and an index may be slow

IMAGE = Image()


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """The image, in a folder that its user may enter."""
    interpreter = interpreter_for(IMAGE)
    if interpreter is None:
        pytest.skip("every Python here lies in a folder of root's alone, where the image's user cannot run it; run this as an ordinary user")
    with tempfile.TemporaryDirectory(prefix="cgt-image-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield Container(IMAGE, root, interpreter)
        # What the image may not write cannot be removed either.
        subprocess.run(["chmod", "-R", "u+w", root], check=True)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the image's user may write."""
    with tempfile.TemporaryDirectory(prefix="cgt-place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def compose(postgres: str) -> Iterator[dict[str, str]]:
    """The variables that lead to a database like that of the compose file."""
    with compose_database() as variables:
        yield variables


def state(container: Container) -> dict[str, tuple[int, int, int]]:
    """Every file of the image with what would tell of a change."""
    return {str(path): (found.st_mtime_ns, found.st_size, found.st_mode) for path in container.root.rglob("*") for found in [path.lstat()]}


def seed_serve_and_stop(container: Container, command: list[str], seed: dict[str, str], serve: dict[str, str]) -> None:
    """What compose does: the step that seeds, the API, its health check until it is ready, and the end."""
    before = state(container)
    status, output = container.run(command, **seed)
    assert status == 0, output
    assert "release 1 loaded into" in output
    status, output = container.run(command, **seed)
    assert (status, output.split(":")[0]) == (0, "no change"), output

    port = str(free_port())
    serve = {**serve, "CGT_PORT": port}
    status, output = container.run(IMAGE.health, **serve)
    assert status == 1, "nothing serves yet"
    with container.start(IMAGE.the("CMD"), **serve) as process:
        try:
            deadline = time.monotonic() + 60
            while (health := container.run(IMAGE.health, **serve))[0] != 0:
                assert process.poll() is None, process.communicate()[0]
                assert time.monotonic() < deadline, health[1]
                time.sleep(0.2)
            assert httpx.get(f"http://127.0.0.1:{port}/events", params={"limit": 1}).json()["page"]["total"] > 0
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=40)
    # uvicorn finishes its work and then lets the signal end it, as the convention has it.
    assert process.returncode in {0, -signal.SIGTERM}, output
    assert "Application shutdown complete" in output
    assert "Traceback" not in output
    assert state(container) == before, "the image was written to, which a read-only file system refuses"


def test_it_runs_on_a_file(container: Container, place: Path) -> None:
    settings = {"CGT_DATABASE_URL": f"sqlite:///{place / 'cgt.db'}"}
    seed_serve_and_stop(container, services()["seed"]["command"], settings, settings)


def test_it_runs_as_the_compose_file_has_it(container: Container, compose: dict[str, str]) -> None:
    found = services()
    seed_serve_and_stop(container, found["seed"]["command"], found["seed"]["environment"] | compose, found["api"]["environment"] | compose)


def test_the_image_s_user_can_read_everything_and_write_nothing(container: Container) -> None:
    """Private as the checkout was that it was built from."""
    status, output = container.run(["find", str(container.workdir), "!", "-readable", "-o", "!", "-type", "l", "-writable"])
    assert (status, output) == (0, "")


def test_who_runs_it_is_the_image_s_user(container: Container) -> None:
    status, output = container.run(["id", "-u"])
    assert status == 0
    expected = IMAGE.the("USER")[0].split(":")[0] if identity(IMAGE) else str(os.geteuid())
    assert output.strip() == expected
    assert output.strip() != "0"


def test_without_a_place_for_its_data_it_says_so(container: Container) -> None:
    status, output = container.run(["cgt", "seed"])
    assert status == 1
    assert "cannot be opened; check that the folder exists and may be written" in output
    assert "Traceback" not in output
