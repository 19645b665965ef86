"""The compound growth that figures of one series imply, and how a stated growth stands to it.

**Which periods grow.** Growth is taken between periods of which the later is the earlier moved by whole years: 2024 and 2030, the third
quarters of 2024 and 2025, 2021/2022 and 2023/2024. The span is the difference of their year numbers and therefore exact. A period that is
open, one day within a span (brackets), approximate or uncertain grows into nothing, and a quarter never grows into a year.

**Which points grow.** Those of the two periods that lie farthest apart (of equally distant ones the longer periods, then the later).
Where a period has several points: a pair of one basis rather than of two, of one source rather than of two, then in the order of the
vocabulary's bases. Where pairs of equal standing differ, none is chosen: there is no implied growth, and a reason says so. Points of one
period never form growth with each other.

**How it is computed.** From the number a at the start to b at the end, n years later, growth is 100 * ((b / a) ** (1 / n) - 1) percent a
year. `cagr_percent` takes the named numbers. `low` is that of the end's low and the start's high, `high` that of the end's high and the
start's low; a bound that lacks one of them is null. Percentages have two decimals; those of bounds are rounded outwards, so that they
stay bounds.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext
from itertools import combinations
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app import vocabulary
from app.citations import DateSpan, FigureRef, Number, Ref, Shape, TitleRef, term
from app.schemas import Figure, RelativeTo

RELATIVE_UNITS = frozenset({"percent", "ratio", "rank", "fold"})
"""Units of numbers that mean something only beside another one. They do not compound."""


class Outline(Shape):
    """Of the record of a figure what tells to which series it belongs, and where in it it stands: all that is read of very many."""

    model_config = ConfigDict(extra="ignore")

    id: str
    metric: str
    subject: Ref | None
    region: Ref | None
    organisation: Ref | None
    event: TitleRef | None
    relative_to: RelativeTo | None
    period: DateSpan | None
    unit: str
    basis: str


class GrowthEnd(Shape):
    """A point between which and another one growth is taken."""

    period: DateSpan
    """Its period."""
    basis: Annotated[str, term("basis")]
    """Its basis."""
    figure: FigureRef
    """Its figure."""


class Implied(Shape):
    """The compound annual growth that two points imply, in percent a year; bounds stay bounds."""

    cagr_percent: Number | None
    """Growth between the named numbers, two decimals; null where an end is a range and names none."""
    cagr_is: Literal["exact", "about", "lower-bound", "upper-bound", "no-bound"] | None
    """What `cagr_percent` says of the growth: it is the growth (`exact`; `about` where an end is hedged), `low` or `high`, or, with bounds
    on the same side at both ends, neither: only what the named numbers give."""
    low: Number | None
    """The growth is at least this, two decimals, rounded down; null: the points do not bound it from below."""
    high: Number | None
    """The growth is at most this, two decimals, rounded up; null: the points do not bound it from above."""
    years: int
    """The years that it spans."""
    from_: GrowthEnd = Field(alias="from")
    """The earlier point."""
    to: GrowthEnd
    """The later point."""
    mixed_bases: bool
    """Whether the two points differ in basis, such as from reported to forecast."""


class Difference(Shape):
    """How a stated growth stands to the implied one of the same years."""

    percentage_points: Number | None
    """The implied growth less the stated one, both as named, two decimals; null where one of them names no number."""
    beyond_rounding: bool | None
    """Whether the two exclude each other even if the stated number was rounded to its last digit; null: the points bound nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period that things can grow from and to: its first and last day."""

    first: date
    last: date

    @property
    def after(self) -> date:
        """The day after the last."""
        return self.last + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Rates:
    """Growth in percent a year before it is rounded; None where it is not bounded."""

    named: Decimal | None
    low: Decimal | None
    high: Decimal | None


_BASES = {basis: rank for rank, basis in enumerate(vocabulary.BASIS)}
_CERTAIN = re.compile(r"[0-9/-]+", re.ASCII)
"""EDTF of a time that is throughout what it says: no bracket, no open end, nothing approximate, uncertain or unspecified."""


def span(period: DateSpan | None) -> Span | None:
    """The period as days, where things can grow from and to it."""
    if period is None or period.earliest is None or period.latest is None or not _CERTAIN.fullmatch(period.edtf) or period.latest == date.max:
        return None
    return Span(period.earliest, period.latest)


def years_between(start: Span, end: Span) -> int | None:
    """The whole years by which the end is the start moved; None where it is not, or where the two overlap."""
    years = end.first.year - start.first.year
    # February ends on another day in a leap year, and its 28th is followed by another one.
    ends_alike = _in_year(start.last) == _in_year(end.last) or _in_year(start.after) == _in_year(end.after)
    moved = _in_year(start.first) == _in_year(end.first) and ends_alike and end.last.year - start.last.year == years
    return years if moved and start.last < end.first else None


def _in_year(day: date) -> tuple[int, int]:
    return day.month, day.day


def basis_rank(figure: Figure | Outline) -> int:
    """Where the figure's basis stands in the vocabulary."""
    return _BASES[figure.basis]


