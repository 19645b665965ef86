"""Several machines on one: a primary and two streaming replicas of PostgreSQL, and three processes of the API that read from all of them.

    python -m benchmarks.replicas [SECONDS]

Readers walk through lists, from process to process, and ask for records, filters and facets, while releases are published on the primary
and a replica is killed and comes back. Every answer is held against what its release holds. Exit status 1 if one is wrong.
"""

import hashlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.cluster import CGT, Postgres, binaries_in, environment, serving, wait
from tests.synthetic import write_synthetic

RECORDS = 120
READERS = 6
LAGS = {"replica 1": 400, "replica 2": 0}
"""Milliseconds for which a replica holds back what it receives."""
AWAY = "replica 2"
"""The host that is killed."""
SEEN_WITHIN = 1.0
"""Seconds after which a release that has arrived at every living host is what every process serves."""
MOST_REFUSED = 0.02
"""The share of requests that may be answered with 503."""
WALKS = ["/events?sort=-date", "/events?sort=title,-id", "/figures?sort=metric", "/figures?sort=-id&metric=market-size", "/organisations?sort=name"]
QUESTIONS = [
    "/events?facets=type,region,year&limit=5",
    "/events?type=policy&facets=type&limit=5",
    "/events?region=cn&q=edition&limit=5&facets=organisation",
    "/figures?metric=market-size&facets=metric,region&limit=5",
    "/figures?unit=CNY&min=1e9&sort=-value&limit=5",
    "/figures/series?metric=market-size&limit=5",
    "/search?q=beijing&limit=5",
    "/regions/cn-bj",
]


def edition(folder: Path, number: int) -> None:
    """Curated files in which every event and figure tells which edition it is of, and types and amounts change from one to the next."""
    write_synthetic(folder, RECORDS, RECORDS)
    events = json.loads((folder / "events.yaml").read_text("utf-8"))
    figures = json.loads((folder / "figures.yaml").read_text("utf-8"))
    types = ["policy", "financing", "platform-launch"]
    for place, entry in enumerate(events):
        entry["summary"] = f"{entry['summary']}, edition {number}"
        if entry["type"] in types:
            entry["type"] = types[(place + number) % 3]
    for place, entry in enumerate(figures):
        entry["as_stated"] = f"so many, edition {number}"
        if entry["metric"] == "market-size":
            unit = entry["value"].rsplit(" ", 1)[1]
            entry["value"] = f"{100 + 7 * place + number} million {unit}"
    for name, entries in (("events", events), ("figures", figures)):
        (folder / f"{name}.yaml").write_text(json.dumps(entries, ensure_ascii=False), "utf-8")


@dataclass
class Given:
    """An answer of status 200."""

    question: str
    """Path and query without a cursor."""
    url: str
    process: int
    release: int
    begun: float
    """When it was asked for, in seconds of the monotonic clock."""
    after: str | None = None
    """The id of the record before the page."""


