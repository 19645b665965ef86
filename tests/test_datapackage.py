"""`cgt export`: a Data Package that frictionless, pandas and DuckDB read and that holds what the API serves; on both engines."""

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import frictionless
import httpx
import jsonschema
import pandas
import pyarrow.parquet
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app import database, datapackage
from app.cli import app
from app.schemas import RECORDS
from tests.conftest import SEEDS, Databases, Server, load, walk
from tests.test_load import edit


def export(url: str, folder: Path, **settings: str) -> Result:
    return CliRunner().invoke(app, ["export", str(folder)], env={"CGT_DATABASE_URL": url} | settings)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def synthetic_url(databases: Databases, synthetic_folder: Path) -> str:
    url = databases.new()
    load(url, synthetic_folder)
    return url


@pytest.fixture(scope="module")
def package(synthetic_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up data, exported."""
    folder = tmp_path_factory.mktemp("export") / "package"
    run = export(synthetic_url, folder, CGT_BASE_URL="https://atlas.example/")
    assert run.exit_code == 0, run.output
    assert "release 1 written to" in run.output
    return folder


@pytest.fixture(scope="module")
def client(synthetic_url: str) -> Iterator[httpx.Client]:
    with Server(synthetic_url) as served:
        yield served


def test_frictionless_accepts_it(package: Path, client: httpx.Client) -> None:
    report = frictionless.Package(str(package / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "type", "rowNumber", "fieldName", "message"])[:5]
    rows = {task.name: task.stats["rows"] for task in report.tasks if task.type == "table"}
    assert len(rows) == 2 * len(RECORDS)
    for kind in RECORDS:
        assert rows[f"{kind}s"] == client.get(f"/{kind}s").json()["page"]["total"] > 0


def test_frictionless_sees_what_is_wrong(package: Path, tmp_path: Path) -> None:
    """The package says enough for a reader to find a term, an id, a reference and a byte that is not as it was."""
    broken = shutil.copytree(package, tmp_path / "broken")
    for name, there, instead in (
        ("events.csv", '"conference"', '"conferense"'),
        ("figures.csv", '"cn-gd"', '"cn-xx"'),
        ("sources.csv", '"source-3"', '"source-2"'),
        ("figures.ndjson", "CNY", "USD"),
    ):
        table = broken / "data" / name
        before = table.read_bytes()
        assert there.encode() in before
        table.write_bytes(before.replace(there.encode(), instead.encode(), 1))
    report = frictionless.Package(str(broken / "datapackage.json")).validate()
    found = {(task.name, error.type) for task in report.tasks for error in task.errors}
    for expected in (("events", "constraint-error"), ("figures", "foreign-key"), ("sources", "primary-key"), ("figures-ndjson", "hash-count")):
        assert expected in found


@pytest.mark.parametrize("kind", RECORDS)
def test_it_holds_what_the_api_serves(package: Path, client: httpx.Client, kind: str) -> None:
    records = walk(client, f"/{kind}s", sort="id")
    data = package / "data"
    lines = [json.loads(line) for line in (data / f"{kind}s.ndjson").read_bytes().splitlines()]
    assert lines == records
    schema = json.loads((package / "schemas" / f"{kind}.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for line in lines:
        check.validate(line)
    assert not check.is_valid(lines[0] | {"extra": 1})
    ids = [record["id"] for record in records]
    cited = sum(len(record["citations"]) for record in records)
    frame = pandas.read_csv(data / f"{kind}s.csv")
    assert list(frame["id"]) == ids
    assert frame["atlas.url"][0] == f"https://atlas.example/{kind}s/{ids[0]}"
    assert pandas.read_csv(data / f"{kind}s-citations.csv")["citation.number"].count() == cited
    assert list(pandas.read_parquet(data / f"{kind}s.parquet")["id"]) == ids
    for name in ("csv", "parquet"):
        counted = duckdb.sql(f"SELECT count(DISTINCT id) FROM '{data / f'{kind}s.{name}'}'")  # noqa: S608  our own file
        assert counted is not None
        assert counted.fetchall() == [(len(ids),)]
    unnested = duckdb.sql(f"SELECT count(*) FROM '{data / f'{kind}s.parquet'}', unnest(citations)")  # noqa: S608  our own file
    assert unnested is not None
    assert unnested.fetchall() == [(cited,)]


def test_the_descriptor_tells_release_licence_and_every_column(package: Path, client: httpx.Client) -> None:
    descriptor = json.loads((package / "datapackage.json").read_bytes())
    release = client.get("/").json()["release"]
    assert (descriptor["name"], descriptor["version"], descriptor["created"]) == ("cgt-atlas", "1", release["released_at"])
    assert descriptor["id"].endswith(release["digest"])
    assert descriptor["licenses"][0]["name"] == "CC-BY-4.0"
    assert "release 1" in descriptor["attribution"]
    assert len(descriptor["sources"]) == client.get("/sources").json()["page"]["total"]
    listed = {"datapackage.json", "README.md"}
    for resource in descriptor["resources"]:
        listed.add(resource["path"])
        assert {"name", "title", "format", "mediatype", "hash", "bytes", "profile"} <= set(resource)
        for field in resource.get("schema", {}).get("fields", []):
            assert field["description"], (resource["name"], field["name"])
    assert set(content(package)) == listed
    note = (package / "README.md").read_text("utf-8")
    assert "CC BY 4.0" in note
    assert "no quote" in note.replace("\n", " ")
    figures = next(resource["schema"] for resource in descriptor["resources"] if resource["name"] == "figures")
    fields = {field["name"]: field for field in figures["fields"]}
    assert (fields["value"]["type"], fields["period.earliest"]["type"], fields["atlas.released_at"]["type"]) == ("number", "date", "datetime")
    assert "forecast" in fields["basis"]["constraints"]["enum"]
    assert {"fields": "region.id", "reference": {"resource": "regions", "fields": "id"}} in figures["foreignKeys"]


def test_a_second_export_takes_the_place_of_the_first_and_has_the_same_bytes(package: Path, synthetic_url: str, tmp_path: Path) -> None:
    folder = shutil.copytree(package, tmp_path / "package")
    (folder / "data" / "events.csv").write_bytes(b"spoilt")
    assert export(synthetic_url, folder, CGT_BASE_URL="https://atlas.example").exit_code == 0
    assert content(folder) == content(package)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_nothing_but_an_export_is_replaced(package: Path, synthetic_url: str, tmp_path: Path) -> None:
    mine = shutil.copytree(package, tmp_path / "package")
    (mine / "data" / "notes.txt").write_text("mine", "utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "datapackage.json").write_text('{"name": "cgt-atlas-not", "resources": []}', "utf-8")
    (tmp_path / "file").write_text("mine", "utf-8")
    for folder, message in (
        (mine, "holds data/notes.txt, which is no part of an earlier export; name a new or empty folder"),
        (other, "holds datapackage.json, which is no part of an earlier export"),
        (tmp_path / "file", "is no folder"),
        (tmp_path / "nowhere" / "x", "does not exist; make it first"),
    ):
        before = content(tmp_path)
        run = export(synthetic_url, folder)
        assert run.exit_code == 1
        assert message in run.output
        assert content(tmp_path) == before


def test_an_export_that_fails_leaves_the_earlier_one(package: Path, synthetic_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(package, tmp_path / "package")

    def full(*_: object) -> Any:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(datapackage._Package, "_schema", full)
    run = export(synthetic_url, folder)
    assert run.exit_code == 1
    assert "cannot be written: No space left on device" in run.output
    assert content(folder) == content(package)
    assert [path.name for path in tmp_path.iterdir()] == ["package"]


def test_without_pyarrow_parquet_is_left_out_and_said_so(synthetic_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def missing(name: str, *more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", missing)
    run = export(synthetic_url, tmp_path / "package")
    assert run.exit_code == 0
    assert run.output.count("left out: Parquet needs pyarrow; the operator installs it with: pip install 'cgt-atlas[parquet]'") == 1
    assert not list(tmp_path.rglob("*.parquet"))
    assert "left out of this export" in (tmp_path / "package" / "README.md").read_text("utf-8")
    assert "parquet" not in (tmp_path / "package" / "datapackage.json").read_text("utf-8")


def test_the_served_release_is_exported_without_quotes_and_without_what_was_retired(empty_url: str, tmp_path: Path) -> None:
    run = export(empty_url, tmp_path / "package")
    assert run.exit_code == 1
    assert "does not exist yet" in run.output or "schema is empty; run 'cgt seed'" in run.output
    engine = database.connect(empty_url)
    with database.writing(engine) as connection:
        database.upgrade(connection)
    run = export(empty_url, tmp_path / "package")
    assert (run.exit_code, "no release is loaded yet; run 'cgt seed'" in run.output) == (1, True)
    seeds = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    load(empty_url, seeds)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(empty_url, seeds)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE rendering SET quoted = :quoted"), {"quoted": b"a text that is its publisher's"})
        connection.execute(text("UPDATE rendering SET until = 2 WHERE record_id = 'cn-cgt-market-size-2030'"))
    engine.dispose()
    assert export(empty_url, tmp_path / "package").exit_code == 0
    assert json.loads((tmp_path / "package" / "datapackage.json").read_bytes())["version"] == "2"
    for name, written in content(tmp_path / "package").items():
        assert b"its publisher's" not in written, name
    table = pyarrow.parquet.read_table(tmp_path / "package" / "data" / "figures.parquet").to_pylist()
    values = {row["id"]: row["value"] for row in table}
    assert values["world-cgt-market-size-2030"] == 77e9
    assert "cn-cgt-market-size-2030" not in values
    assert {citation["quote"] for row in table for citation in row["citations"]} == {None}


def test_the_address_of_the_service_is_one(tmp_path: Path) -> None:
    for address in ("atlas.example", "ftp://atlas.example", "https://atlas.example/?a=b", "https://"):
        run = export(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "package", CGT_BASE_URL=address)
        assert run.exit_code == 1
        assert "CGT_BASE_URL: Value error, is no address such as https://atlas.example" in run.output
