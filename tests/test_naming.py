"""Which organisations a name may mean."""

import random
import time
from typing import cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app import search
from app.naming import FLOOR, TRUST, Match, Name, Names, NameType
from app.seeding import dataset
from tests.conftest import SEEDS


def _names() -> list[Name]:
    found = []
    for form in dataset.read(SEEDS)[0].organisations.values():
        found.append(Name(form.id, form.name, "en", "name"))
        if form.name_zh:
            found.append(Name(form.id, form.name_zh, "zh", "name"))
        found += [Name(form.id, alias.text, alias.language, cast(NameType, alias.type)) for alias in form.aliases]
    return found


CURATED = _names()
NAMES = Names(CURATED)
BEIJING = "beijing-science-technology-commission"
CSGCT = "chinese-society-gene-cell-therapy"
KINDS: list[NameType] = list(TRUST)


def first(q: str, names: Names = NAMES) -> Match:
    found = names.resolve(q)
    assert found, q
    return found[0]


def named(*texts: str, type: NameType = "name") -> Names:
    """Organisations of one name each, the name its id."""
    return Names(Name(text, text, "en", type) for text in texts)


@pytest.mark.parametrize(
    ("q", "record", "how"),
    [
        ("Tsinghua University", "tsinghua-university", "exact"),
        ("TSINGHUA  university.", "tsinghua-university", "exact"),
        ("Ｔｓｉｎｇｈｕａ Univer\u00adsity", "tsinghua-university", "exact"),
        ("清华大学", "tsinghua-university", "exact"),
        ("清 华 大 学", "tsinghua-university", "exact"),
        ("北京大学", "peking-university", "exact"),
        ("csgct", CSGCT, "exact"),
        ("CSGCT Alliance", CSGCT, "exact"),
        ("Tsingk-Biotechnology", "tsingk-biotechnology", "exact"),
        ("Tsinghua", "tsinghua-university", "words"),
        ("University Tsinghua", "tsinghua-university", "words"),
        ("清华", "tsinghua-university", "words"),
        ("科学技术委员会", BEIJING, "words"),
        ("Zhongguancun Committee", "zhongguancun-science-city-commission", "words"),
        ("Bei Ke", "bei-ke-cai-jing", "words"),
        ("清化大学", "tsinghua-university", "near"),
        ("北京科学技术委员会", BEIJING, "near"),
        ("中国细胞和基因治疗联盟", CSGCT, "near"),
        ("中国基因与细胞治疗联盟", CSGCT, "near"),
        ("清华大学有限公司", "tsinghua-university", "near"),
        ("Tsinghau Univeristy", "tsinghua-university", "near"),
        ("Tsinhua", "tsinghua-university", "near"),
        ("Tsinghua Univ.", "tsinghua-university", "near"),
        ("University of Tsinghua", "tsinghua-university", "near"),
        ("CSGTC", CSGCT, "near"),
        ("CSGCT Bord", CSGCT, "near"),
        ("Novatris", "novartis", "near"),
        ("Novartis AG", "novartis", "near"),
        ("Pak Gene", "packgene-biotech", "near"),
        ("Immuno-Tech Biopharm", "immunotech-biopharm", "near"),
        ("Beike Caijing", "bei-ke-cai-jing", "near"),
        ("American Societies for Gene and Cell Therapy", "american-society-gene-cell-therapy", "near"),
        ("Greater Bay Area Cell & Gene Therapies Public Service Centre", "gba-cgt-public-service-center", "near"),
    ],
)
def test_names_of_the_curated_organisations_are_resolved(q: str, record: str, how: str) -> None:
    found = first(q)
    assert (found.record, found.how) == (record, how)


@pytest.mark.parametrize(
    "q",
    [
        *("", " ", "。，", "🧬", "'; --"),
        *("x", "zz", "诺", "疗法"),
        *("Harvard University", "Fudan Univ", "复旦大学", "中国科学院", "中国药科大学", "Chinese University", "Chinese Academy of Sciences"),
        *("European Society of Gene and Cell Therapy", "Japanese Society of Gene Therapy", "ASGCT", "ESGCT"),
        *("上海市科学技术委员会", "Shanghai Municipal Science and Technology Commission"),
        *("Novavax", "Roche", "OriGene", "China Times", "Institute of Technology", "Beijing University of Posts", "Limited Company"),
    ],
)
def test_what_is_no_organisation_of_ours_finds_nothing(q: str) -> None:
    assert NAMES.resolve(q) == []


