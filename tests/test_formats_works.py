"""BibTeX read by bibtexparser, RIS by rispy, and CSL-JSON rendered by a citation processor."""

import json
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import LatexDecodingMiddleware
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON
from hypothesis import example, given
from hypothesis import strategies as st

from app.formats import Record
from app.formats.bibtex import MONTHS, escape
from app.formats.works import certain, one_line, works
from tests.test_formats import KINDS, SETS, Exported, written

WORDS = "published not before 2025-09-14"


def source(**more: Any) -> Record:
    plain: Record = {
        "id": "some-source", "kind": "source", "title": "A title", "title_zh": None,
        "publisher": {"id": "p", "name": "Publisher & Sons", "name_zh": None},
        "authors": [], "url": None, "language": "en", "published": None, "type": "article", "grade": "B", "citations": [],
    }  # fmt: skip
    return plain | more


def span(edtf: str, earliest: str | None, latest: str | None, precision: str = "range") -> Record:
    return {"edtf": edtf, "earliest": earliest, "latest": latest, "precision": precision}


def read_bibtex(content: bytes) -> dict[str, dict[str, str]]:
    library = parse_string(content.decode(), append_middleware=[LatexDecodingMiddleware()])
    assert not library.failed_blocks
    return {entry.key: {"type": entry.entry_type} | {field.key: field.value for field in entry.fields} for entry in library.entries}


def cited_ids(kind: str, records: list[Record]) -> set[str]:
    if kind == "source":
        return {record["id"] for record in records}
    return {citation["source"]["id"] for record in records for one in (record, *record.get("figures", [])) for citation in one["citations"]}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", KINDS)
