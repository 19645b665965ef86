"""`ics`: events as a calendar (RFC 5545), in which no uncertain date looks like a certain one."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from app import vocabulary
from app.formats.context import Context, Record
from app.formats.flat import cited

if TYPE_CHECKING:
    from icalendar import Event

_EXACT = re.compile(r"\d{4}-\d{2}-\d{2}(/\d{4}-\d{2}-\d{2})?", re.ASCII)
_UNSETTLED = {"announced", "postponed"}
"""States of an event that may yet fall on another day, or never."""


def ics(context: Context, _kind: str, records: Iterable[Record]) -> Iterator[bytes]:
    """One VEVENT an event that has a date. A calendar has no place for the others, and its description says so."""
    from icalendar import Calendar  # noqa: PLC0415  no start of the service waits for a writer's library
    from icalendar.prop import vText  # noqa: PLC0415

    calendar = Calendar()
    calendar.add("prodid", "-//CGT Atlas//Events//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for name in ("x-wr-calname", "name"):
        calendar.add(name, vText("CGT Atlas: events"))
    about = "Events whose date is not known are left out; uncertain dates are tentative and span all days they admit."
    for name in ("x-wr-caldesc", "description"):
        calendar.add(name, vText(f"{context.attribution}. {context.url} {about}"))
    head, end = calendar.to_ical().split(b"END:VCALENDAR")
    yield head
    for record in records:
        if record["date"] is not None:
            yield _event(context, record).to_ical()
    yield b"END:VCALENDAR" + end


def _event(context: Context, record: Record) -> "Event":
    from icalendar import Event  # noqa: PLC0415
    from icalendar.prop import vUri  # noqa: PLC0415

    span = record["date"]
    first, last = days(span)
    exact = _EXACT.fullmatch(span["edtf"]) is not None
    said = None if exact else in_words(span)
    event = Event()
    event.add("uid", f"{record['id']}@cgt-atlas")
    event.add("dtstamp", context.release.released_at)
    event.add("sequence", record["release"])
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1) if last < date.max else last)
    event.add("transp", "TRANSPARENT")
    event.add("status", _status(record["status"], exact=exact))
    event.add("summary", _clean(record["title"] + (f" ({said})" if said else "")))
    event.add("description", _clean(_description(context, record, said)))
    event.add("url", vUri(context.of("event", record["id"])))
    names = (vocabulary.EVENT_TYPE[record["type"]].name, *(vocabulary.TOPIC[topic].name for topic in record["topics"]))
    event.add("categories", list(dict.fromkeys(names)))  # a type and a topic may share a name
    place = [text for text in (record["venue"], record["region"] and record["region"]["name"]) if text]
    if place:
        event.add("location", _clean(", ".join(place)))
    if record["parent"]:
        event.add("related-to", f"{record['parent']['id']}@cgt-atlas", parameters={"RELTYPE": "PARENT"})
    return event


def days(span: Record) -> tuple[date, date]:
    """First and last day to draw; an open date is drawn on the one day that it names."""
    earliest, latest = (day and date.fromisoformat(day) for day in (span["earliest"], span["latest"]))
    return earliest or latest, latest or earliest


def in_words(span: Record) -> str:
    """What a date says, where it does not name its days: `not after 2025-08-27`."""
    earliest, latest, edtf = span["earliest"], span["latest"], span["edtf"]
    if earliest is None:
        return f"not after {latest}"
    if latest is None:
        return f"not before {earliest}" if "[" in edtf else f"from {earliest} on, end open"
    around = "about " if re.search(r"[~%]", edtf) else ""
    unsure = ", uncertain" if re.search(r"[?%]", edtf) else ""
    plain = edtf.strip("~?%")
    if earliest == latest:
        return f"{around}{earliest}{unsure}"
    if span["precision"] in {"month", "year"} and "/" not in plain and "[" not in plain:
        return f"{around}some day or all of {plain}{unsure}"
    within = "some day within" if "[" in edtf else "some day or all of"
    return f"{around}{within} {earliest} to {latest}{unsure}"


def _status(status: str, *, exact: bool) -> str:
    if status == "cancelled":
        return "CANCELLED"
    return "CONFIRMED" if exact and status not in _UNSETTLED else "TENTATIVE"


def _description(context: Context, record: Record, said: str | None) -> str:
    lines = [record["summary"]] if record["summary"] else []
    if said:
        drawn = "" if record["date"]["earliest"] and record["date"]["latest"] else " It is drawn on the only day that is known."
        lines.append(f"Date: {said} ({record['date']['edtf']}).{drawn}")
    lines.append(f"Status: {vocabulary.EVENT_STATUS[record['status']].name}.")
    sources = dict.fromkeys(map(cited, record["citations"]))
    lines += ["Sources:", *(f"- {source}" for source in sources)] if sources else []
    lines.append(f"{context.attribution}.")
    return "\n".join(lines)


def _clean(text: str) -> str:
    """Without the control characters that RFC 5545 does not admit in text; each kind of line end is one."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", re.sub(r"\r\n?", "\n", text))
