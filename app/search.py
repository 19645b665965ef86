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

_UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
"""Letters that Unicode does not take apart into a letter and its accent."""


def fold(given: str) -> str:
    """The text without differences of case, accents, width and compatibility, and without what is invisible."""
    if given.isascii():
        return given.casefold()
    decomposed = unicodedata.normalize("NFKD", given).casefold().translate(_UNDECOMPOSED)
    # Accents go, and what is invisible (soft hyphens and zero-width characters, as copied from a page): neither parts a word.
    bare = "".join(character for character in decomposed if not unicodedata.combining(character) and unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFKC", bare)


def is_cjk(run: str) -> bool:
    """Whether a run, or character, is Chinese, Japanese or Korean."""
    return _CJK.match(run) is not None


def words(texts: Iterable[str | None]) -> list[str]:
    """Every word by which a record with these texts can be found, sorted."""
    folded = fold("\n".join(given for given in texts if given))
    runs = RUN.findall(folded)
    if folded.isascii():
        return sorted(set(runs))
    found: set[str] = set()
    for run in runs:
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
