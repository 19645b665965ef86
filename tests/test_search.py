"""The words of `q`: the same answers on both engines, and no operators."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import search
from tests.conftest import walk


def test_words_of_other_scripts_are_folded_and_chinese_gives_characters_and_pairs() -> None:
    assert search.words(["Naïve CAR-T, 2024", None]) == ["2024", "car", "naive", "t"]
    assert search.words(["南沙区"]) == sorted(["南", "沙", "区", "南沙", "沙区"])
    assert search.words(["ＡＡＶ９在北京"]) == sorted(["aav9", "在", "北", "京", "在北", "北京"])


def test_what_is_invisible_parts_no_word_and_letters_with_strokes_are_folded() -> None:
    assert search.query_words("Bei\u00adjing") == search.query_words("Bei\u200bjing") == ["beijing"]
    assert search.query_words("Bjørn Łódź Đà Strauß Ærø") == ["aero", "bjorn", "da", "lodz", "strauss"]


def test_a_query_of_two_or_more_characters_asks_for_pairs() -> None:
    assert search.query_words("南") == ["南"]
    assert search.query_words("南沙") == ["南沙"]
    assert search.query_words("细胞治") == ["细胞", "胞治"]


@given(st.text(max_size=80))
def test_a_text_is_found_by_every_part_of_itself(text: str) -> None:
    found = set(search.words([text]))
    assert set(search.query_words(text)) <= found
    assert all(word.replace(" ", "") == word and '"' not in word for word in found)


@given(st.text(max_size=60))
def test_words_have_nothing_that_an_engine_could_take_for_an_operator(text: str) -> None:
    for word in search.words([text]):
        assert word.isalnum() or all(character.isalnum() or ord(character) > 127 for character in word)


@pytest.mark.parametrize(
    ("path", "q", "expected"),
    [
        ("/organisations", "科学技术委员会", ["beijing-science-technology-commission"]),
        ("/organisations", "技术", ["beijing-science-technology-commission"]),
        ("/organisations", "委", ["beijing-science-technology-commission"]),
        ("/organisations", "Bei Ke", ["bei-ke-cai-jing"]),
        ("/organisations", "CSGCT alliance", ["chinese-society-gene-cell-therapy"]),
        ("/organisations", "管理委员会", []),
        ("/organisations", "TSINGHUA", ["tsinghua-university"]),
        ("/organisations", "清华", ["tsinghua-university"]),
        ("/organisations", "Zhongguancun Committee", ["zhongguancun-science-city-commission"]),
        ("/regions", "南沙", ["cn-gd-guangzhou-nansha"]),
        ("/regions", "沙", ["cn-gd-guangzhou-nansha"]),
        ("/regions", "沙南", []),
        ("/events", "联盟成立", ["csgct-founding-2025"]),
        ("/events", "Kay", ["csgct-founding-2025"]),
        ("/sources", "成立三大中心", ["21-shi-ji-jing-ji-bao-dao-2025-08-27"]),
    ],
)
def test_names_aliases_titles_and_summaries_are_found(api: httpx.Client, path: str, q: str, expected: list[str]) -> None:
    assert [record["id"] for record in walk(api, path, q=q)] == expected


@pytest.mark.parametrize("q", ["***", '""', "( ) - + ~", "-", "^", ":", "🧬", "。，", "' --"])
def test_a_query_without_letters_or_digits_finds_nothing_and_is_no_error(api: httpx.Client, q: str) -> None:
    for path in ("/events", "/figures", "/organisations", "/regions", "/sources"):
        assert walk(api, path, q=q) == []


@pytest.mark.parametrize(
    ("q", "plain"),
    [
        ("Beijing OR zzz", "beijing or zzz"),
        ("NOT Beijing", "not beijing"),
        ("NEAR(Beijing)", "near beijing"),
        ('"Beijing', "beijing"),
        ("Beijing*", "beijing"),
        ("title:Beijing", "title beijing"),
        ("Beijing & !x | y", "beijing x y"),
    ],
)
def test_operators_are_plain_text(synthetic: httpx.Client, q: str, plain: str) -> None:
    found = [record["id"] for record in walk(synthetic, "/events", q=q)]
    assert found == [record["id"] for record in walk(synthetic, "/events", q=plain)]
    assert len(found) < len(walk(synthetic, "/events"))


@pytest.mark.parametrize(
    "q", ["beijing", "Über", "uber", "OR", "near", "平", "平台", "细胞与基因治疗", "基因", "CAR-T", "café vector", "南沙 aav9", "王五", "Producta"]
)
def test_search_finds_exactly_the_records_that_have_all_words(synthetic: httpx.Client, q: str) -> None:
    events = walk(synthetic, "/events")
    bodies = {record["id"]: record for record in walk(synthetic, "/organisations")}
    expected = []
    for event in events:
        texts = [event["title"], event["summary"], event["venue"]]
        texts += [event["region"]["name"]] if event["region"] else []
        for part in event["organisations"]:
            body = bodies[part["organisation"]["id"]]
            texts += [body["name"], body["name_zh"], *(alias["text"] for alias in body["aliases"])]
        texts += [name for person in event["people"] for name in (person["name"], person["name_zh"])]
        texts += [name for product in event["products"] for name in (product["name"], product["indication"])]
        if set(search.query_words(q)) <= set(search.words(texts)):
            expected.append(event["id"])
    assert [record["id"] for record in walk(synthetic, "/events", q=q)] == expected
    assert expected
