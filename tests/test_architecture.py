"""Dependencies run one way, and no module grows into two."""

import ast
import re
from pathlib import Path

import pytest

from app.seeding.stamps import RENDERING
from app.settings import ROOT

LAYERS = [
    {"app"},
    {"app.vocabulary", "app.edtf", "app.dates", "app.settings", "app.heap", "app.reading", "app.revisions"},
    {"app.citations", "app.models", "app.shapes"},
    {"app.schemas"},
    {"app.coverage", "app.currencies", "app.growth", "app.series"},
    {"app.envelopes"},
    {"app.formats", "app.migrating"},
    {"app.snapshot"},
    {"app.problems", "app.database", "app.search"},
    {"app.postings"},
    {"app.standing"},
    {
        "app.asking",
        "app.parameters",
        "app.projection",
        "app.caching",
        "app.chosen",
        "app.datapackage",
        "app.exporting",
        "app.facets",
        "app.highlights",
        "app.history",
        "app.manners",
        "app.naming",
        "app.paging",
        "app.participation",
        "app.reader",
        "app.remembering",
        "app.seeding",
        "app.showing",
        "app.survey",
    },
    {"app.api"},
    {"app.agents"},
    {"app.openapi"},
    {"app.main"},
    {"app.cli"},
]
"""From the ground up: a module imports only from its own layer or below."""
MODULES = sorted(path for path in (ROOT / "app").rglob("*.py"))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _layer(module: str) -> int:
    for height, names in enumerate(LAYERS):
        if module in names or any(module.startswith(f"{name}.") for name in names if name != "app"):
            return height
    raise AssertionError(f"{module} has no place in the layers")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*inner.split("."))).with_suffix(".py").exists() or (ROOT / Path(*inner.split("."))).is_dir()
                found.add(inner if is_module else node.module)
    return {name for name in found if name == "app" or name.startswith("app.")}


def _all_imports(*modules: str) -> set[str]:
    """Everything of this software that some modules import, and what that imports."""
    paths = {_name(path): path for path in MODULES}
    found, left = set(modules), list(modules)
    while left:
        fresh = _imports(paths[left.pop()]) - found
        found |= fresh
        left += fresh
    return found


def test_what_renders_is_all_that_stamps_rest_on() -> None:
    rendering = {f"app.{name}" for name in RENDERING}
    modules = [_name(path) for path in MODULES if "seeding" in path.parts]
    others = {module for module in _all_imports(*modules) if not rendering & {module, ".".join(module.split(".")[:2])}}
    # What only leads to the database; `envelopes` is how a release is told, beside the records.
    assert others == {"app.database", "app.envelopes", "app.migrating", "app.revisions", "app.settings", "app.snapshot"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_dependencies_run_one_way(path: Path) -> None:
    module = _name(path)
    for imported in _imports(path):
        assert _layer(imported) <= _layer(module), f"{module} imports {imported} from above"
        if module.startswith("app.seeding"):
            assert not imported.startswith(("app.api", "app.paging", "app.parameters", "app.problems")), (
                f"{module} imports {imported}: loading knows no HTTP"
            )
        if module.startswith("app.formats"):
            assert imported.startswith(("app.formats", "app.vocabulary", "app.citations", "app.shapes", "app.schemas", "app.envelopes")), (
                f"{module} imports {imported}: formats know records and nothing else"
            )
        if module.startswith(("app.api", "app.paging", "app.parameters")):
            assert not imported.startswith("app.seeding"), f"{module} imports {imported}: the API reads, it does not load"


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "benchmarks").rglob("*.py")), *sorted((ROOT / "tests").rglob("*.py"))], ids=_name)
def test_no_module_is_longer_than_500_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 500


def test_every_direct_dependency_is_pinned() -> None:
    pinned = {_canonical(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if "==" in line}
    wanted = re.findall(r'^    "([A-Za-z0-9._-]+)(?:\[[a-z]+\])?[^"]*",$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert len(wanted) > 20
    assert {_canonical(name) for name in wanted} <= pinned


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