@dataclass
class Report:
    """What was seen."""

    processes: int
    answers: list[Given] = field(default_factory=list)
    contents: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    digests: dict[tuple[str, int], str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Why, for each 503."""
    wrong: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    walks: int = 0
    crossing: int = 0
    """Walks that saw more than one release."""
    published: int = 0
    arrived: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """When each release was first seen on each host."""
    away: tuple[float, float] = (float("inf"), float("inf"))
    """When the replica was killed, and when it was back."""
    back_in_use: int = 0
    """Connections to the replica that was away, at the end."""
    compared: int = 0
    """Answers that were held against the primary's."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def everywhere(self) -> dict[int, float]:
        """When each release had arrived at every host that was not away then."""
        gone, back = self.away
        found = {}
        for release, moment in self.arrived["primary"].items():
            living = [times for host, times in self.arrived.items() if host != AWAY or not gone - 2 < moment < back]
            found[release] = max(times[release] for times in living)
        return found

    def replay(self) -> list[float]:
        """Seconds from a release on the primary to the same on the replica that stays."""
        return [max(0.0, self.arrived["replica 1"][release] - moment) for release, moment in self.arrived["primary"].items()]

    def lags(self, arrived: dict[int, float]) -> list[float]:
        """For each release the seconds for which some process still answered from an older one after it had arrived."""
        return [max([0.0, *(given.begun - moment for given in self.answers if given.release < release)]) for release, moment in arrived.items()]

    def table(self) -> str:
        """The summary."""
        asked = len(self.answers) + len(self.refused)
        by_process = Counter(given.process for given in self.answers)
        everywhere, committed, replay = self.lags(self.everywhere()), self.lags(self.arrived["primary"]), self.replay()
        speed = statistics.quantiles(self.milliseconds, n=100)
        why = ", ".join(f"{count} {reason}" for reason, count in Counter(self.refused).items())
        rows = [
            ("requests", f"{asked}, by process {', '.join(str(by_process[process]) for process in range(self.processes))}"),
            ("wrong answers", str(len(self.wrong))),
            ("503 with Retry-After", f"{len(self.refused)} ({len(self.refused) / asked:.2%}): {why}"),
            ("other 5xx", str(sum("status 5" in wrong for wrong in self.wrong))),
            ("releases published", str(self.published)),
            ("walks", f"{self.walks}, of which {self.crossing} crossed a release"),
            ("distinct answers held against the primary", str(self.compared)),
            ("from commit to replay on the lagging replica", _spread(replay)),
            ("older answers after the commit", _spread(committed)),
            ("older answers after the arrival everywhere", _spread(everywhere)),
            ("replica killed", f"away for {self.away[1] - self.away[0]:.1f} s, {self.back_in_use} connections of the API to it at the end"),
            ("answer", f"{speed[49]:.0f} ms in the median, {speed[98]:.0f} ms p99"),
        ]
        return "\n".join(f"| {what} | {told} |" for what, told in rows)


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} s in the median, {max(seconds):.2f} s at the worst"


class Reader(threading.Thread):
    """Asks one process after another. Half of them tell what they have seen and never take an older release; of the others nobody learns of one."""

    def __init__(self, report: Report, bases: list[str], stop: threading.Event, seed: int) -> None:
        super().__init__()
        self.report, self.bases, self.ending, self.draw = report, bases, stop, random.Random(seed)
        self.client = httpx.Client(timeout=30)
        self.tells = seed % 2 == 0
        self.seen = 0

    def run(self) -> None:
        """Read until told to stop."""
        try:
            while not self.ending.is_set():
                deed = self.draw.random()
                if deed < 0.4:
                    self.walk(self.draw.choice(WALKS))
                elif deed < 0.7:
                    kind = self.draw.choice(["event", "figure"])
                    self.get(f"/{kind}s/{kind}-{self.draw.randrange(0, RECORDS, 6)}")
                else:
                    self.get(self.draw.choice(QUESTIONS))
                self.ending.wait(0.02)  # the machine has to publish as well
        except Exception as error:
            self.tell(f"{type(error).__name__}: {error}")
        self.client.close()

    def tell(self, what: str) -> None:
        """Something is wrong."""
        with self.report.lock:
            self.report.wrong.append(what)

    def walk(self, question: str) -> None:
        """Through a list to its end, each page from some process."""
        limit = self.draw.choice([7, 40, 60, 200])
        url: str | None = f"{question}&limit={limit}"
        page: dict[str, Any] | None = None
        ids: list[str] = []
        releases = set()
        while url is not None and not self.ending.is_set():
            page = self.get(url, question, ids[-1] if ids else None)
            if page is None:
                return
            ids += [record["id"] for record in page["data"]]
            releases.add(page["release"]["id"])
            url = page["links"]["next"]
        if url is None and page is not None:
            if len(ids) != page["page"]["total"] or len(set(ids)) != len(ids):
                self.tell(f"a walk through {question} gave {len(ids)} records, {len(set(ids))} of them different, of {page['page']['total']}")
            with self.report.lock:
                self.report.walks += 1
                self.report.crossing += len(releases) > 1

    def get(self, url: str, question: str | None = None, after: str | None = None) -> dict[str, Any] | None:
        """An answer of status 200; None at the end of time."""
        for _ in range(40):
            process = self.draw.randrange(len(self.bases))
            begun = time.monotonic()
            answer = self.client.get(self.bases[process] + url, headers={"X-CGT-Release": str(self.seen)} if self.seen and self.tells else {})
            took = time.monotonic() - begun
            if answer.status_code == 200:
                return self.take(answer, Given(question or url, url, process, int(answer.headers["x-cgt-release"]), begun, after), took)
            problem = answer.json() if answer.headers["content-type"] == "application/problem+json" else {}
            if answer.status_code != 503 or "retry-after" not in answer.headers or "detail" not in problem:
                self.tell(f"status {answer.status_code} for {url}: {answer.text[:300]}")
                return None
            with self.report.lock:
                self.report.refused.append("lagging" if "has not arrived" in problem["detail"] else problem["detail"])
            if self.ending.wait(0.2):
                return None
        self.tell(f"{url} was refused 40 times")
        return None

    def take(self, answer: httpx.Response, given: Given, took: float) -> dict[str, Any]:
        """Look at an answer, and keep it."""
        body: dict[str, Any] = answer.json()
        release = body["release"]["id"]
        if release != given.release:
            self.tell(f"{given.url}: release {release} in the body, {given.release} in the header")
        if release < self.seen and self.tells:
            self.tell(f"{given.url}: release {release} after {self.seen}")
        self.seen = max(self.seen, release)
        digest = hashlib.sha256(answer.content).hexdigest()
        with self.report.lock:
            if self.report.digests.setdefault((given.url, release), digest) != digest:
                self.report.wrong.append(f"{given.url}: two different answers in release {release}")
            self.report.contents.setdefault((given.url, release), body)
            self.report.answers.append(given)
            self.report.milliseconds.append(took * 1000)
        return body


