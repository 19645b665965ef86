"""The entries of a made-up data set of any size: each is a function of its kind, number and release alone, so nothing is kept in memory.

Release K changes about 0.8 % of the records of the one before, adds 0.1 % and retires 0.1 %. Who is referred to is never retired.
"""

import hashlib
import random
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from app import vocabulary
from benchmarks import amounts, words
from benchmarks.places import FEWEST, MOST, regions
from benchmarks.words import rank, zipf

Entry = dict[str, Any]

KINDS = ("documents", "regions", "organisations", "sources", "events", "figures")
"""The files of a data set, in the order in which they refer to each other."""

_TYPES = zipf(
    "financing trial-milestone conference regulatory-approval collaboration licensing-deal regulatory-acceptance policy publication-release"
    " facility-opening platform-launch acquisition organisation-founding investment-commitment designation guidance facility-groundbreaking"
    " reimbursement-listing industry-milestone divestiture market-withdrawal".split(),
    1 << 12,
)
_ROLES = {
    "conference": ["host", "organiser", "speaker", "co-organiser", "supporter", "guide"],
    "financing": ["target", "investor"],
    "licensing-deal": ["licensor", "licensee"],
    "acquisition": ["acquirer", "target", "seller"],
    "regulatory-approval": ["applicant", "regulator"],
    "regulatory-acceptance": ["applicant", "regulator"],
    "designation": ["applicant", "regulator"],
    "policy": ["issuer"],
    "guidance": ["issuer"],
    "publication-release": ["publisher", "partner"],
    "organisation-founding": ["founded", "founder"],
    "platform-launch": ["operator", "founder", "partner"],
    "investment-commitment": ["investor", "partner"],
}
_OTHER_ROLES = ["partner", "operator", "founder", "tenant"]
_TOPICS = zipf(list(vocabulary.TOPIC), 1 << 12)
_MODALITIES = zipf(list(vocabulary.MODALITY), 1 << 8)
_BODIES = ["company", "company", "company", "company", "university", "society", "government", "media"]
_BODY_NAMES = {
    "company": ("Therapeutics", "生物科技"),
    "university": ("University", "大学"),
    "society": ("Society", "学会"),
    "government": ("Commission", "委员会"),
    "media": ("Daily", "日报"),
}
_SURNAMES = zipf("Wang Li Zhang Liu Chen Smith Kim Müller Tanaka Garcia Okafor Novák".split(), 1 << 8)
_SURNAMES_ZH = zipf(list("王李张刘陈杨黄赵周吴徐孙"), 1 << 8)
_PRECISIONS = ["day"] * 72 + ["month"] * 10 + [""] * 6 + ["quarter"] * 3 + ["days"] * 3 + ["bound"] * 2 + ["months"] * 2 + ["~"] * 2
_YEARS, _LAST = 36, 2026
_CHANGED, _TURNOVER = 8, 1000
"""Of so many records, how many a release changes; of as many it adds one and retires one."""


