"""Finding records by words, the same way on SQLite and PostgreSQL.

The first migration makes the index. Both engines store and compare the words made here and do no splitting of their own. Other scripts
give their words, folded in case and stripped of accents; Chinese, Japanese and Korean give their
characters and pairs of neighbours, so that one, two or more characters can be looked up. Whatever
is neither letter nor digit only separates: no operator can be written.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, cast, column, false, func, literal_column, select, table, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

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
    found: set[str] = set()
    for run in (run for given in texts if given for run in RUN.findall(fold(given))):
        if is_cjk(run):
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


def store(connection: Connection, rows: dict[int, list[str]]) -> None:
    """Set the words of versions of records, by their keys; none removes a version from the index."""
    if not rows:
        return
    connection.execute(text("DELETE FROM search WHERE rowid = :key"), [{"key": key} for key in rows])
    as_array = connection.dialect.name == "postgresql"
    filled = [{"key": key, "words": found if as_array else " ".join(found)} for key, found in rows.items() if found]
    if filled:
        connection.execute(text("INSERT INTO search (rowid, words) VALUES (:key, :words)"), filled)


def hits(connection: Connection, q: str) -> Any:
    """The versions of records that have every word of a query, as a table of `version` and `words`, how many it has; none for no words."""
    wanted = query_words(q)
    index = table("search", column("rowid"), column("words", ARRAY(Text())))
    if connection.dialect.name == "sqlite":
        # Words hold letters and digits only, so that nothing in the quotes can be an operator.
        condition: ColumnElement[bool] = literal_column("search").op("MATCH")(" AND ".join(f'"{word}"' for word in wanted))
        stored = cast(index.c.words, Text)
        many: ColumnElement[int] = func.length(stored) - func.length(func.replace(stored, " ", "")) + 1
    else:
        condition = index.c.words.contains(wanted)
        many = func.cardinality(index.c.words)
    return select(index.c.rowid.label("version"), many.label("words")).where(condition if wanted else false()).subquery().c


def matches(connection: Connection, version: ColumnElement[int], q: str) -> ColumnElement[bool]:
    """What holds for the versions of records that have every word of a query."""
    return version.in_(select(hits(connection, q).version))
