"""A load over an earlier release leaves what a load of the same files into an empty database makes, and of history what was there."""

import copy
import json
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, Engine, insert, select, update
from sqlmodel import SQLModel

from app import database, models
from app.models import OPEN, Change, Document, Ordering, Posting, Record, RegionWithin, Release, Rendering, columns
from app.postings import number
from app.seeding import load as seeding
from app.seeding import portions, processes
from app.seeding.changes import difference
from app.seeding.files import Mistake, SeedError
from app.seeding.redact import Order, redact
from app.seeding.versions import PARTS, TYPED
from tests.edits import Files, edit, store, synthetic

State = dict[str, Any]
"""What stands in a release, by tables, without numbers of releases and versions."""

rendering = columns(Rendering)


def rows(connection: Connection, model: type[SQLModel]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(select(columns(model)))]


def _written(row: dict[str, Any], *without: str) -> str:
    """A row as text, the same for both engines."""
    moments = {name: database.utc(value) for name, value in row.items() if isinstance(value, datetime)}
    return json.dumps({name: value for name, value in (row | moments).items() if name not in without}, sort_keys=True, default=str)


def _unreleased(body: bytes | None) -> Any:
    if body is None:
        return None
    content = json.loads(body)
    for part in (content, *content.get("figures", [])):
        del part["release"]
    return content


def standing(connection: Connection, release: int) -> State:
    """What stands in a release: the records with their rows and what they are found by. Words are those of today."""
    at = rendering.since <= release, rendering.until > release
    names: dict[int, str] = {}
    found: State = {"rendering": {}}
    for version in connection.execute(select(rendering).where(*at)):
        names[version.key] = f"{version.record_id} {version.seen_from}"
        body, quoted = _unreleased(version.body), _unreleased(version.quoted) if version.until == OPEN else None
        found["rendering"][names[version.key]] = (str(version.seen_until), body, None if quoted == body else quoted)
    for model in (*TYPED, *PARTS):
        own = [row for row in rows(connection, model) if row["version"] in names]
        found[str(model.__tablename__)] = sorted(f"{names[row['version']]} {_written(row, 'version', 'since', 'until')}" for row in own)
    within = [row for row in rows(connection, RegionWithin) if row["since"] <= release < row["until"]]
    found["region_within"] = sorted((row["region_id"], row["ancestor_id"]) for row in within)
    found["posting"] = defaultdict(set)
    for row in rows(connection, Posting):
        if row["field"] not in {"since", "until"}:
            found["posting"] |= {(row["field"], row["value"]): {names[key] for key in BitMap.deserialize(row["versions"]) if key in names}}
    found["posting"] = {term: versions for term, versions in found["posting"].items() if versions}
    for row in rows(connection, Ordering):
        listed = [int.from_bytes(row["versions"][place : place + 4], "little") for place in range(0, len(row["versions"]), 4)]
        found[f"ordering of {row['kind']}s"] = [names[key] for key in listed if key in names]
    return found


def newest(connection: Connection) -> State:
    """What stands now, with what is known of the newest release only."""
    release = max(rows(connection, Release), key=lambda row: row["id"])
    records = {row["id"]: {name: row[name] for name in row if name not in {"key", "release"}} for row in rows(connection, Record)}
    documents = sorted(_written(row, "release") for row in rows(connection, Document))
    found = standing(connection, release["id"])
    found |= {"record": records, "document": documents, "text": sorted(map(_written, rows(connection, models.DocumentText)))}
    return found | {"release": {name: release[name] for name in ("digest", "licence", "counts", "shape", "texts")}}


