"""Money in another currency: the rate, its day, what is refused, and that bounds stay bounds."""

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import currencies, vocabulary
from app.currencies import AfterLastDay, RateRefused, UnknownCurrency, UnknownDay, convert_figure, rate
from app.schemas import Converted
from tests.conftest import walk
from tests.figures import citation, figure

MONEY = ["EUR", "USD", "CNY", "JPY", "GBP", "HKD", "IDR"]
ONE_ENGINE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True, scope="session")


@pytest.mark.parametrize(
    ("source", "target", "day", "expected", "published"),
    [
        # As the European Central Bank published them; cross rates are quotients of two.
        ("EUR", "USD", "2024-12-31", 1.0389, "2024-12-31"),
        ("EUR", "CNY", "2024-12-31", 7.5833, "2024-12-31"),
        ("USD", "CNY", "2024-12-31", 7.2993551, "2024-12-31"),
        ("CNY", "USD", "2024-12-31", 0.1369984, "2024-12-31"),
        ("USD", "USD", "2024-12-31", 1, "2024-12-31"),
        ("EUR", "USD", "1999-01-04", 1.1789, "1999-01-04"),
        # A Sunday, Easter Monday and a Sunday after Christmas.
        ("EUR", "USD", "2023-12-31", 1.105, "2023-12-29"),
        ("EUR", "USD", "2024-04-01", 1.0811, "2024-03-28"),
        ("EUR", "USD", "2025-12-28", None, "2025-12-24"),
        ("EUR", "EUR", "2023-12-31", 1, "2023-12-29"),
    ],
)
def test_the_rate_is_that_of_the_last_business_day(source: str, target: str, day: str, expected: float | None, published: str) -> None:
    found = rate(source, target, date.fromisoformat(day))
    assert (found.from_, found.to, found.day.isoformat(), found.source) == (source, target, published, currencies.SOURCE)
    assert expected is None or found.rate == expected
    assert list(found.model_dump(mode="json")) == ["from", "to", "rate", "day", "source"]


@pytest.mark.parametrize(
    ("source", "target", "day", "kind", "message"),
    [
        ("TWD", "USD", "2024-12-31", UnknownCurrency, "The European Central Bank publishes no reference rate for TWD."),
        ("CNY", "XAU", "2024-12-31", UnknownCurrency, "The European Central Bank publishes no reference rate for XAU."),
        ("USD", "CNY", "2005-03-31", UnknownDay, "Rates for CNY are known from 2005-04-01 to {last}; 2005-03-31 lies before them."),
        ("USD", "EUR", "1998-12-31", UnknownDay, "Rates for USD are known from 1999-01-04 to {last}; 1998-12-31 lies before them."),
        ("USD", "CNY", "2200-12-31", AfterLastDay, "Rates for USD are known from 1999-01-04 to {last}; 2200-12-31 lies after them."),
        ("HRK", "EUR", "2024-12-31", AfterLastDay, "Rates for HRK are known from 2005-04-01 to 2022-12-30; 2024-12-31 lies after them."),
        ("ISK", "EUR", "2015-06-30", UnknownDay, "No rate from ISK to EUR was published on 2015-06-30 or in the 4 days before it."),
    ],
)
def test_what_has_no_rate_is_refused_with_a_sentence(source: str, target: str, day: str, kind: type[RateRefused], message: str) -> None:
    with pytest.raises(RateRefused) as refused:
        rate(source, target, date.fromisoformat(day))
    last = currencies._rates().bounds["USD"].last_date
    assert type(refused.value) is kind
    assert str(refused.value) == message.format(last=last)


def test_a_day_soon_after_the_last_rate_has_that_rate() -> None:
    last = currencies._rates().bounds["EUR"].last_date
    assert rate("EUR", "USD", last + timedelta(days=currencies.LONGEST_GAP)).day == last
    with pytest.raises(AfterLastDay):
        rate("EUR", "USD", last + timedelta(days=currencies.LONGEST_GAP + 1))


def test_every_day_since_1999_has_a_rate() -> None:
    last = currencies._rates().bounds["USD"].last_date
    day = date(1999, 1, 4)
    while day <= last:
        assert rate("EUR", "USD", day).day <= day
        day += timedelta(days=1)


