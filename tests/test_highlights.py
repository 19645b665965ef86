"""Where a record has the words of a query."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app import highlights, search
from app.highlights import LONGEST, fields_of
from app.seeding import dataset, render
from app.seeding.rows import called, texts
from tests.conftest import SEEDS

TRICKY = st.text(st.sampled_from("aA eéß½ﬁﬀＡｂ基因治疗法。가각각ㄱㅏがｶﾞ\u0301\u0308\u3099\u00ad\u200b\u09c7\u09be\u0e33ıİŉǆ1２-·\n"), max_size=60)
TEXTS = st.one_of(TRICKY, st.text(max_size=60))
LONG = st.lists(st.sampled_from(["Beijing", "gene", "naïve", "基因治疗", "，", "e\u0301tude", "\n", "x" * 70, "ﬁne"]), max_size=80).map(" ".join)


def marked(text: str, q: str) -> tuple[str, list[str]] | None:
    """The snippet of a text and what is marked in it."""
    found = highlights.highlights({"field": text}, q)
    if not found:
        return None
    return found[0].text, [found[0].text[span.start : span.end] for span in found[0].matches]


@pytest.mark.parametrize(
    ("text", "q", "expected"),
    [
        ("Gene therapy in Beijing", "beijing GENE", ["Gene", "Beijing"]),
        ("Genes in Beijing", "gene beij", None),
        ("细胞与基因治疗联盟", "基因治疗", ["基因治疗"]),
        ("基因治疗基因治疗", "基因治疗", ["基因治疗", "基因治疗"]),
        ("细胞治疗", "基因治疗", ["治疗"]),
        ("细胞与基因治疗联盟", "疗", ["疗"]),
        ("细胞治疗", "细胞 治疗", ["细胞", "治疗"]),
        ("在AAV9之后", "aav9", ["AAV9"]),
        ("ＡＡＶ９和ﬁne café", "aav9 fine cafe", ["ＡＡＶ９", "ﬁne", "café"]),
        ("Cafe\u0301, Bei\u00adjing\u00ad.", "café beijing", ["Cafe\u0301", "Bei\u00adjing"]),
        ("about ½ of it", "1", ["½"]),
        ("Straße 각", "strasse \u1100\u1161\u11a8", ["Straße", "각"]),
        ("\u1100\u00ad\u1161\u11a8", "각", ["\u1100\u00ad\u1161\u11a8"]),
        ("CAR-T", "car-t", ["CAR", "T"]),
        ("nothing", "。，", None),
        ("", "gene", None),
    ],
)
def test_words_are_marked_as_they_stand_in_the_text(text: str, q: str, expected: list[str] | None) -> None:
    found = marked(text, q)
    assert found == (None if expected is None else (text, expected))


def test_only_fields_with_a_match_are_given_in_their_order() -> None:
    found = highlights.highlights({"title": "Gene", "summary": "Cell", "title_zh": "基因", "venue": "a gene"}, "gene 基因")
    assert [one.model_dump() for one in found] == [
        {"field": "title", "text": "Gene", "matches": [{"start": 0, "end": 4}]},
        {"field": "title_zh", "text": "基因", "matches": [{"start": 0, "end": 2}]},
        {"field": "venue", "text": "a gene", "matches": [{"start": 2, "end": 6}]},
    ]


def test_a_long_text_is_cut_between_words_around_most_of_the_words() -> None:
    text = "gene " + "word " * 100 + "a gene in Beijing " + "more " * 100
    snippet, found = marked(text, "gene beijing") or ("", [])
    assert found == ["gene", "Beijing"]
    assert snippet.startswith("…word ")
    assert snippet.endswith(" more…")
    assert LONGEST - 10 < len(snippet) <= LONGEST + 2
    assert 50 < snippet.index("a gene") < 90


def test_chinese_is_cut_between_characters() -> None:
    snippet, found = marked("基因" * 300, "基因基") or ("", [])
    assert snippet == "基因" * 80 + "…"
    assert found == ["基因" * 80]
    snippet, found = marked("天地" * 300 + "基因" + "天地" * 300, "基因") or ("", [])
    assert found == ["基因"]
    assert len(snippet) == LONGEST + 2


@pytest.mark.parametrize("found", ["基因", "天基因", "基因天"])
def test_no_letter_is_cut_from_its_mark(found: str) -> None:
    voiced = "か\u3099"
    snippet, _ = marked(voiced * 200 + found + voiced * 200, "基因") or ("", [])
    before, after = snippet.strip("…").split(found)
    assert before == voiced * (len(before) // 2)
    assert after == voiced * (len(after) // 2)


def test_a_word_longer_than_a_snippet_is_not_cut() -> None:
    assert marked("a " + "x" * 500 + " b", "x" * 500) == ("…" + "x" * 500 + "…", ["x" * 500])


@given(TEXTS)
@example("\u0301a")
@example("\u1100\u1161\u11a8")
def test_folding_letter_by_letter_is_folding_the_whole(text: str) -> None:
    letters = highlights._letters(text)
    assert "".join(letter.folded for letter in letters) == search.fold(text)
    assert all(first.end <= second.start for first, second in pairwise(letters))


@given(TEXTS, TEXTS)
@example("a½b", "a1 2b")
def test_what_is_marked_is_what_matches(text: str, q: str) -> None:
    wanted = set(search.query_words(q))
    common = wanted & set(search.words([text]))
    found = marked(text, q)
    assert (found is not None) == bool(common)
    if found:
        assert found[0] == text
        assert common <= set(search.words(found[1]))
        for piece in found[1]:
            assert wanted & set(search.words([piece]))


@given(LONG, st.sampled_from(["gene", "基因治疗", "etude fine", "naive beijing", "治疗 x", "因 " + "x" * 70]))
def test_snippets_are_parts_of_the_text_and_spans_lie_in_order_within(text: str, q: str) -> None:
    wanted = set(search.query_words(q))
    for one in highlights.highlights({"field": text}, q):
        bare = one.text.removeprefix("…").removesuffix("…")
        assert bare in text
        assert len(bare) <= LONGEST
        assert one.matches
        last = 0
        for span in one.matches:
            assert last <= span.start < span.end <= len(one.text)
            last = span.end
            # A run of Chinese consists of words of the query, any other piece is one.
            piece = search.fold(one.text[span.start : span.end])
            assert piece in wanted or set(search.query_words(piece)) <= wanted
        # No word but Chinese is cut, and no accent from its letter.
        whole = {word for word in search.words([text]) if not search.is_cjk(word)}
        assert {word for word in search.words([bare]) if not search.is_cjk(word)} <= whole
        assert not bare.startswith("\u0301")


@pytest.mark.parametrize(
    "text", ["基因治疗联盟" * 10_000, "e\u0301" * 30_000 + " gene", "\u0301" * 60_000 + " gene", "gene " * 12_000, "각" * 60_000]
)
def test_time_grows_with_the_length_only(text: str) -> None:
    started = time.process_time()
    assert highlights.highlights({"field": text}, "gene 基因治疗 각각")
    assert time.process_time() - started < 10


def test_the_fields_are_those_by_whose_words_a_query_finds_a_record(synthetic_folder: Path) -> None:
    kinds = set()
    for folder in (SEEDS, synthetic_folder):
        data, _ = dataset.read(folder)
        records = [views[-1].record for _, views in render.Renderer(data).all()]
        bodies = {record["id"]: record for record in records if record["kind"] == "organisation"}
        names = {identifier: called(record) for identifier, record in bodies.items()}
        shown: dict[str, list[str | None]] = {identifier: [record["name"], record["name_zh"]] for identifier, record in bodies.items()}
        for record in records:
            served = json.loads(render.body(record))
            known = (names if record["kind"] == "organisation" else shown).__getitem__
            # The first two texts of a figure are the names of its metric.
            expected = [text for text in texts(known, record)[2 * (record["kind"] == "figure") :] if text is not None]
            fields = fields_of(served)
            assert sorted(fields.values()) == sorted(expected)
            for path, text in fields.items():
                value = served
                for key in path.split("."):
                    value = value[int(key) if key.isdigit() else key]
                assert value == text
            kinds.add(record["kind"])
    assert len(kinds) == 5
