"""The calendar, read by icalendar."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from app.formats import FORMATS, Record
from app.vocabulary import EVENT_TYPE, TOPIC
from tests.test_formats import RELEASE, SETS, Exported, written


def read(content: bytes) -> dict[str, Any]:
    calendar = Calendar.from_ical(content)
    assert not calendar.errors
    assert calendar["X-WR-CALNAME"] == "CGT Atlas: events"
    events = list(calendar.walk("VEVENT"))
    assert not any(event.errors for event in events)
    assert len({str(event["UID"]) for event in events}) == len(events)
    return {str(event["UID"]).removesuffix("@cgt-atlas"): event for event in events}


def event(edtf: str, earliest: str | None, latest: str | None, precision: str, **more: Any) -> Record:
    plain: Record = {
        "id": "some-event", "kind": "event", "type": "conference", "status": "held", "title": "A title", "summary": "A summary.",
        "date": {"edtf": edtf, "earliest": earliest, "latest": latest, "precision": precision},
        "region": None, "venue": None, "parent": None, "topics": [], "release": 3, "citations": [],
    }  # fmt: skip
    return plain | more


@pytest.mark.parametrize("name", SETS)
def test_events_read_back(exported: Exported, name: str) -> None:
    records = exported[name]["event"]
    content = written("ics", "event", records)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    found = read(content)
    assert list(found) == [record["id"] for record in records if record["date"]]
    for record in records:
        if not record["date"]:
            continue
        entry, span = found[record["id"]], record["date"]
        assert str(entry["SUMMARY"]).startswith(record["title"])
        assert entry.decoded("DTSTAMP") == RELEASE.released_at
        start, end = entry.decoded("DTSTART"), entry.decoded("DTEND")
        assert type(start) is type(end) is date
        assert start.isoformat() == (span["earliest"] or span["latest"])
        assert (end - timedelta(days=1)).isoformat() == (span["latest"] or span["earliest"])
        exact = re.fullmatch(r"[\d-]{10}(/[\d-]{10})?", span["edtf"]) is not None
        assert entry["STATUS"] == ("CONFIRMED" if exact else "TENTATIVE")
        description = str(entry["DESCRIPTION"])
        assert description.startswith(record["summary"])
        assert exact or span["edtf"] in description
        assert all(citation["source"]["title"] in description for citation in record["citations"])
        assert str(entry["URL"]) == f"https://atlas.example/events/{record['id']}"
        assert entry["CATEGORIES"].cats == list(dict.fromkeys([EVENT_TYPE[record["type"]].name, *(TOPIC[topic].name for topic in record["topics"])]))
        assert str(entry.get("LOCATION", "")) == ", ".join(filter(None, (record["venue"], record["region"] and record["region"]["name"])))
        assert str(entry.get("RELATED-TO", "")) == (f"{record['parent']['id']}@cgt-atlas" if record["parent"] else "")


@pytest.mark.parametrize(
    ("edtf", "earliest", "latest", "precision", "words", "status"),
    [
        ("2024-05-17", "2024-05-17", "2024-05-17", "day", None, "CONFIRMED"),
        ("2024-06-01/2024-06-03", "2024-06-01", "2024-06-03", "range", None, "CONFIRMED"),
        ("2024-05-17~", "2024-05-17", "2024-05-17", "day", "about 2024-05-17", "TENTATIVE"),
        ("2024-05-17?", "2024-05-17", "2024-05-17", "day", "2024-05-17, uncertain", "TENTATIVE"),
        ("2024", "2024-01-01", "2024-12-31", "year", "some day or all of 2024", "TENTATIVE"),
        ("2023~", "2023-01-01", "2023-12-31", "year", "about some day or all of 2023", "TENTATIVE"),
        ("2024-33", "2024-01-01", "2024-03-31", "quarter", "some day or all of 2024-01-01 to 2024-03-31", "TENTATIVE"),
        ("2024-05/2024-06", "2024-05-01", "2024-06-30", "range", "some day or all of 2024-05-01 to 2024-06-30", "TENTATIVE"),
        ("[2023-11-01..2024-02-29]", "2023-11-01", "2024-02-29", "range", "some day within 2023-11-01 to 2024-02-29", "TENTATIVE"),
        ("[..2024-06-30]", None, "2024-06-30", "bound", "not after 2024-06-30", "TENTATIVE"),
        ("[2024-02-01..]", "2024-02-01", None, "bound", "not before 2024-02-01", "TENTATIVE"),
        ("2024-02-01/..", "2024-02-01", None, "bound", "from 2024-02-01 on, end open", "TENTATIVE"),
    ],
)
def test_what_is_uncertain_says_so(edtf: str, earliest: str, latest: str, precision: str, words: str | None, status: str) -> None:
    entry = read(written("ics", "event", [event(edtf, earliest, latest, precision)]))["some-event"]
    assert str(entry["SUMMARY"]) == "A title" + (f" ({words})" if words else "")
    assert entry["STATUS"] == status
    assert ("drawn on the only day that is known" in entry["DESCRIPTION"]) == (None in {earliest, latest})
    assert entry.decoded("DTEND") - entry.decoded("DTSTART") >= timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "wanted"), [("cancelled", "CANCELLED"), ("postponed", "TENTATIVE"), ("announced", "TENTATIVE"), ("scheduled", "CONFIRMED")]
)
def test_status_of_an_exact_day(status: str, wanted: str) -> None:
    record = event("2024-05-17", "2024-05-17", "2024-05-17", "day", status=status)
    assert read(written("ics", "event", [record]))["some-event"]["STATUS"] == wanted


def test_the_last_day_there_is() -> None:
    entry = read(written("ics", "event", [event("9999-12-31", "9999-12-31", "9999-12-31", "day")]))["some-event"]
    assert entry.decoded("DTSTART") == date.max


def test_no_events_make_a_calendar() -> None:
    assert read(written("ics", "event", [])) == {}
    assert FORMATS["ics"].kinds == ("event",)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n,;:\\\"'"), min_size=1).filter(lambda text: text.strip() == text)


@given(texts, texts)
@example("BEGIN:VEVENT\nEND:VCALENDAR", "a\\nb\\,c\\;d\\\\")
@example("南沙" * 60, "x" * 74 + "é")
def test_any_text_reads_back(title: str, summary: str) -> None:
    record = event("2024-05-17", "2024-05-17", "2024-05-17", "day", title=title, summary=summary, venue=title)
    content = written("ics", "event", [record])
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    entry = read(content)["some-event"]
    assert str(entry["SUMMARY"]) == title
    assert str(entry["LOCATION"]) == title
    assert str(entry["DESCRIPTION"]).startswith(f"{summary}\n")
