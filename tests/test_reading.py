"""Reading amounts, ranks and dates: the documented table, both languages, and numbers printed and read again."""

import time
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import reading
from app.reading import amounts, moments, numerals

Bounds = tuple[float | None, float | None, float | None, str, str | None]


def read(text: str) -> list[Bounds]:
    found = amounts.read(text, [(moment.start, moment.end) for moment in moments.read(text)])
    return [(amount.value, amount.low, amount.high, amount.qualifier, amount.unit) for amount in found]


def bounds(shown: str) -> Bounds | str:
    """What the second column of the documented table stands for."""
    qualifiers = {"more than": "more-than", "at least": "at-least", "nearly": "nearly", "up to": "up-to", "about": "about", "less than": "less-than"}
    for words, qualifier in qualifiers.items():
        if shown.startswith(words):
            number, _, unit = shown.removeprefix(words).strip().partition(" ")
            value = float(number)
            low = value if qualifier in {"more-than", "at-least", "about"} else None
            high = value if qualifier in {"nearly", "up-to", "less-than", "about"} else None
            return value, low, high, qualifier, unit or None
    if " to " in shown:
        low_, high_, unit = shown.replace(" to ", " ").split(" ")
        return None, float(low_), float(high_), "range", unit
    if shown.startswith("rank "):
        rank = float(shown.split()[1])
        return rank, rank, rank, "exact", "rank"
    number, _, unit = shown.partition(" ")
    if not unit:
        return shown  # a date
    value = float(Fraction(number))
    return value, value, value, "exact", unit


TABLE = [
    (written.strip(), shown.strip())
    for line in (reading.__doc__ or "").splitlines()
    if line.startswith("| ") and not line.startswith("| written")
    for written in line.split("|")[1].strip().replace("2,000", "2#000").replace("Sept. 14, 2025", "Sept. 14# 2025").split(", ")
    for shown in [line.split("|")[2]]
]


@pytest.mark.parametrize(("written", "shown"), TABLE, ids=[written for written, _ in TABLE])
def test_the_documented_table_is_true(written: str, shown: str) -> None:
    written = written.replace("#", ",")
    expected = bounds(shown)
    if isinstance(expected, str):
        assert [moment.edtf for moment in moments.read(written)] == [expected]
    else:
        assert expected in read(written)


def test_the_table_is_read() -> None:
    assert len(TABLE) > 45


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("between 5 and 7 centres", (5, 5, 5, "exact", None)),
        ("1 to 2 billion CNY", (None, 1e9, 2e9, "range", "CNY")),
        ("5-10%", (None, 5, 10, "range", "percent")),
        ("about HK$3.5 million", (3.5e6, 3.5e6, 3.5e6, "about", "HKD")),
        ("RMB 289 million", (2.89e8, 2.89e8, 2.89e8, "exact", "CNY")),
        ("突破289亿元", (2.89e10, 2.89e10, None, "more-than", "CNY")),
        ("三亿五千万元", (3.5e8, 3.5e8, 3.5e8, "exact", "CNY")),
        ("100多亿元", (1e10, 1e10, None, "more-than", "CNY")),
        ("不超过15%", (15, None, 15, "up-to", "percent")),
        ("no more than 30 days", (30, None, 30, "up-to", "day")),
        ("不足1周", (1, None, 1, "less-than", "week")),
        ("half a million patients", (5e5, 5e5, 5e5, "exact", "person")),
        ("thirty-seven hospitals", (37, 37, 37, "exact", None)),
        ("-3.5%", (-3.5, -3.5, -3.5, "exact", "percent")),
        ("two-thirds of them", (2 / 3, 2 / 3, 2 / 3, "exact", "ratio")),
        ("1.5 fold", (1.5, 1.5, 1.5, "exact", "fold")),
        ("9" * 400 + " and 7", (7, 7, 7, "exact", None)),
        ("1e+99 vg", (1e99, 1e99, 1e99, "exact", None)),
        ("约2万平方米", (2e4, 2e4, 2e4, "about", "square-metre")),
    ],
)
def test_more_amounts_are_read(text: str, expected: Bounds) -> None:
    assert expected in read(text)


@pytest.mark.parametrize("text", ["数亿元", "几千家", "a third-party platform", "on several occasions", "第", "twenty two one", "二五十"])
def test_what_is_no_amount_is_not_read(text: str) -> None:
    assert read(text) == []


