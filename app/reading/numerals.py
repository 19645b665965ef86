"""Numbers in digits, in words and in both mixed, in English and Chinese."""

import re
from fractions import Fraction

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS: dict[str, int] = {word: number for number, word in enumerate(_ONES.split())}
WORDS |= {word: 10 * number for number, word in enumerate(_TENS.split(), start=2)}
WORDS["dozen"] = 12
SCALES: dict[str, int] = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SHORT_SCALES = {"k": 10**3, "mn": 10**6, "m": 10**6, "bn": 10**9, "tn": 10**12}
_WORD = "|".join(sorted([*WORDS, *SCALES], key=len, reverse=True))

DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?"
ENGLISH_WORDS = rf"(?:\b(?:an?|half an?)[ -](?:{'|'.join(SCALES)}|dozen)\b|\b(?:{_WORD})\b)(?:(?: and |[ -])(?:{_WORD})\b)*"

CHINESE_DIGITS = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_CHINESE_SCALES = {"万": 10**4, "亿": 10**8}
CHINESE = "[零〇一二两三四五六七八九十百千万亿]"
CHINESE_SCALE = "[十百千万亿]{1,3}"


def digits(text: str) -> Fraction:
    """A number in digits, with or without thousands separators and exponent, exactly."""
    return Fraction(text.replace(",", ""))


def english(text: str) -> Fraction | None:
    """A number in English words: `thirty-seven`, `a thousand`, `two hundred and five`; None where the words make none."""
    words = [word for word in re.split(r"[ -]+", text.lower()) if word != "and"]
    total, group, last = Fraction(0), Fraction(0), 0
    start = Fraction(1)
    if words[:2] in (["half", "a"], ["half", "an"]):
        start, words = Fraction(1, 2), words[2:]
    elif words and words[0] in {"a", "an"}:
        words = words[1:]
    for position, word in enumerate(words):
        if word in SCALES:
            scale = SCALES[word]
            group = group or (start if position == 0 else Fraction(0))
            if not group:
                return None
            if scale == 100:
                group *= 100
            else:
                total, group = total + group * scale, Fraction(0)
            last = 0
        else:
            number = WORDS[word]
            # After a number only a smaller one goes on: "twenty one", but not "one two".
            if last and not (last >= 20 and number < 10):
                return None
            group, last = group + number, number
    return total + group


def chinese(text: str) -> Fraction | None:
    """A number in Chinese characters: `三亿五千万`, `十二`, `千`, `二〇二四`; None where the characters make none."""
    if len(text) > 1 and all(character in CHINESE_DIGITS for character in text):
        return Fraction(int("".join(str(CHINESE_DIGITS[character]) for character in text)))
    for character, scale in (("亿", 10**8), ("万", 10**4)):
        left, found, right = text.rpartition(character)
        if found:
            above, below = chinese(left) if left else Fraction(1), chinese(right) if right else Fraction(0)
            return None if above is None or below is None else above * scale + below
    section, number = Fraction(0), None
    for character in text:
        if character in _CHINESE_UNITS:
            section += (1 if number is None else number) * _CHINESE_UNITS[character]
            number = None
        elif number not in {None, 0}:
            return None  # two digits in a row amid units
        else:
            number = CHINESE_DIGITS[character]
    return section + (number or 0)


def chinese_scale(text: str) -> int:
    """What the characters behind a number in digits multiply it by: `亿`, `万亿`, `千万`."""
    scale = 1
    for character in text:
        scale *= (_CHINESE_UNITS | _CHINESE_SCALES)[character]
    return scale
