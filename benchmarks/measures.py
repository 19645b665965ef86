"""What is asked of the servers and timed. Loads take turns in rounds, so that what slows the machine for a while slows all alike."""

import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import mean, quantiles
from urllib.parse import quote, urlencode

from app.api.routing import REST
from benchmarks import building
from benchmarks.building import Base
from benchmarks.load import Client, Clients, Load, timed
from benchmarks.queries import Queries, cold, searches, with_parameter, write
from benchmarks.records import World
from benchmarks.results import Results
from benchmarks.servers import CURRENT, Servers, Site, workers_of

EVENT_FACETS = ("type", "status", "region", "year", "topic", "organisation", "role")
FIGURE_FACETS = ("metric", "subject", "region", "year", "unit", "basis", "qualifier", "agreement")
_ORDERS = {"/events": ("title", "date", "-origins,title", "region,-date"), "/figures": ("-period", "subject,-origins")}
_LISTS = ("/organisations?role=host", "/organisations?region=cn", "/sources?language=zh", "/sources?sort=title", "/coverage?state=known")
REPEATED = 200
"""Distinct requests that are asked again and again."""
_SPARE = 3000
"""Queries that are kept for one reader, and for repeated requests."""

FIELDS = "fields=id,title,date,type"


_OTHERS = {
    "tables": f"/atlas-{{size}}/event.json?type={{kind}}&region_id={{region}}&{urlencode(CURRENT)}&_size=20&_sort_desc=date_first",
    "nested": f"/atlas-{{size}}/pages.json?type={{kind}}&region={{region}}&{urlencode(CURRENT)}",
    "rows": "/api/tables/event?filter[type]=%27{kind}%27&filter[region_id]=%27{region}%27&sort=-date_first&limit=20",
}
"""What others are asked for the newest 20 events of a type in a region."""

_OTHERS_FIGURES = {
    "tables of figures": f"/atlas-{{size}}/figure.json?metric={{kind}}&region_id={{region}}&{urlencode(CURRENT)}&_size=20&_sort=id",
    "nested figures": f"/atlas-{{size}}/figures.json?metric={{kind}}&region={{region}}&{urlencode(CURRENT)}",
    "rows of figures": "/api/tables/figure?filter[metric]=%27{kind}%27&filter[region_id]=%27{region}%27&sort=id&limit=20",
}
"""The same for the first 20 figures of a metric."""

_OWN = {"events": "/events?type={kind}&region={region}&region_match=exact", "figures": "/figures?metric={kind}&region={region}&region_match=exact"}
"""What this API is asked for the same."""

_PLACES = 1000
"""Different queries that all are asked."""

_MARKS = 60
"""Searches with so many different marks fit into `q` behind those that loads ask for; each server is asked for them once."""

_REST = 2 * REST
"""Seconds after the last answer until a worker has given back what answers needed for a moment."""

_FULL = 20
"""Records of a page by default."""

_COMPARED: dict[str, dict[str, tuple[str, ...]]] = {
    "events": {"datasette": (_OTHERS["tables"], _OTHERS["nested"]), "roapi": (_OTHERS["rows"],)},
    "figures": {
        "datasette": (_OTHERS_FIGURES["tables of figures"], _OTHERS_FIGURES["nested figures"]),
        "roapi": (_OTHERS_FIGURES["rows of figures"],),
    },
}
"""Who is asked for what."""


