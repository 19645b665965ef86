"""Made-up curated files: deterministic, with every field filled in some records and missing in others."""

import json
import random
from pathlib import Path
from typing import Any

from app import vocabulary

REGIONS = [
    ("world", "World", "world", None),
    ("cn", "China", "country", "world"),
    ("us", "United States", "country", "world"),
    ("cn-bj", "Beijing", "province", "cn"),
    ("cn-gd", "Guangdong", "province", "cn"),
    ("cn-bj-haidian", "Haidian", "district", "cn-bj"),
    ("cn-gd-guangzhou", "Guangzhou", "prefecture", "cn-gd"),
    ("cn-gd-guangzhou-nansha", "Nansha", "district", "cn-gd-guangzhou"),
]
DATES = [
    "2024",
    "2024-05",
    "2024-33",
    "2024-05-17",
    "2023-12-31",
    "2025-01-01",
    "2024-06-01/2024-06-03",
    "[..2024-06-30]",
    "[2024-02-01..]",
    "[2023-11-01..2024-02-29]",
    "2023~",
    "2025-09",
]
WORDS = ["Beijing", "vector", "CAR-T", "naïve", "Über", "OR", "NEAR", "平台", "细胞与基因治疗", "南沙", "研", "AAV9", "café"]
AMOUNTS = [
    ("market-size", "{} billion CNY"),
    ("market-size", "more than {} million USD"),
    ("market-size", "nearly {} billion CNY"),
    ("share", "{} percent"),
    ("processing-time", "{} to 99 week"),
    ("attendance", "about {} person"),
    ("rank", "{} rank"),
]


def write_synthetic(folder: Path, events: int = 240, figures: int = 240, seed: int = 7) -> None:
    """Write a complete folder of curated files."""
    draw = random.Random(seed)
    files: dict[str, list[dict[str, Any]]] = {
        "documents": [_document(number) for number in range(3)],
        "regions": [_region(*region) for region in REGIONS] + [_group()],
        "organisations": [_organisation(number, draw) for number in range(12)],
        "sources": [_source(number, draw) for number in range(9)],
        "events": [_event(number, draw) for number in range(events)],
        "figures": [_figure(number, events, draw) for number in range(figures)],
    }
    write(folder, files)