def _farthest(figures: Iterable[Figure]) -> tuple[Span, Span, int] | None:
    """The two periods between which the growth of a series is taken, with the years that it spans."""
    known = {period for figure in figures if (period := span(figure.period))}
    spans = sorted(known, key=lambda period: (period.first, period.last))
    pairs = [(start, end, years) for start, end in combinations(spans, 2) if (years := years_between(start, end))]
    return max(pairs, key=lambda pair: (pair[2], pair[1].after - pair[1].first, pair[1].first), default=None)


def overall(figures: Sequence[Figure]) -> tuple[Implied | None, str | None]:
    """Growth between the first and the last period that can be compared, or why there is none."""
    if (unit := figures[0].unit) in RELATIVE_UNITS:
        return None, f"Numbers in {unit!r} are relative and do not compound."
    if len(figures) == 1:
        return None, "The series has a single point."
    periods = _farthest(figures)
    if periods is None:
        return None, "No two points have known periods that are whole years apart."
    return _between(figures, *periods)[:2]


def _between(figures: Iterable[Figure], start: Span, end: Span, years: int) -> tuple[Implied | None, str | None, _Rates | None]:
    """Growth between two periods, or why there is none, and the growth before it was rounded."""
    by_period: dict[Span | None, list[Figure]] = defaultdict(list)
    for figure in figures:
        by_period[span(figure.period)].append(figure)
    cited = {figure.id: {citation.source.id for citation in figure.citations} for figure in by_period[start] + by_period[end]}

    def standing(first: Figure, last: Figure) -> tuple[bool, bool, int, int]:
        """How well two points stand beside each other; the least is best."""
        return (first.basis != last.basis, cited[first.id].isdisjoint(cited[last.id]), basis_rank(first), basis_rank(last))

    ranked = [(standing(first, last), first, last) for first in by_period[start] for last in by_period[end]]
    best = min(rank for rank, _, _ in ranked)
    pairs = [(first, last) for rank, first, last in ranked if rank == best]
    unfit = [figure.id for pair in pairs for figure in pair if not _positive(figure)]
    if unfit:
        return None, f"A number of the figure {unfit[0]!r} is not above zero.", None
    first, last = pairs[0]
    rates = _rates(first, last, years)
    differing = {(_numbers(one), _numbers(other)): (one, other) for one, other in pairs}
    if any(_rates(one, other, years) != rates for one, other in differing.values()):
        return None, f"Several points of the same standing differ: {_listed({figure.id for pair in pairs for figure in pair})}.", None
    return _implied(first, last, years, rates), None, rates


def _numbers(figure: Figure) -> tuple[float | None, ...]:
    return (figure.value, figure.low, figure.high)


def _positive(figure: Figure) -> bool:
    return all(number > 0 for number in _numbers(figure) if number is not None)


def _listed(ids: set[str], most: int = 6) -> str:
    named = sorted(ids)
    return ", ".join(named[:most]) + (f" and {len(named) - most} more" if len(named) > most else "")


def _rates(first: Figure, last: Figure, years: int) -> _Rates:
    return _Rates(
        _rate(first.value, last.value, years),
        _rate(first.high, last.low, years),
        _rate(first.low, last.high, years),
    )


def _rate(start: float | None, end: float | None, years: int) -> Decimal | None:
    if start is None or end is None:
        return None
    with localcontext(prec=80):
        yearly: Decimal = (Decimal(repr(end)) / Decimal(repr(start))) ** (Decimal(1) / years)
        # A root of many digits ends in noise, which would push a bound that is a round number over its edge.
        return ((yearly - 1) * 100).quantize(Decimal("1e-20"))