@dataclass(slots=True)
class Bench:
    """One data set on its servers, with the files of queries about it."""

    size: int
    work: Path
    servers: Servers
    results: Results
    distinct: int
    """Queries that are asked at most once of a server; more than it answers in all rounds, or the notes say so."""
    sites: list[Site] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    """Queries that no load asks for."""
    files: dict[str, Path] = field(default_factory=dict)
    places: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Types of events, or metrics, and regions, for those that filter by nothing else."""
    turn: int = 0
    """How often one reader has asked; each time for something else."""

    def __post_init__(self) -> None:
        queries = Queries(World(self.size))
        drawn = {"events": queries.distinct("events", self.distinct + _SPARE), "figures": queries.distinct("figures", self.distinct // 2 + _SPARE)}
        self.events, self.figures = (drawn[kind][-_SPARE:] for kind in ("events", "figures"))
        self.places = {kind: queries.places(kind, _PLACES) for kind in drawn}
        asked = {
            **{f"same {kind}": cold(self._asked(path, kind), self.distinct) for kind, path in _OWN.items()},
            **{name: self._asked(path, "events") for name, path in _OTHERS.items()},
            **{name: self._asked(path, "figures") for name, path in _OTHERS_FIGURES.items()},
        }
        self._write({**{kind: paths[:-_SPARE] for kind, paths in drawn.items()}, **asked, "ceiling": ["/events"]})

    def _asked(self, path: str, of: str) -> list[str]:
        # Common and rare ones mixed: whoever is slow gets through the first of them only.
        pairs = random.Random(self.size).sample(self.places[of], len(self.places[of]))
        return [path.format(kind=kind, region=region, size=self.size) for kind, region in pairs]

    def _write(self, lists: dict[str, Iterable[str]]) -> None:
        self.files |= {name: write(self.work / f"paths-{self.size}-{name.replace(' ', '-')}", lines) for name, lines in lists.items()}

    def start(self, bases: Iterable[Base], workers: Iterable[int], others: Iterable[str]) -> None:
        """Start this API on each database with each number of workers, and what it is compared with."""
        bases, workers = list(bases), list(workers)
        for base in bases:
            self.sites += [self.servers.api(base.url, self.size, count) for count in workers]
        self._keep_full()
        page = typical_page(self.sites[0], full(self.sites[0], self.events), self.work / f"page-{self.size}.json")
        self.results.add("bytes of a typical page", (self.size, "none", 1), "bytes", [len(json.loads(page.read_text("utf-8"))["body"].encode())])
        if "ceiling" in others:
            self.sites += [self.servers.ceiling(page, self.size, count) for count in workers]
        files = [base.file for base in bases if base.engine == "sqlite"]
        for file in files:
            starts = {"datasette": self.servers.datasette, "roapi": self.servers.roapi}
            for name in [name for name in starts if name in others]:
                site = starts[name](file, self.size)
                if site is None:
                    self.results.notes.append(f"{name} is not installed here and was not measured")
                else:
                    self.sites.append(site)
        self._check_agreement()

    def _keep_full(self) -> None:
        """Keep the queries that find a whole page: at all sizes the same is asked for. RuntimeError where they are too few."""
        events, figures = (full(self.sites[0], self.files[kind].read_text("utf-8").splitlines()) for kind in ("events", "figures"))
        if len(events) <= REPEATED or not figures:
            raise RuntimeError(f"{self.size:,} events are too few: {len(events)} queries of events and {len(figures)} of figures find a whole page")
        repeated, once = events[:REPEATED], list(cold(events[REPEATED:], self.distinct))
        lists = {"events": once, "figures": cold(figures, self.distinct), "repeated": repeated}
        self._write({**lists, "as_of": with_parameter(once, "as_of=1"), "fields": with_parameter(once, FIELDS)})

    def _check_agreement(self) -> None:
        """RuntimeError where the others do not have the records that this API has: what answers something else cannot be compared."""
        for of, paths in _COMPARED.items():
            for kind, region in self.places[of][-5:]:
                own = f"{_OWN[of].format(kind=kind, region=region)}&fields=id"
                here = {record["id"] for record in Client(self.sites[0]).json(own)["data"]}
                for site in self.sites:
                    for path in paths.get(site.name, ()):
                        asked = path.format(kind=kind, region=region, size=self.size) + ("" if site.name == "roapi" else "&_shape=array")
                        there = {record["id"] for record in Client(site).json(asked)}
                        # Of events the last of a page, those of its last day, may be others.
                        others = len(here) // 2 if of == "events" and len(here) == _FULL else 0
                        if len(there) != len(here) or len(here - there) > others:
                            raise RuntimeError(f"{site.name} has other {of} of {kind} in {region} than this API: {sorted(here ^ there)}")

    def loads(self, *, brief: bool = False) -> list[Load]:
        """All that many clients ask at once; in brief only what is compared with other sizes."""
        found = []
        for site in self.sites:
            names = {
                "api": {"/events": "events", "/figures": "figures"},
                "ceiling": {"ceiling": "ceiling"},
                "datasette": {
                    "Datasette, table": "tables",
                    "Datasette, nested": "nested",
                    "Datasette, table of figures": "tables of figures",
                    "Datasette, nested figures": "nested figures",
                },
                "roapi": {"ROAPI": "rows", "ROAPI, figures": "rows of figures"},
            }[site.name]
            if site.name == "api" and not brief:
                names |= {"/events repeated": "repeated"}
                names |= {"/events by type and region": "same events", "/figures by metric and region": "same figures"} if site.workers == 1 else {}
                names |= {"/events fields": "fields"} if site.workers == 1 else {}
                if site.workers == 1 and _releases(site) > 1:
                    names["/events as_of"] = "as_of"
            if site.name == "api" or not brief:
                found += [Load(measure, site, self.files[name]) for measure, name in names.items()]
            if site.name == "api" and not brief:
                found.append(Load("/events, 304", site, tagged(site, self.files["repeated"])))
                if site.workers == 1:
                    found.append(Load("/events beside searches", site, self.files["events"], cycle(search_paths(range(1, 120)))))
        return found


def _releases(site: Site) -> int:
    client = Client(site)
    newest = client.json("/releases?limit=1")["page"]["total"]
    client.close()
    return int(newest)


def full(site: Site, paths: list[str]) -> list[str]:
    """Those of some paths that find a whole page."""
    client = Client(site)
    found = [path for path in paths if client.json(f"{path}&limit=1&fields=id")["page"]["total"] >= _FULL]
    client.close()
    return found


def typical_page(site: Site, paths: list[str], file: Path) -> Path:
    """The answer among some whose length is nearest to their mean, with its headers, for the ceiling to send."""
    client = Client(site)
    answers = []
    for path in paths[-100:]:
        _, answer, body = client.get(path)
        answers.append((len(body), {"headers": answer.getheaders(), "body": body.decode()}))
    client.close()
    usual = mean(length for length, _ in answers)
    _, page = min(answers, key=lambda pair: abs(pair[0] - usual))
    file.write_text(json.dumps(page), "utf-8")
    return file


def tagged(site: Site, paths: Path) -> Path:
    """The paths of a file with the ETags that their answers have."""
    client = Client(site)
    lines = [f"{path}\t{client.get(path)[1].getheader('ETag')}" for path in paths.read_text("utf-8").splitlines()]
    client.close()
    return write(paths.with_name(f"{paths.name}-tagged-{site.engine}-{site.workers}"), lines)


def search_paths(marks: Iterable[int]) -> list[str]:
    """The worst searches, on all kinds and among events; so many full stops behind the words make another query of the same work."""
    return [path for mark in marks for words in searches().values() for path in _searches(words, mark)]


def _searches(words: str, mark: int) -> tuple[str, str]:
    text = quote(f"{words} {'.' * mark}")
    return f"/search?q={text}", f"/events?q={text}"


def hammer(loads: list[Load], clients: Clients, rounds: int, results: Results, told: Callable[[str], None], prepare: Callable[[Site], None]) -> None:
    """Run all loads in every round, each time in another order; `prepare` before each, as what was in the system's cache may have left it."""
    found: dict[tuple[str, Site], list[dict[str, float]]] = {}
    for turn in range(rounds):
        told(f"round {turn + 1} of {rounds}: {len(loads)} loads of {clients.seconds} s")
        for load in random.Random(turn).sample(loads, len(loads)):
            prepare(load.site)
            found.setdefault((load.measure, load.site), []).append(clients.run(load))
    for load in loads:
        where = (load.site.size, load.site.engine, load.site.workers)
        for name, unit in {"rate": "requests/s", "p50": "ms", "p99": "ms", "bytes": "bytes"}.items():
            results.add(f"{load.measure}, {name}", where, unit, [run[name] for run in found[load.measure, load.site]])
    results.notes += clients.notes


