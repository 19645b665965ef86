"""Releases, what each changed, and records as they were; on both engines."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, text, update

from app import chosen, database, revisions
from app.models import Change, Redaction, Release, columns
from app.seeding.changes import difference
from tests.conftest import SEEDS, Databases, Server, load, walk
from tests.test_errors import problem
from tests.test_load import drop_entry, edit

FIGURE = "world-cgt-market-size-2030"


def aged(url: str, days: dict[int, str]) -> None:
    """Set when releases were made."""
    engine = database.connect(url)
    with engine.begin() as connection:
        for number, day in days.items():
            moment = datetime.fromisoformat(f"{day}T12:00:00+00:00")
            connection.execute(update(Release).where(columns(Release).id == number).values(released_at=moment))
    engine.dispose()


def retire_some(folder: Path) -> list[str]:
    """Retire a figure and merge an organisation; the ids."""
    identifier = sorted(record for record in (folder / "figures.yaml").read_text("utf-8").split("- id: ")[1:] if record)[0].split("\n")[0]
    drop_entry(folder, "figures.yaml", identifier)
    drop_entry(folder, "organisations.yaml", "celartics-biopharma")
    (folder / "retired.yaml").write_text(
        "- {id: celartics-biopharma, kind: organisation, reason: One body., merged_into: platinum-life}\n"
        f"- {{id: {identifier}, kind: figure, reason: Not to be kept.}}\n",
        "utf-8",
    )
    return [identifier, "celartics-biopharma"]


@pytest.fixture(scope="module")
def history(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """Four releases: the curated data; a figure's value; a figure withdrawn and an organisation merged; the figure back again."""
    folder = Path(shutil.copytree(SEEDS, tmp_path_factory.mktemp("history") / "seeds"))
    url = databases.new()
    load(url, folder)
    edit(folder, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(url, folder)
    before = (folder / "figures.yaml").read_text("utf-8"), (folder / "floors.yaml").read_text("utf-8")
    withdrawn, _ = retire_some(folder)
    load(url, folder)
    (folder / "figures.yaml").write_text(before[0], "utf-8")
    retired = (folder / "retired.yaml").read_text("utf-8").splitlines()[0] + "\n"
    (folder / "retired.yaml").write_text(retired, "utf-8")
    load(url, folder)
    aged(url, {1: "2026-01-10", 2: "2026-02-10", 3: "2026-03-10", 4: "2026-04-10"})
    with Server(url) as client:
        yield client, withdrawn


def test_releases_are_listed_with_what_they_changed(history: tuple[httpx.Client, str]) -> None:
    client, _ = history
    releases = walk(client, "/releases", limit=1)
    assert [release["id"] for release in releases] == [4, 3, 2, 1]
    assert releases[3]["changes"]["figure"] == {"insert": 24}
    assert releases[2]["changes"] == {"figure": {"update": 1}}
    assert releases[1]["changes"]["organisation"]["merge"] == 1
    assert releases[1]["changes"]["figure"]["withdraw"] == 1
    assert releases[0]["changes"]["figure"]["insert"] == 1
    assert client.get("/releases").json()["release"]["digest"] == releases[0]["digest"]


def test_a_change_tells_each_field_before_and_after(history: tuple[httpx.Client, str]) -> None:
    client, withdrawn = history
    (change,) = walk(client, "/changes", since="1", kind="figure", change="update", limit=200)[:1]
    assert (change["release"], change["kind"], change["id"], change["change"], change["reason"]) == (2, "figure", FIGURE, "update", None)
    assert change["fields"]["value"] == {"from": 76e9, "to": 77e9}
    assert set(change["fields"]) >= {"value", "low", "high", "spread.min", "spread.max"}
    assert "release" not in change["fields"]
    merged = walk(client, "/changes", change="merge")
    assert [(row["id"], row["fields"], row["reason"]) for row in merged] == [
        ("celartics-biopharma", {"merged_into": {"from": None, "to": "platinum-life"}}, "One body.")
    ]
    gone = walk(client, "/changes", change="withdraw")
    assert [(row["id"], row["fields"], row["reason"]) for row in gone] == [(withdrawn, {}, "Not to be kept.")]
    assert [row["id"] for row in walk(client, "/changes", since="3", change="insert")] == [withdrawn]


def test_the_changes_applied_in_order_make_what_is_there(history: tuple[httpx.Client, str]) -> None:
    """Whoever follows the changes has the same records as whoever reads them all."""
    client, _ = history
    followed: set[str] = set()
    for change in walk(client, "/changes", limit=7):
        if change["change"] == "insert":
            assert change["id"] not in followed
            followed.add(change["id"])
        elif change["change"] == "update":
            assert change["id"] in followed
        else:
            followed.remove(change["id"])
    there = {record["id"] for path in ("/events", "/figures", "/organisations", "/regions", "/sources") for record in walk(client, path)}
    assert followed == there


@pytest.mark.parametrize(
    ("since", "releases"),
    [("0", {1, 2, 3, 4}), ("1", {2, 3, 4}), ("4", set()), ("2026-02-10", {2, 3, 4}), ("2026-02-11", {3, 4}), ("2026-Q2", {4}), ("2026-12", set())],
)
def test_changes_since_a_release_or_a_day(history: tuple[httpx.Client, str], since: str, releases: set[int]) -> None:
    assert {change["release"] for change in walk(history[0], "/changes", since=since)} == releases


def test_the_history_of_a_record(history: tuple[httpx.Client, str]) -> None:
    client, withdrawn = history
    assert [(row["release"], row["change"]) for row in walk(client, f"/figures/{FIGURE}/history")] == [(1, "insert"), (2, "update")]
    assert [(row["release"], row["change"]) for row in walk(client, f"/figures/{withdrawn}/history", limit=1)] == [
        (1, "insert"),
        (3, "withdraw"),
        (4, "insert"),
    ]
    assert [row["change"] for row in walk(client, "/organisations/celartics-biopharma/history")][-1] == "merge"
    for path in ("/events/csgct-annual-meeting-2025", "/regions/cn-bj", "/sources/china-daily-2025-09-14"):
        assert walk(client, f"{path}/history")[0]["change"] == "insert"
    problem(client.get("/figures/nothing/history"), 404, "not-found")
    problem(client.get(f"/events/{FIGURE}/history"), 404, "not-found")


@pytest.mark.parametrize(
    ("as_of", "value", "release"),
    [("1", 76e9, 1), ("2", 77e9, 2), ("4", 77e9, 4), ("2026-01-10", 76e9, 1), ("2026-02-09", 76e9, 1), ("2026-02", 77e9, 2), ("9999-12-31", 77e9, 4)],
)
def test_a_record_as_it_was(history: tuple[httpx.Client, str], as_of: str, value: float, release: int) -> None:
    answer = history[0].get(f"/figures/{FIGURE}", params={"as_of": as_of}).json()
    assert answer["data"]["value"] == value
    assert answer["release"]["id"] == release
    assert history[0].get(f"/figures/{FIGURE}", params={"as_of": as_of, "fields": "value"}).json()["data"] == {"value": value}


def test_what_was_withdrawn_or_merged_is_found_where_it_still_was(history: tuple[httpx.Client, str]) -> None:
    client, withdrawn = history
    assert client.get(f"/figures/{withdrawn}?as_of=2").json()["data"]["release"] == 1
    assert "Not to be kept." in problem(client.get(f"/figures/{withdrawn}?as_of=3"), 410, "gone")["detail"]
    assert client.get(f"/figures/{withdrawn}?as_of=4").status_code == 200
    assert client.get("/organisations/celartics-biopharma?as_of=2").status_code == 200
    moved = client.get("/organisations/celartics-biopharma?as_of=3")
    assert moved.headers["location"] == "/organisations/platinum-life?as_of=3"


@pytest.mark.parametrize("as_of", ["0", "2025-12", "0001-01-01"])
def test_before_the_first_release_there_was_nothing_and_that_is_said(history: tuple[httpx.Client, str], as_of: str) -> None:
    detail = problem(history[0].get(f"/figures/{FIGURE}", params={"as_of": as_of}), 404, "not-found")["detail"]
    assert detail == f"There was no figure '{FIGURE}' by then, before the first release; it came with release 1."


@pytest.mark.parametrize("kind", ["event", "figure", "organisation", "region", "source"])
def test_a_list_as_of_a_release_is_what_the_changes_up_to_it_left(history: tuple[httpx.Client, str], kind: str) -> None:
    client, _ = history
    changes = [change for change in walk(client, "/changes") if change["kind"] == kind]
    for number in range(5):
        left: dict[str, str] = {}
        for change in changes:
            if change["release"] <= number:
                left[change["id"]] = change["change"]
        there = sorted(identifier for identifier, change in left.items() if change in {"insert", "update"})
        records = walk(client, f"/{kind}s", as_of=str(number), limit=7)
        assert sorted(record["id"] for record in records) == there
        for record in records:
            assert record == client.get(f"/{kind}s/{record['id']}", params={"as_of": str(number)}).json()["data"]
    assert walk(client, f"/{kind}s", as_of="4") == walk(client, f"/{kind}s")


def test_filters_facets_series_and_files_are_as_of_the_release_too(history: tuple[httpx.Client, str]) -> None:
    client, withdrawn = history
    asked = {"metric": "market-size", "unit": "USD", "min": "76500000000"}
    assert walk(client, "/figures", **asked, as_of="1") == []
    assert [figure["id"] for figure in walk(client, "/figures", **asked, as_of="2")] == [FIGURE]
    answer = client.get("/figures?as_of=3&facets=metric&fields=id").json()
    assert sum(bucket["count"] for bucket in answer["facets"]["metric"]) == answer["page"]["total"] == 23
    assert client.get("/figures?as_of=1").json()["release"]["id"] == 1
    for number, value in (("1", 76e9), ("2", 77e9)):
        points = [point for series in walk(client, "/figures/series", as_of=number) for point in series["points"]]
        assert [point["value"] for point in points if point["figure"]["id"] == FIGURE] == [value]
    assert withdrawn not in client.get("/figures?as_of=3&format=csv").text
    assert withdrawn in client.get("/figures?as_of=2&format=csv").text
    assert "celartics-biopharma" in {body["id"] for body in walk(client, "/organisations", q="celartics", as_of="2")}
    assert walk(client, "/organisations", q="celartics", as_of="3", type="company") == []


@pytest.mark.parametrize("path", ["/events", "/figures"])
@pytest.mark.parametrize("moment", [{}, {"as_of": "2"}, {"as_of": "3"}, {"as_of": "4"}, {"published_before": "2025-09"}])
def test_what_facets_count_in_a_moment_its_filters_find(history: tuple[httpx.Client, str], path: str, moment: dict[str, str]) -> None:
    client, _ = history
    fields = ("type", "status", "region", "topic", "organisation") if path == "/events" else ("metric", "subject", "region", "unit", "basis")
    facets = client.get(path, params={**moment, "facets": ",".join(fields), "limit": 1}).json()["facets"]
    asked = 0
    for field in fields:
        for bucket in facets[field]:
            if bucket["value"] is not None:
                assert len(walk(client, path, **moment, **{field: bucket["value"]})) == bucket["count"]
                asked += 1
    assert asked > 10


def test_a_date_that_may_come_to_mean_a_later_release_says_which_it_is(history: tuple[httpx.Client, str]) -> None:
    """Whatever the day on which it is asked: an answer and its tag hold until there is another release."""
    client, _ = history
    today = datetime.now(UTC).date()
    for as_of in ("2026-04-10", today.isoformat(), f"{today:%Y-%m}", "9999-12"):
        answer = client.get("/events", params={"as_of": as_of})
        assert answer.json()["note"] == f"{as_of}: as of release 4, the newest so far; as_of=4 keeps to it."
    for as_of in ("2026-02", "3", "4"):
        assert "note" not in client.get(f"/events?as_of={as_of}").json()
    file = client.get(f"/events?as_of={today:%Y-%m}&format=csv")
    assert "as_of=4 keeps to it" in file.headers["x-cgt-note"]


@pytest.mark.parametrize("path", ["/events", "/figures", "/organisations", "/regions", "/sources"])
def test_a_list_sorts_by_the_release_in_which_a_record_last_changed(
    history: tuple[httpx.Client, str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client, _ = history
    every = walk(client, path, sort="id")
    assert len({record["release"] for record in every}) > 1 or path != "/figures"
    for few in (chosen.FEW, 2):
        monkeypatch.setattr(chosen, "FEW", few)
        for sort, down in (("release", False), ("-release", True)):
            wanted = sorted(every, key=lambda record: (-record["release"] if down else record["release"], record["id"]))
            assert [record["id"] for record in walk(client, path, sort=sort, limit=3)] == [record["id"] for record in wanted]


def test_no_id_breaks_a_history(history: tuple[httpx.Client, str]) -> None:
    for odd in ("%00", "%F0%9F%98%80", "a%2Fb", "-", "A"):
        assert history[0].get(f"/events/{odd}/history").status_code == 404


def test_an_id_of_then_is_good_in_a_query_as_of_then(history: tuple[httpx.Client, str]) -> None:
    client, _ = history
    assert walk(client, "/events", organisation="celartics-biopharma", as_of="2") == []
    problem(client.get("/events?organisation=celartics-biopharma"), 422, "invalid-request")


@pytest.mark.parametrize("path", ["/events", "/figures", "/figures/series", "/coverage", "/organisations", "/regions", "/sources"])
@pytest.mark.parametrize("as_of", ["0", "2025-12"])
def test_a_list_before_the_first_release_is_empty_and_says_so(history: tuple[httpx.Client, str], path: str, as_of: str) -> None:
    answer = history[0].get(path, params={"as_of": as_of}).json()
    assert answer["data"] == []
    assert answer["page"]["total"] == 0
    assert answer["note"] == f"As of {as_of}, before the first release, nothing was on record."
    assert "note" not in history[0].get(path).json()


@pytest.mark.parametrize(
    ("path", "parameter", "value", "message"),
    [
        (f"/figures/{FIGURE}", "as_of", "5", "there is no release 5; the newest is 4"),
        (f"/figures/{FIGURE}", "as_of", "2025", "a date is written with its month, such as 2025-12"),
        (f"/figures/{FIGURE}", "as_of", "yesterday", "is neither a release's number nor a day"),
        (f"/figures/{FIGURE}", "as_of", "-1", "is neither a release's number nor a day"),
        (f"/figures/{FIGURE}", "as_of", "2025-02-30", "is neither a release's number nor a day"),
        ("/events", "as_of", "5", "there is no release 5; the newest is 4"),
        ("/sources", "as_of", "2025", "a date is written with its month, such as 2025-12"),
        ("/figures/series", "as_of", "now", "is neither a release's number nor a day"),
        ("/changes", "since", "99", "there is no release 99; the newest is 4"),
        ("/changes", "since", "01", "is neither a release's number nor a day"),
        ("/changes", "kind", "document", "should be 'source', 'organisation'"),
        ("/changes", "change", "delete", "should be 'insert', 'update', 'withdraw' or 'merge'"),
        ("/changes", "q", "x", "unknown parameter"),
        ("/releases", "limit", "0", "should be greater than or equal to 1"),
        (f"/figures/{FIGURE}/history", "cursor", "abc", "was not given out for this query"),
    ],
)
def test_nonsense_is_refused(history: tuple[httpx.Client, str], path: str, parameter: str, value: str, message: str) -> None:
    (error,) = problem(history[0].get(path, params={parameter: value}), 422, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert message in error["message"]


def test_a_feed_of_changes_has_the_newest_first(history: tuple[httpx.Client, str]) -> None:
    client, withdrawn = history
    changes = walk(client, "/changes")
    answer = client.get("/changes", headers={"accept": "application/atom+xml"})
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert len(feed.entries) == len(changes)
    assert f"/figures/{withdrawn}" in feed.entries[0].link
    assert len(feedparser.parse(client.get("/changes?format=atom&limit=3&since=1").content).entries) == 3
    problem(client.get("/changes?format=csv"), 406, "not-acceptable")
    cursor = client.get("/changes?limit=3").json()["page"]["next"]
    problem(client.get(f"/changes?format=atom&cursor={cursor}"), 422, "invalid-request")


def test_changes_come_whole_while_loads_go_on(empty_url: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    load(empty_url, folder)
    value = 76
    with Server(empty_url) as client:
        seen: list[tuple[int, str]] = []
        path: str | None = "/changes?limit=30"
        while path:
            page = client.get(path).json()
            seen += [(change["release"], change["id"]) for change in page["data"]]
            path = page["links"]["next"]
            if path and value < 79:
                edit(folder, "figures.yaml", f"value: {value} billion USD", f"value: {value + 1} billion USD")
                value += 1
                load(empty_url, folder)
        assert seen == [(change["release"], change["id"]) for change in walk(client, "/changes")]
        assert len(seen) == len(set(seen)) == 77 + (value - 76)
        assert value > 77


def test_a_database_of_before_the_log_gets_one(empty_url: str, tmp_path: Path) -> None:
    """The migration reads it from the renderings; only what a record was between a withdrawal and its return is lost."""
    folder = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    load(empty_url, folder)
    edit(folder, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(empty_url, folder)
    retire_some(folder)
    load(empty_url, folder)
    engine = database.connect(empty_url)
    logged = log(engine)
    with database.writing(engine) as connection:
        command.downgrade(revisions.configured(connection), "0002")
    with database.writing(engine) as connection:
        assert database.upgrade(connection)
    assert log(engine) == logged
    engine.dispose()


def test_a_database_of_before_the_versions_keeps_its_releases(empty_url: str, tmp_path: Path) -> None:
    """The migration makes the rows of every version from the renderings; a load makes no release of it, only the early views."""
    folder = Path(shutil.copytree(SEEDS, tmp_path / "seeds"))
    entry = "\n- id: us\n  name: United States\n  type: country\n  parent: world\n"
    entry += "  reference: [{fields: [name, parent], dataset: made up, version: '1'}]\n"
    regions = (folder / "regions.yaml").read_text("utf-8")
    (folder / "regions.yaml").write_text(regions + entry, "utf-8")
    load(empty_url, folder)
    edit(folder, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    load(empty_url, folder)
    retire_some(folder)
    (folder / "regions.yaml").write_text(regions, "utf-8")
    retired = (folder / "retired.yaml").read_text("utf-8")
    (folder / "retired.yaml").write_text(f"{retired}- {{id: us, kind: region, reason: Not spoken of.}}\n", "utf-8")
    load(empty_url, folder)

    def everything() -> list[list[dict[str, Any]]]:
        with Server(empty_url) as client:
            wanted: list[tuple[str, dict[str, Any]]] = [
                (f"/{kind}s", {"as_of": number}) for kind in ("event", "figure", "organisation", "region", "source") for number in (1, 2, 3)
            ]
            wanted += [("/regions", {"within": "world", "as_of": number}) for number in (1, 3)] + [("/events", {"region": "cn", "as_of": 1})]
            wanted += [("/events", {"q": "Beijing", "as_of": number}) for number in (1, 3)] + [("/changes", {})]
            return [walk(client, path, **query) for path, query in wanted]

    before = everything()
    assert "us" in {region["id"] for region in before[15]}
    engine = database.connect(empty_url)
    with database.writing(engine) as connection:
        command.downgrade(revisions.configured(connection), "0003")
    with database.writing(engine) as connection:
        assert database.upgrade(connection)
        # A later revision must be able to alter what this one filled.
        connection.execute(text("ALTER TABLE event ADD COLUMN later INTEGER"))
        connection.execute(text("ALTER TABLE event DROP COLUMN later"))
    assert everything() == before
    outcome = load(empty_url, folder)
    assert (outcome.release, outcome.reshaped) == (None, True)
    assert everything() == before
    with Server(empty_url) as client:
        assert len(walk(client, "/events", published_before="2025-09-15")) > 3
    with database.writing(engine) as connection:
        row = {"record_id": "cn", "field": "name_zh", "reason": "x", "redacted_at": datetime.now(UTC)}
        connection.execute(insert(Redaction), row)
    with pytest.raises(RuntimeError, match="publish again"), database.writing(engine) as connection:
        command.downgrade(revisions.configured(connection), "0003")
    engine.dispose()


def log(engine: Engine) -> list[tuple[Any, ...]]:
    change = columns(Change)
    with engine.connect() as connection:
        rows = connection.execute(select(change.release, change.kind, change.record_id, change.change, change.fields, change.reason)).all()
        summaries = connection.execute(select(columns(Release).id, columns(Release).changes)).all()
    told = sorted((*row[:4], json.dumps(row.fields, sort_keys=True), row.reason) for row in rows)
    return [*told, *sorted((row.id, json.dumps(row.changes, sort_keys=True)) for row in summaries)]


JSON = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x", "y"]), inner, max_size=3),
    max_leaves=6,
)


@given(*[st.dictionaries(st.sampled_from(["release", "date", "value", "citations"]), JSON)] * 2)
def test_a_difference_names_what_differs_and_nothing_else(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = difference(before, after)
    same = {name: value for name, value in before.items() if name != "release"} == {name: value for name, value in after.items() if name != "release"}
    nulls_only = all(part["from"] is None and part["to"] is None for part in found.values())
    assert (found == {}) == same or nulls_only
    for part in found.values():
        assert part["from"] != part["to"]
    assert difference(before, before) == {}


def test_a_release_of_tomorrow_is_not_yet_known(empty_url: str) -> None:
    load(empty_url, SEEDS)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    with Server(empty_url) as client:
        assert client.get(f"/figures/{FIGURE}?as_of={tomorrow}").json()["release"]["id"] == 1
        assert walk(client, "/changes", since=str(tomorrow)) == []
