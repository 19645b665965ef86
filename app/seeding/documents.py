"""The held documents: whether they are the ones the curators read, and where each anchor stands in them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.seeding.dataset import Dataset
from app.seeding.entries import CitationForm, RecordForm
from app.seeding.files import Mistake


@dataclass(frozen=True, slots=True)
class Passage:
    """The one passage that a citation's anchor names; the span is in code points of the document."""

    record: RecordForm
    index: int
    citation: CitationForm
    start: int
    end: int
    text: str


def texts(data: Dataset, folder: Path) -> tuple[dict[str, str], list[Mistake]]:
    """The text of each recorded document, and every document that is missing or another than recorded."""
    if not folder.is_dir():
        return {}, [Mistake(str(folder), 1, "(folder)", "there is no such folder of documents; name the one that holds them")]
    mistakes: list[Mistake] = []
    found: dict[str, str] = {}
    for form in data.documents.values():
        entry = data.entry(form.id)
        try:
            content = (folder / form.name).read_bytes()
            text = content.decode("utf-8")
        except OSError as error:
            mistakes.append(entry.mistake(f"name: {form.name} cannot be read in {folder}: {error.strerror}", "name"))
            continue
        except UnicodeDecodeError as error:
            mistakes.append(entry.mistake(f"name: {form.name} is not UTF-8 (byte {error.start})", "name"))
            continue
        if (digest := hashlib.sha256(content).hexdigest()) != form.sha256:
            mistakes.append(entry.mistake(f"sha256: {form.name} has the hash {digest}; it is not the document that was read", "sha256"))
        elif len(text) != form.length:
            mistakes.append(entry.mistake(f"length: {form.name} has {len(text)} code points, not {form.length}", "length"))
        else:
            found[form.id] = text
    return found, mistakes


def passages(data: Dataset, held: dict[str, str]) -> tuple[list[Passage], list[Mistake]]:
    """The passage of each citation whose document is held, and every anchor that is not found exactly once."""
    found: list[Passage] = []
    mistakes: list[Mistake] = []
    for _, record in data.records():
        for index, citation in enumerate(record.cite):
            source = data.sources.get(citation.source)
            if source is None or source.part is None or source.document not in held:
                continue
            spans = locate(held[source.document][source.part.start : source.part.end], citation.at)
            if len(spans) == 1:
                start, end = (source.part.start + offset for offset in spans[0])
                found.append(Passage(record, index, citation, start, end, held[source.document][start:end]))
                continue
            what = f"is found {len(spans)} times in" if spans else "is not found in"
            where = f" (at {', '.join(str(source.part.start + start) for start, _ in spans)})" if spans else ""
            hint = "make it longer" if spans else "copy it from the document"
            message = f"cite.{index + 1}.at: {citation.at!r} {what} {citation.source!r}{where}; {hint}"
            mistakes.append(data.entry(record.id).mistake(message, "cite", index, "at"))
    return found, mistakes


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
