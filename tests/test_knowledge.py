"""`published_before`: what the works published before a day support, and nothing that others say; on both engines."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.formats import FORMATS
from app.models import END, UNDATED
from app.seeding import knowledge
from app.seeding import load as seeding
from app.seeding.dataset import Dataset
from app.seeding.entries import FigureForm
from tests.conftest import SEEDS, walk
from tests.test_errors import problem

DAYS = ["2023-04-28", "2023-04-29", "2025-04", "2025-08-28", "2025-09-13", "2025-09-14", "2025-09-15", "2026", "9999-12-31"]


def latest(citation: dict[str, Any]) -> str:
    """The last day on which the cited work may have been published; beyond all days where that is not known."""
    published = citation["source"]["published"]
    return str(published and published["latest"]) if published and published["latest"] else "unknown"


def cited(record: dict[str, Any], day: str) -> list[str]:
    """The anchors of the citations of works that were certainly published before a day."""
    first = {4: f"{day}-01-01", 7: f"{day}-01"}.get(len(day), day)
    return [citation["anchor"] for citation in record["citations"] if latest(citation) < first]


@pytest.mark.parametrize("kind", ["event", "figure"])
def test_only_what_was_published_by_then_is_cited(kind: str, synthetic: httpx.Client, api: httpx.Client) -> None:
    for client, days in ((api, DAYS), (synthetic, ["2023-12-31", "2024-05", "2024-06-04", "2025", "2026"])):
        whole = walk(client, f"/{kind}s")
        assert not any(record["unsupported"] for record in whole)
        for day in days:
            known = {record["id"]: record for record in walk(client, f"/{kind}s", published_before=day)}
            for record in whole:
                anchors = cited(record, day)
                shown = known.get(record["id"])
                if shown is not None:
                    assert [citation["anchor"] for citation in shown["citations"]] == anchors != []
            assert known.keys() <= {record["id"] for record in whole}


def test_what_is_not_supported_is_empty_and_named(api: httpx.Client) -> None:
    whole = api.get("/events/csgct-annual-meeting-2025").json()["data"]
    after = api.get("/events/csgct-annual-meeting-2025", params={"published_before": "2025-09-15"}).json()["data"]
    # On the 13th only a stamp was to be read, which supports no more than the day, and that not alone.
    problem(api.get("/events/csgct-annual-meeting-2025?published_before=2025-09-14"), 404, "not-found")
    # The report of the 14th names place and hosts, but the days only with the dateline of another.
    assert after["status"] == "held"
    assert after["region"] == whole["region"]
    assert {"date", "organisations"} <= set(after["unsupported"])
    assert whole["date"]["edtf"] == "2025-09-12/2025-09-13"


def test_filters_facets_and_words_go_by_what_was_known(api: httpx.Client) -> None:
    asked = {"published_before": "2025-09-14"}
    held = walk(api, "/events", status="held", **asked)
    assert "csgct-annual-meeting-2025" not in {event["id"] for event in held}
    answer = api.get("/events", params={**asked, "facets": "status,region"}).json()
    everything = walk(api, "/events", **asked)
    assert sum(bucket["count"] for bucket in answer["facets"]["status"]) == len(everything) == answer["page"]["total"]
    assert {bucket["value"] for bucket in answer["facets"]["status"]} == {event["status"] for event in everything}
    found = walk(api, "/events", q="two-day", **asked)
    assert found == []  # the word stands in a summary that tells more than was known
    assert walk(api, "/events", q="two-day")


def views(data: Dataset, form: FigureForm) -> list[Any]:
    """The views of a figure that stands in the place of another."""
    return list(knowledge.Knowledge(replace(data, figures={**data.figures, form.id: form})).views(form))


def test_a_number_falls_back_to_what_the_works_state() -> None:
    """The record follows a later work; before it, what an earlier one states is the number."""
    data = seeding.read(SEEDS)
    form = data.figures["cn-bj-health-industry-output-2024"]
    early, late = "china-daily-2025-09-14", "hua-xia-shi-bao-2025-03-31"
    first = next(citation for citation in form.cite if citation.source == early and "value" in citation.supports)
    supports = [field for field in first.supports if field != "value"] or ["basis"]
    other = first.model_copy(update={"source": late, "supports": [*{*supports, "basis"}], "stated": {"value": "9 billion USD"}})
    known, *_, whole = views(data, form.model_copy(update={"cite": [other, *form.cite]}))
    assert (known.seen_from, known.seen_until) == (date(2025, 4, 1), date(2025, 9, 15))
    assert known.form.value.unit == "USD"
    assert known.form.value.value == 9e9
    assert known.form.as_stated == "9 billion USD"
    (kept,) = known.form.cite
    assert "value" in kept.supports
    assert kept.stated == {}
    assert whole.form.value == form.value
    assert whole.seen_until == END


def test_a_figure_of_unknown_value_or_basis_is_not_there() -> None:
    data = seeding.read(SEEDS)
    form = data.figures["cn-bj-health-industry-output-2024"]
    first = next(citation for citation in form.cite if citation.source == "china-daily-2025-09-14")
    early = first.model_copy(update={"source": "hua-xia-shi-bao-2025-03-31", "supports": ["region"], "stated": {}})
    found = views(data, form.model_copy(update={"cite": [early, *form.cite]}))
    assert [view.seen_from for view in found] == [date(2025, 9, 15), UNDATED]


def test_views_follow_each_other_without_a_gap() -> None:
    data = seeding.read(SEEDS)
    held = knowledge.Knowledge(data)
    for form in [*data.events.values(), *data.figures.values()]:
        found: list[Any] = held.views(form)
        assert found[-1].seen_until == END
        assert found[-1].form is form
        for view, following in pairwise(found):
            assert view.seen_from < view.seen_until == following.seen_from


def test_a_work_counts_when_its_last_possible_day_is_over() -> None:
    data = seeding.read(SEEDS)
    assert knowledge.seen(data, "china-daily-2025-09-14") == date(2025, 9, 14) + timedelta(days=1)
    assert knowledge.seen(data, "bei-ke-cai-jing-2025-09-13-digest") == UNDATED  # open: not before that day
    assert knowledge.seen(data, "packgene-about") == UNDATED


def test_a_record_that_nothing_supported_yet_is_told_from_one_that_never_was(api: httpx.Client) -> None:
    detail = problem(api.get("/figures/world-cgt-market-size-2030?published_before=2025-Q1"), 404, "not-found")["detail"]
    assert detail == "No work published before 2025-Q1 supports the figure 'world-cgt-market-size-2030'."
    problem(api.get("/figures?published_before=soon"), 422, "invalid-request")
    problem(api.get("/organisations?published_before=2025"), 422, "invalid-request")


def test_series_hold_what_was_known(api: httpx.Client) -> None:
    points = {point["figure"]["id"] for series in walk(api, "/figures/series", published_before="2025-09-15") for point in series["points"]}
    assert points == {figure["id"] for figure in walk(api, "/figures", published_before="2025-09-15")}


@pytest.mark.parametrize("kind", ["event", "figure"])
def test_every_format_holds_what_was_known(kind: str, api: httpx.Client) -> None:
    """What is empty then is never so in a whole record: summaries, numbers as stated, dates."""
    known = {record["id"] for record in walk(api, f"/{kind}s", published_before="2025-09-14")}
    for format in FORMATS.values():
        if kind in format.kinds:
            answer = api.get(f"/{kind}s", params={"published_before": "2025-09-14", "format": format.id})
            assert answer.status_code == 200, format.id
            if format.id in {"ndjson", "csv", "tidy"}:
                assert all(identifier in answer.text for identifier in known)


@pytest.mark.parametrize("day", DAYS)
def test_nothing_refers_to_what_was_not_known(day: str, api: httpx.Client) -> None:
    events = {event["id"]: event for event in walk(api, "/events", published_before=day)}
    figures = {figure["id"]: figure for figure in walk(api, "/figures", published_before=day)}
    for event in events.values():
        assert {child["id"] for child in event["children"]} == {
            other["id"] for other in events.values() if other["parent"] and other["parent"]["id"] == event["id"]
        }
        assert event["parent"] is None or event["parent"]["id"] in events
        assert event["figures"] == [figures[figure["id"]] for figure in event["figures"]]
        assert {figure["id"] for figure in event["figures"]} == {
            figure["id"] for figure in figures.values() if figure["event"] and figure["event"]["id"] == event["id"]
        }
        supported = {field for citation in event["citations"] for field in citation["supports"]}
        assert supported - set(event["unsupported"]), event["id"]
    for figure in figures.values():
        assert figure["event"] is None or figure["event"]["id"] in events
        other = figure["relative_to"] and figure["relative_to"]["figure"]
        assert other is None or other["id"] in figures


def test_a_number_and_its_period_come_from_one_work() -> None:
    data = seeding.read(SEEDS)
    form = data.figures["cn-bj-health-industry-output-2024"]
    first = next(citation for citation in form.cite if "value" in citation.supports)
    stating = first.model_copy(update={"source": "e-town-2023-04-28", "supports": ["basis"], "stated": {"value": "9 billion USD", "period": "2022"}})
    other = first.model_copy(update={"source": "hua-xia-shi-bao-2025-03-31", "supports": ["period"], "stated": {}})
    _, both, *_ = views(data, form.model_copy(update={"cite": [stating, other, *form.cite]}))
    assert (both.form.value.value, both.form.period.edtf) == (9e9, "2022")
    assert both.form.cite[1].stated == {"period": "2024"}
    assert both.form.cite[1].supports == []
