"""`bibtex`: works as BibTeX, for BibTeX and biblatex alike."""

import re
from collections.abc import Iterable, Iterator

from app.formats.context import Context, Record
from app.formats.works import Work, one_line, works

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
"""The macros that every BibTeX style defines."""

# BibTeX counts braces even behind a backslash, so that no brace of a text may be written as one. Mathematics has these
# characters in every font encoding, and readers of BibTeX other than LaTeX know it.
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\ensuremath{\lbrace}",
    "}": r"\ensuremath{\rbrace}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\ensuremath{{{character}}}" for character in "<>|"},
    "`": r"\textasciigrave{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}
_SPECIALS = re.compile("[" + re.escape("".join(_SPECIAL)) + "]")
_LANGUAGES = {"en": "english", "zh": "chinese", "de": "german", "fr": "french", "ja": "japanese", "ko": "korean"}
"""As babel and biblatex name them."""
_TYPES = {"journal-article": ("article", "journal"), "report": ("techreport", "institution")}


def bibtex(context: Context, kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One entry a work, whose key is the source's id."""
    # An at sign would begin an entry also here, outside of all entries.
    yield f"% {context.attribution}: {context.url}".replace("@", "%40").encode() + b"\n"
    for work in works(kind, records):
        yield f"\n{entry(work)}".encode()


def entry(work: Work) -> str:
    """A work as an entry; what is not known is left out."""
    kind, holder = _TYPES.get(work.type, ("misc", "publisher"))
    if work.publisher is None:  # an article must name its journal, a report its institution
        kind, holder = "misc", "publisher"
    values = {
        "title": f"{{{escape(work.title)}}}",
        "titleaddon": escape(work.other_title) if work.other_title else None,
        "author": " and ".join(f"{{{escape(author)}}}" for author in work.authors) or None,
        holder: escape(work.publisher) if work.publisher else None,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in values.items() if value]
    lines += [f"  {name} = {value}" for name, value in _date(work.published)]
    if work.url:
        lines.append(f"  url = {{{verbatim(work.url)}}}")
    if language := _LANGUAGES.get(work.language.split("-")[0]):
        lines.append(f"  langid = {{{language}}}")
    if note := "; ".join(filter(None, ("date approximate" if work.circa and not work.date_note else None, work.date_note))):
        lines.append(f"  note = {{{escape(note[0].upper() + note[1:])}}}")
    return f"@{kind}{{{work.id},\n" + ",\n".join(lines) + "\n}\n"


def _date(published: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    for name, number in zip(("year", "month", "day"), published, strict=False):
        yield name, MONTHS[number - 1] if name == "month" else f"{{{number:04}}}" if name == "year" else f"{{{number}}}"


def escape(text: str) -> str:
    """A text as LaTeX sets it and BibTeX can hold it in braces; no two characters run together into another one, as two hyphens would."""
    return re.sub(r"([-',])(?=\1)", r"\1{}", _SPECIALS.sub(lambda found: _SPECIAL[found[0]], one_line(text)))


def verbatim(url: str) -> str:
    """A URL whose braces, backslashes and spaces are percent-encoded, as it stands unescaped."""
    return re.sub(r"[\\{}\s\x00-\x1f]", lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)
