"""Amounts: a number with what stands around it, in English and Chinese."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from app.reading import numerals

_LEFT = {
    "more-than": r"more than|greater than|over|above|in excess of|exceed(?:s|ed|ing)?|surpass(?:es|ed|ing)?|超过|超|逾|突破|高于|多于|大于",
    "at-least": r"at least|(?:not|no) (?:less|fewer) than|a minimum of|不少于|不低于|不下|至少",
    "nearly": r"nearly|almost|close to|just under|将近|接近|近",
    "up-to": r"up to|as (?:many|much) as|at most|(?:no|not) more than|a maximum of|最多|至多|不超过|高达|多达",
    "less-than": r"less than|fewer than|under|below|不足|低于|少于|不到|小于",
    "about": r"about|around|approximately|approx\.|roughly|some|an estimated|~|≈|大约|约为|约|大概",
}
_RIGHT = {
    "at-least": r" or (?:more|above|over)\b|[个家所项人名]?及?以上",
    "up-to": r" or (?:less|fewer|below)\b|[个家所项人名]?及?以[下内]",
    "about": r"左右|上下",
}
_CURRENCIES = {
    "CNY": r"renminbi|RMB|CNY|yuan|人民币|元|¥|￥",
    "USD": r"US dollars?|U\.S\. dollars?|USD|US\$|dollars?|\$|美元|美金",
    "EUR": r"euros?|EUR|€|欧元",
    "GBP": r"pounds sterling|GBP|£|英镑",
    "HKD": r"Hong Kong dollars?|HKD|HK\$|港元|港币",
    "JPY": r"yen|JPY|日元",
    "CHF": r"Swiss francs?|CHF|瑞士法郎",
}
_UNITS = {
    "percent": r"per ?cent\b|percentage points?|%|％|个百分点",
    "fold": r"-?fold\b|times\b|倍",
    "vg-per-batch": r"vg ?(?:per|/) ?batch",
    "month": r"months?\b|个月",
    "week": r"weeks?\b|周|个?星期",
    "day": r"days?\b|天",
    "year": r"years?\b|年(?!代)",
    "square-metre": r"square met(?:er|re)s?\b|m²|㎡|平方米",
    "person": r"participants?\b|attendees\b|people\b|persons?\b|patients?\b|人(?!民币)|名",
}
_COUNTERS = r"[个家所项款大种座条件例位届次]"
_FRACTIONS = {"hal": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}
_ORDINALS = {
    word: number
    for number, word in enumerate(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], start=1)
}


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as written: its span in code points, its bounds, and its unit (None: none is written)."""

    start: int
    end: int
    value: float | None
    low: float | None
    high: float | None
    qualifier: str
    unit: str | None


def _compiled(options: dict[str, str], form: str) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(form.format(pattern), re.IGNORECASE) for name, pattern in options.items()}


