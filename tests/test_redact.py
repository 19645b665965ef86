"""`cgt redact`: a value leaves every release, view, copy and byte; on both engines."""

import itertools
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, insert, inspect, select, text

from app import database, search
from app.formats import FORMATS
from app.models import Record, Redaction, Release, columns
from app.schemas import RECORDS
from app.seeding import dataset, redactions
from app.seeding import load as seeding
from app.seeding.redact import Order, Outcome, Refused, redact
from tests.conftest import SEEDS, Server, load, walk
from tests.test_cli import cgt
from tests.test_load import drop_entry, edit, everything

EVENT = "csgct-annual-meeting-2025"
NAME = "Tang Jian"
WHY = "Article 17 of the GDPR."


def holding(engine: Engine, value: str) -> set[str]:
    """The tables that hold a text anywhere, as text, JSON or bytes."""
    found = set()
    with engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{name}"')):  # noqa: S608
                for cell in row:
                    shown = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else json.dumps(cell, ensure_ascii=False, default=str)
                    if value.casefold() in shown.casefold():
                        found.add(name)
    return found


def answers(client: httpx.Client, releases: int) -> str:
    """All that the API says: every list, in every release, view and format, and every record with its history."""
    told = []
    views = [{}, *({"as_of": str(number)} for number in range(1, releases + 1))]
    for kind, view in itertools.product(RECORDS, views):
        days = [{}, {"published_before": "2025-09-16"}] if kind in {"event", "figure"} else [{}]
        for day in days:
            params = view | day
            records = walk(client, f"/{kind}s", **params)
            told.append(json.dumps(records, ensure_ascii=False))
            if not params:
                told += [client.get(f"/{kind}s/{record['id']}/history").text for record in records]
        if view != {"as_of": "2"}:
            told += [client.get(f"/{kind}s", params=view | {"format": name}).text for name in FORMATS if kind in FORMATS[name].kinds]
    told += [client.get(path).text for path in ("/changes?limit=200", "/changes?format=atom", "/releases", "/figures/series?limit=200")]
    return "\n".join(told)


def done(engine: Engine, identifier: str, field: str, *, everywhere: bool | None = None, dry_run: bool = False) -> Outcome:
    return redact(engine, Order(identifier, field, WHY, everywhere), dry_run=dry_run)


def histories(url: str, seeds: Path) -> None:
    """Three releases: a person, with another name more, and in one place less."""
    load(url, seeds)
    edit(seeds, "events.yaml", f"name: {NAME}, ", f"name: {NAME}, name_zh: 唐健, ")
    load(url, seeds)
    edit(seeds, "figures.yaml", f"attributed_to: {{name: {NAME}, ", "attributed_to: {")
    load(url, seeds)


def test_a_person_is_forgotten_everywhere_and_the_answers_say_so(empty_url: str, seeds: Path, engine: Engine) -> None:
    histories(empty_url, seeds)
    assert {"rendering", "event_person", "citation", "change"} <= holding(engine, NAME)
    with Server(empty_url) as client:
        before = client.get(f"/events/{EVENT}")
        assert NAME in before.text
        assert before.json()["data"]["redacted"] == []
        assert [event["id"] for event in walk(client, "/events", q=NAME)] == [EVENT]
        outcome = done(engine, EVENT, "people")
        assert outcome.uncleared is None
        assert outcome.changes >= 2
        told = answers(client, 3)
        for value in (NAME, "唐健"):
            assert holding(engine, value) == set()
            assert value not in told
        assert walk(client, "/events", q=NAME) == walk(client, "/events", q=NAME, as_of="1") == []
        for number in (1, 2, 3):
            shown = client.get(f"/events/{EVENT}?as_of={number}").json()["data"]
            assert shown["people"] == []
            (said,) = shown["redacted"]
            assert (said["field"], said["reason"]) == ("people", WHY)
            assert all(citation["anchor"] == "[redacted]" for citation in shown["citations"] if "people" in citation["supports"])
            assert any(citation["anchor"] != "[redacted]" for citation in shown["citations"])
        figure = client.get("/figures/cn-bj-health-industry-output-2024?as_of=1").json()["data"]
        assert [said["field"] for said in figure["redacted"]] == ["citations.attributed_to"]
        changed = [change["fields"]["people"] for change in walk(client, f"/events/{EVENT}/history") if "people" in change["fields"]]
        assert changed == [{"from": [], "to": []}]
        # A client that has the earlier answer is not told that it still holds.
        tag, when = before.headers["etag"], before.headers["last-modified"]
        assert client.get(f"/events/{EVENT}", headers={"if-none-match": tag}).status_code == 200
        after = client.get(f"/events/{EVENT}")
        assert after.headers["etag"] != tag
        assert client.get(f"/events/{EVENT}", headers={"if-none-match": after.headers["etag"]}).status_code == 304
        assert client.get(f"/events/{EVENT}", headers={"if-modified-since": after.headers["last-modified"]}).status_code == 304
        assert after.headers["last-modified"] >= when


