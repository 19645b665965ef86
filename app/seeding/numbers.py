"""Numbers of 64 bits that stand for ids and for contents: a million of them take 8 MB, where the texts take a hundred.

Two ids of a million have the same number once in some ten million files.
"""

from array import array
from hashlib import blake2b

_SORTED = 10_000
"""Numbers that are sorted at once."""


def number_of(content: bytes) -> int:
    """The number that stands for some bytes."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def of_text(text: str) -> int:
    """The number that stands for a text, whatever it is made of."""
    return number_of(text.encode("utf-8", "surrogatepass"))


def in_order(numbers: "array[int]") -> "array[int]":
    """The places of some numbers by their size, of equal ones in their order."""
    return _in_order(numbers, array("I", range(len(numbers))))


def _in_order(numbers: "array[int]", places: "array[int]") -> "array[int]":
    """Some of the places by the size of their numbers.

    They are parted by the 256th of the range in which their numbers lie until a part can be sorted, which takes twenty times its memory.
    """
    if len(places) <= _SORTED:
        return array("I", sorted(places, key=numbers.__getitem__))
    least, most = (find(map(numbers.__getitem__, places)) for find in (min, max))
    if least == most:
        return places
    shift = max(0, (most - least).bit_length() - 8)
    parts = [array("I") for _ in range(256)]
    for place in places:
        parts[numbers[place] - least >> shift].append(place)
    found = array("I")
    for part in parts:
        found.extend(_in_order(numbers, part))
    return found
