"""Learning where the entries of a file of JSON Lines stand, and who refers to whom; whether they are sound is looked at when they are read."""

from dataclasses import dataclass, field, replace
from functools import partial

from app.seeding import files
from app.seeding.entries import Form
from app.seeding.files import Mistake
from app.seeding.lines import Found, Lines, named, unfit
from app.seeding.links import Links
from app.seeding.portions import Portion, Workers
from app.seeding.postings import rank


@dataclass
class Scanned:
    """What a portion of a file holds."""

    found: Found = field(default_factory=Found)
    links: Links = field(default_factory=Links)
    mistakes: list[Mistake] = field(default_factory=list)
    """Of the lines themselves, numbered from the beginning of the portion."""


def scan(workers: Workers, table: Lines, kind: str, links: Links) -> list[Mistake]:
    """Go through the file of a table, and add its references to `links`; the mistakes of the lines themselves."""
    mistakes: list[Mistake] = []
    try:
        table.path.open("rb").close()
    except OSError as error:
        return [Mistake(table.shown, 1, "(file)", f"cannot be read: {error.strerror}")]
    for scanned in workers.each(partial(_scan, table.shown, table.form, kind), table.path):
        mistakes += [replace(mistake, line=mistake.line + table.lines) for mistake in scanned.mistakes]
        table.take(scanned.found)
        links.join(scanned.links)
    table.whole = not mistakes
    table.sort()
    return mistakes


def _scan(shown: str, form: type[Form], kind: str, portion: Portion) -> Scanned:
    scanned = Scanned()
    for place, content in portion.lines():
        scanned.found.lines += 1
        entry, mistake = files.line(content, shown, scanned.found.lines)
        if mistake is not None:
            scanned.mistakes.append(mistake)
        elif entry is not None and not named(entry):
            scanned.mistakes += unfit(form, entry)
        elif entry is not None:
            scanned.found.add(entry, place, rank(kind, entry.data))
            scanned.links.raw(kind, entry.data)
    return scanned