def test_later_loads_keep_to_it_make_no_release_and_warn(empty_url: str, seeds: Path, engine: Engine) -> None:
    histories(empty_url, seeds)
    done(engine, EVENT, "people")
    before = everything(engine)
    outcome = load(empty_url, seeds)
    assert outcome.release is None
    assert everything(engine) == before
    assert any(mistake.record == EVENT and mistake.message.startswith("people: was redacted on ") for mistake in outcome.unheeded)
    edit(seeds, "figures.yaml", "value: 76 billion USD", "value: 77 billion USD")
    assert load(empty_url, seeds).release == 4
    assert holding(engine, NAME) == set()


def test_the_bytes_leave_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    load(f"sqlite:///{file}", SEEDS)
    assert NAME.encode() in file.read_bytes()
    engine = database.connect(f"sqlite:///{file}")
    assert done(engine, EVENT, "people").uncleared is None
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert NAME.encode() not in held
    assert b"tang" not in held.lower().replace(b"tangible", b"")
    engine.dispose()


def test_any_field_of_any_kind_can_go_and_later_loads_keep_to_it(empty_url: str, synthetic_folder: Path, engine: Engine) -> None:
    """Every record loses one field, each kind all of its fields in turn; the answers stay as documented."""
    load(empty_url, synthetic_folder)
    tried: dict[str, tuple[str, str]] = {}
    with Server(empty_url) as client:
        for kind in RECORDS:
            left = walk(client, f"/{kind}s")
            for field in itertools.cycle(redactions.FIELDS[kind]):
                if not left:
                    break
                record = next((record for record in left if filled(record, field)), left[0])
                left.remove(record)
                tried[record["id"]] = kind, field
        (last, (_, field)) = tried.popitem()
        # All at once, as one command would take for each.
        with database.writing(engine) as connection:
            held = [{"record_id": name, "field": part, "reason": WHY, "redacted_at": datetime.now(UTC)} for name, (_, part) in tried.items()]
            digests = connection.scalars(select(columns(Release).digest)).all()
            connection.execute(insert(Redaction), held)
        done(engine, last, field, everywhere=False)
        assert load(empty_url, synthetic_folder).release is None
        with engine.connect() as connection:
            assert connection.scalars(select(columns(Release).digest)).all() == digests
        seen = set()
        for kind in RECORDS:
            for record in walk(client, f"/{kind}s"):
                RECORDS[kind].model_validate(record)
                if record["id"] in tried:
                    field = tried[record["id"]][1]
                    assert [said["field"] for said in record["redacted"]] == [field]
                    assert not filled(record, field), (kind, field)
                    seen.add((kind, field))
            for name in FORMATS:
                if kind in FORMATS[name].kinds:
                    assert client.get(f"/{kind}s?format={name}").status_code == 200
        assert len(seen) > 50
        assert client.get("/figures/series").status_code == client.get("/figures?convert=USD").status_code == 200


def filled(record: dict[str, Any], field: str) -> bool:
    """Whether a field holds anything but what stands in the place of a redacted value."""
    outer, _, inner = field.partition(".")
    around = record[outer] if isinstance(record[outer], list) else [record[outer]]
    parts = [part[inner] for part in around] if inner else around
    if field == "citations.attributed_to":
        parts = [part and part["name"] for part in parts]
    return any(part not in (None, [], "[redacted]") for part in parts)


