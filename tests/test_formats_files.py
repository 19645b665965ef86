"""The workbook read by openpyxl, Parquet by pyarrow, pandas and DuckDB, the feed by feedparser; and how an answer is cited."""

import importlib
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import feedparser
import httpx
import openpyxl
import pandas
import pyarrow
import pytest
from bibtexparser.entrypoint import parse_string
from pyarrow import parquet

from app.formats import FORMATS, LibraryMissing, Record, TooLarge, workbook
from app.formats.citing import cite, pinned
from app.formats.flat import citation_columns, citation_rows, columns
from tests.test_formats import KINDS, RELEASE, SETS, Exported, context, written

BASE = "https://atlas.example"


def shown(cell: Any) -> Any:
    return cell.date().isoformat() if isinstance(cell, datetime) else cell


def plain(value: Any) -> Any:
    """What pyarrow gives, as the JSON has it."""
    if isinstance(value, dict):
        return {name: _stated(inner) if name == "stated" else plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _stated(pairs: list[Record]) -> Record:
    return {pair["field"]: pair["number"] if pair["text"] is None else pair["text"] for pair in pairs}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
class TestFiles:
    def test_openpyxl_reads_the_workbook(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        book = openpyxl.load_workbook(io.BytesIO(written("xlsx", kind, records)))
        assert book.sheetnames == ["records", "citations", "about"]
        header, *rows = book["records"].iter_rows(values_only=True)
        found = columns(context(), kind)
        assert header == tuple(column.name for column in found)
        assert [[shown(cell) for cell in row] for row in rows] == [[column.read(record) for column in found] for record in records]
        header, *rows = book["citations"].iter_rows(values_only=True)
        main, cited = citation_columns(context(), kind)
        assert len(header) == len(main) + 1 + len(cited)
        assert [[shown(cell) for cell in row] for row in rows] == [row for record in records for row in citation_rows(main, cited, record)]
        types = {column.name: column.type for column in found}
        for line in book["records"].iter_rows(min_row=2):
            for cell, column in zip(line, found, strict=True):
                wanted = {"text": "s", "moment": "s", "date": "d"}.get(types[column.name], "n")
                assert cell.value is None or cell.data_type == wanted
        about = dict(book["about"].iter_rows(min_row=2, values_only=True))
        assert about["release"] == 7
        assert about["licence"] == "CC BY 4.0"
        assert about["query"] == f"{BASE}/{kind}s?q=vector"

    def test_parquet_loses_nothing(self, exported: Exported, name: str, kind: str, tmp_path: Path) -> None:
        records = exported[name][kind]
        content = written("parquet", kind, records)
        table = parquet.read_table(io.BytesIO(content))
        assert plain(table.to_pylist()) == records
        metadata = table.schema.metadata
        assert (metadata[b"cgt.release"], metadata[b"cgt.licence"]) == (b"7", b"CC-BY-4.0")
        frame = pandas.read_parquet(io.BytesIO(content))
        assert list(frame["id"]) == [record["id"] for record in records]
        (tmp_path / "records.parquet").write_bytes(content)
        path = tmp_path / "records.parquet"
        assert duckdb.read_parquet(str(path)).project("id").fetchall() == [(record["id"],) for record in records]
        citations = duckdb.sql(f"SELECT count(*), count(c.source.id) FROM '{path}', unnest(citations) AS u(c)")  # noqa: S608  # our own file
        assert citations is not None
        assert citations.fetchall() == [(sum(len(record["citations"]) for record in records),) * 2]


def test_parquet_has_real_types(exported: Exported, tmp_path: Path) -> None:
    records = exported["synthetic"]["figure"]
    path = tmp_path / "figures.parquet"
    path.write_bytes(written("parquet", "figure", records))
    schema = parquet.read_schema(path)
    assert schema.field("value").type == pyarrow.float64()
    assert schema.field("period").type.field("earliest").type == pyarrow.date32()
    assert not schema.field("id").nullable
    assert schema.field("period").nullable
    assert pyarrow.types.is_list(schema.field("citations").type)
    sums = duckdb.sql(f"SELECT unit, sum(value), min(period.earliest) FROM '{path}' GROUP BY unit")  # noqa: S608  # our own file
    assert sums is not None
    for unit, total, first in sums.fetchall():
        same = [record for record in records if record["unit"] == unit]
        assert total == pytest.approx(sum(record["value"] or 0 for record in same)) or total is None
        days = [record["period"]["earliest"] for record in same if record["period"] and record["period"]["earliest"]]
        assert (first and first.isoformat()) == (min(days) if days else None)


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_no_records(exported: Exported, kind: str) -> None:
    table = parquet.read_table(io.BytesIO(written("parquet", kind, [])))
    assert table.num_rows == 0
    assert table.schema == parquet.read_schema(io.BytesIO(written("parquet", kind, exported["synthetic"][kind])))
    assert openpyxl.load_workbook(io.BytesIO(written("xlsx", kind, [])))["records"].max_row == 1


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(LibraryMissing, match=r"cgt-atlas\[parquet\]"):
        FORMATS["parquet"].write(context(), "event", iter([]))


def test_no_text_of_a_workbook_is_a_formula(exported: Exported) -> None:
    record = exported["curated"]["event"][0] | {"title": "=1+1", "summary": "@SUM(A1)", "title_zh": "https://a.example/", "venue": "12"}
    content = written("xlsx", "event", [record])
    sheet = openpyxl.load_workbook(io.BytesIO(content))["records"]
    found = {header.value: cell for header, cell in zip(sheet[1], sheet[2], strict=True)}
    for name in ("title", "summary", "title_zh", "venue"):
        assert (found[name].value, found[name].data_type, found[name].hyperlink) in {(record[name], "s", None), (record[name], "inlineStr", None)}
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not any(b"<f>" in parts.read(part) for part in parts.namelist())


def test_a_workbook_says_what_it_cannot_hold(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    record = exported["curated"]["event"][0] | {"summary": "南" * 40000}
    sheet = openpyxl.load_workbook(io.BytesIO(written("xlsx", "event", [record])))["records"]
    [cell] = [cell for header, cell in zip(sheet[1], sheet[2], strict=True) if header.value == "summary"]
    assert cell.value.endswith(workbook.CUT)
    assert len(cell.value) == workbook.MOST_CHARACTERS
    monkeypatch.setattr(workbook, "MOST_ROWS", 10)
    with pytest.raises(TooLarge, match="narrow the query"):
        written("xlsx", "event", exported["synthetic"]["event"])


def test_who_asks_for_more_than_a_workbook_holds_is_told_so(synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 10)
    answer = synthetic.get("/events?format=xlsx")
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["parameter"], error["value"]) == ("format", "xlsx")
    assert "narrow the query" in error["message"]


CHANGES: list[Record] = [
    {
        "release": 3, "kind": "event", "id": "some-event", "change": "changed", "fields": ["title", "date"],
        "reason": "R&D < \x0b\"quotes\" 南沙", "released_at": "2026-11-22T15:00:00Z",
    },
    {"release": 2, "kind": "figure", "id": "some-figure", "change": "added", "fields": None, "reason": None, "released_at": RELEASE.released_at},
]  # fmt: skip


def test_feedparser_reads_the_feed() -> None:
    content = b"".join(FORMATS["atom"].write(context("/changes"), "change", iter(CHANGES)))
    feed = feedparser.parse(content)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.id == "tag:atlas.example,2026:changes/q=vector"
    assert feed.feed.updated == "2026-11-22T15:00:00Z"
    assert {link.rel: link.href for link in feed.feed.links}["self"] == f"{BASE}/changes?q=vector"
    assert "CC BY 4.0" in feed.feed.rights
    assert [entry.id for entry in feed.entries] == [
        "tag:atlas.example,2026:changes/3/event/some-event/changed",
        "tag:atlas.example,2026:changes/2/figure/some-figure/added",
    ]
    assert [entry.updated for entry in feed.entries] == ["2026-11-22T15:00:00Z"] * 2
    assert [entry.link for entry in feed.entries] == [f"{BASE}/events/some-event", f"{BASE}/figures/some-figure"]
    assert [entry.summary for entry in feed.entries] == ['Release 3. Fields: title, date. R&D < "quotes" 南沙', "Release 2."]
    assert {tag.term for tag in feed.entries[0].tags} == {"event", "changed"}
    empty = feedparser.parse(b"".join(FORMATS["atom"].write(context("/changes"), "change", iter([]))))
    assert not empty.bozo
    assert empty.entries == []


@pytest.mark.parametrize(
    ("query", "frozen"),
    [
        ("", "as_of=7"),
        ("region=cn-bj&q=%E6%B8%85%20%26%20x&cursor=abc&as_of=1&limit=5", "region=cn-bj&q=%E6%B8%85%20%26%20x&as_of=7&limit=5"),
        ("b=1&&%63ursor=x&%61s_of=2026-01&a=as_of", "b=1&as_of=7&a=as_of"),
    ],
)
def test_a_query_is_frozen_and_otherwise_left_as_it_is(query: str, frozen: str) -> None:
    assert pinned(context("/figures", query)).query == frozen


def test_a_path_without_as_of_gets_none() -> None:
    assert pinned(context("/changes", "since=2&cursor=abc"), takes_as_of=False).query == "since=2"


def test_an_answer_is_cited_at_its_release() -> None:
    found = cite(context("/figures", "q=%E6%B8%85%20%26%20x&as_of=7"))
    url = f"{BASE}/figures?q=%E6%B8%85%20%26%20x&as_of=7"
    assert found["footnote"] == f"CGT Atlas, release 7 of 2026-11-22, figures, {url}, CC BY 4.0."
    library = parse_string(found["bibtex"])
    assert not library.failed_blocks
    [entry] = library.entries
    assert entry["url"] == url
    assert (entry["year"], entry["month"], entry["day"]) == ("2026", "nov", "22")
    assert found["csl"]["URL"] == url
    assert found["csl"]["id"] == entry.key
    assert json.loads(json.dumps(found)) == found
    assert found["csl"]["id"] != cite(context("/figures", "as_of=7"))["csl"]["id"]