def test_what_is_shared_by_all_universities_makes_none_of_them_near() -> None:
    assert [match.record for match in NAMES.resolve("清华大学")] == ["tsinghua-university"]
    assert [match.record for match in NAMES.resolve("清化大学")] == ["tsinghua-university"]
    assert {match.record for match in NAMES.resolve("University")} == {"peking-university", "tsinghua-university"}
    assert all(match.score < 0.55 for match in NAMES.resolve("University") + NAMES.resolve("大学"))


def test_words_score_by_the_share_of_the_name() -> None:
    names = named("Nansha Vector Institute", "Nansha Vector Foundry of Guangzhou")
    found = names.resolve("nansha vector")
    assert [match.record for match in found] == ["Nansha Vector Institute", "Nansha Vector Foundry of Guangzhou"]
    assert 0.8 > found[0].score > found[1].score > 0.5
    assert first("vector", names).score < first("nansha vector", names).score


def test_kinds_of_names_are_told_and_a_mistranslation_comes_after_a_proper_name() -> None:
    names = Names(
        [
            Name("wrong", "Sino Gene Union", "en", "mistranslation"),
            Name("wrong", "Chinese Gene Alliance", "en", "name"),
            Name("right", "Sino Gene Union", "en", "alias"),
            Name("right", "Gene Union of the Sea", "en", "former"),
        ]
    )
    found = names.resolve("sino gene union")
    assert [(match.record, match.matched.type, match.score) for match in found] == [("right", "alias", 0.98), ("wrong", "mistranslation", 0.85)]
    for q in ("sino union", "Sino Gene Unoin"):
        assert [match.record for match in names.resolve(q)] == ["right", "wrong"]
    assert first("gene union of the sea", names).matched.type == "former"
    assert sorted(TRUST.values(), reverse=True)[0] == TRUST["name"] == 1
    assert min(TRUST, key=TRUST.__getitem__) == "mistranslation"


def test_other_spellings_are_looked_for_only_where_the_query_is_no_proper_name() -> None:
    assert [match.record for match in named("Hunan Vector", "Henan Vector").resolve("Hunan Vector")] == ["Hunan Vector"]
    wrong = Names([Name("a", "Hunan Vector", "en", "mistranslation"), Name("b", "Henan Vector", "en", "name")])
    assert [(match.record, match.how) for match in wrong.resolve("Hunan Vector")] == [("a", "exact"), ("b", "near")]


@pytest.mark.parametrize(
    ("name", "q"),
    [
        ("Institute of Haematology", "Institute of Hematology"),
        ("Tumor Vaccine Center", "Tumour Vaccine Centre"),
        ("Paediatric Oncology Organisation", "Pediatric Oncology Organization"),
        ("Lentiviral Therapies", "Lentiviral Therapy"),
        ("Children's Hospital of Nansha", "Childrens Hospital of Nansha"),
        ("Łódź Vector-Works", "Lodz Vector Works"),
        ("CARsgen Therapeutics", "CARSgen Therapeutic"),
        ("博雅辑因", "博雅缉因"),
        ("国家药品监督管理局", "国家药品监管局"),
    ],
)
def test_other_spellings_are_found_either_way(name: str, q: str) -> None:
    others = ["Nansha Vaccine Works", "Oncology Hospital", "Guangzhou Therapeutics", "国家知识产权局", "博雅生物"]
    assert first(q, named(name, *others)).record == name
    assert first(name, named(q, *others)).record == q


@pytest.mark.parametrize("q", ["AB", "A", "基", "ABC", "ESGCT", "Gena", "清化"])
def test_short_queries_have_no_near_matches(q: str) -> None:
    found = named("AC", "B", "因", "基因", "ABD", "ASGCT", "Genb", "BACK", "清华").resolve(q)
    assert [(match.record, match.how) for match in found] == ([("基因", "words")] if q == "基" else [])


