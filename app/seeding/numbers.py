"""Numbers of 64 bits that stand for ids and for contents: a million of them take 8 MB, where the texts take a hundred.

Two ids of a million have the same number once in some ten million files.
"""

from array import array
from hashlib import blake2b

import numpy as np


def number_of(content: bytes) -> int:
    """The number that stands for some bytes."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def of_text(text: str) -> int:
    """The number that stands for a text, whatever it is made of."""
    return number_of(text.encode("utf-8", "surrogatepass"))


def in_order(numbers: "array[int]") -> "array[int]":
    """The places of some numbers by their size, of equal ones in their order."""
    return array("I", np.argsort(np.asarray(numbers), kind="stable").astype(np.uint32).tobytes())


def arranged(numbers: "array[int]", places: "array[int]") -> "array[int]":
    """The numbers that stand at some places."""
    return array(numbers.typecode, np.asarray(numbers)[np.asarray(places)].tobytes())
