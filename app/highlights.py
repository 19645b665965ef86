"""Where a record has the words of a query: snippets of its texts with the places of the matches.

The words are those of `app.search`, so that what is marked is what made the record match. Places are counted in the text as it is
served: a ligature, an accented or full-width letter, or a letter with invisible characters within is marked as a whole.
"""

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import WithJsonSchema

from app import search, vocabulary
from app.citations import Number, Shape

LONGEST = 160
"""Code points of a snippet, without ellipses; more only where a single word is longer."""

_FIELDS = {
    "region": ["name", "name_zh"],
    "organisation": ["name", "name_zh", "aliases.*.text", "description"],
    "source": ["title", "title_zh", "publisher.name", "publisher.name_zh", "authors.*", "published.edtf"],
    "event": [
        "title",
        "title_zh",
        "summary",
        "venue",
        "date.edtf",
        "region.name",
        "region.name_zh",
        "organisations.*.organisation.name",
        "organisations.*.organisation.name_zh",
        "people.*.name",
        "people.*.name_zh",
        "products.*.name",
        "products.*.name_zh",
        "products.*.indication",
    ],
    "figure": [
        "subject.name",
        "subject.name_zh",
        "event.title",
        "event.title_zh",
        "region.name",
        "region.name_zh",
        "period.edtf",
        "organisation.name",
        "organisation.name_zh",
        "scope_note",
        "as_stated",
    ],
}


class Span(Shape):
    """A match within a snippet."""

    start: int
    """First code point."""
    end: int
    """Code point after the last one."""


class Highlight(Shape):
    """A field that has words of the query."""

    field: str
    """Path of the field in the record, with the places in lists counted from 0: `people.0.name`."""
    text: str
    """The field's text, or a part of it; an ellipsis stands where it was cut."""
    matches: list[Span]
    """The words of the query in it: sorted, disjoint, at least one."""


class Hit(Shape):
    """A record that has every word of a query."""

    id: str
    """The record's id."""
    kind: Annotated[str, WithJsonSchema({"type": "string", "enum": list(_FIELDS)})]
    """Kind of record."""
    title: str
    """Its title or name; of a figure: metric, subject, region and period, and the number as stated."""
    title_zh: str | None
    """Title or name in Chinese."""
    score: Number
    """Which part of the record's words the query is, from 0 to 1: the more, the closer the record speaks of it."""
    path: str
    """Where the whole record is."""
    release: int
    """The release in which the record last changed."""
    highlights: list[Highlight]
    """Where the words stand; a record found by a name that it does not show itself, such as an alias of a host, may have fewer."""


def hit(record: Mapping[str, Any], q: str, score: float) -> Hit:
    """A record as a query finds it."""
    return Hit(
        id=record["id"],
        kind=record["kind"],
        title=title_of(record),
        title_zh=record.get("title_zh") or record.get("name_zh"),
        score=round(score, 4),
        path=f"/{record['kind']}s/{record['id']}",
        release=record["release"],
        highlights=highlights(fields_of(record), q),
    )


def title_of(record: Mapping[str, Any]) -> str:
    """What a whole record is called; of a figure: metric, subject, event, region and period, and the number as stated."""
    return str(record.get("title") or record.get("name") or _of_figure(record))


def _of_figure(record: Mapping[str, Any]) -> str:
    about = [
        record[field] and record[field][name] for field, name in (("subject", "name"), ("event", "title"), ("region", "name"), ("period", "edtf"))
    ]
    return f"{', '.join([vocabulary.METRIC[record['metric']].name, *filter(None, about)])}: {record['as_stated'] or _amount(record)}"


def _amount(record: Mapping[str, Any]) -> str:
    """The number of a figure with what it would be wrong without: its bound and its unit."""
    if record["value"] is None:
        return f"{record['low']} to {record['high']} {record['unit']}"
    bound = "" if record["qualifier"] == "exact" else f"{vocabulary.SCHEMES['qualifier'][record['qualifier']].name.lower()} "
    return f"{bound}{record['value']} {record['unit']}"


