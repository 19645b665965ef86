import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import vocabulary
from app.seeding.quantities import Quantity, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.06 trillion CNY", Quantity(1.06e12, 1.06e12, 1.06e12, "exact", "CNY")),
        ("about 500 million CNY", Quantity(5e8, 5e8, 5e8, "about", "CNY")),
        ("more than 28.9 billion CNY", Quantity(2.89e10, 2.89e10, None, "more-than", "CNY")),
        ("at least 3 count", Quantity(3, 3, None, "at-least", "count")),
        ("nearly 2000 person", Quantity(2000, None, 2000, "nearly", "person")),
        ("up to 1e17 vg-per-batch", Quantity(1e17, None, 1e17, "up-to", "vg-per-batch")),
        ("less than 5 percent", Quantity(5, None, 5, "less-than", "percent")),
        ("-3.5 percent", Quantity(-3.5, -3.5, -3.5, "exact", "percent")),
        ("1 to 2 month", Quantity(None, 1, 2, "range", "month")),
        ("1/3 ratio", Quantity(1 / 3, 1 / 3, 1 / 3, "exact", "ratio")),
    ],
)
def test_an_amount_fixes_value_bounds_qualifier_and_unit(text: str, expected: Quantity) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8 billion", "has no unit of the vocabulary"),
        ("8 billion RMB", "has no unit of the vocabulary"),
        ("CNY 8", "is no amount"),
        ("roughly 8 CNY", "is no amount"),
        ("more than 1 to 2 day", "is a range and has a qualifier"),
        ("2 to 1 day", "is a range that does not rise"),
        ("1/0 ratio", "is no amount"),
        ("007 count", "is no amount"),
        ("0x10 count", "is no amount"),
        ("1e99 count", "is larger than any number of the industry"),
        ("9" * 400 + " count", "is larger than any number of the industry"),
        ("٣ count", "is no amount"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011  the message is asserted
        parse(text)
    assert message in str(error.value)


@given(st.integers(0, 10**6), st.sampled_from(["", "thousand ", "million ", "billion ", "trillion "]), st.sampled_from(sorted(vocabulary.UNITS)))
def test_whole_numbers_survive_scaling_exactly(number: int, scale: str, unit: str) -> None:
    factor = {"": 1, "thousand ": 10**3, "million ": 10**6, "billion ": 10**9, "trillion ": 10**12}[scale]
    assert parse(f"{number} {scale}{unit}").value == number * factor