def test_the_currencies_of_the_curated_money_have_rates() -> None:
    assert {"CNY", "USD", "EUR"} <= currencies.currencies()
    assert len(currencies.currencies() & vocabulary.CURRENCY.keys()) >= 30


def test_importing_loads_no_rates() -> None:
    script = "from app import currencies; assert currencies._rates.cache_info().currsize == 0; currencies.currencies(); currencies.currencies();"
    script += "assert currencies._rates.cache_info()[:2] == (1, 1)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_bound_stays_a_bound_and_the_words_stay_the_source_s() -> None:
    record = figure("a", "more than 8 billion CNY", "2024", as_stated="exceed 8 billion RMB")
    before = repr(record)
    converted = convert_figure(record, "USD")
    assert repr(record) == before
    # 8e9 * 0.1369984 = 1095987200, rounded down: more than 1.0959 bn is true, more than 1.0960 bn is not known.
    assert (converted["value"], converted["low"], converted["high"], converted["qualifier"]) == (1095900000, 1095900000, None, "more-than")
    assert converted["spread"] == {"min": 1095900000, "max": 1095900000, "unit": "USD"}
    assert converted["unit"] == "USD"
    assert converted["converted"] == {
        "from": "CNY",
        "value": 8e9,
        "rate": 0.1369984,
        "day": "2024-12-31",
        "source": currencies.SOURCE,
        "day_reason": "period-end",
    }
    Converted.model_validate(converted["converted"])
    untouched = {"value", "low", "high", "spread", "unit", "converted"}
    assert {name: converted[name] for name in record if name not in untouched} == {name: record[name] for name in record if name not in untouched}


@pytest.mark.parametrize(
    ("amount", "value", "low", "high"),
    [
        ("8 billion CNY", 1096000000, 1096000000, 1096000000),
        ("about 8 billion CNY", 1096000000, 1096000000, 1096000000),
        ("at least 8 billion CNY", 1095900000, 1095900000, None),
        ("nearly 8 billion CNY", 1096000000, None, 1096000000),
        ("less than 9 billion CNY", 1233000000, None, 1233000000),  # 1232985600
        ("up to 7 billion CNY", 958990000, None, 958990000),  # 958988800
        ("8 to 9 billion CNY", None, 1095900000, 1233000000),
        ("2.5 CNY", 0.3425, 0.3425, 0.3425),  # 0.342496
        ("0 CNY", 0, 0, 0),
    ],
)
def test_numbers_have_five_digits_and_bounds_are_rounded_outwards(amount: str, value: float | None, low: float | None, high: float | None) -> None:
    converted = convert_figure(figure("a", amount, "2024"), "USD")
    assert (converted["value"], converted["low"], converted["high"]) == (value, low, high)


def test_what_is_no_money_or_in_the_currency_already_stays() -> None:
    for record in (figure("a", "more than 40 count", metric="company-count"), figure("b", "76 billion USD", "2030")):
        assert convert_figure(record, "USD") == record | {"converted": None, "not_converted": None}


@pytest.mark.parametrize(
    ("period", "citations", "day", "reason"),
    [
        ("2024", [citation()], "2024-12-31", "period-end"),
        ("2024-33", [citation()], "2024-03-28", "period-end"),
        ("[..2023-04-28]", [citation()], "2023-04-28", "period-end"),
        ("2200", [citation()], "2025-08-27", "published"),
        (None, [citation()], "2025-08-27", "published"),
        ("[2024-01-01..]", [citation()], "2025-08-27", "published"),
        (None, [citation(published="2025-06")], "2025-06-30", "published"),
        (None, [citation(published="[2025-08-27..]")], "2025-08-27", "published"),
        (None, [citation(published="[2025-08-30..2199-01-01]")], "2025-08-29", "published"),
        # The preferred source is the first that states the number and has a date.
        (None, [citation(published="2025-01-02", supports=("period",)), citation()], "2025-08-27", "published"),
        (None, [citation(published=None), citation()], "2025-08-27", "published"),
        (None, [citation(), citation(published="2025-01-02")], "2025-08-27", "published"),
    ],
)
def test_a_figure_is_converted_at_the_end_of_its_period_or_when_it_was_published(
    period: str | None, citations: list[dict[str, Any]], day: str, reason: str
) -> None:
    converted = convert_figure(figure("a", "8 billion CNY", period, citations=citations), "USD")["converted"]
    assert (converted["day"], converted["day_reason"]) == (day, reason)