class World:
    """A data set of so many events, as it was in a release; releases count from 1."""

    def __init__(self, events: int, release: int = 1) -> None:
        self.size, self.release = events, release
        self.counts = self._counts(release)
        self._draw = random.Random()
        self._changes = random.Random()

    @cached_property
    def regions(self) -> list[Entry]:
        """The entries of all regions, the most frequent ones first."""
        return regions(max(FEWEST, min(MOST, self.size // 10)))

    @cached_property
    def region_ids(self) -> list[str]:
        """A table of ids to draw from, the most frequent ones most often."""
        return zipf([entry["id"] for entry in self.regions], 1 << 14)

    def _counts(self, release: int) -> dict[str, int]:
        """How many of each kind were ever there up to a release; retired ones included."""
        events = self.size + (release - 1) * max(1, self.size // _TURNOVER)
        sources = events // 3 + 1
        bodies = max(40, self.size // 20)
        found = {"documents": sources // 2 + 1, "regions": len(self.regions), "organisations": bodies}
        return found | {"sources": sources, "events": events, "figures": events // 4}

    def entries(self, kind: str, numbers: range | None = None) -> Iterator[Entry]:
        """The entries of one of the files; of some numbers only, if they are given."""
        if kind == "regions":
            return iter(self.regions)
        make = {
            "documents": self.document,
            "organisations": self.organisation,
            "sources": self.source,
            "events": self.event,
            "figures": self.figure,
        }[kind]
        wanted = range(self.counts[kind]) if numbers is None else numbers
        return (make(number) for number in wanted if not self._retired_in(kind, number))

    def retired(self) -> Iterator[Entry]:
        """The entries of what was taken back since the first release; every other one as a double."""
        for kind in ("events", "figures"):
            for number in range(self.counts[kind]):
                if self._retired_in(kind, number):
                    entry = {"id": identifier(kind, number), "kind": kind.removesuffix("s"), "reason": "A double, found on reading again."}
                    yield entry | ({"merged_into": identifier(kind, number - 1)} if number % 8 == 3 else {})

    def _retired_in(self, kind: str, number: int) -> int:
        """The release that retired a record; 0: none has."""
        if kind not in {"events", "figures"} or number % 4 != 3:
            return 0
        for release in range(2, self.release + 1):
            if _hash(kind, number, -release) % _TURNOVER < 4 and number < self._counts(release - 1)[kind]:
                return release
        return 0

    def revision(self, kind: str, number: int) -> int:
        """How often a record has changed since the first release."""
        return sum(_hash(kind, number, release) % _TURNOVER < _CHANGED for release in range(2, self.release + 1))

    def _begin(self, kind: str, number: int) -> tuple[random.Random, random.Random]:
        """What an entry is drawn from, and what of it changes with releases."""
        seed = _hash(kind, number, 1)
        self._draw.seed(seed)
        self._changes.seed(seed + 1 + self.revision(kind, number))
        return self._draw, self._changes

    def document(self, number: int) -> Entry:
        """A held text with two works in it."""
        digest = hashlib.sha256(f"made-up document {number}".encode()).hexdigest()
        name = f"{number:07d}_{digest[:16]}.txt"
        return {
            "id": identifier("documents", number),
            "name": name,
            "sha256": digest,
            "length": "6000",
            "media_type": "text/plain",
            "language": "en" if number % 3 else "zh",
        }

    def organisation(self, number: int) -> Entry:
        """A body, with other names, a parent, a seat and a description in some."""
        draw, changes = self._begin("organisations", number)
        kind = _BODIES[number % 8]
        word = words.RARE[number * 13 % len(words.RARE)]
        suffix, suffix_zh = _BODY_NAMES[kind]
        name = f"{word.capitalize()} {words.english(draw, 1)} {suffix}"
        entry: Entry = {"id": identifier("organisations", number), "name": name, "type": kind}
        if draw.random() < 0.7:
            entry["name_zh"] = words.RARE_ZH[number * 17 % len(words.RARE_ZH)] + words.chinese(draw, 1) + suffix_zh
        if draw.random() < 0.3:
            entry["aliases"] = [{"text": f"{word[:3].upper()}{number}", "language": "en", "type": "abbreviation"}]
        if draw.random() < 0.8:
            entry["region"] = draw.choice(self.region_ids)
        if number >= 8 and draw.random() < 0.05:
            entry["parent"] = identifier("organisations", rank(draw, number - 1))
        if draw.random() < 0.3:
            entry["website"] = f"https://{word}-{number}.example/"
        if draw.random() < 0.1:
            entry["identifiers"] = {"wikidata": f"Q{1000 + number}"}
        if draw.random() < 0.4 or self.revision("organisations", number):
            entry["description"] = words.english(changes, 12)
        facts = [field for field in ("name", "name_zh", "aliases", "region", "parent", "website", "identifiers") if field in entry]
        source = rank(draw, self._counts(1)["sources"])
        return entry | {"cite": [{"source": identifier("sources", source), "at": words.anchor(draw, "en"), "supports": facts}]}

    def source(self, number: int) -> Entry:
        """A work; every fifth repeats one before it."""
        draw, changes = self._begin("sources", number)
        language = "zh" if draw.random() < 0.4 else "en"
        title = words.sentence(draw, draw.randint(5, 12))
        entry: Entry = {
            "id": identifier("sources", number),
            "title": f"[{title}]" if language == "zh" else title,
            "language": language,
            "type": draw.choice(["article", "article", "press-release", "official-page", "report", "filing", "journal-article"]),
            "grade": "BBCABCDA"[draw.randrange(8)],
            "document": identifier("documents", number // 2),
            "part": {"start": str(3000 * (number % 2)), "end": str(3000 * (number % 2) + 3000)},
        }
        facts = ["language"]
        if language == "zh":
            entry["title_zh"] = words.chinese(draw, draw.randint(6, 12))
        if draw.random() < 0.9:
            entry["publisher"] = identifier("organisations", 8 * rank(draw, self.counts["organisations"] // 8) + 7)
            facts.append("publisher")
        if draw.random() < 0.95:
            entry["published"] = _day(draw).isoformat() if draw.random() < 0.9 else when(draw)
            facts.append("published")
        if draw.random() < 0.6:
            entry["url"] = f"https://news.example/{number}"
            facts.append("url")
        if number % 5 == 4:
            entry |= {"derived_from": identifier("sources", number - 1 - draw.randrange(4)), "type": "repost", "grade": "C"}
            facts.append("derived_from")
        if self.revision("sources", number):
            entry["rights"] = words.english(changes, 6)
        return entry | {"cite": [{"source": entry["id"], "at": words.anchor(draw, language), "supports": facts}]}

    def event(self, number: int) -> Entry:
        """What happened, in one or both languages, with one to three citations."""
        draw, changes = self._begin("events", number)
        kind = draw.choice(_TYPES)
        entry: Entry = {
            "id": identifier("events", number),
            "type": kind,
            "status": draw.choice(["held", "held", "held", "scheduled"] if kind == "conference" else ["completed"] * 8 + ["announced", "cancelled"]),
            "title": words.sentence(draw, draw.randint(4, 10)),
        }
        summary = words.chinese(changes, 30) if changes.random() < 0.15 else words.sentence(changes, changes.randint(15, 35))
        entry["summary"] = f"{summary}."
        if draw.random() < 0.6:
            entry["title_zh"] = words.chinese(draw, draw.randint(4, 10))
        if draw.random() < 0.97:
            entry["date"] = when(draw)
        if draw.random() < 0.85:
            entry["region"] = draw.choice(self.region_ids)
        if number % 50 and draw.random() < 0.1:
            entry["parent"] = identifier("events", number - number % 50)
        self._participants(draw, kind, entry)
        if kind == "trial-milestone" and draw.random() < 0.7:
            entry["identifiers"] = {"nct": f"NCT{10_000_000 + number:08d}"}
        if draw.random() < 0.9:
            entry["topics"] = list(dict.fromkeys(draw.choices(_TOPICS, k=draw.randint(1, 3))))
        facts = ("status", "date", "region", "venue", "parent", "organisations", "people", "products", "identifiers")
        entry["cite"] = self.citations(draw, number // 3, [field for field in facts if field in entry])
        if "date" in entry and draw.random() < 0.08:
            reason = {"field": "date", "reason": words.english(draw, 10), "from": [entry["cite"][0]["source"]]}
            entry["derived"] = [reason]
        return entry

    def _participants(self, draw: random.Random, kind: str, entry: Entry) -> None:
        bodies = self.counts["organisations"]
        if draw.random() < 0.85:
            roles = _ROLES.get(kind, _OTHER_ROLES)
            chosen = dict.fromkeys((rank(draw, bodies), roles[min(place, len(roles) - 1)]) for place in range(draw.randint(1, 4)))
            entry["organisations"] = [{"organisation": identifier("organisations", body), "role": role} for body, role in chosen]
        if draw.random() < 0.15:
            person = {"name": f"{draw.choice(_SURNAMES)} {words.sentence(draw, 1)}", "role": "speaker"}
            if draw.random() < 0.5:
                person["name_zh"] = draw.choice(_SURNAMES_ZH) + words.chinese(draw, 1)
                person["organisation"] = identifier("organisations", rank(draw, bodies))
            entry["people"] = [person]
        if draw.random() < 0.3:
            product = {"name": draw.choice(words.RARE).capitalize(), "modality": draw.choice(_MODALITIES)}
            entry["products"] = [product | ({"indication": words.english(draw, 2)} if draw.random() < 0.7 else {})]
        if kind == "conference" and draw.random() < 0.4:
            entry["venue"] = f"{draw.choice(words.RARE).capitalize()} Hall"

    def citations(self, draw: random.Random, near: int, facts: list[str]) -> list[Entry]:
        """One to three citations of different works: of the time of the record, and now and then of those that everybody cites."""
        found: list[Entry] = []
        for place in range(draw.choice((1, 1, 1, 2, 2, 3))):
            source = rank(draw, 50) if draw.random() < 0.1 else near - rank(draw, 40)
            citation: Entry = {
                "source": identifier("sources", max(0, source)),
                "at": words.anchor(draw, "zh" if draw.random() < 0.4 else "en"),
                "supports": facts if place == 0 else facts[: 1 + draw.randrange(len(facts))],
            }
            if place and draw.random() < 0.2:
                citation |= {"reading": "interpreted", "note": words.english(draw, 8)}
            if draw.random() < 0.1:
                citation["attributed_to"] = {"name": f"{draw.choice(_SURNAMES)} {words.sentence(draw, 1)}"}
            if citation["source"] not in [other["source"] for other in found]:
                found.append(citation)
        return found

    def figure(self, number: int) -> Entry:
        """A number, bounded in some, and in one of twelve with a source that says something else."""
        draw, changes = self._begin("figures", number)
        entry = {"id": identifier("figures", number)} | amounts.number(draw)
        if draw.random() < 0.75:
            entry["region"] = draw.choice(self.region_ids)
        if draw.random() < 0.25:
            entry["organisation"] = identifier("organisations", rank(draw, self.counts["organisations"]))
        if draw.random() < 0.4:
            entry["event"] = identifier("events", 4 * (number - number % 8) + 2)
        if draw.random() < 0.85:
            entry["period"] = _years(draw) if draw.random() < 0.7 else when(draw)
        if entry["metric"] in {"growth-rate", "cagr"}:
            entry["relative_to"] = {"period": str(_day(draw).year)}
        elif entry["metric"] == "share" and number >= 10:
            entry["relative_to"] = {"figure": identifier("figures", number - number % 10 - 10), "region": "world"}
        if draw.random() < 0.5 or self.revision("figures", number):
            entry["scope_note"] = words.english(changes, 10)
        facts = [field for field in ("value", "basis", "subject", "region", "organisation", "event", "period", "relative_to") if field in entry]
        entry["cite"] = self.citations(draw, 4 * number // 3, facts)
        if draw.random() < 1 / 12:
            stated = amounts.differing(draw, entry, self.region_ids)
            other = identifier("sources", max(0, 4 * number // 3 - 41 - draw.randrange(9)))
            supports = ["value" if "value" not in stated else "basis"]
            entry["cite"].append({"source": other, "at": words.anchor(draw, "en"), "supports": supports, "stated": stated})
        return entry


def identifier(kind: str, number: int) -> str:
    """The id of a record: a word in front, so that the order of ids is none of time."""
    return f"{words.RARE[number * 7919 % len(words.RARE)]}-{kind.removesuffix('s')}-{number}"


def when(draw: random.Random) -> str:
    """A date of the last decades, most of them of late, in any precision that EDTF has for one."""
    day = _day(draw)
    match draw.choice(_PRECISIONS):
        case "day":
            shown = day.isoformat()
        case "month":
            shown = f"{day:%Y-%m}"
        case "quarter":
            shown = f"{day.year}-{33 + (day.month - 1) // 3}"
        case "days":
            shown = f"{day}/{day + timedelta(days=1 + draw.randrange(3))}"
        case "bound":
            shown = f"[..{day:%Y-%m}]" if draw.random() < 0.7 else f"[{day:%Y-%m}..]"
        case "months":
            shown = f"[{day.year - 1}-{day:%m}..{day:%Y-%m}]"
        case uncertain:
            shown = f"{day.year}{uncertain}"
    return shown


def _years(draw: random.Random) -> str:
    year = _day(draw).year
    return str(year) if draw.random() < 0.85 else f"{year - 4}/{year}"


def _day(draw: random.Random) -> date:
    return date(_LAST, 10, 31) - timedelta(days=int(365.25 * _YEARS * draw.random() ** 2.5))


def _hash(kind: str, number: int, salt: int) -> int:
    """A number that looks like chance and is always the same."""
    mixed = (number * 0x9E3779B1 + salt * 0x85EBCA6B + KINDS.index(kind) * 0xC2B2AE35) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 12)) * 0x297A2D39 >> 7) & 0xFFFFFF
