"""Figures that measure the same thing, as series over periods, and the growth between their points.

Pure functions of the records that the API serves. Which of them stand together is told from outlines; only the series that are shown are
made.

**What stands together.** Figures of one metric, subject, region, organisation, event and unit. Of a number that means something only
beside another one (`RELATIVE_UNITS`: a share, rank or rate), `relative_to` tells series apart too, except that growths against the year
before their own are one series. Of an amount or a count, `relative_to` names the other figure of a pair and tells nothing apart. Figures
of different bases may stand in one series: each point carries its basis.

How growth is taken between the points is told in `app.growth`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import WithJsonSchema

from app import vocabulary
from app.citations import Citation, DateSpan, FigureRef, Number, Ref, Shape, TitleRef, term
from app.growth import RELATIVE_UNITS, Difference, Implied, Outline, basis_rank, compared, ends, overall, span, years_between
from app.schemas import Converted, Figure, RelativeTo

STATED_GROWTH = frozenset({"growth-rate", "cagr"})
"""Metrics of figures in which a source states a growth."""


class Point(Shape):
    """A figure as a point of a series."""

    period: DateSpan | None
    """The time that the number speaks of; null: not stated."""
    value: Number | None
    """The number named, also for a bound; null only for a range."""
    low: Number | None
    """Lower bound; null: open."""
    high: Number | None
    """Upper bound; null: open."""
    qualifier: Annotated[str, term("qualifier")]
    """Whether the number is exact, a bound or a range."""
    basis: Annotated[str, term("basis")]
    """Whether the number is reported, forecast, promised, claimed."""
    converted: Converted | None
    """How `convert` converted the numbers; null: it was not asked for, or there was nothing to convert."""
    not_converted: str | None
    """Why `convert` could not convert them; null: it did, or there was nothing to convert."""
    figure: FigureRef
    """The figure, with its receipts."""


class Stated(Shape):
    """A growth that a source states."""

    percent: Number | None
    """The number named; null only for a range."""
    low: Number | None
    """Lower bound; null: open."""
    high: Number | None
    """Upper bound; null: open."""
    qualifier: Annotated[str, term("qualifier")]
    """Whether the number is exact, a bound or a range."""
    metric: Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(STATED_GROWTH), "x-scheme": "metric"})]
    """`growth-rate` is the whole change against the base, `cagr` the mean change a year."""
    period: DateSpan | None
    """The time that it speaks of; null: not stated."""
    base: DateSpan | None
    """The period against which it is measured, as the figure's `relative_to` has it; null: not stated, or the start of `period`."""
    basis: Annotated[str, term("basis")]
    """Whether it is reported, forecast, claimed."""
    figure: FigureRef
    """The figure that states it."""
    linked_by: Literal["figure", "period"]
    """How it is known to belong here: it names a figure of the series, or its subject, region, organisation, event and a period fit."""
    fits_also: list[str]
    """Ids of other series of this answer that it fits as well; which of them its source means is then not known."""
    implied: Implied | None
    """The growth that the points imply over the very years of this one; null: no such points, or a change over several years."""
    difference: Difference | None
    """How it stands to that; null where there is none."""


class Growth(Shape):
    """The growth that the points imply beside the growth that sources state."""

    implied: Implied | None
    """Between the first and the last point that can be compared; null: there is none, see `reason`."""
    reason: str | None
    """Why nothing is implied; null where something is."""
    stated: list[Stated]
    """What sources state, in the order in which points stand."""


