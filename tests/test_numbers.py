"""Numbers are put in order, whatever their range."""

import random
from array import array

import pytest

from app.seeding.numbers import arranged, in_order


@pytest.mark.parametrize("most", [0, 1, 255, 256, 10**8, 2**64 - 1])
@pytest.mark.parametrize("least", [0, 7, 2**63])
def test_places_by_size_and_of_equals_in_their_order(least: int, most: int) -> None:
    draw = random.Random(most)
    for count in (0, 1, 2, 1000):
        numbers = array("Q", (draw.randint(min(least, most), max(least, most)) for _ in range(count)))
        numbers.extend(numbers[: count // 3])
        assert list(in_order(numbers)) == sorted(range(len(numbers)), key=numbers.__getitem__)
        assert list(arranged(numbers, in_order(numbers))) == sorted(numbers)


def test_many_that_lie_close_together() -> None:
    draw = random.Random(1)
    numbers = array("Q", (draw.choice([2**60, draw.randint(0, 9)]) + draw.randint(0, 2) * 2**30 for _ in range(5_000)))
    assert list(in_order(numbers)) == sorted(range(len(numbers)), key=numbers.__getitem__)