_TOKEN = re.compile(
    rf"(?P<digits>(?<![\d.,])(?:{numerals.DIGITS})(?!(?:st|nd|rd|th)\b))|(?P<words>{numerals.ENGLISH_WORDS})"
    rf"|(?P<chinese>{numerals.CHINESE}+(?:点[零〇一二三四五六七八九]+)?)",
    re.IGNORECASE,
)
_SCALE = re.compile(
    rf"[ -]?(?P<word>{'|'.join(numerals.SCALES)})\b|(?P<short>{'|'.join(numerals.SHORT_SCALES)})\b|(?P<chinese>[十百千万亿]{{1,3}})", re.IGNORECASE
)
_CHINESE_SCALE = re.compile(numerals.CHINESE_SCALE)
_BETWEEN = re.compile(r" ?(?:to|or|[-–—~～至到或]) ?(?=\S)", re.IGNORECASE)
_BEFORE = re.compile(r"(?:between|from) $", re.IGNORECASE)
_LEFT_OF = _compiled(_LEFT, r"(?:(?<![A-Za-z])(?:{}))[ ]?$")
_RIGHT_OF = _compiled(_RIGHT, "{}")
_CURRENCY_BEFORE = _compiled(_CURRENCIES, r"(?:(?<![A-Za-z])(?:{}))[ ]?$")
_CURRENCY_BEHIND = _compiled(_CURRENCIES, r"[ ]?(?:{})(?![A-Za-z])")
_UNIT_BEHIND = _compiled(_UNITS, r"[ -]?(?:{})")
_MORE_BEHIND = re.compile(r"[余多](?=" + _COUNTERS + r"|[人元天年倍万亿名])")
_FRACTION = re.compile(r"[ -](?P<part>hal(?:f|ves)|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?)\b", re.IGNORECASE)
_CHINESE_FRACTION = re.compile(
    rf"(?P<below>{numerals.CHINESE}{{1,12}})分之(?P<above>{numerals.CHINESE}{{1,12}}(?:点[零〇一二三四五六七八九]+)?|{numerals.DIGITS})"
)
_ORDINAL = re.compile(
    rf"\b(?P<word>{'|'.join(_ORDINALS)})\b(?!-party)|\b(?P<digits>\d{{1,3}})(?:st|nd|rd|th)\b|第(?P<chinese>{numerals.CHINESE}+|\d{{1,3}})",
    re.IGNORECASE,
)
_SUPERLATIVE = re.compile(
    r"\b(?:led|leads|leading|tops|topped) the (?:nation|country|world|city|province)\b|\bnumber one\b|居首位?|居全国首位|榜首|排名首位|领跑全国",
    re.IGNORECASE,
)
_WINDOW = 24
"""How far from a number its qualifier or currency is looked for, in code points."""

_LONGEST = 240
"""Code points of a number; longer runs are no numbers that a source means."""

_LARGEST = 10**200


def read(text: str, masked: Iterable[tuple[int, int]] = ()) -> list[Amount]:
    """Every amount of a text, in order; spans in `masked` (dates) hold none."""
    found: list[Amount] = []
    taken = bytearray(len(text))  # marked code points, so that each is looked at once however many amounts there are
    for start, end in masked:
        taken[start:end] = b"\1" * (end - start)
    for fraction in _CHINESE_FRACTION.finditer(text):
        if (amount := _chinese_fraction(text, fraction)) is not None:
            found.append(amount)
            taken[amount.start : amount.end] = b"\1" * (amount.end - amount.start)
    position = 0
    while (token := _TOKEN.search(text, position)) is not None:
        position = token.end()
        amount = None if any(taken[token.start() : token.end()]) else _amount(text, token)
        if amount is not None:
            found.append(amount)
            position = max(position, amount.end)
            if amount.unit == "ratio":  # the "third" of "one third" is no rank
                taken[amount.start : amount.end] = b"\1" * (amount.end - amount.start)
    found += [rank for rank in _ranks(text) if not any(taken[rank.start : rank.end])]
    return sorted(found, key=lambda amount: (amount.start, amount.end))


def _number(text: str, token: re.Match[str]) -> tuple[Fraction, int, int] | None:
    """The number that begins with a token, where it ends, and the scale written behind it (1: none)."""
    end, scale = token.end(), 1
    if token["digits"]:
        value: Fraction | None = numerals.digits(token["digits"])
    elif token["words"]:
        value = numerals.english(token["words"])
    else:
        whole, _, decimals = token["chinese"].partition("点")
        value = numerals.chinese(whole)
        if value is not None and decimals:
            value += Fraction(int("".join(str(numerals.CHINESE_DIGITS[digit]) for digit in decimals)), 10 ** len(decimals))
    if value is None:
        return None
    found = _SCALE.match(text, end) if not token["chinese"] or "点" in token["chinese"] else None
    if found:
        end = found.end()
        if found["word"]:
            scale = numerals.SCALES[found["word"].lower()]
        elif found["short"]:
            scale = numerals.SHORT_SCALES[found["short"].lower()]
        else:
            scale = numerals.chinese_scale(found["chinese"])
    return value * scale, end, scale