@given(st.sampled_from(CURATED))
def test_a_curated_name_resolves_to_its_record_with_the_highest_score(name: Name) -> None:
    found = NAMES.resolve(name.text)
    assert name.record in [match.record for match in found if match.score == found[0].score and match.how == "exact"]


TEXT = st.text(st.sampled_from("ab cdé-清华大学中é\u00adＡ1."), max_size=12) | st.text(max_size=12)
GIVEN = st.lists(st.builds(Name, record=st.sampled_from("abcde"), text=TEXT, language=st.just("en"), type=st.sampled_from(KINDS)), max_size=12)


@given(GIVEN, TEXT)
def test_any_names_and_query_give_a_total_order_without_repetition(names: list[Name], q: str) -> None:
    found = Names(names).resolve(q)
    assert found == sorted(found, key=lambda match: (-match.score, match.record))
    assert len({match.record for match in found}) == len(found)
    assert all(FLOOR <= match.score <= 1 and match.matched in names and match.matched.record == match.record for match in found)
    assert {match.score for match in found if match.score > 0.8} <= set(TRUST.values())
    # The order in which names are given does not matter for the scores.
    assert [(match.record, match.score) for match in Names(names[::-1]).resolve(q)] == [(match.record, match.score) for match in found]


@given(GIVEN, st.data())
def test_any_name_resolves_to_itself_before_all_that_is_not_exact(names: list[Name], data: st.DataObject) -> None:
    assume(names)
    name = data.draw(st.sampled_from(names))
    assume(search.words([name.text]))
    found = {match.record: match for match in Names(names).resolve(name.text)}
    assert found[name.record].how == "exact"
    assert found[name.record].score >= TRUST[name.type]
    assert all(match.score < found[name.record].score for match in found.values() if match.how != "exact")


@given(st.sampled_from([name for name in CURATED if len(name.text) >= (4 if search.is_cjk(name.text) else 9)]), st.data())
@settings(max_examples=300)
def test_one_slip_in_a_long_name_does_not_hide_it(name: Name, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name.text) - 1))
    other = data.draw(st.sampled_from("aqz" if name.text.isascii() else "化中某"))
    before, at, after = name.text[:place], name.text[place], name.text[place + 1 :]
    slips = [before + after, before + other + after, before + other + at + after, before + " " + at + after, before + after[:1] + at + after[1:]]
    slipped = data.draw(st.sampled_from(slips))
    # What is left of four characters without one of them may be too short to tell.
    assume(len(slipped) >= 4)
    assert name.record in [match.record for match in NAMES.resolve(slipped)]


def test_fifty_thousand_names_are_prepared_once_and_asked_fast() -> None:
    draw = random.Random(5)
    syllables = ["an", "bei", "jing", "shang", "hai", "ka", "ro", "ni", "lex", "ta", "vi", "mo", "sun", "der", "gen", "pro", "cy", "to", "lu", "zel"]
    kinds = ["University", "Institute of Technology", "Biotech", "Hospital", "Gene Therapy Center"]
    made = []
    for number in range(25_000):
        latin = "".join(draw.choices(syllables, k=3)).title()
        made.append(Name(f"o{number}", f"{latin} {draw.choice(kinds)}", "en", "name"))
        chinese = "".join(draw.choices("清华北京上海广州深圳南东西安宁江浙福建山河湖云贵川", k=4))
        made.append(Name(f"o{number}", chinese + draw.choice(["大学", "医院", "生物科技有限公司"]), "zh", "name"))
    started = time.process_time()
    names = Names([*made, *CURATED])
    prepared = time.process_time() - started
    queries = [
        "Tsinghua Univeristy",
        "清化大学",
        "中国细胞和基因治疗联盟",
        "Novatris",
        "CSGTC",
        "Greater Bay Area Cell & Gene Therapies Public Service Centre",
    ]
    started = time.process_time()
    for q in queries:
        assert first(q, names).record == first(q).record
    each = (time.process_time() - started) / len(queries)
    # Several times what was measured, so that a slow machine does not fail.
    assert prepared < 15
    assert each < 0.3
