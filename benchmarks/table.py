"""The one table of a run: for people, as Markdown."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.results import Results

README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- {}.json -->", "<!-- end of {}.json -->"
_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "none": "-", "parquet": "Parquet"}


def markdown(results: Results, goals: list[dict[str, Any]]) -> str:
    """Goals, then measures with a column for each size: the median, and the lowest and highest of the rounds."""
    sizes = results.sizes()
    return "\n".join([*_goals(goals), "", *_measures(results, sizes), "", *(f"- {note}" for note in dict.fromkeys(results.notes))]).rstrip() + "\n"


def _goals(goals: list[dict[str, Any]]) -> Iterator[str]:
    yield "| goal | target | measured | at events | met |"
    yield "|---|---|---|---|---|"
    for goal in goals:
        yield f"| {goal['goal']} | {goal['target']} | {_number(goal['measured'])} | {goal['size']:,} | {'yes' if goal['met'] else '**no**'} |"


def _measures(results: Results, sizes: list[int]) -> Iterator[str]:
    yield "| measure | engine | workers | unit | " + " | ".join(f"{size:,} events" for size in sizes) + " |"
    yield "|---|---|---|---|" + "---|" * len(sizes)
    for measure, engine, workers, unit in dict.fromkeys((one.measure, one.engine, one.workers, one.unit) for one in results.values.values()):
        name, _, part = measure.rpartition(", ")
        if part in {"p50", "p99", "bytes"}:
            continue  # they stand beside the rate
        cells = [_cell(results, (measure, size, engine, workers)) for size in sizes]
        shown = (name, "requests/s; p50, p99 in ms; kB") if part == "rate" else (measure, unit)
        yield f"| {shown[0]} | {_ENGINES[engine]} | {workers} | {shown[1]} | " + " | ".join(cells) + " |"


def _cell(results: Results, key: tuple[str, int, str, int]) -> str:
    measured = results.values.get(key)
    if measured is None:
        return ""
    spread = "" if measured.rounds == 1 else f" ({_number(measured.low)}-{_number(measured.high)})"
    name, _, part = key[0].rpartition(", ")
    beside = [_number(results.values[(f"{name}, {other}", *key[1:])].median) for other in ("p50", "p99")] if part == "rate" else []
    size = [_number(results.values[(f"{name}, bytes", *key[1:])].median / 1000)] if part == "rate" else []
    return "; ".join(filter(None, [_number(measured.median) + spread, ", ".join(beside), *size]))


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def into_readme(text: str, name: str) -> None:
    """Put a table between its marks; ValueError where the page has none for it."""
    page, begin, end = README.read_text("utf-8"), _BEGIN.format(name), _END.format(name)
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{README} has no place for the table {name!r}: write {begin} and {end} into it")
    README.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", "utf-8")


def plain(lines: Iterable[str]) -> str:
    """A Markdown table with its columns in line, as a terminal shows it."""
    out: list[str] = []
    block: list[list[str]] = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            block.append([cell.strip().replace("**", "") for cell in line.strip("|").split("|")])
            continue
        rows = [row for row in block if set("".join(row)) != {"-"}]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        out += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        block = []
        out.append(line)
    return "\n".join(out).rstrip()