def _amount(text: str, token: re.Match[str]) -> Amount | None:
    if token["chinese"] and text[token.start() - 1 : token.start()] in {"第", "数", "几"}:
        return None  # an ordinal, or "several"
    if token.end() - token.start() > _LONGEST:
        return None
    number = _number(text, token)
    if number is None:
        return None
    first, end, first_scale = number
    if first > _LARGEST:
        return None
    start, second = token.start(), None
    if text[start - 1 : start] in {"-", "−"} and (start == 1 or text[start - 2] in " (（，,"):
        first, start = -first, start - 1
    if token["words"] and (fraction := _FRACTION.match(text, token.end())):
        return _bounded(text, start, fraction.end(), first / _part(fraction["part"]), None, "ratio")
    between = _BETWEEN.match(text, end)
    following = _TOKEN.match(text, between.end()) if between else None
    other = _number(text, following) if following else None
    if other is not None and other[0] <= _LARGEST:
        # In "1 to 2 billion" the scale behind the second number is the first one's too.
        shared = first * other[2] if first_scale == 1 and first * other[2] < other[0] else first
        if shared < other[0]:
            first, (second, end, _) = shared, other
    more = _MORE_BEHIND.match(text, end)
    if more:
        scale = _CHINESE_SCALE.match(text, more.end())
        first, end = first * numerals.chinese_scale(scale[0] if scale else ""), (scale or more).end()
    unit, end = _unit(text, start, end)
    return _bounded(text, start, end, first, second, unit, "more-than" if more else None)


def _part(word: str) -> int:
    return next(below for stem, below in _FRACTIONS.items() if word.lower().startswith(stem))


def _unit(text: str, start: int, end: int) -> tuple[str | None, int]:
    window = text[max(0, start - _WINDOW) : start]
    for unit, pattern in _CURRENCY_BEHIND.items():
        if found := pattern.match(text, end):
            return unit, found.end()
    for unit, pattern in _CURRENCY_BEFORE.items():
        if pattern.search(window):
            return unit, end
    for unit, pattern in _UNIT_BEHIND.items():
        if found := pattern.match(text, end):
            return unit, found.end()
    return None, end


def _bounded(text: str, start: int, end: int, first: Fraction, second: Fraction | None, unit: str | None, qualifier: str | None = None) -> Amount:
    window = text[max(0, start - _WINDOW) : start]
    for currency in _CURRENCY_BEFORE.values():
        if unit is not None and (found := currency.search(window)):
            window = window[: found.start()]
    if second is not None:
        return Amount(start, end, None, float(first), float(second), "range", unit)
    for options, side in ((_LEFT_OF, window), (_RIGHT_OF, None)):
        for name, pattern in options.items():
            met = pattern.search(side) if side is not None else pattern.match(text, end)
            if met and qualifier is None:
                qualifier = _negated(window, name) if side is not None else name
                end = met.end() if side is None else end
    value, qualifier = float(first), qualifier or "exact"
    low = None if qualifier in {"nearly", "up-to", "less-than"} else value
    high = None if qualifier in {"more-than", "at-least"} else value
    return Amount(start, end, value, low, high, qualifier, unit)


def _negated(window: str, name: str) -> str:
    """`not less than` ends in `less than`, `不超过` in `超过`: the longer words count."""
    for longer, of in (("at-least", "less-than"), ("up-to", "more-than")):
        if name == of and _LEFT_OF[longer].search(window):
            return longer
    return name


def _chinese_fraction(text: str, found: re.Match[str]) -> Amount | None:
    below = numerals.chinese(found["below"])
    token = _TOKEN.match(found["above"])
    above = _number(found["above"], token) if token else None
    if not below or above is None:
        return None
    if below == 100:
        return _bounded(text, found.start(), found.end(), above[0], None, "percent")
    return _bounded(text, found.start(), found.end(), above[0] / below, None, "ratio")


def _ranks(text: str) -> Iterator[Amount]:
    for found in _ORDINAL.finditer(text):
        if found["word"]:
            number: Fraction | None = Fraction(_ORDINALS[found["word"].lower()])
        else:
            written = found["digits"] or found["chinese"]
            number = Fraction(written) if written.isdecimal() else numerals.chinese(written)
        if number is not None:
            yield Amount(found.start(), found.end(), float(number), float(number), float(number), "exact", "rank")
    for found in _SUPERLATIVE.finditer(text):
        yield Amount(found.start(), found.end(), 1.0, 1.0, 1.0, "exact", "rank")
