"""Random edits of made-up curated files, such as curators make between two releases: small ones, which reach other records or do not."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.seeding import load as seeding
from app.seeding import receipts
from app.seeding.dataset import Dataset
from app.seeding.entries import ReceiptForm
from app.seeding.files import SeedError
from tests.synthetic import AMOUNTS, DATES, REGIONS, WORDS, write_synthetic

Entry = dict[str, Any]
Files = dict[str, list[Entry]]

KINDS = ("regions", "organisations", "sources", "events", "figures")


def synthetic(folder: Path, records: int, seed: int) -> Files:
    """The entries of made-up curated files, by file, written into a folder that is emptied again."""
    write_synthetic(folder, records, records, seed)
    files: Files = {}
    for path in sorted(folder.iterdir()):
        if path.stem != "floors":
            files[path.stem] = json.loads(path.read_text("utf-8"))
        path.unlink()
    return {**files, "retired": [], "receipts": [], "gone": []}


def store(folder: Path, files: Files, draw: random.Random) -> None:
    """Write the entries anew as JSON Lines, with receipts of some citations as they read then."""
    told = files["receipts"]
    _write(folder, files | {"receipts": []})
    if told:
        with suppress(SeedError):
            _write(folder, {"receipts": _receipts(seeding.read(folder), draw, told[0]["every"])})


def _write(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in files.keys() - {"gone"}:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in files[name]), "utf-8")
    floors = [*(name for name in files if name not in {"retired", "receipts", "gone"}), "citations"]
    if len(floors) > 1:
        (folder / "floors.yaml").write_text("".join(f"{name}: {{records: 0}}\n" for name in floors), "utf-8")


def _receipts(data: Dataset, draw: random.Random, every: int) -> list[Entry]:
    """Receipts of every so many citations, each of a passage of its own."""
    found: list[Entry] = []
    for number, (record, citation) in enumerate((owner, one) for _, owner in data.records() for one in owner.cite):
        part = data.sources[citation.source].part if citation.source in data.sources else None
        if number % every or part is None:
            continue
        told = {"record": record.id, "start": part.start + number % 9, "end": part.start + 20 + number % 9, "sha256": f"{number:064x}"}
        blank = ReceiptForm.model_validate(
            {**told, "start": str(told["start"]), "end": str(told["end"]), "claim": "0" * 16, "checked_at": "2026-01-02T03:04:05Z"}
        )
        claim = receipts.claim(data, record, citation, blank)
        if draw.random() < 0.05:  # one that is void
            claim = "0123456789abcdef"
        if (record.id, claim) not in {(one["record"], one["claim"]) for one in found}:
            found.append({**told, "claim": claim, "read": [], "checked_at": "2026-01-02T03:04:05Z"})
    return found


def edit(files: Files, draw: random.Random, number: int) -> str:
    """Make one edit; its name. It may be a mistake."""
    change = draw.choice(EDITS)
    change(files, draw, number)
    return change.__name__


def fill(entry: Entry, field: str, value: Any) -> None:
    """Give an entry a field that its first citation supports, or none, that nobody supports any more."""
    supported = [*entry.get("cite", []), *entry.get("reference", [])]
    for given in supported:
        name = "supports" if "supports" in given else "fields"
        given[name] = [one for one in given[name] if one != field] or given[name]
    entry.pop(field, None)
    if value is not None:
        entry[field] = value
        given = supported[0]
        name = "supports" if "supports" in given else "fields"
        if field not in ("title", "title_zh", "summary", "type", "grade", "topics", "scope_note", "as_stated", "metric", "subject"):
            given[name] = [*given[name], field]


def _one(files: Files, draw: random.Random, kind: str) -> Entry:
    return draw.choice(files[kind])


def _id(files: Files, draw: random.Random, kind: str) -> str:
    identifier: str = draw.choice(files[kind])["id"]
    return identifier


def _or_none(draw: random.Random, value: Any) -> Any:
    return value if draw.random() < 0.7 else None


def rename_region(files: Files, draw: random.Random, number: int) -> None:
    region = _one(files, draw, "regions")
    fill(region, *draw.choice([("name", f"Place {number}"), ("name_zh", f"地{number}")]))


def move_region(files: Files, draw: random.Random, _: int) -> None:
    moved = draw.choice([region for region in files["regions"] if region["type"] == "country"])
    moved["parent"] = draw.choice(["two-places", "world"])


def regroup(files: Files, draw: random.Random, _: int) -> None:
    group = next(region for region in files["regions"] if region["id"] == "two-places")
    group["members"] = draw.sample([region[0] for region in REGIONS[2:]], draw.randint(1, 4))


def rename_organisation(files: Files, draw: random.Random, number: int) -> None:
    fill(_one(files, draw, "organisations"), *draw.choice([("name", f"Body {number}"), ("name_zh", f"公司{number}")]))


def rename_by_alias(files: Files, draw: random.Random, number: int) -> None:
    alias = [{"text": f"Otherwise {draw.choice(WORDS)} {number}", "language": "en", "type": "alias"}]
    fill(_one(files, draw, "organisations"), "aliases", _or_none(draw, alias))


def describe_organisation(files: Files, draw: random.Random, number: int) -> None:
    body = _one(files, draw, "organisations")
    body["description"] = f"It does {draw.choice(WORDS)} {number}."


def place_organisation(files: Files, draw: random.Random, _: int) -> None:
    body = _one(files, draw, "organisations")
    fill(body, "region", _or_none(draw, _id(files, draw, "regions")))
    fill(body, "parent", _or_none(draw, _id(files, draw, "organisations")))


def retitle_source(files: Files, draw: random.Random, number: int) -> None:
    fill(_one(files, draw, "sources"), *draw.choice([("title", f"Work {number}"), ("title_zh", f"文章{number}")]))


def redate_source(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "sources"), "published", _or_none(draw, draw.choice(DATES)))


def regrade_source(files: Files, draw: random.Random, _: int) -> None:
    _one(files, draw, "sources")["grade"] = draw.choice("ABCD")


def derive_source(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "sources"), "derived_from", _or_none(draw, _id(files, draw, "sources")))


def publish_source(files: Files, draw: random.Random, number: int) -> None:
    source = _one(files, draw, "sources")
    fill(source, "publisher", _or_none(draw, _id(files, draw, "organisations")))
    fill(source, "url", _or_none(draw, f"https://example.org/{number}"))


def change_document(files: Files, draw: random.Random, number: int) -> None:
    document = _one(files, draw, "documents")
    document |= draw.choice([{"name": f"paper {number}.txt"}, {"sha256": f"{number + 99:064x}"}, {"length": str(9000 + number)}, {"language": "de"}])


def retitle_event(files: Files, draw: random.Random, number: int) -> None:
    fill(_one(files, draw, "events"), *draw.choice([("title", f"Happening {number}"), ("title_zh", f"事{number}"), ("summary", f"So {number}.")]))


def redate_event(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "events"), "date", _or_none(draw, draw.choice(DATES)))


def place_event(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "events"), "region", _or_none(draw, _id(files, draw, "regions")))


def move_event(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "events"), "parent", _or_none(draw, _id(files, draw, "events")))


def take_part(files: Files, draw: random.Random, _: int) -> None:
    bodies = draw.sample([body["id"] for body in files["organisations"]], draw.randint(1, 2))
    fill(_one(files, draw, "events"), "organisations", _or_none(draw, [{"organisation": body, "role": "host"} for body in bodies]))


def cite_otherwise(files: Files, draw: random.Random, number: int) -> None:
    record = _one(files, draw, draw.choice(["events", "figures"]))
    citation = draw.choice(record["cite"])
    said = {"attributed_to": {"organisation": _id(files, draw, "organisations")}}
    citation |= draw.choice([{"source": _id(files, draw, "sources")}, {"at": f"other words {number}"}, {"note": f"Remark {number}."}, said])


def revalue(files: Files, draw: random.Random, number: int) -> None:
    figure = _one(files, draw, "figures")
    figure["metric"], amount = draw.choice(AMOUNTS)
    figure["value"] = amount.format(draw.randint(1, 60))
    figure["as_stated"] = f"so many as {number}"


def contest(files: Files, draw: random.Random, number: int) -> None:
    figure = _one(files, draw, "figures")
    unit = figure["value"].rsplit(" ", 1)[1]
    stated = {
        "source": _id(files, draw, "sources"),
        "at": f"but others {number}",
        "supports": ["basis"],
        "stated": {"value": f"{1000 + number} {unit}"},
    }
    figure["cite"] = [figure["cite"][0], stated]


def move_figure(files: Files, draw: random.Random, _: int) -> None:
    figure = _one(files, draw, "figures")
    fill(figure, "event", _or_none(draw, _id(files, draw, "events")))
    fill(figure, "organisation", _or_none(draw, _id(files, draw, "organisations")))
    fill(figure, "relative_to", _or_none(draw, {"figure": _id(files, draw, "figures"), "region": _id(files, draw, "regions")}))


def place_figure(files: Files, draw: random.Random, _: int) -> None:
    fill(_one(files, draw, "figures"), "region", _or_none(draw, _id(files, draw, "regions")))


def add(files: Files, draw: random.Random, number: int) -> None:
    kind = draw.choice(["organisations", "sources", "events", "figures"])
    made: Entry = json.loads(json.dumps(_one(files, draw, kind))) | {"id": f"added-{kind}-{number}"}
    made.pop("document", None)
    made.pop("part", None)
    files[kind].insert(draw.randint(0, len(files[kind])), made)


def add_and_refer(files: Files, draw: random.Random, number: int) -> None:
    """A new record that older ones refer to at once."""
    body = json.loads(json.dumps(_one(files, draw, "organisations"))) | {"id": f"founded-{number}", "name": f"Founded {number}"}
    files["organisations"].append(body)
    fill(_one(files, draw, "events"), "organisations", [{"organisation": body["id"], "role": "host"}])
    fill(_one(files, draw, "sources"), "publisher", body["id"])


def retire(files: Files, draw: random.Random, number: int) -> None:
    """Withdraw a record, or merge it into another, that nothing refers to."""
    kind = draw.choice(["organisations", "events", "figures"])
    told = json.dumps({name: files[name] for name in KINDS})
    # An id stands once with its own entry.
    free = [entry for entry in files[kind] if told.count(f'"{entry["id"]}"') == 1]
    if len(free) < 2:
        return
    gone, into = draw.sample(free, 2)
    files[kind].remove(gone)
    gone_for = {"id": gone["id"], "kind": kind.removesuffix("s"), "reason": f"For reason {number}."}
    files["retired"].append(gone_for | ({"merged_into": into["id"]} if draw.random() < 0.4 else {}))
    files["gone"].append({"file": kind, "entry": gone})


def restore(files: Files, draw: random.Random, _: int) -> None:
    """What was retired comes back as it was."""
    if gone := files["gone"]:
        back = gone.pop(draw.randrange(len(gone)))
        files[back["file"]].append(back["entry"])
        files["retired"] = [entry for entry in files["retired"] if entry["id"] != back["entry"]["id"]]


def give_another_reason(files: Files, draw: random.Random, number: int) -> None:
    if files["retired"]:
        draw.choice(files["retired"])["reason"] = f"For another reason {number}."


def reorder(files: Files, draw: random.Random, _: int) -> None:
    """The order of entries in a file means nothing."""
    draw.shuffle(files[draw.choice(KINDS)])


def verify(files: Files, draw: random.Random, _: int) -> None:
    files["receipts"] = _or_none(draw, [{"every": draw.randint(2, 7)}]) or []


EDITS: tuple[Callable[[Files, random.Random, int], None], ...] = (
    rename_region,
    move_region,
    regroup,
    rename_organisation,
    rename_by_alias,
    describe_organisation,
    place_organisation,
    retitle_source,
    redate_source,
    regrade_source,
    derive_source,
    publish_source,
    change_document,
    retitle_event,
    redate_event,
    place_event,
    move_event,
    take_part,
    cite_otherwise,
    revalue,
    contest,
    move_figure,
    place_figure,
    add,
    add_and_refer,
    retire,
    restore,
    give_another_reason,
    reorder,
    verify,
)
