"""Reading the passages again: what they do not state is refused, whatever it is; runs where the documents are at hand."""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from app import vocabulary
from app.cli import app as cgt
from app.dates import parse
from app.seeding import completeness, documents, receipts
from app.seeding import load as seeding
from app.seeding.dataset import Dataset
from app.seeding.dataset import read as read_dataset
from app.seeding.entries import FigureForm
from app.seeding.files import SeedError
from app.seeding.quantities import Quantity
from app.settings import Settings
from tests.conftest import SEEDS, Server, load, walk

DOCUMENTS = os.environ.get("CGT_DOCUMENTS")  # read before the tests' own settings hide it
pytestmark = pytest.mark.skipif(DOCUMENTS is None, reason="CGT_DOCUMENTS is not set: the documents are not at hand")
FOLDER = Path(DOCUMENTS or ".")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return seeding.read(SEEDS)


@pytest.fixture
def held(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "documents"))


def refused(data: Dataset, folder: Path = FOLDER) -> list[str]:
    try:
        receipts.verify(data, folder)
    except SeedError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []


def test_every_citation_is_verified_and_the_committed_receipts_say_so(data: Dataset) -> None:
    found = receipts.verify(data, FOLDER)
    assert len(found) == sum(len(record.cite) for _, record in data.records()) == receipts.Standing(data).count()
    assert found == data.receipts  # not even checked_at differs


def test_a_receipt_points_to_the_passage_in_the_document(data: Dataset) -> None:
    texts = {form.sha256: (FOLDER / form.name).read_bytes().decode() for form in data.documents.values()}
    standing = receipts.Standing(data)
    for citation, receipt in ((citation, standing.of(record, citation)) for _, record in data.records() for citation in record.cite):
        assert receipt is not None
        document = data.documents[str(data.sources[citation.source].document)]
        passage = texts[document.sha256][receipt.start : receipt.end]
        assert hashlib.sha256(passage.encode()).hexdigest() == receipt.sha256
        first, _, last = citation.at.partition(" … ")
        assert passage.startswith(first)
        assert passage.endswith(last or first)


def amounts_beside(quantity: Quantity) -> Iterator[tuple[str, Quantity]]:
    """The same amount with its number, scale, unit or qualifier changed, one at a time."""

    def made(value: float, qualifier: str, unit: str) -> Quantity:
        low = None if qualifier in {"nearly", "up-to", "less-than"} else value
        high = None if qualifier in {"more-than", "at-least"} else value
        return Quantity(value, low, high, qualifier, unit)

    value = quantity.value if quantity.value is not None else quantity.low
    assert value is not None
    own = quantity.qualifier if quantity.qualifier != "range" else "exact"
    for number in (value + 1, value * 1.01, -value):
        yield "number", made(number, own, quantity.unit)
    for scale in (1000, 1e-3, 1e4, 10):
        yield "scale", made(value * scale, own, quantity.unit)
    for unit in (*vocabulary.UNIT, "CNY", "USD", "EUR", "HKD", "JPY"):
        # Whether "20" counts persons or things stands in the noun, which the reader leaves open.
        if unit != quantity.unit and not {unit, quantity.unit} <= {"count", "person"}:
            yield "unit", made(value, own, unit) if quantity.qualifier != "range" else Quantity(None, quantity.low, quantity.high, "range", unit)
    for qualifier in vocabulary.QUALIFIER:
        if qualifier not in {quantity.qualifier, "range"}:
            yield "qualifier", made(value, qualifier, quantity.unit)
    if quantity.qualifier == "range":
        yield "number", Quantity(None, quantity.low, (quantity.high or 0) + 1, "range", quantity.unit)


