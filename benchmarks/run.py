"""Measures this API against others on made-up data of several sizes, prints one table and keeps it.

    make bench SIZES="1000 100000" ENGINES=sqlite ONLY="loads single" ROUNDS=3
    make bench-guard

The work folder may be kept by `--work`; what is loaded there already is not loaded again, and what that took is told as it was then.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import building, measures, table
from benchmarks.building import Base
from benchmarks.goals import GOALS, SHARE, judged
from benchmarks.load import HOW_TO_GET_WRK, Clients, wrk_is_there
from benchmarks.measures import Bench
from benchmarks.results import Results
from benchmarks.servers import Servers, Site, postgres

PARTS = ("loads", "single", "memory", "start")
"""What can be measured beside loading."""

OTHERS = ("ceiling", "datasette", "roapi")
ENGINES = ("sqlite", "postgresql")
_BEGUN = time.monotonic()


def options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000], help="events of each data set")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="processes of a server")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts of the measures")
    parser.add_argument("--most", type=_limit, nargs="+", default=[], metavar="NAME=EVENTS", help="no more events than this for an engine or another")
    parser.add_argument("--others", nargs="*", choices=OTHERS, default=list(OTHERS), help="what to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each load in each round")
    parser.add_argument("--samples", type=int, default=25, help="requests of one reader for each median")
    parser.add_argument("--distinct", type=int, default=100_000, help="queries that are never asked twice of a server")
    parser.add_argument("--work", type=Path, help="keep files and databases in this folder and use what is there")
    parser.add_argument("--yaml", action="store_true", help="write the curated files as YAML")
    parser.add_argument("--keep-table", action="store_true", help="leave the results and the tables in README.md as they are")
    parser.add_argument("--table", default="results", help="which table of README.md this is, and the name of its file of results")
    parser.add_argument("--guard", action="store_true", help="the short form: fail where a watched goal is missed by far")
    return parser.parse_args()


def _limit(given: str) -> tuple[str, int]:
    name, _, most = given.partition("=")
    if name not in {*ENGINES, *OTHERS}:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join((*ENGINES, *OTHERS))}")
    return name, int(most)


def main() -> None:
    """Measure, print, keep; or guard."""
    given = options()
    if "loads" in given.only and not wrk_is_there():
        sys.exit(HOW_TO_GET_WRK)
    if given.guard:
        sys.exit(guard(given))
    results = Results()
    try:
        with prepared(given, results) as benches:
            measure(given, benches, results)
    finally:
        # Hours of measuring are not thrown away for what goes wrong at their end.
        if results.values:
            keep(given, results)


def keep(given: argparse.Namespace, results: Results) -> None:
    """Print the table and write it down."""
    goals = judged(results)
    text = table.markdown(results, goals)
    print(table.plain(text.splitlines()))  # noqa: T201
    if not given.keep_table:
        results.save(Path(__file__).with_name(f"{given.table}.json"), goals)
        table.into_readme(text, given.table)


def guard(given: argparse.Namespace) -> int:
    """Measure in short; a goal that is missed is measured twice more before it counts as missed."""
    with prepared(given, Results()) as benches:
        for last in (False, False, True):
            results = Results()
            for _, bench in benches:
                bench.results = results
            measure(given, benches, results)
            watched = [line for line in judged(results, SHARE) if line["guarded"]]
            for line in watched:
                state = "held" if line["held"] else "MISSED"
                print(f"{state}  {line['goal']}: {line['measured']:g}, {SHARE:.0%} of the goal {line['target']}, at {line['size']:,} events")  # noqa: T201
            if all(line["held"] for line in watched):
                break
            told("missed three times" if last else "measured once more")
    unseen = [goal.name for goal in GOALS if goal.guarded and goal.name not in [line["goal"] for line in watched]]
    for name in unseen:
        print(f"not measured here: {name}")  # noqa: T201
    return 0 if watched and all(line["held"] for line in watched) else 1


@contextlib.contextmanager
def prepared(given: argparse.Namespace, results: Results) -> Iterator[list[tuple[list[Base], Bench]]]:
    """Data of every size in every engine, loaded, and the servers on them."""
    with contextlib.ExitStack() as stack:
        work = given.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cgt-bench-")))
        work.mkdir(parents=True, exist_ok=True)
        maintenance = stack.enter_context(postgres(work.absolute() / "postgresql")) if "postgresql" in given.engines else None
        servers = Servers(work.absolute())
        stack.callback(servers.stop)
        benches = []
        most = dict(given.most)
        for size in given.sizes:
            told(f"{size:,} events: queries and files")
            bench = Bench(size, work.absolute(), servers, results, given.distinct)
            bases = []
            for engine in given.engines:
                if size > most.get(engine, size):
                    continue
                base = building.made(work.absolute(), size, engine, maintenance)
                told(f"{size:,} events: loading into {engine}")
                files = building.folders(work.absolute(), size, yaml=given.yaml)
                building.build(base, files, work.absolute(), results, bench.files["events"].read_text("utf-8").splitlines())
                bases.append(base)
            benches.append((bases, bench))
        for bases, bench in benches:
            told(f"{bench.size:,} events: servers start")
            bench.start(bases, given.workers, [name for name in given.others if bench.size <= most.get(name, bench.size)])
        yield benches


def measure(given: argparse.Namespace, benches: list[tuple[list[Base], Bench]], results: Results) -> None:
    """All that was asked for, over the servers that run."""
    largest = max(bench.size for _, bench in benches)
    all_bases = [base for bases, _ in benches for base in bases]
    for base in all_bases:
        building.analysed(base)

    def warm(site: Site | None = None) -> None:
        for base in reversed(all_bases):
            if site is None or (base.size, base.engine) == (site.size, site.engine):
                building.warm(base)

    if "loads" in given.only:
        loads = [load for _, bench in benches for load in bench.loads(brief=given.guard and bench.size < largest)]
        if given.guard:
            loads = [load for load in loads if load.search is None]
        measures.hammer(loads, Clients(given.seconds), given.rounds, results, told, warm)
    warm()
    for bases, bench in benches:
        for site in [site for site in bench.sites if site.name == "api"]:
            if "single" in given.only and site.workers == 1 and not (given.guard and bench.size < largest):
                told(f"{bench.size:,} events: one reader on {site.engine}")
                measures.single(bench, site, given.samples)
            if "memory" in given.only:
                measures.memory(bench, site)
        for base in bases if "start" in given.only else []:
            measures.start_up(bench, base, 3)


def told(line: str) -> None:
    """Say how far it has come."""
    print(f"{time.monotonic() - _BEGUN:6.0f} s  {line}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
