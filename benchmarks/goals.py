"""The goals, as data: what is compared with what, where, and which of them the short form watches over."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.measures import EVENT_FACETS, FIGURE_FACETS
from benchmarks.queries import searches
from benchmarks.results import Results

SHARE = 0.7
"""The short form is content with so much of a goal: noise is no step back."""

_USUAL = 100_000
"""Events at which this API is compared with others where nothing else is said."""

_ALIKE = 0.95
"""From where on two rates are the same: two runs of the same differ as much."""

Look = Callable[[Results], tuple[float, int] | None]
"""From what was measured to a number and the size that it belongs to; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that a number must reach (`least`), or must not exceed."""

    name: str
    target: float
    unit: str
    look: Look
    least: bool = True
    guarded: bool = False
    """Whether the short form asserts it: only what holds at its small sizes too, and holds today."""

    def met(self, value: float, share: float = 1) -> bool:
        """Whether a number reaches the goal, or so much of it."""
        return value >= self.target * share if self.least else value <= self.target / share


def _ratio(one: str, other: str, *, at: int | None = None, engine: str = "sqlite", base: str = "sqlite") -> Look:
    """At a size, or else at the one that is nearest to 100,000 events."""

    def look(results: Results) -> tuple[float, int] | None:
        size = at or results.nearest(_USUAL)
        above, below = results.value(one, size, engine), results.value(other, size, base)
        return (above / below, size) if above is not None and below else None

    return look


def _growth(measure: str, engine: str, since: int | None = None) -> Look:
    """How much larger it is at the largest size than at the smallest, or than at another."""

    def look(results: Results) -> tuple[float, int] | None:
        sizes = results.sizes(measure, engine) or [0]
        smallest, largest = since or sizes[0], sizes[-1]
        above, below = results.value(measure, largest, engine), results.value(measure, smallest, engine)
        return (above / below, largest) if above is not None and below and smallest < largest else None

    return look


def _worst(measures: list[str], engine: str) -> Look:
    """The largest upper quartile of some at the largest size."""

    def look(results: Results) -> tuple[float, int] | None:
        at = max([0, *(size for measure in measures for size in results.sizes(measure, engine))])
        found = [value for measure in measures if (value := results.highest(measure, at, engine)) is not None]
        return (max(found), at) if found else None

    return look


def _at_largest(one: str, other: str | None, engine: str) -> Look:
    def look(results: Results) -> tuple[float, int] | None:
        at = (results.sizes(one, engine) or [0])[-1]
        above, below = results.value(one, at, engine), results.value(other, at, engine) if other else 1.0
        return (above / below, at) if above is not None and below else None

    return look


COUNTED = ["/events, exact total", "/figures, exact total"]
COUNTED += [f"/events, facet {name}{scope}" for name in EVENT_FACETS for scope in ("", " of all")]
COUNTED += [f"/figures, facet {name}{scope}" for name in FIGURE_FACETS for scope in ("", " of all")]
SEARCHED = [f"{path}, {name}" for name in searches() for path in ("/search", "/events?q=")]

_EVENTS, _FIGURES = "/events by type and region, rate", "/figures by metric and region, rate"
_TABLE_OF_FIGURES, _NESTED_FIGURES = "Datasette, table of figures, rate", "Datasette, nested figures, rate"
_LARGE = 1_000_000
"""The same queries here and there."""


def _on_both(engine: str, title: str) -> list[Goal]:
    """The goals that are the same on both engines."""
    return [
        Goal(f"{title}: p99 of /events, largest against smallest", 1.5, "x", _growth("/events, p99", engine), least=False),
        Goal(f"{title}: p99 of /figures, largest against smallest", 1.5, "x", _growth("/figures, p99", engine), least=False),
        Goal(
            f"{title}: last page of a walk against the first",
            1.2,
            "x",
            _at_largest("last pages of a walk", "first pages of a walk", engine),
            least=False,
            guarded=True,
        ),
        Goal(
            f"{title}: pages as_of an earlier release against those of today",
            0.5,
            "x",
            _at_largest("/events as_of, rate", "/events, rate", engine),
            guarded=True,
        ),
        Goal(f"{title}: fields= against whole records", _ALIKE, "x", _at_largest("/events fields, rate", "/events, rate", engine)),
        Goal(f"{title}: exact total or facet, the worst", 5, "ms", _worst(COUNTED, engine), least=False, guarded=True),
        Goal(f"{title}: search, the worst", 25, "ms", _worst(SEARCHED, engine), least=False, guarded=True),
        Goal(f"{title}: p99 beside searches", 2, "x", _at_largest("/events beside searches, p99", "/events, p99", engine), least=False),
        Goal(f"{title}: memory of a worker", 200, "MB", _at_largest("memory of a worker, PSS", None, engine), least=False),
        Goal(f"{title}: start to first page", 1.5, "s", _at_largest("start to first page", None, engine), least=False),
        Goal(f"{title}: load", 25_000, "records/s", _at_largest("load, records/s", None, engine)),
        Goal(
            f"{title}: load, memory of a process, largest against smallest",
            2,
            "x",
            _growth("load, peak memory of a process", engine),
            least=False,
        ),
        Goal(
            f"{title}: load, memory of all processes, largest against {_USUAL:,} events",
            2,
            "x",
            _growth("load, peak memory of all processes", engine, _USUAL),
            least=False,
        ),
        Goal(
            f"{title}: re-load, memory of all processes, largest against {_USUAL:,} events",
            2,
            "x",
            _growth("re-load with 1 % changed, peak memory of all processes", engine, _USUAL),
            least=False,
        ),
        Goal(
            f"{title}: re-load with 1 % changed against a load",
            0.02,
            "x",
            _at_largest("re-load with 1 % changed, time", "load, time", engine),
            least=False,
        ),
        Goal(
            f"{title}: slowest answer while a release is loaded",
            1000,
            "ms",
            _at_largest("slowest answer to a reader while a release is loaded", None, engine),
            least=False,
        ),
        Goal(
            f"{title}: answers that failed while a release was loaded",
            0,
            "answers",
            _at_largest("answers that failed while a release was loaded", None, engine),
            least=False,
        ),
    ]


GOALS = [
    Goal("/events against Datasette's table", 12, "x", _ratio(_EVENTS, "Datasette, table, rate"), guarded=True),
    Goal("/events against Datasette's nested query", 6, "x", _ratio(_EVENTS, "Datasette, nested, rate")),
    Goal("/events against Datasette's table, at 1M", 25, "x", _ratio(_EVENTS, "Datasette, table, rate", at=_LARGE)),
    Goal("/events against Datasette's nested query, at 1M", 25, "x", _ratio(_EVENTS, "Datasette, nested, rate", at=_LARGE)),
    Goal("/events against ROAPI", 12, "x", _ratio(_EVENTS, "ROAPI, rate", base="parquet")),
    Goal("/figures against Datasette's table", 12, "x", _ratio(_FIGURES, _TABLE_OF_FIGURES), guarded=True),
    Goal("/figures against Datasette's nested query", 6, "x", _ratio(_FIGURES, _NESTED_FIGURES)),
    Goal("/figures against Datasette's table, at 1M", 25, "x", _ratio(_FIGURES, _TABLE_OF_FIGURES, at=_LARGE)),
    Goal("/figures against Datasette's nested query, at 1M", 25, "x", _ratio(_FIGURES, _NESTED_FIGURES, at=_LARGE)),
    Goal("/figures against ROAPI", 12, "x", _ratio(_FIGURES, "ROAPI, figures, rate", base="parquet")),
    Goal("/events against the ceiling", 0.10, "x", _ratio("/events, rate", "ceiling, rate", base="none")),
    Goal("/figures against the ceiling", 0.10, "x", _ratio("/figures, rate", "ceiling, rate", base="none")),
    Goal("repeated requests against the ceiling", 0.5, "x", _ratio("/events repeated, rate", "ceiling, rate", base="none"), guarded=True),
    Goal("304 against the ceiling", 0.5, "x", _ratio("/events, 304, rate", "ceiling, rate", base="none"), guarded=True),
    Goal("PostgreSQL: /events against Datasette's table", 5, "x", _ratio(_EVENTS, "Datasette, table, rate", engine="postgresql")),
    Goal("PostgreSQL: /figures against Datasette's table", 5, "x", _ratio(_FIGURES, _TABLE_OF_FIGURES, engine="postgresql")),
    *_on_both("sqlite", "SQLite"),
    *_on_both("postgresql", "PostgreSQL"),
]


def judged(results: Results, share: float = 1) -> list[dict[str, Any]]:
    """Every goal that was measured, with what it came to."""
    found = []
    for goal in GOALS:
        seen = goal.look(results)
        if seen is not None:
            value, size = seen
            limit = f"{'>=' if goal.least else '<='} {goal.target:g} {goal.unit}"
            line = {"goal": goal.name, "target": limit, "measured": round(value, 3), "size": size, "met": goal.met(value)}
            found.append(line | {"guarded": goal.guarded, "held": goal.met(value, share)})
    return found