def worded(state: State, *, words: bool) -> State:
    """A state as far as a later release keeps it: words change with the names of others, and quotes go."""
    if words:
        return state
    kept = {term: versions for term, versions in state["posting"].items() if term[0] not in {"word", "words"}}
    bare = {name: (until, body, None) for name, (until, body, _) in state["rendering"].items()}
    return {
        **{name: table for name, table in state.items() if name not in {"record", "document", "text", "release"}},
        "posting": kept,
        "rendering": bare,
    }


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two states differ: the first few places, with what stands there."""
    if one == other:
        return []
    pairs: list[tuple[Any, Any, Any]] = [(None, one, other)]
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(key, one.get(key), other.get(key)) for key in sorted(one.keys() | other.keys(), key=str)]
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = [(place, *both) for place, both in enumerate(zip_longest(one, other))]
    if pairs[0][0] is None:
        return [f"{path}: {str(one)[:400]} / {str(other)[:400]}"]
    return [line for key, mine, theirs in pairs for line in differences(mine, theirs, f"{path}.{key}")][:9]


def sound(connection: Connection, *, before: dict[int, tuple[str, int]]) -> dict[int, tuple[str, int]]:
    """What holds in any database; the versions, by key, each of which is and stays that of one record since one release."""
    versions = {row["key"]: row for row in rows(connection, Rendering)}
    records = {row["id"]: row for row in rows(connection, Record)}
    owners = {key: (row["record_id"], row["since"]) for key, row in versions.items()}
    assert {key: owner for key, owner in owners.items() if key in before}.items() <= before.items(), "a key was used again"
    assert all(key > max(before, default=0) for key in owners.keys() - before.keys()), "a new version has a key below an older one"
    spans: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in rows(connection, Posting):
        keys = set(BitMap.deserialize(row["versions"]))
        assert keys, row
        assert keys <= versions.keys(), f"{row['field']} {row['value']} has versions that are not there"
        if row["field"] in {"since", "until"}:
            spans[row["field"], row["value"]] = keys
    told: dict[tuple[str, str], set[int]] = defaultdict(set)
    for key, row in versions.items():
        told["since", number(row["since"])].add(key)
        if row["until"] < OPEN:
            told["until", number(row["until"])].add(key)
        else:
            content = json.loads(row["body"])
            assert content["release"] == row["since"] == records[content["id"]]["release"], content["id"]
            assert all(figure["release"] == records[figure["id"]]["release"] for figure in content.get("figures", [])), content["id"]
    assert spans == told
    for row in rows(connection, Ordering):
        kind = {key for key, version in versions.items() if records[version["record_id"]]["kind"] == row["kind"]}
        listed = [int.from_bytes(row["versions"][place : place + 4], "little") for place in range(0, len(row["versions"]), 4)]
        assert sorted(listed) == sorted(kind)
    for model in TYPED:
        for row in rows(connection, model):
            version = versions[row["version"]]
            assert [row[name] for name in ("id", "since", "until")] == [version[name] for name in ("record_id", "since", "until")]
            assert [row[name] for name in ("seen_from", "seen_until")] == [version[name] for name in ("seen_from", "seen_until")]
    return before | owners


def changes_told(connection: Connection, release: int, before: State, after: State, old: dict[str, int]) -> None:
    """The release tells each change from one state to the other, and every record knows when it last changed; `old` says when before."""
    whole = {row["record_id"]: row["body"] for row in rows(connection, Rendering) if row["until"] == OPEN and str(row["seen_until"]) == "9999-12-31"}
    ended = {
        row["record_id"]: row["body"] for row in rows(connection, Rendering) if row["until"] == release and str(row["seen_until"]) == "9999-12-31"
    }
    expected: dict[str, tuple[str, Any]] = {}
    moved: set[str] = set()
    for identifier, row in after["record"].items():
        past = before["record"].get(identifier)
        if row["state"] == "current":
            if past is None or past["state"] != "current":
                expected[identifier] = ("insert", {})
            elif past["digest"] != row["digest"]:
                fields = {} if row["kind"] == "document" else difference(json.loads(ended[identifier]), json.loads(whole[identifier]))
                expected[identifier] = ("update", fields)
        elif past is None or (past["state"], past["merged_into"], past["reason"]) != (row["state"], row["merged_into"], row["reason"]):
            into = {"merged_into": {"from": None, "to": row["merged_into"]}} if row["merged_into"] else {}
            expected[identifier] = ("merge" if row["merged_into"] else "withdraw", into)
        if identifier in expected:
            moved.add(identifier)
            if row["kind"] == "document":
                del expected[identifier]
    told = [row for row in rows(connection, Change) if row["release"] == release]
    assert {row["record_id"]: (row["change"], row["fields"]) for row in told} == expected
    assert len(told) == len(expected)
    assert sorted(row["position"] for row in told) == list(range(len(told)))
    for row in rows(connection, Record):
        assert row["release"] == (release if row["id"] in moved else old[row["id"]]), row["id"]


class Twin:
    """A database that is loaded again and again beside new ones that are loaded once."""

    def __init__(self, engine: Engine, folder: Path, seed: int) -> None:
        self.engine, self.folder, self.draw = engine, folder, random.Random(seed)
        self.files: Files = synthetic(folder, 24, seed)
        store(folder, self.files, self.draw)
        self.texts: set[str] = set()
        """The hashes of the documents whose texts are at hand."""
        self.owners: dict[int, tuple[str, int]] = {}
        self.states: dict[int, State] = {}
        self.count = 0
        self.template = database.in_memory()
        with database.writing(self.template) as connection:
            database.upgrade(connection)

    def read(self) -> Any:
        """The files, as the command reads them: entries are looked at when they are loaded."""
        data = seeding.open_folder(self.folder)
        data.texts = {identifier: _text(form.sha256) for identifier, form in data.documents.items() if form.sha256 in self.texts}
        return data

    def fresh(self) -> State:
        """What a load of the files into an empty database makes; SeedError with their mistakes."""
        engine = database.in_memory()
        with self.engine.connect() as connection:
            redactions = rows(connection, models.Redaction) if database.schema_state(connection) == "current" else []
        with self.template.connect() as empty, engine.connect() as connection:
            source: Any = empty.connection.driver_connection
            target: Any = connection.connection.driver_connection
            source.backup(target)
            # Redactions come before the records here, which the engine must not mind.
            target.execute("PRAGMA foreign_keys = OFF")
            if redactions:
                connection.execute(insert(models.Redaction), redactions)
            connection.commit()
            target.execute("PRAGMA foreign_keys = ON")
        seeding.load(engine, self.read())
        with engine.connect() as connection:
            return newest(connection)

    def refused(self) -> list[Mistake]:
        """The mistakes of the files, which a load over what is there tells as well."""
        mistakes: list[Mistake] = []
        try:
            seeding.read(self.folder)
        except SeedError as error:
            mistakes = error.mistakes
        if mistakes:
            with pytest.raises(SeedError) as told:
                seeding.load(self.engine, self.read())
            assert told.value.mistakes == mistakes
        return mistakes

    def edit(self, times: int) -> list[str]:
        """Make edits that are no mistakes."""
        made: list[str] = []
        while len(made) < times:
            before = copy.deepcopy(self.files)
            self.count += 1
            name = edit(self.files, self.draw, self.count)
            store(self.folder, self.files, self.draw)
            if self.refused():
                self.files = before
                store(self.folder, self.files, self.draw)
            else:
                made.append(name)
        return made

    def load(self, told: object) -> seeding.Outcome:
        """Load the files over what is there, and compare."""
        old: dict[str, int] = {}
        if self.states:
            with self.engine.connect() as connection:
                old = {row["id"]: row["release"] for row in rows(connection, Record)}
        expected = self.fresh()
        outcome = seeding.load(self.engine, self.read())
        with self.engine.connect() as connection:
            state = newest(connection)
            if outcome.release is None:  # a release keeps its digest when a field is redacted
                expected["release"] |= {name: state["release"][name] for name in ("digest", "counts")}
            assert differences(state, expected) == [], told
            self.owners = sound(connection, before=self.owners)
            for release, earlier in [*self.states.items()][-2:]:
                assert differences(worded(standing(connection, release), words=False), worded(earlier, words=False)) == [], (told, release)
            if outcome.release is not None:
                before = self.states[max(self.states)] if self.states else {"record": {}}
                changes_told(connection, outcome.release, before, state, old)
            self.states[max([*self.states, outcome.release or 0])] = state
        again = seeding.load(self.engine, self.read())
        assert (again.release, again.changes, again.reshaped) == (None, {}, False), told
        return outcome


def redacted(twin: Twin) -> str:
    """Redact a field of a record between two loads."""
    kind, field = twin.draw.choice([("organisations", "name"), ("sources", "title"), ("events", "summary"), ("events", "organisations")])
    identifier = twin.draw.choice(twin.files[kind])["id"]
    with twin.engine.connect() as connection:
        if identifier in connection.scalars(select(columns(Record).id).where(columns(Record).state == "current")):
            connection.close()
            redact(twin.engine, Order(identifier, field, "For the law.", everywhere=False))
    with twin.engine.connect() as connection:
        last = max(twin.states)
        twin.states = {release: standing(connection, release) for release in twin.states} | {last: newest(connection)}
    return f"{identifier} {field} redacted"


def quoted(twin: Twin) -> str:
    """Give the texts of some documents."""
    hashes = [document["sha256"] for document in twin.files["documents"]]
    twin.texts |= set(twin.draw.sample(hashes, twin.draw.randint(0, len(hashes))))
    return "quoted"


def _text(sha256: str) -> str:
    """The text of a document, by its hash."""
    return "".join(random.Random(sha256).choices("abc 甲乙", k=10_000))


def reshaped(twin: Twin) -> str:
    """Other software wrote what is there."""
    with twin.engine.begin() as connection:
        connection.execute(update(Release).values(shape="another"))
    return "reshaped"


@pytest.fixture
def twin(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Twin:
    seed: int = getattr(request, "param", 7)
    return Twin(engine, tmp_path / "files", seed)


def _walk(twin: Twin, rounds: int) -> None:
    assert twin.load("the beginning").release == 1
    for _ in range(rounds):
        beside = [step(twin) for step in (redacted, quoted, reshaped) if twin.draw.random() < 0.1]
        # What other software wrote is compared as wholes; views of what changed in the same load would be those of today in older releases as well.
        edits = [] if "reshaped" in beside else twin.edit(twin.draw.choice([0, 1, 1, 2, 4]))
        outcome = twin.load(beside + edits)
        if "reshaped" in beside:
            assert outcome.reshaped
        if not edits:
            assert (outcome.release, outcome.changes) == (None, {}), beside


@pytest.mark.parametrize(("file", "field", "value"), [("organisations", "name", "Another name"), ("documents", "sha256", f"{77:064x}")])
def test_organisations_tell_the_publisher_and_the_document_of_a_work(twin: Twin, file: str, field: str, value: str) -> None:
    twin.load("the beginning")
    twin.files[file][0][field] = value  # of the first work, which all of them cite
    store(twin.folder, twin.files, twin.draw)
    outcome = twin.load(f"another {field}")
    assert outcome.changes["organisation"]["changed"] > 1


@pytest.mark.parametrize("large", [portions.LARGE, 0])
def test_random_edits_loaded_one_after_the_other_make_what_a_fresh_load_makes(twin: Twin, monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(portions, "LARGE", large)
    monkeypatch.setattr(portions, "SIZE", 1_000)
    monkeypatch.setattr(processes, "cores", lambda: 2)
    begun = []

    def pool(many: int) -> ThreadPoolExecutor:  # whose threads begin at once
        begun.append(many)
        return ThreadPoolExecutor(many)

    monkeypatch.setattr(processes, "pool", pool)
    _walk(twin, 8)
    assert bool(begun) == (large == 0)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("twin", range(3), indirect=True)
def test_many_random_edits_make_what_a_fresh_load_makes(twin: Twin) -> None:
    _walk(twin, 30)
