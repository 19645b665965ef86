"""How the curated files write amounts: `nearly 2000 person`, `1.06 trillion CNY`, `1 to 2 month`, `1/3 ratio`.

An amount is an optional qualifier, a number (a range is two with "to"), an optional scale word and a
unit of the vocabulary. It fixes value, low, high, qualifier and unit of a figure together.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from app import vocabulary

_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_QUALIFIERS = {term.name.lower(): term.id for term in vocabulary.QUALIFIER.values() if term.id not in {"exact", "range"}}
_NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e\d{1,2})?(?:/[1-9]\d*)?"
_AMOUNT = re.compile(
    rf"(?:(?P<qualifier>{'|'.join(_QUALIFIERS)}) )?(?P<first>{_NUMBER})(?: to (?P<second>{_NUMBER}))?"
    rf"(?: (?P<scale>{'|'.join(_SCALES)}))? (?P<unit>\S+)",
    re.ASCII,
)
_LARGEST = 10**24

FIELDS = ("value", "low", "high", "qualifier", "unit", "as_stated")
"""The fields of a figure that its amount fills; whoever supports `value` supports them all."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its bounds, as the record keeps it."""

    value: float | None
    low: float | None
    high: float | None
    qualifier: str
    unit: str


@lru_cache(4_096)
def parse(text: str) -> Quantity:
    """Read an amount; ValueError says what is wrong with it."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no amount; write one like 'more than 8 billion CNY', '1 to 2 month' or '1/3 ratio'")
    if found["unit"] not in vocabulary.UNITS:
        raise ValueError(f"{text!r} has no unit of the vocabulary; end it with an ISO 4217 code or one of {', '.join(vocabulary.UNIT)}")
    first, second = (_number(found[name], found["scale"]) for name in ("first", "second"))
    if second is not None:
        if found["qualifier"]:
            raise ValueError(f"{text!r} is a range and has a qualifier; drop one")
        if first is None or first >= second:
            raise ValueError(f"{text!r} is a range that does not rise")
        return Quantity(None, first, second, "range", found["unit"])
    qualifier = _QUALIFIERS[found["qualifier"]] if found["qualifier"] else "exact"
    low = None if qualifier in {"nearly", "up-to", "less-than"} else first
    high = None if qualifier in {"more-than", "at-least"} else first
    return Quantity(first, low, high, qualifier, found["unit"])


def _number(text: str | None, scale: str | None) -> float | None:
    if text is None:
        return None
    numerator, _, denominator = text.partition("/")
    mantissa, _, exponent = numerator.partition("e")
    whole, _, decimals = mantissa.partition(".")
    # Whole numbers until the last step, which rounds once, so that 28.9 billion is 28900000000 and nothing beside it.
    above = int(whole + decimals) * 10 ** int(exponent or 0) * _SCALES.get(scale or "", 1)
    below = 10 ** len(decimals) * int(denominator or 1)
    if abs(above) > _LARGEST * below:
        raise ValueError(f"{text!r} is larger than any number of the industry; check the exponent or the scale")
    return float(above / below)