def watch(report: Report, hosts: dict[str, Postgres], stop: threading.Event) -> list[threading.Thread]:
    """Write down when each release is there on each host."""

    def look(name: str, host: Postgres) -> None:
        while not stop.is_set():
            try:
                with psycopg.connect(host.url(), autocommit=True, connect_timeout=2) as connection:
                    while not stop.wait(0.01):
                        row = connection.execute("SELECT max(id) FROM release").fetchone()
                        for release in range(1, row[0] + 1 if row else 0):
                            report.arrived[name].setdefault(release, time.monotonic())
            except psycopg.Error:
                stop.wait(0.05)

    threads = [threading.Thread(target=look, args=pair) for pair in hosts.items()]
    for thread in threads:
        thread.start()
    return threads


def publish(folder: Path, primary: Postgres, number: int, report: Report) -> None:
    """A release by the command."""
    edition(folder / f"edition-{number}", number)
    subprocess.run([CGT, "seed", folder / f"edition-{number}"], env=environment(CGT_DATABASE_URL=primary.url()), check=True, capture_output=True)
    report.published = number


def check(report: Report, primary: str) -> None:
    """Hold every distinct answer against what the primary says of its release."""
    with httpx.Client(base_url=primary, timeout=60) as client:

        def whole(question: str, release: int) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            url: str | None = f"{question}&limit=200&as_of={release}"
            while url is not None:
                page = client.get(url).json()
                found += page["data"]
                url = page["links"]["next"]
            return found

        lists: dict[tuple[str, int], list[dict[str, Any]]] = {}
        known: set[tuple[str, int, str | None]] = set()
        for given in report.answers:
            if (given.url, given.release, given.after) in known:
                continue
            known.add((given.url, given.release, given.after))
            body = report.contents[given.url, given.release]
            if given.question in WALKS:
                if (given.question, given.release) not in lists:
                    lists[given.question, given.release] = whole(given.question, given.release)
                held = lists[given.question, given.release]
                start = next((place + 1 for place, record in enumerate(held) if record["id"] == given.after), 0)
                right = body["data"] == held[start : start + len(body["data"])] and body["page"]["total"] == len(held)
            else:
                joint = "&" if "?" in given.url else "?"
                other = client.get(f"{given.url}{joint}as_of={given.release}").json()
                right = all(body.get(name) == other.get(name) for name in ("data", "facets"))
                right &= body.get("page", {}).get("total") == other.get("page", {}).get("total")
            # And without asking anybody: every event and figure of a release tells its number.
            records = body["data"] if isinstance(body["data"], list) else [body["data"]]
            told = {text.rsplit(" ", 1)[1] for record in records if (text := _edition(record)) is not None}
            if not right or not told <= {str(given.release)}:
                report.wrong.append(f"{given.url} from process {given.process} is not what release {given.release} holds; it tells of {told}")
    report.compared = len(known)