class TestWorks:
    def test_bibtexparser_reads_bibtex(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        found = read_bibtex(written("bibtex", kind, records))
        assert set(found) == cited_ids(kind, records)
        for work in works(kind, records):
            entry = found[work.id]
            assert entry["title"] == work.title
            assert entry.get("titleaddon") == work.other_title
            assert (entry.get("publisher") or entry.get("journal") or entry.get("institution")) == work.publisher
            assert entry.get("url") == work.url
            date = tuple(MONTHS.index(entry[part]) + 1 if part == "month" else int(entry[part]) for part in ("year", "month", "day") if part in entry)
            assert date == work.published

    def test_rispy_reads_ris(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        found = {entry["id"]: entry for entry in rispy.loads(written("ris", kind, records).decode())}
        assert set(found) == cited_ids(kind, records)
        for work in works(kind, records):
            entry = found[work.id]
            assert "unknown_tag" not in entry
            assert entry["title"] == work.title
            assert entry.get("translated_title") == work.other_title
            assert entry.get("publisher") == work.publisher
            assert entry.get("urls", [None])[0] == work.url
            assert entry["language"] == work.language
            assert entry.get("year") == (f"{work.published[0]:04}" if work.published else None)
            parts = tuple(int(part) for part in entry.get("date", "").split("/") if part)
            assert parts == (work.published if len(work.published) > 1 else ())

    def test_csl_items_are_whole(self, exported: Exported, name: str, kind: str) -> None:
        records = exported[name][kind]
        items = {item["id"]: item for item in json.loads(written("csl", kind, records))}
        assert set(items) == cited_ids(kind, records)
        for work in works(kind, records):
            item = items[work.id]
            assert item["title"] == work.title
            assert item.get("publisher") == work.publisher
            assert item.get("URL") == work.url
            assert item.get("issued", {}).get("date-parts", [[]]) == [list(work.published)]
            assert work.other_title is None or work.other_title in item["note"]


def test_a_citation_processor_renders_the_items(exported: Exported) -> None:
    items = json.loads(written("csl", "source", exported["curated"]["source"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the processor warns of what its own style leaves open
        bibliography = CitationStylesBibliography(
            CitationStylesStyle("harvard-cite-them-right", validate=False), CiteProcJSON(items), formatter.plain
        )
        for item in items:
            bibliography.register(Citation([CitationItem(item["id"])]))
        bibliography.sort()
        rendered = [str(line) for line in bibliography.bibliography()]
    assert len(rendered) == len(items)
    for item in items:
        [line] = [line for line in rendered if item["title"] in line]
        assert item["issued"]["date-parts"][0][0] in map(int, re.findall(r"\d{4}", line)) if "date-parts" in item.get("issued", {}) else True


@pytest.mark.parametrize(
    ("published", "parts", "circa", "note"),
    [
        (None, (), False, None),
        (span("2024-05-17", "2024-05-17", "2024-05-17", "day"), (2024, 5, 17), False, None),
        (span("2024-05", "2024-05-01", "2024-05-31", "month"), (2024, 5), False, None),
        (span("2024", "2024-01-01", "2024-12-31", "year"), (2024,), False, None),
        (span("2023~", "2023-01-01", "2023-12-31", "year"), (2023,), True, "published about some day or all of 2023"),
        (span("2024-33", "2024-01-01", "2024-03-31", "quarter"), (2024,), False, "published some day or all of 2024-01-01 to 2024-03-31"),
        (span("[2023-11-01..2024-02-29]", "2023-11-01", "2024-02-29"), (), False, "published some day within 2023-11-01 to 2024-02-29"),
        (span("[2025-09-12..2025-09-13]", "2025-09-12", "2025-09-13"), (2025, 9), False, "published some day within 2025-09-12 to 2025-09-13"),
        (span("[2025-09-14..]", "2025-09-14", None, "bound"), (), False, WORDS),
    ],
)
def test_no_date_is_made_more_certain(published: Record | None, parts: tuple[int, ...], circa: bool, note: str | None) -> None:
    assert certain(published) == (parts, circa, note)


def test_what_is_not_known_is_left_out() -> None:
    record = source(publisher=None, type="journal-article", published=span("[2025-09-14..]", "2025-09-14", None, "bound"))
    entry = read_bibtex(written("bibtex", "source", [record]))["some-source"]
    assert entry == {"type": "misc", "title": "A title", "langid": "english", "note": WORDS.capitalize()}
    [item] = json.loads(written("csl", "source", [record]))
    assert item == {
        "id": "some-source", "type": "article-journal", "title": "A title", "language": "en",
        "issued": {"literal": "not before 2025-09-14"}, "note": WORDS.capitalize(),
    }  # fmt: skip
    [reference] = rispy.loads(written("ris", "source", [record]).decode())
    assert reference == {"type_of_reference": "JOUR", "id": "some-source", "title": "A title", "language": "en", "notes": [WORDS.capitalize()]}


def test_a_chinese_work_bears_its_chinese_title() -> None:
    record = source(
        title="[The meeting]", title_zh="会议", language="zh", authors=["王五 & Co", "Li, S."], published=span("2024-05", "2024-05-01", "2024-05-31")
    )
    content = written("bibtex", "source", [record]).decode()
    assert "title = {{会议}}" in content
    assert "author = {{王五 \\& Co} and {Li, S.}}" in content
    assert "month = may" in content
    [item] = json.loads(written("csl", "source", [record]))
    assert (item["title"], item["note"]) == ("会议", "Title in the other language: [The meeting]")
    assert item["author"] == [{"literal": "王五 & Co"}, {"literal": "Li, S."}]
    [reference] = rispy.loads(written("ris", "source", [record]).decode())
    assert (reference["title"], reference["translated_title"], reference["authors"]) == ("会议", "[The meeting]", ["王五 & Co", "Li, S."])
    assert reference["date"] == "2024/05//"


def test_a_report_names_its_institution() -> None:
    entry = read_bibtex(written("bibtex", "source", [source(type="report")]))["some-source"]
    assert (entry["type"], entry["institution"]) == ("techreport", "Publisher & Sons")


@pytest.mark.parametrize("format", ["bibtex", "ris", "csl"])
def test_nothing_to_cite(format: str) -> None:
    content = written(format, "event", [])
    readers: dict[str, Callable[[bytes], Any]] = {"bibtex": read_bibtex, "ris": lambda text: rispy.loads(text.decode()), "csl": json.loads}
    found = readers[format](content)
    assert not found


titles = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\{}~^<>|\"`'&%$#_-,@="), min_size=1).filter(
    lambda text: bool(one_line(text))
)


@given(titles, titles)
@example("}\n@misc{evil, title = {x}", "\\input{/etc/passwd}")
@example("50 % of R&D -- it's '' ,, `` ?` !` --- ~ ^", '"quoted" \\"o \\alpha {Nested} $x_1^2$ #1')
def test_bibtex_keeps_any_text(title: str, publisher: str) -> None:
    record = source(title=title, publisher={"id": "p", "name": publisher, "name_zh": None}, url="https://a.example/{x}\\%20@a_b~c")
    found = read_bibtex(written("bibtex", "source", [record]))
    assert list(found) == ["some-source"]
    # The reader shows LaTeX's circumflex as the accent's own character.
    assert found["some-source"]["title"].replace("ˆ", "^") == one_line(title).replace("ˆ", "^")
    assert found["some-source"]["publisher"].replace("ˆ", "^") == one_line(publisher).replace("ˆ", "^")
    assert "url = {https://a.example/%7Bx%7D%5C%20@a_b~c}" in written("bibtex", "source", [record]).decode()
    plain = re.sub(r"\\ensuremath\{(\\[lr]brace|[<>|])\}|\\text[a-z]+\{\}|\{\}", "", escape(title))
    assert not re.search(r"[{}~^<>|`]", plain)
    assert not re.search(r"(?<!\\)[&%$#_]", plain)


@given(titles)
@example("x\nER  - \nTY  - EVIL")
def test_ris_keeps_any_text(title: str) -> None:
    [found] = rispy.loads(written("ris", "source", [source(title=title)]).decode())
    assert found["title"] == one_line(title)
