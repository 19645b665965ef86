"""How to cite an answer, frozen at its release."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from app.formats.bibtex import MONTHS, escape, verbatim
from app.formats.context import ATTRIBUTION, Context, Record


def pinned(context: Context, *, takes_as_of: bool = True) -> Context:
    """The answer with `as_of` set to its release, where its path takes it, so that it gives the same records later.

    A page of a list is not what is cited: the cursor goes. Everything else stays as it is written and where it stands.
    """
    pin = f"as_of={context.release.id}"
    parts: list[str] = []
    for part in filter(None, context.query.split("&")):
        name = unquote_plus(part.partition("=")[0])
        if name != "cursor":
            parts.append(pin if name == "as_of" else part)
    if takes_as_of and pin not in parts:
        parts.append(pin)
    return replace(context, query="&".join(parts))


def footnote(context: Context, title: str | None = None) -> str:
    """The citation of the answer, or of the record of this title, in a line of plain text."""
    release = context.release
    named = f'"{title}", ' if title else ""
    return f"{named}{ATTRIBUTION}, release {release.id} of {release.released_at:%Y-%m-%d}, {_path(context)}, {context.url}, {context.licence}."


def _path(context: Context) -> str:
    return context.path.strip("/") or "all data"


def cite(context: Context, title: str | None = None) -> dict[str, Any]:
    """How to cite the answer at the URL of the context, or the record of this title there: a footnote, BibTeX and CSL-JSON."""
    url, release, day = context.url, context.release.id, context.release.released_at
    key = f"cgt-atlas-{release}-{hashlib.sha256(url.encode()).hexdigest()[:10]}"
    subject = f"{ATTRIBUTION}, release {release}: {title or _path(context)}"
    values = {
        "author": f"{{{ATTRIBUTION}}}",
        "title": f"{{{escape(subject)}}}",
        "year": f"{day.year:04}",
        "day": str(day.day),
        "version": str(release),
        "url": verbatim(url),
        "note": escape(f"Licence: {context.licence}"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in values.items()] + [f"  month = {MONTHS[day.month - 1]}"]
    return {
        "footnote": footnote(context, title),
        "bibtex": f"@misc{{{key},\n" + ",\n".join(lines) + "\n}\n",
        "csl": {
            "id": key,
            "type": "dataset",
            "title": subject,
            "author": [{"literal": ATTRIBUTION}],
            "issued": {"date-parts": [[day.year, day.month, day.day]]},
            "version": str(release),
            "URL": url,
            "note": f"Licence: {context.licence}",
        },
    }


def footnotes(_context: Context, _kind: str, cited: Iterable[Record]) -> Iterator[bytes]:
    """The footnotes of what `cite` found, a line each."""
    for found in cited:
        yield f"{found['footnote']}\n".encode()


def entries(_context: Context, _kind: str, cited: Iterable[Record]) -> Iterator[bytes]:
    """The entries of BibTeX of what `cite` found."""
    for found in cited:
        yield str(found["bibtex"]).encode()


def items(_context: Context, _kind: str, cited: Iterable[Record]) -> Iterator[bytes]:
    """The items of CSL-JSON of what `cite` found, as one array."""
    yield json.dumps([found["csl"] for found in cited], ensure_ascii=False).encode() + b"\n"
