"""How to cite an answer, frozen at its release."""

import hashlib
from datetime import datetime
from typing import Any

from app.formats.bibtex import MONTHS, escape, verbatim
from app.formats.context import ATTRIBUTION, Context

_UNPINNED = {"as_of", "cursor"}
"""A page of a list is not what is cited, and an older pin gives way to the new one."""


def pinned(context: Context) -> str:
    """The URL of the answer with `as_of` set to its release, so that it gives the same records later."""
    given = [part for part in context.query.split("&") if part and part.partition("=")[0] not in _UNPINNED]
    return f"{context.base_url}{context.path}?{'&'.join([*given, f'as_of={context.release.id}'])}"


def footnote(context: Context, released_at: datetime, url: str) -> str:
    """The answer in a line of plain text; `released_at` is the release's."""
    subject = context.path.strip("/") or "all data"
    return f"{ATTRIBUTION}, release {context.release.id} of {released_at:%Y-%m-%d}, {subject}, {url}, {context.licence}."


def cite(context: Context, released_at: datetime) -> dict[str, Any]:
    """A footnote in plain text (`footnote`), an entry of BibTeX (`bibtex`) and an item of CSL-JSON (`csl`); `released_at` is the release's."""
    url, release = pinned(context), context.release.id
    key = f"cgt-atlas-{release}-{hashlib.sha256(url.encode()).hexdigest()[:10]}"
    title = f"{ATTRIBUTION}, release {release}"
    subject = context.path.strip("/") or "all data"
    values = {
        "author": f"{{{ATTRIBUTION}}}",
        "title": f"{{{escape(f'{title}: {subject}')}}}",
        "year": f"{released_at.year:04}",
        "day": str(released_at.day),
        "version": str(release),
        "url": verbatim(url),
        "note": escape(f"Licence: {context.licence}"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in values.items()] + [f"  month = {MONTHS[released_at.month - 1]}"]
    return {
        "footnote": footnote(context, released_at, url),
        "bibtex": f"@misc{{{key},\n" + ",\n".join(lines) + "\n}\n",
        "csl": {
            "id": key,
            "type": "dataset",
            "title": f"{title}: {subject}",
            "author": [{"literal": ATTRIBUTION}],
            "issued": {"date-parts": [[released_at.year, released_at.month, released_at.day]]},
            "version": str(release),
            "URL": url,
            "note": f"Licence: {context.licence}",
        },
    }
