"""Numbers of 64 bits that stand for ids and for contents: a million of them take 8 MB, where the texts take a hundred.

Two ids of a million have the same number once in some ten million files.
"""

from array import array
from hashlib import blake2b


def number_of(content: bytes) -> int:
    """The number that stands for some bytes."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def of_text(text: str) -> int:
    """The number that stands for a text, whatever it is made of."""
    return number_of(text.encode("utf-8", "surrogatepass"))


def in_order(numbers: "array[int]") -> "array[int]":
    """The places of some numbers by their size, of equal ones in their order.

    They are sorted in portions of 1/256 of their range: all at once would take ten times their memory.
    """
    least, most = min(numbers, default=0), max(numbers, default=0)
    shift = max(0, (most - least).bit_length() - 8)
    portions = [array("I") for _ in range(256)]
    for place, number in enumerate(numbers):
        portions[number - least >> shift].append(place)
    found = array("I")
    for portion in portions:
        found.extend(sorted(portion, key=numbers.__getitem__))
    return found