def _implied(first: Figure, last: Figure, years: int, rates: _Rates) -> Implied:
    is_point = {first.qualifier, last.qualifier} <= {"exact", "about"}
    low = _two_decimals(rates.low, ROUND_HALF_EVEN if is_point else ROUND_FLOOR)
    high = _two_decimals(rates.high, ROUND_HALF_EVEN if is_point else ROUND_CEILING)
    named = _two_decimals(rates.named, ROUND_HALF_EVEN)
    says: Literal["exact", "about", "lower-bound", "upper-bound", "no-bound"] | None = None
    if named is not None:
        if is_point:
            says = "about" if "about" in (first.qualifier, last.qualifier) else "exact"
        elif low is not None:
            says, named = "lower-bound", low
        elif high is not None:
            says, named = "upper-bound", high
        else:
            says = "no-bound"
    return Implied(
        cagr_percent=named,
        cagr_is=says,
        low=low,
        high=high,
        years=years,
        from_=_end(first),
        to=_end(last),
        mixed_bases=first.basis != last.basis,
    )


def _end(figure: Figure) -> GrowthEnd:
    return GrowthEnd(period=figure.period, basis=figure.basis, figure=FigureRef(id=figure.id))


def _two_decimals(percent: Decimal | None, rounding: str) -> float | None:
    if percent is None:
        return None
    with localcontext(prec=80):
        # Minus nought is nought.
        return float(percent.quantize(Decimal("0.01"), rounding)) + 0.0


def ends(figure: Figure | Outline) -> tuple[Span | None, Span | None]:
    """The periods from which and to which a stated growth runs; None where it is not stated.

    The base is that of `relative_to`; a mean growth over a span of years without one runs from the first to the last of them.
    """
    own = span(figure.period)
    base = span(figure.relative_to.period) if figure.relative_to else None
    if own and base is None and figure.metric == "cagr" and own.last.year > own.first.year and _whole_years(own):
        first, last = own.first.year, own.last.year
        return Span(own.first, date(first, 12, 31)), Span(date(last, 1, 1), own.last)
    return base, own


def _whole_years(period: Span) -> bool:
    return _in_year(period.first) == (1, 1) and _in_year(period.last) == (12, 31)


def compared(stated: Figure, figures: Sequence[Figure]) -> tuple[Implied | None, Difference | None]:
    """The growth that points imply over the years of a stated one, and how the two differ."""
    start, end = ends(stated)
    years = years_between(start, end) if start and end else None
    if not start or not end or not years or (stated.metric == "growth-rate" and years > 1):
        return None, None
    spans = {span(figure.period) for figure in figures}
    if start not in spans or end not in spans:
        return None, None
    implied, _, rates = _between(figures, start, end, years)
    if rates is None:
        return None, None
    points = None if rates.named is None or stated.value is None else rates.named - Decimal(repr(stated.value))
    return implied, Difference(percentage_points=_two_decimals(points, ROUND_HALF_EVEN), beyond_rounding=_beyond_rounding(stated, rates))


def _beyond_rounding(stated: Figure, rates: _Rates) -> bool | None:
    if rates.low is None and rates.high is None:
        return None
    half = _last_digit(stated) / 2
    above = rates.low is not None and stated.high is not None and rates.low > Decimal(repr(stated.high)) + half
    below = rates.high is not None and stated.low is not None and rates.high < Decimal(repr(stated.low)) - half
    return above or below


def _last_digit(stated: Figure) -> Decimal:
    """The unit of the last digit of a stated number: 0.1 for 8.7, 1 for 24; the source's words tell 24.0 from 24."""
    numbers = [number for number in (stated.value, stated.low, stated.high) if number is not None]
    written = [Decimal(text) for text in re.findall(r"\d+(?:\.\d+)?", stated.as_stated or "", re.ASCII)]
    written = [text for text in written if any(text == Decimal(repr(abs(number))) for number in numbers)]
    kept = written or [Decimal(f"{number:.15g}") for number in numbers]
    return min(Decimal(1).scaleb(min(0, int(text.as_tuple().exponent))) for text in kept)