@pytest.mark.parametrize(
    ("amount", "period", "published", "message"),
    [
        ("8 billion TWD", "2024", "2025-08-27", "The European Central Bank publishes no reference rate for TWD."),
        ("8 billion TWD", None, None, "The European Central Bank publishes no reference rate for TWD."),
        ("8 billion CNY", None, None, "The figure 'a' has neither a period that ends nor a source whose day is known, so that no rate is its own."),
        ("8 billion CNY", "2200", None, "2200-12-31 lies after them."),
        ("8 billion CNY", "2200", "2199", "2199-01-01 lies after them."),
        # Not moved into the years of its publication.
        ("8 billion CNY", "2003", "2006-01-02", "2003-12-31 lies before them."),
        ("8 billion RUB", "2024", "2025-08-27", "2025-08-27 lies after them."),
    ],
)
def test_a_figure_without_a_rate_of_its_own_is_refused(amount: str, period: str | None, published: str | None, message: str) -> None:
    with pytest.raises(RateRefused) as refused:
        convert_figure(figure("a", amount, period, citations=[citation(published=published)]), "USD")
    assert str(refused.value).endswith(message)


@given(
    number=st.integers(1, 10**7),
    form=st.sampled_from(["{} {}", "about {} {}", "more than {} {}", "nearly {} {}", "1 to {} {}"]),
    pair=st.permutations(MONEY),
    day=st.dates(date(2006, 1, 1), date(2025, 12, 31)),
)
def test_there_and_back_is_the_same_within_rounding(number: int, form: str, pair: list[str], day: date) -> None:
    source, target = pair[:2]
    record = figure("a", form.format(number + 1, source), day.isoformat())
    there = convert_figure(record, target)
    back = convert_figure({name: there[name] for name in record}, source)
    assert there["converted"]["day"] == back["converted"]["day"]
    for name in ("value", "low", "high"):
        if record[name] is None:
            assert there[name] is None
            assert back[name] is None
        else:
            assert back[name] == pytest.approx(record[name], rel=3e-4)
    # What is served can be reckoned again, and bounds are bounds.
    exact = {name: Decimal(repr(record[name])) * Decimal(repr(there["converted"]["rate"])) for name in ("low", "high") if record[name] is not None}
    if record["qualifier"] in {"more-than", "range"}:
        assert Decimal(repr(there["low"])) <= exact["low"]
    if record["qualifier"] in {"nearly", "range"}:
        assert Decimal(repr(there["high"])) >= exact["high"]
    if record["qualifier"] in {"exact", "about"}:
        assert there["value"] == there["low"] == there["high"]


@ONE_ENGINE
def test_the_curated_money_converts(api: httpx.Client) -> None:
    figures = {record["id"]: record for record in walk(api, "/figures")}
    money = {identifier for identifier, record in figures.items() if record["unit"] in vocabulary.CURRENCY}
    assert len(money) >= 6
    dollars = {identifier: convert_figure(record, "USD") for identifier, record in figures.items()}
    assert {identifier for identifier in money if dollars[identifier]["unit"] == "USD"} == money
    assert {record["id"] for record in dollars.values() if record["converted"] is None} == figures.keys() - money | {"world-cgt-market-size-2030"}
    of_2024, of_2030 = dollars["cn-cgt-market-size-2024"], dollars["cn-cgt-market-size-2030"]
    assert (of_2024["low"], of_2024["converted"]["day"], of_2024["converted"]["day_reason"]) == (1095900000, "2024-12-31", "period-end")
    # A forecast for 2030: the source is dated not before 2025-08-27. 28.9e9 * 0.13962928 = 4035286192
    assert (of_2030["low"], of_2030["converted"]["day"], of_2030["converted"]["day_reason"]) == (4035200000, "2025-08-27", "published")
    yuan = convert_figure(figures["world-cgt-market-size-2030"], "CNY")
    assert (yuan["value"], yuan["as_stated"], yuan["converted"]["value"]) == (544300000000, "76 billion USD", 76000000000)
