"""Mistakes in the curated files: all told at once, with file and line, and nothing is changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.seeding import load as seeding
from app.seeding.files import SeedError

FIGURE = "id: cn-cgt-market-size-2030"


def mistakes(folder: Path) -> list[str]:
    """What is told of a folder, without the folder's own name."""
    with pytest.raises(SeedError) as error:
        seeding.read(folder)
    return [str(mistake).replace(f"{folder}/", "") for mistake in error.value.mistakes]


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / file
        content = path.read_text("utf-8")
        assert old in content, old
        path.write_text(content.replace(old, new, 1), "utf-8")

    return apply


def append(file: str, content: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / file
        path.write_text((path.read_text("utf-8") if path.exists() else "") + content, "utf-8")

    return apply


def replace(file: str, content: bytes) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return apply


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _dangling(file: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).symlink_to(folder / "nowhere")

    return apply


RECEIPT = f"- {{record: novartis, claim: {'0' * 16}, start: 3, end: 9, sha256: {'0' * 64}, checked_at: '2025-09-12T08:00:00Z'}}\n"
BOMB = b"- &a [x, x]\n- &b [*a, *a]\n- &c [*b, *b]\n"
DEEP = b"- " + b"[" * 5000 + b"]" * 5000

CASES: list[tuple[str, Callable[[Path], None], str]] = [
    ("malformed YAML", append("events.yaml", "\n- id: [unclosed\n"), "(file): is not YAML: "),
    ("alias bomb", replace("events.yaml", BOMB), "events.yaml:1: (file): uses a YAML anchor (&name); write the value out where it is needed"),
    ("alias", replace("events.yaml", b"- id: *x\n"), "events.yaml:1: (file): uses a YAML alias (*name); write the value out"),
    ("deep nesting", replace("events.yaml", DEEP), "events.yaml:1: (file): nests deeper than 12 levels; no entry needs that"),
    (
        "tag",
        replace("events.yaml", b"- !!python/object/apply:os.system ['true']\n"),
        "(file): uses a YAML tag (tag:yaml.org,2002:python/object/apply:os.system)",
    ),
    ("two documents", append("events.yaml", "\n---\n- id: x\n"), "holds a second YAML document; remove the line '---'"),
    ("not UTF-8", replace("events.yaml", b"- id: \xff\n"), "events.yaml:1: (file): is not UTF-8 (byte 6); save it as UTF-8"),
    ("empty file", replace("events.yaml", b""), "events.yaml:1: (file): is empty; write [] for no entries"),
    ("no list", replace("events.yaml", b"id: x\n"), "events.yaml:1: (file): must be a list of entries, each beginning with '- id:'"),
    ("no mapping", replace("events.yaml", b"- just words\n"), "events.yaml:1: (no id): is no mapping of keys to values"),
    ("missing file", remove("events.yaml"), "events.yaml:1: (file): is missing; write [] into it if there are no entries"),
    ("stray file", append("evnts.yaml", "[]"), "evnts.yaml:1: (file): is not read by anything; did you mean events.yaml?"),
    ("repeated key", edit("figures.yaml", "  basis: reported\n", "  basis: reported\n  basis: forecast\n"), "has the key 'basis' twice; keep one"),
    ("key without value", edit("figures.yaml", "  period: 2030\n", "  period:\n"), "period has no value; leave the key out"),
    ("list for an amount", edit("figures.yaml", "value: 8.7 percent", "value: [8.7 percent]"), "value: is a list or a mapping; write one value"),
    ("mapping for a date", edit("figures.yaml", "period: 2030", "period: {year: 2030}"), "period: is a list or a mapping; write one value"),
    ("rank of zero", edit("figures.yaml", "value: 3 rank", "value: 0 rank"), "value: a rank is 1 or more"),
    ("rank and a half", edit("figures.yaml", "value: 3 rank", "value: 3.5 rank"), "value: a rank is a whole number"),
    ("negative count", edit("figures.yaml", "value: 57 count", "value: -57 count"), "value: only growth can be negative"),
    ("share over the whole", edit("figures.yaml", "value: 1/3 ratio", "value: 4/3 ratio"), "value: a share is at most 1 ratio"),
    ("id with a line break", edit("figures.yaml", "id: cn-cgt-market-size-2030", 'id: "cn\\n"'), "cn\\n: id: String should match pattern"),
    ("list for an amount", edit("figures.yaml", "value: 8.7 percent", "value: [8.7 percent]"), "value: is a list or a mapping; write one value"),
    ("mapping for a date", edit("figures.yaml", "period: 2030", "period: {year: 2030}"), "period: is a list or a mapping; write one value"),
    ("rank of zero", edit("figures.yaml", "value: 3 rank", "value: 0 rank"), "value: a rank is 1 or more"),
    ("rank and a half", edit("figures.yaml", "value: 3 rank", "value: 3.5 rank"), "value: a rank is a whole number"),
    ("negative count", edit("figures.yaml", "value: 57 count", "value: -57 count"), "value: only growth can be negative"),
    ("share over the whole", edit("figures.yaml", "value: 1/3 ratio", "value: 4/3 ratio"), "value: a share is at most 1 ratio"),
    ("id with a line break", edit("figures.yaml", FIGURE, 'id: "cn\\n"'), "cn\\n: id: String should match pattern"),
    (
        "invisible character",
        edit("figures.yaml", "as_stated: one third", 'as_stated: "one\\u200bthird"'),
        "holds control, invisible or unassigned characters",
    ),
    ("decomposed accent", edit("organisations.yaml", "name: Novartis\n", 'name: "Nove\\u0301"\n'), "is not in Unicode's normal form C"),
    ("two ellipses", edit("figures.yaml", "at: one third of the … in the city", "at: one … of the … in the city"), "is no anchor; write a phrase"),
    ("bare ellipsis", edit("figures.yaml", "at: one third of the … in the city", "at: …"), "is no anchor; write a phrase"),
    (
        "support twice",
        edit("figures.yaml", "supports: [value, subject]", "supports: [value, value]"),
        "supports: names the same thing twice; keep one",
    ),
    ("nothing relative", edit("figures.yaml", "relative_to: {region: cn}", "relative_to: {}"), "relative_to: is empty; fill it or leave the key out"),
    ("path for a name", edit("documents.yaml", "name: 000_8c5fe410897cbcae.txt", "name: ../000.txt"), "name: String should match pattern"),
    ("huge length", edit("documents.yaml", "length: 2511", "length: 99999999999"), "length: is no whole number in plain digits"),
    ("foreign digits", edit("regions.yaml", 'gb_2260: "110108"', 'gb_2260: "١١٠١٠٨"'), "gb_2260: String should match pattern"),
    ("odd decimal", edit("regions.yaml", "latitude: 39.9075", "latitude: 3_9.9"), "latitude: is no decimal number in plain digits"),
    (
        "user in an address",
        edit("organisations.yaml", "https://www.pku.edu.cn", "https://me:pw@www.pku.edu.cn"),
        "website: holds a user name; leave it out",
    ),
    (
        "stated of another kind",
        edit("events.yaml", "stated: {name: CSGCT Alliance}", "stated: {value: 5 count}"),
        "stated.value: is a field of figures only",
    ),
    ("floor of no field", edit("floors.yaml", "people: 2", "model_fields: 2"), "events.filled.model_fields: there is no such field"),
    ("folder among the files", lambda folder: (folder / "more").mkdir(), "more:1: (file): is not read by anything"),
    ("dangling link", lambda folder: (folder / "retired.yaml").symlink_to("nowhere.yaml"), "retired.yaml:1: (file): cannot be read: No such file"),
    ("link in a circle", lambda folder: _loop(folder / "events.yaml"), "events.yaml:1: (file): cannot be read: Too many levels of symbolic links"),
    ("unknown key", edit("figures.yaml", "  subject: cgt\n", "  subjekt: cgt\n"), "subjekt: unknown key; did you mean 'subject'?"),
    ("missing key", edit("figures.yaml", "  basis: reported\n", ""), "cn-bj-health-industry-output-2024: basis: is missing; add it"),
    ("no id, twice", append("figures.yaml", "\n- period: 2024\n- period: 2025\n"), "(no id): id: is missing; add it"),
    ("bad id", edit("figures.yaml", FIGURE, "id: CN_Market"), "id: String should match pattern"),
    (
        "duplicate id",
        edit("figures.yaml", FIGURE, "id: cn-cgt-market-size-2024"),
        "cn-cgt-market-size-2024: the id is already taken at figures.yaml:",
    ),
    ("id of another kind", edit("figures.yaml", FIGURE, "id: novartis"), "novartis: the id is already taken at organisations.yaml:"),
    ("unknown term", edit("figures.yaml", "metric: tax-rate", "metric: tax-rat"), "metric: 'tax-rat' is no metric; did you mean 'tax-rate'?"),
    ("impossible date", edit("figures.yaml", "period: 2030", "period: 2030-02-30"), "period: '2030-02-30' is not a date in EDTF"),
    ("reversed date", edit("events.yaml", "date: 2025-09-12/2025-09-13", "date: 2025-09-13/2025-09-12"), "ends before it begins"),
    ("figure with no unit", edit("figures.yaml", "value: 8.7 percent", "value: 8.7"), "value: '8.7' is no amount"),
    (
        "unit of another metric",
        edit("figures.yaml", "value: 8.7 percent", "value: 8.7 person"),
        "the metric 'growth-rate' is not given in 'person'; use percent",
    ),
    ("dangling region", edit("figures.yaml", "  region: world\n", "  region: wrold\n"), "region: there is no region 'wrold'; did you mean 'world'?"),
    (
        "reference to another kind",
        edit("figures.yaml", "  region: world\n", "  region: novartis\n"),
        "region: 'novartis' is of the kind organisation, not region",
    ),
    (
        "dangling source",
        edit("figures.yaml", "{source: packgene-about, at: yielding", "{source: packgene-abuot, at: yielding"),
        "there is no source 'packgene-abuot'; did you mean 'packgene-about'?",
    ),
    (
        "region cycle",
        edit("regions.yaml", "  parent: cn\n", "  parent: cn-bj-haidian\n"),
        "parent: goes round in a circle (cn-bj -> cn-bj-haidian -> cn-bj); break it",
    ),
    (
        "own parent",
        edit("events.yaml", "  parent: csgct-annual-meeting-2025\n", "  parent: csgct-founding-2025\n"),
        "csgct-founding-2025: parent: names the record itself; remove it",
    ),
    (
        "source cycle",
        edit("sources.yaml", "  published: 2025-09-14\n", "  published: 2025-09-14\n  derived_from: packgene-society-launch\n"),
        "derived_from: goes round in a circle",
    ),
    (
        "document twice by name",
        edit("documents.yaml", "name: 001_2adcdc448a8b6e9a.txt", "name: 000_8c5fe410897cbcae.txt"),
        "doc-society-launch-article: name: is that of 'doc-society-launch-repost' too; a document is entered once",
    ),
    (
        "document twice by hash",
        edit(
            "documents.yaml",
            "3963054398ed96957b2edf7e909bd7c3489ac7e41a1758ff184826c38442dc2d",
            "fe5a5e9cad43c39386c735cee9671efcf5213ab8e55a4f29c863f87b3c992cb8",
        ),
        "doc-society-launch-article: sha256: is that of 'doc-society-launch-repost' too; a document is entered once",
    ),
    (
        "uncovered field",
        edit("figures.yaml", "supports: [value, period, region, subject, basis]}", "supports: [value, period, region, subject]}"),
        "world-cgt-market-size-2030: basis: no citation supports it; add it to a citation's supports or a derivation, or leave it out",
    ),
    (
        "support of nothing",
        edit("figures.yaml", "supports: [value, period, region, subject, basis]}", "supports: [value, perod, region, subject, basis]}"),
        "'perod' is no field of this record here; did you mean 'period'?",
    ),
    (
        "no citation",
        edit(
            "organisations.yaml",
            "  cite:\n    - {source: e-town-2023-04-28, at: Beijing E-Town has gathered … Platinum Life, supports: [name, region]}\n",
            "",
        ),
        "platinum-life: cite: a record of this kind needs a citation",
    ),
    (
        "long anchor",
        edit("figures.yaml", "at: now more than 20 cell", "at: now more than 20 cell and gene therapy and so on"),
        "is longer than 8 words",
    ),
    ("interpreted without note", edit("organisations.yaml", "      note: The area is Beijing E-Town.\n", ""), "an interpreted passage needs a note"),
    (
        "interpreted and not derived",
        edit("figures.yaml", "    - field: event\n", "    - field: subject\n"),
        "event is interpreted; list it under derived with the reason",
    ),
    (
        "derived from nothing cited",
        edit("events.yaml", "from: [hua-xia-shi-bao-2025-03-31-digest]", "from: [packgene-about]"),
        "'packgene-about' is not cited by the record; cite it",
    ),
    (
        "supports and states",
        edit("figures.yaml", "      stated: {basis: forecast}", "      stated: {subject: forecast}"),
        "supports subject and states another; keep one",
    ),
    (
        "states the same",
        edit("figures.yaml", "      stated: {basis: forecast}", "      stated: {basis: reported}"),
        "basis: is what the record says; leave it out",
    ),
    (
        "part outside",
        edit("sources.yaml", "part: {start: 0, end: 2583}", "part: {start: 0, end: 2584}"),
        "part: 0 to 2584 does not lie in the document, which has 2583 code points",
    ),
    (
        "parts overlap",
        edit("sources.yaml", "part: {start: 1690, end: 2510}", "part: {start: 1600, end: 2510}"),
        "part: 1600 to 2510 overlaps the part of 'packgene-society-launch'",
    ),
    (
        "floor of records",
        edit("floors.yaml", "records: 16", "records: 17"),
        "events.records: 16 stand in the files, the floor is 17; restore what is missing or lower the floor",
    ),
    ("floor of a field", edit("floors.yaml", "people: 2", "people: 3"), "events.filled.people: 2 records fill it, the floor is 3"),
    ("floors missing", remove("floors.yaml"), "floors.yaml:1: (file): is missing; it holds the minimum count of each table"),
    ("country code", edit("regions.yaml", "iso_3166: CN-BJ", "iso_3166: CN-XX"), "iso_3166: 'CN-XX' is no code of ISO 3166"),
    (
        "region id",
        edit("regions.yaml", "  parent: cn-gd-guangzhou\n", "  parent: cn-bj\n"),
        "cn-gd-guangzhou-nansha: the id must be the parent's and a name: cn-bj-...",
    ),
    ("code of another region", edit("regions.yaml", "iso_3166: CN-BJ", "iso_3166: US-CA"), "iso_3166: 'US-CA' is the code of another region"),
    ("code twice", edit("regions.yaml", "iso_3166: CN-GD", "iso_3166: CN-BJ"), "'CN-BJ' is that of 'cn-bj' too; a code names one region"),
    ("long title", edit("events.yaml", "  title: ", "  title: " + "x" * 500), "title: is longer than 500 characters; shorten it"),
    (
        "line separator",
        edit("organisations.yaml", "name: Novartis", 'name: "Nov\\u2028artis"'),
        "name: holds control, invisible or unassigned characters",
    ),
    ("no-break space", edit("events.yaml", "  title: ", "  title: a\u00a0b"), "title: holds blanks that are no plain blanks"),
    ("piled accents", edit("events.yaml", "  title: ", "  title: q" + "\u0301" * 40), "piles more than 3 combining marks on a letter"),
    ("no language", edit("sources.yaml", "  language: en", "  language: zz"), "language: 'zz' is no language of ISO 639"),
    ("reserved id", edit("figures.yaml", FIGURE, "id: series"), "series: id: 'series' names a path of the API; choose another id"),
    ("empty id", edit("figures.yaml", FIGURE, "id: ''"), ": (no id): id: String should match pattern"),
    (
        "derived twice",
        edit("events.yaml", "  derived:\n", "  derived:\n    - {field: date, reason: Twice., from: [china-daily-2025-09-14]}\n"),
        "'date' is derived twice; keep one",
    ),
    ("left out of nothing", append("left-out.yaml", "- {document: nope, at: x, reason: y}\n"), "(entry): document: there is no document 'nope'"),
    ("entry of words", append("left-out.yaml", "- hello\n"), ": (entry): is no mapping of keys to values"),
    ("receipt of words", append("receipts.yaml", "- hello\n"), "(entry): is no mapping of keys to values"),
    ("receipt twice", append("receipts.yaml", RECEIPT * 2), "(entry): stands at line "),
    ("receipt of no length", append("receipts.yaml", RECEIPT.replace("end: 9", "end: 3")), "the passage from 3 to 3 has no length"),
    ("receipt beyond all", append("receipts.yaml", RECEIPT.replace("end: 9", "end: 99999999999999999999")), "end: is no whole number"),
    ("receipt of no time", append("receipts.yaml", RECEIPT.replace("'2025-09-12T08:00:00Z'", "5")), "checked_at: is no time such as"),
    ("receipts nowhere", _dangling("receipts.yaml"), "receipts.yaml:1: (file): cannot be read: No such file or directory"),
    ("left out nowhere", _dangling("left-out.yaml"), "left-out.yaml:1: (file): cannot be read: No such file or directory"),
    (
        "retired into nothing",
        append("retired.yaml", "- {id: old-one, kind: event, reason: A double., merged_into: nothing-here}\n"),
        "merged_into: there is no event 'nothing-here' to merge into",
    ),
    (
        "retired and alive",
        append("retired.yaml", "- {id: novartis, kind: organisation, reason: A double.}\n"),
        "novartis: the id is already taken at organisations.yaml:",
    ),
]


@pytest.mark.parametrize(("apply", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_mistake_is_told_with_its_place(seeds: Path, apply: Callable[[Path], None], message: str) -> None:
    apply(seeds)
    found = mistakes(seeds)
    assert any(message in line for line in found), found
    for line in found:
        place, _, rest = line.partition(": ")
        file, number = place.rsplit(":", 1)
        assert file.endswith((".yaml", ".yml", "/more", "more"))
        assert 1 <= int(number) <= 2000
        assert ": " in rest


def test_the_line_is_that_of_the_mistake(seeds: Path) -> None:
    edit("figures.yaml", "value: 8.7 percent", "value: 8.7")(seeds)
    (line,) = mistakes(seeds)
    number = int(line.split(":")[1])
    assert (seeds / "figures.yaml").read_text("utf-8").splitlines()[number - 1] == "  value: 8.7"


def test_entries_without_ids_are_not_taken_for_the_same(seeds: Path) -> None:
    append("figures.yaml", "\n- period: 2024\n- period: 2025\n")(seeds)
    assert not [line for line in mistakes(seeds) if "already taken" in line]


@pytest.mark.parametrize("file", ["events.yaml", "figures.yaml", "organisations.yaml", "sources.yaml", "regions.yaml"])
def test_a_file_that_is_no_yaml_is_one_mistake_and_not_twenty(seeds: Path, file: str) -> None:
    """What refers to its entries, and the floors, are no further mistakes."""
    append(file, "\n- id: 'unclosed\n")(seeds)
    (line,) = mistakes(seeds)
    assert f"{file}:" in line
    assert "is not YAML" in line


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert "there is no such folder" in mistakes(tmp_path / "nowhere")[0]


def test_every_mistake_of_the_whole_set_is_told_at_once(seeds: Path) -> None:
    chosen = ["unknown key", "duplicate id", "dangling region", "region cycle", "impossible date", "uncovered field", "unknown term", "no citation"]
    chosen += ["part outside", "country code", "long anchor", "reversed date"]
    cases = {case[0]: case for case in CASES}
    edits = [cases[name] for name in chosen]
    for _, apply, _ in edits:
        apply(seeds)
    found = mistakes(seeds)
    for name, _, message in edits:
        assert any(message in line for line in found), name
    assert found == sorted(found, key=lambda line: (line.split(":")[0], int(line.split(":")[1])))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("at: a passage that is far too long to be an anchor of any kind", "cite.1.at: is longer than 8 words"),
        ("at: '…'", "cite.1.at"),
        ("at: ''", "cite.1.at"),
    ],
)
def test_of_fields_whose_citations_are_not_sound_it_is_not_said_that_nothing_supports_them(seeds: Path, wrong: str, told: str) -> None:
    edit("events.yaml", "at: held from Friday to Saturday", wrong)(seeds)
    found = mistakes(seeds)
    assert any(told in line for line in found), found
    assert not [line for line in found if "no citation supports it" in line]


def test_a_byte_that_is_no_utf_8_is_found_in_its_line(seeds: Path) -> None:
    path = seeds / "events.yaml"
    path.write_bytes(b"- id: x\n  title: a\n  summary: \xff\n")
    assert any("events.yaml:3: (file): is not UTF-8" in line for line in mistakes(seeds))
