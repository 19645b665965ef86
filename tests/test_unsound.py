"""Entries that are not of the right form are told alike in YAML and in JSON Lines, with all mistakes of the others."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest

from app.seeding import load as seeding
from app.seeding.files import LINES, SeedError
from tests.edits import KINDS, Files, store, synthetic
from tests.synthetic import write

UNSOUND: dict[str, dict[str, Any]] = {
    "an unknown key": {"nonsense": "x"},
    "an empty name": {"name": "", "title": ""},
    "an id with blanks": {"id": "X Y"},
    "a list for a parent": {"parent": ["a"]},
    "text for citations": {"cite": "words"},
    "a citation of text": {"cite": ["words"]},
    "a citation of lists": {"cite": [{"source": ["x"], "at": "y", "supports": "name", "stated": []}]},
    "a mapping for a region": {"region": {"a": "b"}},
    "a member that is a list": {"members": [["cn"]]},
    "a list for an origin": {"derived_from": ["x"]},
    "a part of words": {"part": {"start": "x", "end": "2"}},
    "a relation of text": {"relative_to": "x"},
    "an organisation that is a list": {"organisations": [["x"]]},
    "a mapping for a document": {"document": {"x": "y"}},
    "what is not there": {"region": "nowhere", "parent": "nowhere", "event": "nowhere", "publisher": "nowhere", "document": "nowhere"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return synthetic(tmp_path_factory.mktemp("files"), 21, 3)


def mistakes(folder: Path) -> set[tuple[str, str, str]]:
    with pytest.raises(SeedError) as error:
        seeding.read(folder)
    return {(Path(mistake.file).stem, mistake.record, mistake.message.removesuffix(LINES).removesuffix(".yaml")) for mistake in error.value.mistakes}


@pytest.mark.parametrize("what", UNSOUND)
@pytest.mark.parametrize("kind", [None, "regions"])
def test_the_mistakes_of_json_lines_are_those_of_yaml(files: Files, what: str, kind: str | None, tmp_path: Path) -> None:
    """In one entry of a kind, and in one of every kind at once."""
    wrong = copy.deepcopy(files)
    for name in [kind] if kind else [*KINDS, "documents"]:
        entry = wrong[name][0]
        entry |= copy.deepcopy(UNSOUND[what])
        if "id" in UNSOUND[what]:  # one that is taken twice would be another mistake
            entry["id"] += f" {name}"
    store(tmp_path / "lines", wrong, random.Random(0))
    write(tmp_path / "yaml", {name: entries for name, entries in wrong.items() if name not in {"gone", "receipts"}})
    assert mistakes(tmp_path / "lines") == mistakes(tmp_path / "yaml")


@pytest.mark.parametrize("kind", ["documents", "regions", "sources", "events"])
def test_mistakes_of_form_are_told_beside_the_held_documents(files: Files, kind: str, tmp_path: Path) -> None:
    wrong = copy.deepcopy(files)
    wrong[kind][0]["nonsense"] = "x"
    store(tmp_path / "lines", wrong, random.Random(0))
    for document in files["documents"]:
        (tmp_path / document["name"]).write_text("a" * 9000, "utf-8")
    with pytest.raises(SeedError) as error:
        seeding.read(tmp_path / "lines", tmp_path)
    assert any(mistake.message.startswith("nonsense: unknown key") for mistake in error.value.mistakes)
