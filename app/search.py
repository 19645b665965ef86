"""Finding records by words, the same way on SQLite and PostgreSQL.

The index holds the words made here, see `app.postings`; no engine splits texts of its own. Other scripts
give their words, folded in case and stripped of accents; Chinese, Japanese and Korean give their
characters and pairs of neighbours, so that one, two or more characters can be looked up. Whatever
is neither letter nor digit only separates: no operator can be written.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

CJK = r"\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_CJK = re.compile(rf"[{CJK}]")
RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
"""In a folded text: the longest pieces of letters and digits, of Chinese, Japanese and Korean or of none of them."""

_PLAIN_RUN = re.compile("[a-z0-9]+")

_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode does not take apart into a letter and its accent."""


class _Folding(dict[int, "int | str | None"]):
    """What becomes of each character: accents go, and what is invisible (soft hyphens and zero-width characters, as copied from a page)."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        goes = unicodedata.combining(character) or unicodedata.category(character) == "Cf"
        self[code] = kept = None if goes else code
        return kept


_FOLDING = _Folding(_UNDECOMPOSED)


def fold(given: str) -> str:
    """The text without differences of case, accents, width and compatibility, and without what is invisible."""
    if given.isascii():
        return given.casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", given).casefold().translate(_FOLDING))


def is_cjk(run: str) -> bool:
    """Whether a run, or character, is Chinese, Japanese or Korean."""
    return _CJK.match(run) is not None


def words(texts: Iterable[str | None]) -> list[str]:
    """Every word by which a record with these texts can be found, sorted."""
    given = [text for text in texts if text]
    found = set(_PLAIN_RUN.findall("\n".join(text for text in given if text.isascii()).lower()))
    for run in RUN.findall(fold("\n".join(text for text in given if not text.isascii()))):
        if not run.isascii() and is_cjk(run):
            found.update(run)
            found.update(first + second for first, second in pairwise(run))
        else:
            found.add(run)
    return sorted(found)


def query_words(q: str) -> list[str]:
    """The words that a record must have, all of them, to match a query."""
    found: set[str] = set()
    for run in RUN.findall(fold(q)):
        if is_cjk(run) and len(run) > 1:
            found.update(first + second for first, second in pairwise(run))
        else:
            found.add(run)
    return sorted(found)


def digest(found: list[str]) -> str:
    """SHA-256 of the words, to tell whether they changed."""
    return hashlib.sha256(" ".join(found).encode()).hexdigest()