def test_a_name_goes_wherever_other_records_show_it(empty_url: str, engine: Engine) -> None:
    """Names, titles, publishers and addresses stand in references, citations, statements and derivations of other records."""
    load(empty_url, SEEDS)
    with Server(empty_url) as client:
        cited = (citation["source"] for figure in walk(client, "/figures") for citation in figure["citations"])
        source = next(source for source in cited if source["publisher"] and source["url"])
        publisher = source["publisher"]
        for identifier, field in ((publisher["id"], "name"), (source["id"], "title"), (source["id"], "url")):
            done(engine, identifier, field, everywhere=True)
        for shown in walk(client, "/figures") + walk(client, "/events") + walk(client, "/sources"):
            for part in nested(shown):
                if part.get("id") == publisher["id"]:
                    assert part["name"] == "[redacted]"
                if part.get("id") == source["id"] and "title" in part:
                    assert part["title"] == "[redacted]"
                    assert part.get("url") is None
                if isinstance(part.get("source"), dict) and part["source"]["id"] == source["id"]:
                    assert part.get("deep_link") is None
    assert holding(engine, publisher["name"]) == holding(engine, source["url"]) == holding(engine, source["title"]) == set()
    assert load(empty_url, SEEDS).release is None


def nested(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from nested(value)
    elif isinstance(part, list):
        for value in part:
            yield from nested(value)


def test_an_alias_is_no_word_of_what_the_organisation_took_part_in(empty_url: str, engine: Engine) -> None:
    load(empty_url, SEEDS)
    with Server(empty_url) as client:
        assert walk(client, "/events", q="CSGCT Board")
        done(engine, "chinese-society-gene-cell-therapy", "aliases", everywhere=False)
        assert walk(client, "/organisations", q="CSGCT Board") == []
    assert load(empty_url, SEEDS).release is None


def test_quotes_of_the_passages_go_too(empty_url: str, tmp_path: Path, engine: Engine) -> None:
    """The kept text is masked by nothing: what is served of it is the passages, and those that tell the value are not."""
    data = seeding.read(SEEDS)
    data.texts = {document.id: ("x" * 40 + f" {NAME} ") * (document.length // 40 + 1) for document in data.documents.values()}
    seeding.load(engine, data)
    assert "rendering" in holding(engine, NAME)
    done(engine, EVENT, "people")
    assert holding(engine, NAME) == {"document_text"}
    with Server(empty_url) as client:
        shown = client.get(f"/events/{EVENT}").json()["data"]
        assert {citation["quote"] for citation in shown["citations"] if "people" in citation["supports"]} == {None}
        assert NAME not in answers(client, 1)
    seeding.load(engine, data)
    assert holding(engine, NAME) == {"document_text"}


def test_a_withdrawn_record_is_redacted_too_and_stays_so_when_it_comes_back(empty_url: str, seeds: Path, engine: Engine) -> None:
    whole = Path(shutil.copytree(seeds, seeds.parent / "whole"))
    load(empty_url, seeds)
    drop_entry(seeds, "figures.yaml", "world-cgt-market-size-2030")
    (seeds / "retired.yaml").write_text("- {id: world-cgt-market-size-2030, kind: figure, reason: No author.}\n", "utf-8")
    load(empty_url, seeds)
    assert done(engine, "world-cgt-market-size-2030", "as_stated", everywhere=False).versions == 1
    assert load(empty_url, seeds).release is None
    load(empty_url, whole)
    with Server(empty_url) as client:
        for number in (1, 3):
            assert client.get(f"/figures/world-cgt-market-size-2030?as_of={number}").json()["data"]["as_stated"] is None


@pytest.mark.parametrize(
    ("identifier", "field", "message"),
    [
        ("csgct-annual-meeting-2052", "people", "did you mean 'csgct-annual-meeting-2025'?"),
        (EVENT, "poeple", "did you mean 'people'? these can: citations.anchor, "),
        (EVENT, "people.0.name", "did you mean 'people'?"),
        (EVENT, "id", "cannot be redacted"),
        (EVENT, "type", "cannot be redacted"),
        (EVENT, "identifiers", "identifiers.nct"),
        ("world-cgt-market-size-2030", "value", "a figure is nothing without its value; withdraw the figure in retired.yaml instead"),
        ("world-cgt-market-size-2030", "spread.min", "withdraw the figure"),
    ],
)
def test_what_cannot_be_redacted_is_refused(empty_url: str, engine: Engine, identifier: str, field: str, message: str) -> None:
    load(empty_url, SEEDS)
    before = everything(engine)
    with pytest.raises(Refused, match=message.replace("?", r"\?")):
        done(engine, identifier, field)
    assert everything(engine) == before


def test_words_of_other_records_go_only_when_that_is_wanted(empty_url: str, seeds: Path, engine: Engine) -> None:
    edit(seeds, "events.yaml", f"  people:\n    - {{name: {NAME}", f"  venue: Blue Book Hall\n  people:\n    - {{name: {NAME}")
    edit(seeds, "organisations.yaml", "name: Novartis\n", "name: Novartis of the Blue Book Hall\n")
    data, _ = dataset.read(seeds)
    seeding.load(engine, data)
    before = everything(engine)
    with pytest.raises(Refused, match="novartis name; add --everywhere"):
        done(engine, EVENT, "venue")
    assert everything(engine) == before
    assert done(engine, EVENT, "venue", everywhere=True, dry_run=True).elsewhere == [("novartis", "name")]
    assert everything(engine) == before
    assert done(engine, EVENT, "venue", everywhere=False).elsewhere == [("novartis", "name")]
    assert holding(engine, "Blue Book Hall") == {"rendering", "organisation", *(holding(engine, "Novartis of the"))}
    with engine.connect() as connection:
        assert len(connection.execute(select(columns(Redaction))).all()) == 1
        assert connection.scalar(select(columns(Record).digest).where(columns(Record).id == "novartis"))


def test_a_reason_that_tells_the_value_is_refused(empty_url: str, engine: Engine) -> None:
    load(empty_url, SEEDS)
    with pytest.raises(Refused, match="the reason tells the value"):
        redact(engine, Order(EVENT, "people", f"{NAME} asked for it."))


def test_what_tells_a_value() -> None:
    def tells(value: str, shown: str) -> bool:
        pattern = redactions.telling([value])
        return pattern is not None and pattern.search(search.fold(shown)) is not None

    assert tells("Tang Jian", "said TANG JIAN.")
    assert tells("唐健", "会长唐健说")
    assert tells("https://a.example", "see https://a.example.")
    assert not tells("Tang Jian", "Tang Jianguo")
    assert not tells("https://a.example", "https://a.example/page")
    assert redactions.telling(["Li", "唐", "[redacted]"]) is None


def test_the_command(empty_url: str) -> None:
    load(empty_url, SEEDS)
    environment = {"CGT_DATABASE_URL": empty_url}
    order = ("redact", EVENT, "people", "--reason", WHY)
    dry = cgt(*order, "--dry-run", **environment)
    assert dry.returncode == 0
    assert "would be redacted (versions of the record 2, of others that show it 4" in dry.stdout
    first = cgt(*order, **environment)
    assert first.returncode == 0, first.stderr
    assert "people of the event csgct-annual-meeting-2025 is redacted (versions of the record 2, of others that show it 4" in first.stdout
    assert "cn-bj-health-industry-output-2024 citations.attributed_to" in first.stdout
    assert not first.stderr
    again = cgt(*order, **environment)
    assert again.returncode == 0
    assert again.stdout.startswith("no change: people of the event csgct-annual-meeting-2025 was redacted on ")
    seeded = cgt("seed", **environment)
    assert seeded.stdout.startswith("no change: ")
    assert "csgct-annual-meeting-2025: people: was redacted on " in seeded.stderr


def test_the_command_says_what_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert cgt("redact", EVENT, "people", CGT_DATABASE_URL=url).returncode == 2
    assert "--reason is empty" in cgt("redact", EVENT, "people", "--reason", " ", CGT_DATABASE_URL=url).stderr
    for both in (("--everywhere", "--only-here"), ("--only-here", "--everywhere")):
        assert "exclude each other" in cgt("redact", EVENT, "people", "--reason", WHY, *both, CGT_DATABASE_URL=url).stderr
    run = cgt("redact", EVENT, "people", "--reason", WHY, CGT_DATABASE_URL=url)
    assert run.returncode == 1
    assert "does not exist yet; 'cgt seed' makes it" in run.stderr
    load(url, SEEDS)
    unknown = cgt("redact", "csgct-annual-meeting-2052", "people", "--reason", WHY, CGT_DATABASE_URL=url)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "cgt: there is no record 'csgct-annual-meeting-2052'; did you mean 'csgct-annual-meeting-2025'?\n"
