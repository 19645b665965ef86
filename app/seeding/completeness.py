"""What the documents say that nobody cites: every number and date, and every known name, is cited or left out with a reason.

A number or date is covered where it stands in a cited passage; a name is covered in a document once one of its mentions is.
"""

import re
from collections.abc import Iterator

from app.reading import amounts, moments
from app.seeding.dataset import Dataset
from app.seeding.documents import Passage
from app.seeding.files import Mistake


def check(data: Dataset, held: dict[str, str], passages: list[Passage]) -> list[Mistake]:
    """Everything in the held documents that is open, and entries of left-out.yaml that name nothing."""
    mistakes: list[Mistake] = []
    covered = {document: bytearray(len(text)) for document, text in held.items()}
    for passage in passages:
        _mark(covered[str(data.sources[passage.citation.source].document)], passage.start, passage.end)
    for form, entry in data.left_out:
        text = held.get(form.document)
        if text is None:
            continue
        spans = [found.span() for found in re.finditer(re.escape(form.at), text)]
        if not spans:
            mistakes.append(entry.mistake(f"at: {form.at!r} is not found in {form.document!r}; copy it from the document", "at"))
        for start, end in spans:
            _mark(covered[form.document], start, end)
    names = _names(data)
    for document, text in held.items():
        for start, end, what in sorted({*_numbers(text, covered[document]), *_unnamed(text, covered[document], names)}):
            line = text.count("\n", 0, start) + 1
            around = " ".join(text[max(0, start - 20) : end + 20].split())
            message = f"{what} {text[start:end]!r} (in {around!r}) is covered by no citation; cite it, or add it to left-out.yaml with a reason"
            mistakes.append(Mistake(data.documents[document].name, line, document, message))
    return mistakes


def _mark(covered: bytearray, start: int, end: int) -> None:
    covered[start:end] = b"\1" * (end - start)


def _numbers(text: str, covered: bytearray) -> Iterator[tuple[int, int, str]]:
    dates = moments.read(text)
    for moment in dates:
        if not all(covered[moment.start : moment.end]):
            yield moment.start, moment.end, "the date"
    for amount in amounts.read(text, [(moment.start, moment.end) for moment in dates]):
        if not all(covered[amount.start : amount.end]):
            yield amount.start, amount.end, "the number"


def _names(data: Dataset) -> re.Pattern[str]:
    known: set[str] = {person.name for event in data.events.values() for person in event.people}
    for organisation in data.organisations.values():
        known.update(name for name in (organisation.name, organisation.name_zh) if name)
        known.update(alias.text for alias in organisation.aliases)
    for region in data.regions.values():
        known.update(name for name in (region.name, region.name_zh) if name)
    longest_first = sorted(known, key=lambda name: (-len(name), name))
    # A name in Latin script ends where its word does; Chinese has no blanks to end at.
    return re.compile("|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in longest_first) or r"(?!)")


def _unnamed(text: str, covered: bytearray, names: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    mentions: dict[str, list[tuple[int, int]]] = {}
    for found in names.finditer(text):
        mentions.setdefault(found[0], []).append(found.span())
    for spans in mentions.values():
        if not any(all(covered[start:end]) for start, end in spans):
            yield (*spans[0], "the name")
