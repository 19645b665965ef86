"""CSV, tidy and lines, read by pandas, DuckDB and the standard library; and the table of formats."""

import ast
import csv
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.envelopes import ReleaseInfo
from app.formats import FORMATS, Context, Record
from app.formats.flat import MAIN, cited, columns
from app.formats.lines import defuse, row, undefuse
from app.schemas import RECORDS

Exported = dict[str, dict[str, list[Record]]]
RELEASE = ReleaseInfo(id=7, released_at=datetime(2026, 11, 22, 15, tzinfo=UTC), digest="0" * 64, licence="CC-BY-4.0")
SETS = ["curated", "synthetic"]
KINDS = list(RECORDS)


def context(path: str = "/events", query: str = "q=vector", **more: Any) -> Context:
    return Context(RELEASE, "https://atlas.example", path, query, **more)


def written(format: str, kind: str, records: list[Record], **more: Any) -> bytes:
    return b"".join(FORMATS[format].write(context(f"/{kind}s", **more), kind, iter(records)))


def at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = None if record is None else record[name]
    return record


def leaves(value: Any) -> Iterator[str | int | float]:
    """Every text and number in a record."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif value is not None:
        yield value


def test_each_format_is_told_apart_by_its_media_type() -> None:
    assert len({format.media_type for format in FORMATS.values()}) == len(FORMATS)
    assert all(name == format.id for name, format in FORMATS.items())
    assert all(set(format.kinds) <= {*RECORDS, "change"} for format in FORMATS.values())


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
class TestTables:
    def test_lines_are_the_records(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        assert [json.loads(line) for line in written("ndjson", kind, records).splitlines()] == records

    def test_pandas_reads_the_csv(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        found = pandas.read_csv(io.BytesIO(written("csv", kind, records)))
        assert list(found["id"]) == [record["id"] for record in records]
        assert len(found.columns) == len(set(found.columns))
        for column in columns(context(), kind):
            wanted = [column.read(record) for record in records]
            if column.type in {"number", "integer"}:
                assert all(type(value) in {int, float, type(None)} for value in wanted)
                assert [None if pandas.isna(value) else value for value in found[column.name]] == wanted, column.name
            else:
                assert all(type(value) in {str, type(None)} for value in wanted)
                texts = [None if pandas.isna(value) else undefuse(str(value)) for value in found[column.name].astype(object)]
                if not str(found[column.name].dtype).startswith(("int", "float")):  # pandas takes codes such as 110000 for numbers
                    assert texts == wanted, column.name

    def test_duckdb_reads_the_csv(self, exported: Exported, name: str, kind: str, tmp_path: Path) -> None:
        records = exported[name][kind]
        (tmp_path / "records.csv").write_bytes(written("csv", kind, records))
        relation = duckdb.read_csv(str(tmp_path / "records.csv"), header=True, sample_size=-1)
        assert relation.columns == [column.name for column in columns(context(), kind)]
        for column, type in zip(columns(context(), kind), relation.types, strict=True):
            wanted = [column.read(record) for record in records]
            if column.type == "moment":  # DuckDB wants another library to hand out moments
                assert str(type) == "TIMESTAMP WITH TIME ZONE"
                continue
            found = [value for (value,) in relation.project(f'"{column.name}"').fetchall()]
            if column.type in {"number", "integer"}:
                assert found == wanted, column.name
                assert set(wanted) == {None} or str(type) in {"BIGINT", "DOUBLE"}
            elif column.type == "date":
                assert [value and value.isoformat() for value in found] == wanted, column.name
                assert set(wanted) == {None} or str(type) == "DATE"
            elif str(type) == "VARCHAR":
                assert [value and undefuse(value) for value in found] == wanted, column.name

    def test_tidy_has_a_row_a_citation(self, exported: Exported, name: str, kind: str, tmp_path: Path) -> None:
        records = exported[name][kind]
        origins = {"source-4": "source-3", "china-daily-2025-09-14": "x"}
        text = written("tidy", kind, records, origins=origins)
        rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
        assert len(rows) == sum(max(1, len(record["citations"])) for record in records)
        wanted = [(record, number, citation) for record in records for number, citation in enumerate(record["citations"], 1)]
        given_rows = [row for row in rows if row["citation.number"]]
        assert len(given_rows) == len(wanted)
        for found, (record, number, citation) in zip(given_rows, wanted, strict=True):
            assert (found["id"], found["kind"], int(found["citation.number"])) == (record["id"], kind, number)
            for path in MAIN[kind]:
                assert undefuse(found[path]) == ("" if at(record, path) is None else str(at(record, path)))
            simple = ["source.id", "source.title", "source.publisher.name", "source.published.edtf", "source.grade", "anchor", "deep_link"]
            for path in [*simple, "reading", "note", "verification.status", "verification.checked_at", "quote", "locator.start"]:
                value = at(citation, path)
                assert undefuse(found[f"citation.{path}"]) == ("" if value is None else str(value)), path
            assert found["citation.supports"] == "; ".join(citation["supports"])
            assert json.loads(found["citation.stated"] or "{}") == citation["stated"]
            assert found["citation.source.origin"] == origins.get(citation["source"]["id"], "")
        (tmp_path / "tidy.csv").write_bytes(text)
        relation = duckdb.read_csv(str(tmp_path / "tidy.csv"), header=True, sample_size=-1)
        assert relation.filter('"citation.number" IS NOT NULL').shape[0] == len(wanted)
        assert len(pandas.read_csv(io.BytesIO(text))) == len(rows)

    def test_no_value_of_a_record_is_lost(self, exported: Exported, name: str, kind: str) -> None:
        """What a row leaves out is told in the documentation: passages (in `tidy`) and where a derivation came from."""
        for record in exported[name][kind]:
            cells = " ".join(str(cell) for column in columns(context(), kind) if (cell := column.read(record)) is not None)
            kept = {key: value for key, value in record.items() if key not in {"citations", "derived", "figures", "statements", "preference"}}
            assert all(str(leaf) in cells for leaf in leaves(kept))
            assert all(cited(citation) in cells for citation in record["citations"])
            assert all(figure["id"] in cells and figure["as_stated"] in cells for figure in record.get("figures", []))
            assert all(f"{derived['field']}: {derived['reason']}" in cells for derived in record["derived"])
            assert all(f"{statement['source']['id']}: " in cells for statement in record.get("statements", []))
            assert all(f"{preference['field']}: {preference['rule']}" in cells for preference in record.get("preference", []))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", ["csv", "tidy"])
def test_no_records_leave_the_header(exported: Exported, format: str, kind: str) -> None:
    header = written(format, kind, [])
    assert header.count(b"\r\n") == 1
    assert header == written(format, kind, exported["curated"][kind]).splitlines(keepends=True)[0]


@pytest.mark.parametrize("format", list(FORMATS))
def test_formats_need_no_application(format: str) -> None:
    """In a process that has imported nothing else; without the optional libraries nothing but their formats suffers."""
    code = (
        "import sys; from datetime import UTC, datetime; from app.envelopes import ReleaseInfo; from app.formats import FORMATS, Context\n"
        "assert not {'fastapi', 'sqlalchemy', 'pyarrow'} & set(sys.modules)\n"
        "release = ReleaseInfo(id=1, released_at=datetime.now(UTC), digest='', licence='CC-BY-4.0')\n"
        f"format = FORMATS[{format!r}]\n"
        "for kind in format.kinds: list(format.write(Context(release, 'http://a', '/'), kind, []))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_unit_stands_beside_its_number() -> None:
    names = [column.name for column in columns(context(), "figure")]
    assert names.index("unit") == names.index("value") + 1
    assert "spread.unit" in names


DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(texts | st.builds(lambda quotes, sign, rest: "'" * quotes + sign + rest, st.integers(0, 3), st.sampled_from(DANGEROUS), texts))
@example('=HYPERLINK("https://evil.example")')
@example("'=1")
def test_no_text_reaches_a_spreadsheet_as_a_formula(text: str) -> None:
    assert not defuse(text).startswith(DANGEROUS)
    assert undefuse(defuse(text)) == text
    if not text.lstrip("'").startswith(DANGEROUS):
        assert defuse(text) == text


@given(st.lists(texts.filter(bool) | st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_a_row_reads_back(cells: list[str | int | float | None]) -> None:
    """The standard library's reader gives back the cells; numbers stand bare, also those below nought."""
    [found] = csv.reader(io.StringIO(row(cells).decode(), newline=""))
    for cell, given_back in zip(cells, found, strict=True):
        if isinstance(cell, str):
            assert undefuse(given_back) == cell
        else:
            assert (ast.literal_eval(given_back) if given_back else None) == cell


@given(texts.filter(bool))
def test_duckdb_reads_any_text_back(text: str) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(row(["a", "b"]) + row([text, 1]))
        file.flush()
        found = duckdb.sql(
            "SELECT * FROM read_csv(?, header=true, all_varchar=true, auto_detect=false, columns={'a': 'VARCHAR', 'b': 'VARCHAR'})",
            params=[file.name],
        )
        assert found is not None
        assert found.fetchall() == [(defuse(text), "1")]


def test_chunks_come_before_the_last_record_is_read(exported: Exported) -> None:
    """What streams holds one record at a time."""
    for format in ["ndjson", "csv", "tidy"]:
        read = 0

        def records() -> Iterator[Record]:
            nonlocal read
            for record in exported["synthetic"]["event"]:
                read += 1
                yield record

        chunks = FORMATS[format].write(context(), "event", records())
        next(chunks)
        next(chunks)
        assert read <= 2