def fields_of(record: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a record, as served and whole, by whose words a query finds it, by the path of their field.

    Not among them, as it does not stand in the record: other names of organisations that it refers to, and the names of its metric.
    """
    return {field: text for path in _FIELDS[record["kind"]] for field, text in _texts(record, path.split("."), ())}


def _texts(value: Any, path: Sequence[str], gone: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if not path:
        yield ".".join(gone), value
    elif path[0] == "*":
        for place, item in enumerate(value):
            yield from _texts(item, path[1:], (*gone, str(place)))
    else:
        yield from _texts(value[path[0]], path[1:], (*gone, path[0]))


def highlights(texts: Mapping[str, str], q: str) -> list[Highlight]:
    """The fields that have at least one word of the query, in the order given, each with the part of its text that has most of them."""
    wanted = frozenset(search.query_words(q))
    found = []
    for field, text in texts.items():
        folded = search.fold(text)
        # To fold letter by letter takes longer; most fields have none of the words.
        if any(word in folded for word in wanted) and (marked := _mark(text, wanted)):
            found.append(Highlight(field=field, text=marked[0], matches=marked[1]))
    return found


class _Piece(NamedTuple):
    """A piece of a text, `end` excluded, and what it folds to."""

    start: int
    end: int
    folded: str


def _mark(text: str, wanted: frozenset[str]) -> tuple[str, list[Span]] | None:
    letters = _letters(text)
    folded = "".join(letter.folded for letter in letters)
    origins = [letter for letter in letters for _ in letter.folded]
    words: list[_Piece] = []
    found: list[_Piece] = []
    for run in search.RUN.finditer(folded):
        start, end = run.span()
        if search.is_cjk(run[0]):
            places = [(first, first + length) for first in range(start, end) for length in (1, 2) if first + length <= end]
        else:
            places = [(start, end)]
            words.append(_Piece(origins[start].start, origins[end - 1].end, run[0]))
        found += [_Piece(origins[first].start, origins[past - 1].end, word) for first, past in places if (word := folded[first:past]) in wanted]
    if not found:
        return None
    start, end = _window(text, found, words, {letter.start for letter in letters})
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    spans: list[Span] = []
    for place in found:
        if place.start < start or place.end > end:
            continue
        if spans and place.start + shift < spans[-1].end:
            spans[-1].end = max(spans[-1].end, place.end + shift)
        else:
            spans.append(Span(start=place.start + shift, end=place.end + shift))
    return before + text[start:end] + after, spans


def _letters(text: str) -> list[_Piece]:
    """The least pieces of a text that fold by themselves: a letter with the accents and invisible characters that follow it.

    Invisible characters at the end of a piece are not counted in.
    """
    found: list[_Piece] = []
    for place, character in enumerate(text):
        own = _fold(character)
        # Few characters join the one before: accents, what is invisible, and parts of syllables (Hangul, Indic vowels).
        if found and (not own or not (character < "\u0300" or "\u3400" <= character <= "\u9fff")):
            start, end, before = found[-1]
            together = _fold(before + character)
            if together != before + own:
                found[-1] = _Piece(start, place + 1, together)
                continue
            if not own:
                found[-1] = _Piece(start, end if unicodedata.category(character) == "Cf" else place + 1, before)
                continue
        found.append(_Piece(place, place + 1, own))
    return found


@lru_cache(maxsize=4096)
def _fold(text: str) -> str:
    return search.fold(text)


def _window(text: str, found: list[_Piece], words: list[_Piece], bounds: set[int]) -> tuple[int, int]:
    """Start and end of the part to show: the first with most of the words, then most matches, and what stands around them.

    No word of `words` is cut, and no letter, which start at `bounds`, from its accents.
    """
    best, chosen = (0, 0), (0, 0)
    inside: Counter[str] = Counter()
    last = 0
    for first, place in enumerate(found):
        while last < len(found) and (last == first or found[last].end - place.start <= LONGEST):
            inside[found[last].folded] += 1
            last += 1
        if (rank := (len(inside), last - first)) > best:
            best, chosen = rank, (place.start, found[last - 1].end)
        inside[place.folded] -= 1
        if not inside[place.folded]:
            del inside[place.folded]
    start, end = chosen
    room = max(0, LONGEST - (end - start))
    left = max(0, min(start - room // 2, len(text) - (end - start) - room))
    right = min(len(text), left + (end - start) + room)
    if left and (word := _around(words, left)):
        left = min(word.end, start)
    if right < len(text) and (word := _around(words, right)):
        right = max(word.start, end)
    while 0 < left < start and (left not in bounds or text[left].isspace()):
        left += 1
    while end < right < len(text) and (right not in bounds or text[right - 1].isspace()):
        right -= 1
    return left, right


def _around(words: list[_Piece], place: int) -> _Piece | None:
    """The word that a cut at this place would part."""
    before = bisect_left(words, place, key=lambda word: word.start) - 1
    return words[before] if before >= 0 and words[before].end > place else None