def single(bench: Bench, site: Site, samples: int) -> None:
    """What one reader waits for: a page with its total under filters that are new, what a facet adds to it, searches, the ends of a walk."""
    where = (bench.size, site.engine, site.workers)
    first, bench.turn = bench.turn * samples, bench.turn + 1
    for kind, paths, facets in (("/events", bench.events, EVENT_FACETS), ("/figures", bench.figures, FIGURE_FACETS)):
        asked = _part(paths, first, samples)
        filtered = list(with_parameter(asked, "limit=1&fields=id"))
        whole = [f"{kind}?fields=id&limit={1 + (first + number) % 200}" for number in range(samples)]
        # First what is new: whatever is asked of the same filters then finds what they rest on, the page that facets are compared with too.
        groups = {"new": list(with_parameter(asked, "fields=id&limit=1")), "": filtered, " of all": whole}
        others = _part(paths, first + len(paths) // 2, samples)
        orders = {order: list(with_parameter(others, f"fields=id&sort={order}")) for order in _ORDERS[kind]}
        for name in facets:
            groups |= {f"{scope} {name}": list(with_parameter(groups[scope], f"facets={name}")) for scope in ("", " of all")}
        found = timed(site, groups)
        for order, times in timed(site, orders).items():
            bench.results.add(f"{kind}?sort={order}", where, "ms", _quarters(times))
        bench.results.add(f"{kind}, exact total", where, "ms", _quarters(found["new"]))
        for name in facets:
            for scope in ("", " of all"):
                differences = [counted - plain for counted, plain in zip(found[f"{scope} {name}"], found[scope], strict=True)]
                bench.results.add(f"{kind}, facet {name}{scope}", where, "ms", _quarters(differences))
    lists = {path: [f"{path}&limit={1 + (first + number) % 200}" for number in range(samples)] for path in _LISTS}
    for path, times in timed(site, lists).items():
        bench.results.add(path, where, "ms", _quarters(times))
    for name, words in searches().items():
        pairs = [_searches(words, 121 + number % _MARKS) for number in range(samples)]
        found = timed(site, {"search": [path for path, _ in pairs], "events": [path for _, path in pairs]})
        bench.results.add(f"/search, {name}", where, "ms", _quarters(found["search"]))
        bench.results.add(f"/events?q=, {name}", where, "ms", _quarters(found["events"]))
    found = timed(site, walk(site, bench.size, samples, 20 - bench.turn % 3))
    bench.results.add("first pages of a walk", where, "ms", _quarters(found["first"]))
    bench.results.add("last pages of a walk", where, "ms", _quarters(found["last"]))


def _part(paths: list[str], first: int, count: int) -> list[str]:
    """So many paths, those that were not asked for before."""
    return [paths[(first + number) % len(paths)] for number in range(count)]


def _quarters(times: list[float]) -> list[float]:
    """The median between the quartiles: single requests are disturbed more than rounds are."""
    return quantiles(times, n=4)


def walk(site: Site, size: int, samples: int, limit: int) -> dict[str, list[str]]:
    """Paths of pages of about 20 at the beginning and at the end of all events that were never asked for, by walking there in longer pages."""
    step = max(2, min(200, size // (4 * samples)))
    client, paths = Client(site), []
    cursor: object = ""
    while cursor is not None:
        path = f"/events?sort=-date&limit={step}" + (f"&cursor={cursor}" if cursor else "")
        cursor = client.json(f"{path}&fields=id")["page"]["next"]
        if cursor is not None:
            paths.append(f"/events?sort=-date&limit={limit}&cursor={cursor}")
    client.close()
    last = paths[: -limit // step]  # whose pages are full
    return {"first": paths[:samples], "last": last[-samples:]}


def memory(bench: Bench, site: Site) -> None:
    """What each worker holds when it rests: its share of what it has in common with others, and all that it touches; and the most it ever had."""
    time.sleep(_REST)
    found: dict[str, list[float]] = {"PSS": [], "RSS": [], "highest": []}
    for pid in workers_of(site):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
        numbers = {line.split(":")[0]: float(line.split()[1]) / 1024 for line in lines}
        highest, _ = building.memory(pid)
        for values, number in zip(found.values(), (numbers["Pss"], numbers["Rss"], highest), strict=True):
            values.append(number)
    for name, values in found.items():
        bench.results.add(f"memory of a worker, {name}", (bench.size, site.engine, site.workers), "MB", values)


def start_up(bench: Bench, base: Base, rounds: int) -> None:
    """From the command to the first page."""
    found = []
    for turn in range(rounds):
        begun = time.perf_counter()
        site = bench.servers.api(base.url, base.size, 1)
        Client(site).get(bench.events[-1 - turn])
        found.append(time.perf_counter() - begun)
        bench.servers.stop(site.pid)
    bench.results.add("start to first page", (base.size, base.engine, 1), "s", found)