def test_days_are_no_amounts_and_no_day_is_guessed() -> None:
    assert read("on 2025-09-14") == []
    assert [moment.edtf for moment in moments.read("held from Friday to Saturday, this year, 近日, Sept 2025")] == ["2025-09"]
    assert moments.read("2,000 people, 2000人, the 2020s, 12025, 3.2025 and 2000 participants") == []


def test_spans_are_those_of_the_text() -> None:
    text = "It drew 近2000人 and nearly 300 companies on 2025年9月14日."
    assert [text[amount.start : amount.end] for amount in amounts.read(text)][:1] == ["2000人"]
    assert [text[moment.start : moment.end] for moment in moments.read(text)] == ["2025年9月14日"]


def test_reading_takes_time_in_line_with_the_length() -> None:
    def seconds(text: str) -> float:
        return min(_timed(text) for _ in range(3))

    for piece in ("1 ", "a", "one ", "千", "2025-", "百分之", "more than ", "1.1.1,", "9", "一", "over one hundred and "):
        short, long = seconds(piece * 1500), seconds(piece * 6000)
        assert long < 12 * short + 0.05, (piece, short, long)


def _timed(text: str) -> float:
    before = time.perf_counter()
    amounts.read(text)
    moments.read(text)
    return time.perf_counter() - before


WHOLE = st.integers(1, 10**13 - 1)


def _chinese(number: int) -> str:
    """A number in Chinese characters, as one writes it."""
    digits = "零一二三四五六七八九"
    if number < 10:
        return digits[number]
    for name, scale in (("亿", 10**8), ("万", 10**4), ("千", 1000), ("百", 100), ("十", 10)):
        if number >= scale:
            above, below = divmod(number, scale)
            zero = "零" if below and below < scale // 10 else ""
            return _chinese(above) + name + zero + (_chinese(below) if below else "")
    raise AssertionError


def _english(number: int) -> str:
    """A number in English words."""
    words = {value: word for word, value in numerals.WORDS.items() if word != "dozen"}
    if number < 20:
        return words[number]
    if number < 100:
        return words[number // 10 * 10] + (f"-{words[number % 10]}" if number % 10 else "")
    for name in ("trillion", "billion", "million", "thousand", "hundred"):
        scale = numerals.SCALES[name]
        if number >= scale:
            above, below = divmod(number, scale)
            return f"{_english(above)} {name}" + (f"{' and ' if below < 100 else ' '}{_english(below)}" if below else "")
    raise AssertionError


@given(WHOLE)
def test_numbers_in_chinese_characters_are_read_again(number: int) -> None:
    assert numerals.chinese(_chinese(number)) == number
    assert (float(number), float(number), float(number), "exact", "CNY") in read(f"达到{_chinese(number)}元，")


@given(WHOLE)
def test_numbers_in_english_words_are_read_again(number: int) -> None:
    assert numerals.english(_english(number)) == number
    assert (float(number), None, float(number), "nearly", "person") in read(f"drew nearly {_english(number)} participants.")


@given(WHOLE, st.sampled_from(["", "thousand", "million", "billion", "trillion"]), st.integers(0, 99))
def test_numbers_in_digits_with_scales_are_read_again(number: int, scale: str, cents: int) -> None:
    number = number % 10**6
    value = float((Fraction(number) + Fraction(cents, 100)) * numerals.SCALES.get(scale, 1))
    assert (value, value, None, "more-than", "USD") in read(f"more than {number:,}.{cents:02} {scale} USD".replace("  ", " "))


@given(WHOLE, st.sampled_from(["万", "亿", "万亿", "千万"]))
def test_numbers_in_digits_with_chinese_scales_are_read_again(number: int, scale: str) -> None:
    number = number % 10**5
    value = float(number * numerals.chinese_scale(scale))
    if number:
        assert (value, value, value, "about", "USD") in read(f"约{number}{scale}美元")


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2090, 12, 31)))
def test_days_are_read_again_in_both_languages(day: object) -> None:
    for form in ("{0:%Y-%m-%d}", "{0.year}年{0.month}月{0.day}日", "{0:%B} {0.day}, {0.year}", "{0.day} {0:%b} {0.year}"):
        assert [moment.edtf for moment in moments.read(f"on {form.format(day)}.")] == [f"{day}"]


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    spans = [(found.start, found.end) for found in amounts.read(text)] + [(found.start, found.end) for found in moments.read(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