def write(folder: Path, files: dict[str, list[dict[str, Any]]]) -> None:
    """Write entries as curated files with floors of nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, entries in files.items():
        # JSON is YAML; every value is text there anyway.
        (folder / f"{name}.yaml").write_text(json.dumps(entries, ensure_ascii=False, indent=1), "utf-8")
    floors = ["documents", "regions", "organisations", "sources", "events", "figures", "citations"]
    (folder / "floors.yaml").write_text("".join(f"{name}: {{records: 0}}\n" for name in floors), "utf-8")


def _document(number: int) -> dict[str, Any]:
    return {"id": f"doc-{number}", "name": f"{number}.txt", "sha256": f"{number:064x}", "length": 9000, "media_type": "text/plain", "language": "en"}


def _region(identifier: str, name: str, kind: str, parent: str | None) -> dict[str, Any]:
    region: dict[str, Any] = {"id": identifier, "name": name, "type": kind}
    fields = ["name"]
    if parent:
        region["parent"] = parent
        fields.append("parent")
    return region | {"reference": [{"fields": fields, "dataset": "made up", "version": "1"}]}


def _group() -> dict[str, Any]:
    reference = {"fields": ["name", "parent", "members"], "dataset": "made up", "version": "1"}
    members = ["cn-bj-haidian", "cn-gd"]
    return {"id": "two-places", "name": "Two places", "type": "multi-region", "parent": "cn", "members": members, "reference": [reference]}


def _organisation(number: int, draw: random.Random) -> dict[str, Any]:
    organisation: dict[str, Any] = {"id": f"body-{number}", "name": f"{draw.choice(WORDS)} Body {number % 7}", "type": "company"}
    supports = ["name"]
    if number % 3:
        organisation |= {"name_zh": f"机构{draw.choice('甲乙丙')}", "region": draw.choice(REGIONS)[0], "type": "society"}
        supports += ["name_zh", "region"]
    if number % 4 == 0:
        organisation["aliases"] = [{"text": f"Alias{number}", "language": "en", "type": "alias"}]
        supports.append("aliases")
    return organisation | {"cite": [{"source": "source-0", "at": "some words", "supports": supports}]}


def _source(number: int, draw: random.Random) -> dict[str, Any]:
    source: dict[str, Any] = {
        "id": f"source-{number}",
        "title": f"Source {draw.choice(WORDS)} {number % 5}",
        "language": ["en", "zh"][number % 2],
        "type": "article",
        "grade": "ABCD"[number % 4],
        "document": f"doc-{number // 3}",
        "part": {"start": 3000 * (number % 3), "end": 3000 * (number % 3) + 3000},
    }
    supports = ["language"]
    if number % 4 != 3:
        source["published"] = draw.choice(DATES)
        supports.append("published")
    if number % 3 == 0:
        source["publisher"] = f"body-{number}"
        supports.append("publisher")
    if number in {4, 5}:
        source |= {"derived_from": f"source-{number - 1}", "type": "repost"}
        supports.append("derived_from")
    return source | {"cite": [{"source": f"source-{number}", "at": "some words", "supports": supports}]}


def _cite(draw: random.Random, supports: list[str]) -> list[dict[str, Any]]:
    sources = draw.sample(range(9), draw.randint(1, 3))
    return [{"source": f"source-{source}", "at": f"words {source}", "supports": supports} for source in sources]


def _event(number: int, draw: random.Random) -> dict[str, Any]:
    event: dict[str, Any] = {
        "id": f"event-{number}",
        "type": draw.choice(["conference", "policy", "financing", "platform-launch"]),
        "status": "completed",
        "title": f"{draw.choice(WORDS)} {draw.choice(WORDS)} {number % 11}",
        "summary": " ".join(draw.sample(WORDS, 3)),
        "topics": draw.sample(list(vocabulary.TOPIC), draw.randint(0, 3)),
    }
    supports = ["status"]
    if event["type"] == "conference":
        event["status"] = draw.choice(["held", "scheduled"])
    if draw.random() < 0.85:
        event["date"] = draw.choice(DATES)
        supports.append("date")
    if draw.random() < 0.8:
        event["region"] = draw.choice([*REGIONS, ("two-places",)])[0]
        supports.append("region")
    if number > 20 and draw.random() < 0.3:
        event["parent"] = f"event-{draw.randint(0, 19)}"
        supports.append("parent")
    if draw.random() < 0.6:
        bodies = draw.sample(range(12), draw.randint(1, 3))
        event["organisations"] = [{"organisation": f"body-{body}", "role": draw.choice(["host", "speaker", "partner"])} for body in bodies]
        supports.append("organisations")
    if draw.random() < 0.2:
        event["people"] = [{"name": f"Person {number % 5}", "name_zh": "王五", "role": "speaker", "organisation": "body-1"}]
        event["products"] = [{"name": "Producta", "modality": "cell-therapy", "indication": "lymphoma"}]
        event["venue"] = "Great Hall"
        supports += ["people", "products", "venue"]
    return event | {"cite": _cite(draw, supports)}


def _figure(number: int, events: int, draw: random.Random) -> dict[str, Any]:
    metric, amount = draw.choice(AMOUNTS)
    figure: dict[str, Any] = {
        "id": f"figure-{number}",
        "metric": metric,
        "subject": draw.choice(list(vocabulary.SUBJECT)[:5]),
        "value": amount.format(draw.randint(1, 60)),
        "as_stated": "so many",
        "basis": draw.choice(list(vocabulary.BASIS)),
    }
    supports = ["value", "basis"]
    if draw.random() < 0.75:
        figure["period"] = draw.choice(DATES)
        supports.append("period")
    if draw.random() < 0.75:
        figure["region"] = draw.choice([*REGIONS, ("two-places",)])[0]
        supports.append("region")
    if draw.random() < 0.3:
        figure["event"] = f"event-{draw.randint(0, events - 1)}"
        supports.append("event")
    if draw.random() < 0.3:
        figure["organisation"] = f"body-{draw.randint(0, 11)}"
        supports.append("organisation")
    cite = _cite(draw, supports)
    if draw.random() < 0.2:
        unit = figure["value"].rsplit(" ", 1)[1]
        cite.append({"source": "source-8", "at": "other words", "supports": ["basis"], "stated": {"value": f"1000 {unit}"}})
    return figure | {"cite": cite}