class Series(Shape):
    """Figures that measure the same thing over periods."""

    id: str
    """Made of metric, subject, region and unit, then organisation, event and relative_to where the figures have one; no other figure
    changes it: `market-size--cgt--cn--CNY`."""
    metric: Annotated[str, term("metric")]
    """What kind of number."""
    subject: Ref | None
    """What is measured; null for a one-off project, whose event says it."""
    region: Ref | None
    """The place that the numbers speak of."""
    organisation: Ref | None
    """The organisation that they speak of."""
    event: TitleRef | None
    """The event that they speak of."""
    relative_to: RelativeTo | None
    """What a share, rank, rate or fold is measured against; null for amounts and counts."""
    year_on_year: bool
    """Whether each point is measured against the year before its own, which `relative_to` then leaves out."""
    unit: Annotated[str, WithJsonSchema({"type": "string", "enum": list(vocabulary.UNITS), "x-scheme": "any-unit"})]
    """The unit of every point."""
    points: list[Point]
    """In order of period (not stated: last), then basis in the order of the vocabulary, then id."""
    growth: Growth
    """Growth between the points."""
    citations: list[Citation]
    """The distinct citations of the points, in their order."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What figures of one series share, as ids."""

    metric: str
    subject: str | None
    region: str | None
    unit: str
    organisation: str | None
    event: str | None
    against: tuple[str, ...]

    @property
    def id(self) -> str:
        """Two hyphens occur in no id, so that different keys have different ids."""
        parts = [self.metric, self.subject or "none", self.region or "none", self.unit]
        parts += [f"organisation-{self.organisation}"] if self.organisation else []
        parts += [f"event-{self.event}"] if self.event else []
        return "--".join([*parts, *self.against])

    @property
    def about(self) -> tuple[str | None, ...]:
        """What the numbers speak of, whatever they measure in it."""
        return (self.subject, self.region, self.organisation, self.event)


