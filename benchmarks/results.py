"""What was measured, by the name of the measure, the size of the data, the engine and the number of workers."""

import json
import math
import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ["fastapi", "uvicorn", "uvloop", "sqlalchemy", "pydantic", "datasette", "roapi"]


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of some rounds, the lowest and the highest of them."""

    measure: str
    size: int
    engine: str
    workers: int
    unit: str
    median: float
    low: float
    high: float
    rounds: int


@dataclass(slots=True)
class Results:
    """Everything that one run measured."""

    values: dict[tuple[str, int, str, int], Measured] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, measure: str, where: tuple[int, str, int], unit: str, rounds: Iterable[float]) -> None:
        """Keep what the rounds of a measure gave; `where` is size, engine and workers."""
        found = list(rounds)
        if found:
            self.values[(measure, *where)] = Measured(measure, *where, unit, median(found), min(found), max(found), len(found))

    def value(self, measure: str, size: int, engine: str = "sqlite", workers: int = 1) -> float | None:
        """The median of a measure; None where it was not measured."""
        found = self.values.get((measure, size, engine, workers))
        return found.median if found else None

    def highest(self, measure: str, size: int, engine: str) -> float | None:
        """The highest of the rounds of a measure, of one reader its upper quartile; None where it was not measured."""
        found = self.values.get((measure, size, engine, 1))
        return found.high if found else None

    def sizes(self, measure: str | None = None, engine: str | None = None) -> list[int]:
        """The sizes of the data, the smallest first; those at which a measure was taken on an engine."""
        taken = [one for one in self.values.values() if measure in {None, one.measure} and engine in {None, one.engine}]
        return sorted({one.size for one in taken})

    def nearest(self, size: int) -> int:
        """The measured size that is nearest to one."""
        return min(self.sizes(), key=lambda other: abs(math.log(other / size)))

    def keep(self, file: Path, size: int, engine: str) -> None:
        """Write down what was measured so far of a size and an engine."""
        file.write_text(json.dumps([asdict(one) for one in self.values.values() if (one.size, one.engine) == (size, engine)]), "utf-8")

    def take(self, file: Path) -> None:
        """Add what another run wrote down."""
        for found in json.loads(file.read_text("utf-8")):
            one = Measured(**found)
            self.values[(one.measure, one.size, one.engine, one.workers)] = one

    def save(self, file: Path, goals: list[dict[str, Any]]) -> None:
        """Write everything as JSON."""
        machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        content = {
            "machine": machine | {"packages": _versions()},
            "goals": goals,
            "notes": self.notes,
            "values": [asdict(measured) for measured in self.values.values()],
        }
        file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