def mutants(record: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(record, FigureForm):
        # A float has no room for 1e17 + 1.
        yield from ((kind, {"value": other}) for kind, other in amounts_beside(record.value) if other != record.value)
    for field in ("period", "date", "published"):
        date = getattr(record, field, None)
        if date is not None:
            for other in ("1999", "2023-04", "2024-33", "2025-09-13", "2031", "[..2030]"):
                if other != date.edtf:
                    yield field, {field: parse(other)}


def test_every_mutant_of_every_value_is_refused(data: Dataset) -> None:
    """What only interpreted citations support is no reading of a machine's: those fields are derived, and counted apart."""
    count: Counter[str] = Counter()
    apart: set[tuple[str, str]] = set()
    for kind, record in data.records():
        literal = {field for citation in record.cite if citation.reading == "literal" for field in citation.supports}
        for what, change in mutants(record):
            (field,) = change
            if field not in literal:
                assert field in {derived.field for derived in record.derived}, (record.id, field)
                apart.add((record.id, field))
                continue
            # Only this record and the sources are read, or the thousands of readings would take minutes.
            alone = Dataset(documents=data.documents, sources=dict(data.sources), entries=data.entries)
            table: Any = alone.table(kind)
            table[record.id] = record.model_copy(update=change)
            complaints = [line for line in refused(alone) if f" {record.id}: " in line]
            assert complaints, f"{record.id}: {what} {change} was not refused"
            count[what] += 1
    assert refused(data) == []
    assert sum(count.values()) > 600
    assert set(count) >= {"number", "scale", "unit", "qualifier", "period", "date"}
    print("mutants refused:", dict(count), "interpreted or derived:", sorted(apart))  # noqa: T201  for `pytest -s`


def edit(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "figures.yaml",
            "value: 1.06 trillion CNY",
            "value: 1.16 trillion CNY",
            "cite.3: value: the passage does not state 1160000000000 CNY; it was read as 1060000000000 CNY; 2024 (no unit)",
        ),
        (
            "figures.yaml",
            "value: nearly 2000 person",
            "value: more than 2000 person",
            "cite.1: value: the passage does not state more-than 2000 person; it was read as nearly 2000 person",
        ),
        ("figures.yaml", "value: 76 billion USD", "value: 76 billion CNY", "does not state 76000000000 CNY; it was read as 76000000000 USD"),
        ("figures.yaml", "  period: 2030\n", "  period: 2035\n", "period: the passage does not state 2035; it was read as 2030"),
        ("figures.yaml", "value: 3 rank\n", "value: 2 rank\n", "value: the passage does not state 2 rank; it was read as"),
        ("figures.yaml", "value: 1 to 2 month", "value: 1 to 3 month", "does not state 1 to 3 month; it was read as 1 to 2 month"),
        ("figures.yaml", "as_stated: one third", "as_stated: a third", "as_stated: the passage does not state 'a third'"),
        ("organisations.yaml", "name: Novartis\n", "name: Pfizer\n", "name: the passage does not state 'Pfizer'; it was read as other words"),
        ("events.yaml", "name: Mark Kay,", "name: Mark Twain,", "people: the passage does not state 'Mark Twain'"),
        ("figures.yaml", "at: to one week", "at: to two weeks", "'to two weeks' is not found in 'e-town-2023-04-28'; copy it from the document"),
        ("figures.yaml", "at: to one week", "at: Beijing E-Town", "'Beijing E-Town' is found 9 times in 'e-town-2023-04-28' (at 370,"),
    ],
)
def test_a_falsified_value_is_told_with_what_was_read(seeds: Path, file: str, old: str, new: str, message: str) -> None:
    edit(seeds, file, old, new)
    assert any(message in line for line in refused(seeding.read(seeds))), refused(seeding.read(seeds))
    with pytest.raises(SeedError):  # and such a citation never loads
        seeding.read(seeds, FOLDER)


def test_another_document_than_the_recorded_one_is_refused(seeds: Path, held: Path) -> None:
    name = "001_2adcdc448a8b6e9a.txt"
    (held / name).write_text((held / name).read_text("utf-8").replace("1.06 trillion", "1.07 trillion"), "utf-8")
    assert any(f"{name} has the hash" in line and "it is not the document that was read" in line for line in refused(seeding.read(seeds), held))
    (held / name).write_bytes(b"\xff\xfe")
    assert any(f"{name} is not UTF-8 (byte 0)" in line for line in refused(seeding.read(seeds), held))
    (held / name).unlink()
    assert any(f"{name} cannot be read in" in line and "No such file" in line for line in refused(seeding.read(seeds), held))
    assert any("there is no such folder of documents" in line for line in refused(seeding.read(seeds), held / "nowhere"))