def _edition(record: dict[str, Any]) -> str | None:
    text = record.get({"event": "summary", "figure": "as_stated"}.get(record.get("kind", ""), ""))
    return text if isinstance(text, str) and "edition" in text else None


def run(seconds: float, folder: Path) -> Report:
    """Let it all run for so long; what was seen, with everything that was wrong."""
    binaries, user = binaries_in(folder)
    report = Report(processes=3)
    stop = threading.Event()
    with ExitStack() as leaving:
        hosts = {name: Postgres(folder / name.replace(" ", "-"), binaries, user) for name in ("primary", *LAGS)}
        primary = hosts["primary"]
        primary.make()
        for name, host in hosts.items():
            if name != "primary":
                host.copy(primary, LAGS[name])
            leaving.callback(host.stop)
            host.start()
            if name == "primary":
                primary.ask("CREATE DATABASE cgt TEMPLATE template0 LOCALE 'C.UTF-8'")
                publish(folder, primary, 1, report)
        wait(lambda: all(host.ask("SELECT max(id) FROM release", "cgt") == 1 for host in hosts.values()), "release 1 does not arrive", psycopg.Error)
        every = ",".join(f"127.0.0.1:{host.port}" for host in hosts.values())
        reading = f"postgresql://postgres@{every}/cgt?target_session_attrs=any&load_balance_hosts=random"
        bases = [leaving.enter_context(serving(folder / f"api-{number}.log", CGT_READ_URL=reading)) for number in range(report.processes)]
        threads: list[threading.Thread] = watch(report, hosts, stop)
        threads += [Reader(report, bases, stop, seed) for seed in range(READERS)]
        for thread in threads[len(hosts) :]:
            thread.start()
        try:
            _events(seconds, folder, hosts, report)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        active = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'cgt' AND backend_type = 'client backend'"
        report.back_in_use = hosts[AWAY].ask(active)
        with serving(folder / "primary.log", CGT_DATABASE_URL=primary.url()) as base:
            check(report, base)
    return report


def _events(seconds: float, folder: Path, hosts: dict[str, Postgres], report: Report) -> None:
    """Publish one release after another; in the second quarter of the time a replica dies, and comes back."""
    begun, number = time.monotonic(), 1
    deeds = [(seconds / 4, hosts[AWAY].kill), (seconds / 2, hosts[AWAY].start)]
    moments: list[float] = []
    while deeds or time.monotonic() - begun < seconds:
        if deeds and time.monotonic() - begun > deeds[0][0]:
            deeds.pop(0)[1]()
            moments.append(time.monotonic())
            report.away = (moments[0], moments[-1] if len(moments) > 1 else float("inf"))
        number += 1
        publish(folder, hosts["primary"], number, report)
    newest = "SELECT max(id) FROM release"
    wait(lambda: all(host.ask(newest, "cgt") == number for host in hosts.values()), "the last release does not arrive", psycopg.Error)
    time.sleep(SEEN_WITHIN + 0.2)


def verdict(report: Report) -> list[str]:
    """What is not as it must be."""
    late = [f"an old release was served {lag:.2f} s after the new one had arrived" for lag in report.lags(report.everywhere()) if lag > SEEN_WITHIN]
    share = len(report.refused) / (len(report.answers) + len(report.refused))
    many = [f"{share:.1%} of the requests were refused"] if share > MOST_REFUSED else []
    unused = [] if report.back_in_use else ["the replica that came back is not used"]
    few = [] if report.crossing and report.published > 3 else ["too little happened to prove anything"]
    return report.wrong + late + many + unused + few


def main() -> None:
    """Run, print the summary, and say whether all was right."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 50.0
    with tempfile.TemporaryDirectory(prefix="cgt-replicas-", ignore_cleanup_errors=True) as folder:
        report = run(seconds, Path(folder))
    sys.stdout.write(f"{report.table()}\n")
    mistakes = verdict(report)
    sys.stdout.write("".join(f"WRONG {mistake}\n" for mistake in mistakes[:20]) or "all answers are right\n")
    raise SystemExit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
