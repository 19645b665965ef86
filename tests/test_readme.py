"""The README keeps in step: commands, settings, filters, the tour and the answers are the real ones."""

import json
import re
import shlex

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app as cgt
from app.seeding.entries import FigureForm
from app.settings import ROOT, Settings

README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"^\$ curl '([^']+)'\n(\{.*?\n?\})\n```", README, re.DOTALL | re.MULTILINE)


def test_there_are_four_questions_with_their_answers() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(("url", "answer"), EXAMPLES)
def test_an_answer_in_the_readme_is_the_real_one(api: httpx.Client, url: str, answer: str) -> None:
    real, told = api.get(url.removeprefix("http://127.0.0.1:8000")).json(), json.loads(answer)
    for body in (real, told):
        body.get("release", {}).pop("released_at", None)
    assert told == real


def test_every_parameter_of_every_path_stands_in_the_readme(api: httpx.Client) -> None:
    told: dict[str, set[str]] = {}
    for paths, names in re.findall(r"^\| (`/[^|]*) \| (`[^|]*|none) \|$", README, re.MULTILINE):
        for path in re.findall(r"`([^`]+)`", paths):
            told[path] = set(re.findall(r"`([^`]+)`", names))
    real = {
        path: {parameter["name"] for parameter in operations["get"].get("parameters", []) if parameter["in"] == "query"}
        for path, operations in api.get("/openapi.json").json()["paths"].items()
    }
    assert told == real | {path: set() for path in ("/docs", "/openapi.json", "/llms.txt", "/mcp")}


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(CGT_[A-Z_]+)` \| ([^|]+) \|", README, re.MULTILINE))
    assert set(told) == {f"CGT_{name.upper()}" for name in Settings.model_fields}
    for name, info in Settings.model_fields.items():
        default = told[f"CGT_{name.upper()}"].strip("`")
        if info.default is None:
            assert default == "not set"
        elif name != "seeds":
            assert default == str(info.default)


def test_every_command_stands_in_the_readme_with_its_options() -> None:
    told = {shlex.split(line)[1]: line for line in re.findall(r"^\| `(cgt [^`]+)` \|", README, re.MULTILINE)}
    assert set(told) == {command.name or command.callback.__name__ for command in cgt.registered_commands if command.callback} | {"db"}
    for name, line in told.items():
        help_ = CliRunner().invoke(cgt, [name, "--help"]).output
        options = set(re.findall(r"--[a-z-]+", re.sub(r"\x1b\[[0-9;]*m", "", help_))) - {"--help"}
        assert set(re.findall(r"--[a-z-]+", line)) == options


def test_the_tour_names_what_is_there() -> None:
    (tour,) = re.findall(r"## The code in ten minutes\n\n```\n(.*?)```", README, re.DOTALL)
    told = set(re.findall(r"^(?:  )?([a-z_]+(?:\.py|/))", tour, re.MULTILINE))
    inside = {path.name + ("/" if path.is_dir() else "") for path in (ROOT / "app").iterdir() if path.name not in {"__init__.py", "__pycache__"}}
    assert told == inside | {"app/", "seeds/", "migrations/", "benchmarks/", "tests/"}


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"make ([a-z]+)`?", README)) - {"and"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_example_of_an_entry_is_an_entry() -> None:
    (entry,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (data,) = yaml.load(entry, yaml.BaseLoader)  # noqa: S506  reads nothing but text
    assert FigureForm.model_validate(data).value.unit == "count"
