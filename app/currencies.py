"""Money in another currency, at the euro foreign exchange reference rates of the European Central Bank.

The rates lie inside the package CurrencyConverter; nothing is fetched. They run from 1999 (the renminbi from April 2005) to shortly before
the package was made. They are loaded when the first one is asked for, which takes about half a second, and kept.

**The day of a rate** is the one on which the ECB published it: the wanted day, or the last business day before it. Since 1999
no more than `LONGEST_GAP` days in a row have been without rates, so that a rate is never older than that.

**The day for which a figure is converted** (`day_reason`):

- `period-end`: the last day of its period, or the day that bounds an open one, where rates reach that far;
- `published`: where they do not (a forecast for a year to come) or where there is no such day, the day on which the work appeared that
  states the number: of the citations that support the value the first whose source has a known date, and of this date its last day, or
  its first where the last is open or not yet known.

A period before the first rate is never moved into a later one; it is refused.

**Rounding.** Rates have eight significant digits, or those that the ECB gave. Converted numbers are the number times the rate as served, at
five significant digits, which is what the ECB's rates for most currencies carry; the source's own number may well have fewer. Bounds stay
bounds: those from below are rounded down, those from above up, and a bound's `value` with it; other numbers to the nearest. So `value`,
`low` and `high` are equal to each other where they were.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache, lru_cache
from typing import Any, Literal

from currency_converter import CurrencyConverter, RateNotFoundError
from pydantic import Field

from app import vocabulary
from app.citations import Number, Shape
from app.schemas import Converted, Currency

SOURCE = "European Central Bank, euro foreign exchange reference rates"
LONGEST_GAP = 4
"""Days by which the day of a rate may precede the wanted one: Easter, or Christmas and a weekend."""
_DIGITS_OF_RATE = 8
_DIGITS_OF_NUMBER = 5
_EURO = "EUR"
_ROUNDING = {
    **dict.fromkeys(("more-than", "at-least"), (ROUND_FLOOR, ROUND_FLOOR)),
    **dict.fromkeys(("nearly", "up-to", "less-than"), (ROUND_CEILING, ROUND_CEILING)),
    "range": (ROUND_FLOOR, ROUND_CEILING),
}
"""How the lower and the upper numbers of a figure are rounded, by its qualifier; else to the nearest."""


class Rate(Shape):
    """What one unit of a currency is in another."""

    from_: Currency = Field(alias="from")
    """The currency of the one unit."""
    to: Currency
    """The other currency."""
    rate: Number
    """One unit of `from` in `to`, at most eight significant digits; between two currencies other than the euro it is their cross rate."""
    day: date
    """The day on which it was published."""
    source: str
    """Who published it."""


class RateRefused(ValueError):
    """There is no rate to give; the message is a sentence that says why."""


class UnknownCurrency(RateRefused):
    """The ECB has published no rates for the currency."""


class UnknownDay(RateRefused):
    """There is no rate for the day."""


class AfterLastDay(UnknownDay):
    """The day lies after the last known rate, such as one to come."""


def currencies() -> frozenset[str]:
    """The currencies for which there are, or once were, rates, the euro among them (ISO 4217 codes, withdrawn ones too)."""
    return frozenset(_rates().currencies)


@lru_cache(maxsize=4096)
def rate(source: str, target: str, day: date) -> Rate:
    """The rate between two currencies (ISO 4217 codes) for a day.

    UnknownCurrency where the ECB publishes none for one of them, UnknownDay where the day lies before the first rate or in a gap of more
    than four days, AfterLastDay where it lies more than four days after the last.
    """
    known = _rates()
    for currency in (source, target):
        if currency not in known.currencies:
            raise UnknownCurrency(f"The European Central Bank publishes no reference rate for {currency}.")
    for currency in (source, target):
        first, last = known.bounds[currency]
        extent = f"Rates for {currency} are known from {first} to {last}"
        if day < first:
            raise UnknownDay(f"{extent}; {day} lies before them.")
        if day > last + timedelta(days=LONGEST_GAP):
            raise AfterLastDay(f"{extent}; {day} lies after them.")
    for back in range(LONGEST_GAP + 1):
        published = day - timedelta(days=back)
        try:
            # The euro has a rate on every day, whether or not it is a business day; another currency tells.
            known.convert(Decimal(1), "USD", _EURO, published)
            with localcontext(prec=28):
                exact: Decimal = known.convert(Decimal(1), source, target, published)
        except RateNotFoundError:
            continue
        return Rate(from_=source, to=target, rate=float(_rounded(exact, _DIGITS_OF_RATE)), day=published, source=SOURCE)
    raise UnknownDay(f"No rate from {source} to {target} was published on {day} or in the {LONGEST_GAP} days before it.")


def convert_figure(figure: Mapping[str, Any], target: str, before: date | None = None) -> dict[str, Any]:
    """A copy of a figure record, as the API serves it, with its numbers in another currency.

    `value`, `low`, `high`, `spread` and `unit` are converted; `as_stated`, what citations state and all else stay. `converted` is added: a
    `Converted` as JSON, or null where nothing was converted, as the figure is no money or in this currency already. UnknownCurrency or
    UnknownDay where there is no rate, or none of a day before `before`.
    """
    copy = {**figure, "converted": None, "not_converted": None}
    if figure["unit"] not in vocabulary.CURRENCY or figure["unit"] == target:
        return copy
    found, reason = _rate_of(figure, target, before)
    down, up = _ROUNDING.get(figure["qualifier"], (ROUND_HALF_EVEN, ROUND_HALF_EVEN))
    copy["low"], copy["high"] = _times(figure["low"], found, down), _times(figure["high"], found, up)
    copy["value"] = _times(figure["value"], found, down)  # null for a range; every other figure rounds in one direction
    spread = figure["spread"]
    copy["spread"] = {"min": _times(spread["min"], found, down), "max": _times(spread["max"], found, up), "unit": target}
    copy["unit"] = target
    converted = Converted(from_=figure["unit"], value=figure["value"], rate=found.rate, day=found.day, source=found.source, day_reason=reason)
    copy["converted"] = converted.model_dump(mode="json")
    return copy


def converted(figure: Mapping[str, Any], target: str, before: date | None = None) -> dict[str, Any]:
    """As `convert_figure`; a figure for which there is no rate stays as it is, and `not_converted` says why."""
    try:
        return convert_figure(figure, target, before)
    except RateRefused as error:
        return {**figure, "converted": None, "not_converted": str(error)}


def _rate_of(figure: Mapping[str, Any], target: str, before: date | None) -> tuple[Rate, Literal["period-end", "published"]]:
    """The rate for the first day that is known of those at which the figure may be converted."""
    refusal: AfterLastDay | None = None
    for day, reason in _days(figure):
        if before is not None and day >= before:
            refusal = AfterLastDay(f"No rate of {day} was known before {before}.")
            continue
        try:
            return rate(figure["unit"], target, day), reason
        except AfterLastDay as error:
            refusal = error
    if refusal:
        raise refusal
    # An unknown currency is the graver reason; any day will do to find it.
    rate(figure["unit"], target, _rates().bounds[_EURO].last_date)
    raise UnknownDay(f"The figure {figure['id']!r} has neither a period that ends nor a source whose day is known, so that no rate is its own.")


def _days(figure: Mapping[str, Any]) -> Iterator[tuple[date, Literal["period-end", "published"]]]:
    """The days at which a figure may be converted, in order of preference."""
    if figure["period"] and figure["period"]["latest"]:
        yield date.fromisoformat(figure["period"]["latest"]), "period-end"
    stating = "value" if figure["as_stated"] is None else "as_stated"  # of which none is known where only the number is supported by then
    for citation in figure["citations"]:
        published = citation["source"]["published"]
        if stating in citation["supports"]:
            days = [published[bound] for bound in ("latest", "earliest") if published[bound]] if published else []
            yield from ((date.fromisoformat(day), "published") for day in days)
            if days:
                return


def _times(number: float | None, found: Rate, rounding: str) -> float | int | None:
    if number is None:
        return None
    with localcontext(prec=40):
        product = Decimal(repr(number)) * Decimal(repr(found.rate))
    product = _rounded(product, _DIGITS_OF_NUMBER, rounding)
    return int(product) if product == product.to_integral_value() else float(product)


def _rounded(number: Decimal, digits: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    with localcontext(prec=digits, rounding=rounding):
        return +number


@cache
def _rates() -> CurrencyConverter:
    return CurrencyConverter(decimal=True)