@dataclass(frozen=True, slots=True)
class _Link:
    """A figure that states the growth of a series."""

    figure: str
    by: Literal["figure", "period"]
    fits_also: list[str]


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of a series, by their ids."""

    key: _Key
    figures: list[str]
    links: list[_Link]

    @property
    def id(self) -> str:
        """That of the series."""
        return self.key.id

    @property
    def needs(self) -> list[str]:
        """The figures that the series is made of."""
        return [*self.figures, *(link.figure for link in self.links)]

    def made(self, figures: Mapping[str, Figure]) -> Series:
        """The series, from what it needs."""
        return _series(self.key, [figures[name] for name in self.figures], [(link, figures[link.figure]) for link in self.links])


def grouped(figures: Iterable[Outline], growth: Iterable[Outline] = ()) -> list[Group]:
    """Group figures into series, by id.

    Every figure becomes a point of exactly one series; one that is given twice counts once. Growth that sources state is sought among the
    figures and in `growth`, further ones that become no points: a filter that asks for market sizes leaves out the figures that state
    their growth.
    """
    points = {figure.id: figure for figure in figures}
    stating = points | {figure.id: figure for figure in growth}
    groups: dict[_Key, list[Outline]] = defaultdict(list)
    for figure in sorted(points.values(), key=_point_order):
        groups[_key(figure)].append(figure)
    links = _links(groups, sorted((figure for figure in stating.values() if figure.metric in STATED_GROWTH), key=_point_order))
    found = [Group(key, [member.id for member in members], links.get(key, [])) for key, members in groups.items()]
    return sorted(found, key=lambda group: group.id)


def _series(key: _Key, figures: list[Figure], links: list[tuple[_Link, Figure]]) -> Series:
    first = figures[0]
    implied, reason = overall(figures)
    year_on_year = _YEAR_BEFORE in key.against
    relative = first.relative_to if key.against else None
    if relative and year_on_year:
        relative = relative.model_copy(update={"period": None})
        relative = relative if any((relative.region, relative.subject, relative.figure)) else None
    distinct = {citation.model_dump_json(): citation for figure in figures for citation in figure.citations}
    return Series(
        id=key.id,
        metric=key.metric,
        subject=first.subject,
        region=first.region,
        organisation=first.organisation,
        event=first.event,
        relative_to=relative,
        year_on_year=year_on_year,
        unit=key.unit,
        points=[_point(figure) for figure in figures],
        growth=Growth(implied=implied, reason=reason, stated=[_stated(link, figure, figures) for link, figure in links]),
        citations=list(distinct.values()),
    )


def _point(figure: Figure) -> Point:
    return Point(
        period=figure.period,
        value=figure.value,
        low=figure.low,
        high=figure.high,
        qualifier=figure.qualifier,
        basis=figure.basis,
        converted=figure.converted,
        not_converted=figure.not_converted,
        figure=FigureRef(id=figure.id),
    )


# What stands together


_YEAR_BEFORE = "to-year-before"


def _key(figure: Outline) -> _Key:
    return _Key(
        figure.metric,
        figure.subject.id if figure.subject else None,
        figure.region.id if figure.region else None,
        figure.unit,
        figure.organisation.id if figure.organisation else None,
        figure.event.id if figure.event else None,
        _against(figure),
    )


def _against(figure: Outline) -> tuple[str, ...]:
    """What tells relative numbers apart, as parts of an id, each with a label of its own."""
    relative = figure.relative_to
    if relative is None or figure.unit not in RELATIVE_UNITS:
        return ()
    parts = [
        f"to-{label}-{reference.id}"
        for label, reference in (("region", relative.region), ("subject", relative.subject), ("figure", relative.figure))
        if reference
    ]
    if relative.period:
        base, own = span(relative.period), span(figure.period)
        year_before = base is not None and own is not None and years_between(base, own) == 1
        parts.append(_YEAR_BEFORE if year_before else f"to-period-{quote(relative.period.edtf, safe='')}")
    return tuple(parts)


def _point_order(figure: Outline) -> tuple[bool, date, date, int, str]:
    period = figure.period
    first = (period.earliest or period.latest or date.max) if period else date.max
    last = (period.latest or period.earliest or date.max) if period else date.max
    return (period is None, first, last, basis_rank(figure), figure.id)


# Growth that sources state


def _links(groups: Mapping[_Key, list[Outline]], stating: Iterable[Outline]) -> dict[_Key, list[_Link]]:
    """The growths that sources state, by the series that they belong to.

    One that names a figure belongs to that figure's series. Any other belongs to the series of its subject, region, organisation and
    event that have a point in a period that it spans: of its end or of its base.
    """
    growing: dict[tuple[str | None, ...], list[_Key]] = defaultdict(list)
    for key in groups:
        if key.unit not in RELATIVE_UNITS:
            growing[key.about].append(key)
    links: dict[_Key, list[_Link]] = defaultdict(list)
    for figure in stating:
        about, relative = _key(figure).about, figure.relative_to
        candidates = growing.get(about, []) if any(about) and _same_scope(figure) else []
        if named := relative and relative.figure:
            found = [key for key in candidates if any(member.id == named.id for member in groups[key])]
        else:
            wanted = {end for end in ends(figure) if end}
            found = [key for key in candidates if any(span(member.period) in wanted for member in groups[key])]
        for key in found:
            others = sorted(other.id for other in found if other != key)
            links[key].append(_Link(figure.id, "figure" if named else "period", others))
    return links


def _same_scope(figure: Outline) -> bool:
    """Whether a growth is measured against its own region and subject, not against those of others."""
    relative = figure.relative_to
    return relative is None or (relative.region in (None, figure.region) and relative.subject in (None, figure.subject))


def _stated(link: _Link, figure: Figure, figures: Sequence[Figure]) -> Stated:
    implied, difference = compared(figure, figures)
    return Stated(
        percent=figure.value,
        low=figure.low,
        high=figure.high,
        qualifier=figure.qualifier,
        metric=figure.metric,
        period=figure.period,
        base=figure.relative_to.period if figure.relative_to else None,
        basis=figure.basis,
        figure=FigureRef(id=figure.id),
        linked_by=link.by,
        fits_also=link.fits_also,
        implied=implied,
        difference=difference,
    )
