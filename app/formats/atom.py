"""`atom`: what changed, as a feed (RFC 4287)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from app.formats.context import ATTRIBUTION, Context, Record

_MINTED = "2026"
"""The year that the feed's tag URIs (RFC 4151) were minted in; part of what keeps them the same for ever."""


def atom(context: Context, _kind: str, changes: Iterable[Record]) -> Iterator[bytes]:
    """One entry a change: `{release, kind, id, change, fields, reason, released_at}`, in the order in which they come.

    `fields` is a list of names or null, `reason` a text or null, `released_at` ISO 8601 or a datetime with its zone.
    """
    # The namespace is written as it stands, so that the entries, which are written one by one, need not repeat it.
    feed = Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": "en"})
    _text(feed, "id", _tag(context, "changes", context.query))
    _text(feed, "title", f"{ATTRIBUTION}: changes")
    _text(feed, "updated", _moment(context.release.released_at))
    _text(SubElement(feed, "author"), "name", ATTRIBUTION)
    _text(feed, "rights", f"{context.licence} ({context.licence_url}), {ATTRIBUTION}")
    SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": context.url})
    SubElement(feed, "link", {"rel": "license", "href": context.licence_url})
    head, end = tostring(feed, encoding="unicode").rsplit("</feed>", 1)
    yield f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n'.encode()
    for change in changes:
        yield tostring(_entry(context, change), encoding="unicode").encode() + b"\n"
    yield f"</feed>{end}\n".encode()


def _entry(context: Context, change: Record) -> Element:
    kind, identifier, what, release = change["kind"], change["id"], change["change"], change["release"]
    entry = Element("entry")
    _text(entry, "id", _tag(context, "changes", str(release), kind, identifier, what))
    _text(entry, "title", f"{kind} {identifier}: {what}")
    _text(entry, "updated", _moment(change["released_at"]))
    SubElement(entry, "link", {"rel": "alternate", "href": context.of(kind, identifier)})
    for scheme, term in (("kind", kind), ("change", what)):
        SubElement(entry, "category", {"term": term, "scheme": f"tag:{_authority(context)},{_MINTED}:{scheme}"})
    said = [f"Release {release}.", f"Fields: {', '.join(change['fields'])}." if change["fields"] else "", change["reason"] or ""]
    _text(entry, "summary", " ".join(filter(None, said)))
    return entry


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)  # XML has no way to write these


def _tag(context: Context, *parts: str) -> str:
    return f"tag:{_authority(context)},{_MINTED}:{'/'.join(filter(None, parts))}"


def _authority(context: Context) -> str:
    """The host without its port, which a tag URI does not admit."""
    return (urlsplit(context.base_url).hostname or "localhost").replace(":", "-")


def _moment(moment: str | datetime) -> str:
    text = moment.isoformat() if isinstance(moment, datetime) else moment
    return text.replace("+00:00", "Z")