def test_a_receipt_is_void_when_what_it_vouches_for_changes(databases: Any, seeds: Path) -> None:
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    data = seeding.read(seeds)
    assert receipts.Standing(data).count() == len(data.receipts) - 1
    url = databases.new()
    load(url, seeds)
    with Server(url) as client:
        (citation,) = client.get("/figures/world-cgt-market-size-2030").json()["data"]["citations"]
        assert citation["verification"] == {"status": "unchecked", "checked_at": None}
        assert citation["locator"] is None
        assert len(walk(client, "/events", verification="verified")) == 16
        assert walk(client, "/events", verification="unchecked") == []


@pytest.mark.parametrize("field", ["start", "end", "sha256", "read"])
def test_a_receipt_that_was_edited_is_void(seeds: Path, field: str) -> None:
    path = seeds / "receipts.yaml"
    entries = yaml.safe_load(path.read_text("utf-8"))
    entries[0][field] = {"start": entries[0]["start"] - 1, "end": entries[0]["end"] + 1, "sha256": "0" * 64, "read": ["name: Peking"]}[field]
    path.write_text(yaml.safe_dump(entries, allow_unicode=True), "utf-8")
    data = seeding.read(seeds)
    assert receipts.Standing(data).count() == len(data.receipts) - 1


def test_verify_writes_the_receipts_and_keeps_the_time_of_what_did_not_change(seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CGT_DOCUMENTS", raising=False)
    before = (seeds / "receipts.yaml").read_text("utf-8")
    run = CliRunner().invoke(cgt, ["verify", str(seeds), "--documents", str(FOLDER)])
    assert run.exit_code == 0, run.output
    assert "as they stand in" in run.output
    assert (seeds / "receipts.yaml").read_text("utf-8") == before
    edit(seeds, "figures.yaml", "scope_note: Companies related to cell and gene therapy.", "scope_note: Companies of the field.")
    edit(seeds, "figures.yaml", "at: now more than 20 cell", "at: are now more than 20")
    run = CliRunner().invoke(cgt, ["verify", str(seeds), "--documents", str(FOLDER)])
    assert "written to" in run.output
    changed = [line for line in (seeds / "receipts.yaml").read_text("utf-8").splitlines() if line not in before.splitlines()]
    assert 0 < len(changed) < 10
    assert Settings.model_fields  # the settings of this test are its own


def test_everything_in_the_documents_is_cited_or_left_out_with_a_reason(data: Dataset) -> None:
    held, _ = documents.texts(data, FOLDER)
    passages, _ = documents.passages(data, held)
    assert completeness.check(data, held, passages) == []
    assert all(len(form.reason) > 10 for form, _ in data.left_out)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "left-out.yaml",
            '- {document: doc-nansha-digest, at: "[4]", reason: Points to a paragraph of the article.}\n',
            "",
            "002_c5da72b8c831a689.txt:1: doc-nansha-digest: the number '4' (in ",
        ),
        (
            "organisations.yaml",
            "name: Platinum Life\n",
            "name: Platinum Life\n  aliases: [{text: Experts, language: en, type: alias}]\n",
            "the name 'Experts' (in ",
        ),
        (
            "left-out.yaml",
            'at: "[4]"',
            'at: "[44]"',
            "(entry): at: '[44]' is not found in 'doc-nansha-digest'; copy it from the document",
        ),
    ],
)
def test_what_is_open_is_told(seeds: Path, file: str, old: str, new: str, message: str) -> None:
    edit(seeds, file, old, new)
    data, _ = read_dataset(seeds)
    assert any(message in line for line in refused(data)), refused(data)


def test_without_a_citation_what_it_covered_is_open(seeds: Path) -> None:
    edit(seeds, "figures.yaml", "    - {source: bei-ke-cai-jing-2025-09-13-digest, at: 57 hospitals, supports: [value, subject]}\n", "")
    edit(seeds, "figures.yaml", "at: Haidian District has leveraged … 57 hospitals,", "at: Haidian District has leveraged,")
    data, _ = read_dataset(seeds)
    assert any("the number '57' (in " in line for line in refused(data))
