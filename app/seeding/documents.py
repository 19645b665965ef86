"""The held documents: whether they are the ones the curators read, and where each anchor stands in them."""

import hashlib
from pathlib import Path

from app.seeding.dataset import Dataset
from app.seeding.files import Mistake


def check(data: Dataset, folder: Path) -> list[Mistake]:
    """Every document that is missing or another than recorded, and every anchor that is not found exactly once."""
    if not folder.is_dir():
        return [Mistake(str(folder), 1, "(folder)", "there is no such folder of documents; name the one that holds them")]
    mistakes: list[Mistake] = []
    texts: dict[str, str] = {}
    for form in data.documents.values():
        entry = data.entries[form.id]
        try:
            content = (folder / form.name).read_bytes()
            text = content.decode("utf-8")
        except OSError as error:
            mistakes.append(entry.mistake(f"name: {form.name} cannot be read in {folder}: {error.strerror}", "name"))
            continue
        except UnicodeDecodeError as error:
            mistakes.append(entry.mistake(f"name: {form.name} is not UTF-8 (byte {error.start})", "name"))
            continue
        if (found := hashlib.sha256(content).hexdigest()) != form.sha256:
            mistakes.append(entry.mistake(f"sha256: {form.name} has the hash {found}; it is not the document that was read", "sha256"))
        elif len(text) != form.length:
            mistakes.append(entry.mistake(f"length: {form.name} has {len(text)} code points, not {form.length}", "length"))
        else:
            texts[form.id] = text
    return mistakes + _anchors(data, texts)


def _anchors(data: Dataset, texts: dict[str, str]) -> list[Mistake]:
    mistakes = []
    for _, record in data.records():
        for index, citation in enumerate(record.cite):
            source = data.sources.get(citation.source)
            if source is None or source.part is None or source.document not in texts:
                continue
            text = texts[source.document][source.part.start : source.part.end]
            spans = locate(text, citation.at)
            if len(spans) != 1:
                found = "is not found in" if not spans else f"is found {len(spans)} times in"
                hint = "copy it from the document" if not spans else "make it longer"
                message = f"cite.{index + 1}.at: {citation.at!r} {found} {citation.source!r}; {hint}"
                mistakes.append(data.entries[record.id].mistake(message, "cite", index, "at"))
    return mistakes


def locate(text: str, anchor: str) -> list[tuple[int, int]]:
    """The spans of a text that an anchor names, in code points: the phrase, or the nearest last words after each first ones."""
    first, ellipsis, last = anchor.partition(" … ")
    spans = []
    start = text.find(first)
    while start >= 0:
        end = start + len(first)
        if ellipsis:
            following = text.find(last, end)
            end = following + len(last) if following >= 0 else -1
        if end >= 0:
            spans.append((start, end))
        start = text.find(first, start + 1)
    return spans
