"""What is served now: the newest release, looked at as seldom as is right, with the index that belongs to it.

A version of a record never changes, and a release only adds versions and ends others. So an answer made from a release that is no longer
the newest is still right as of that release, and it is enough to look now and then whether there is a newer one.
"""

import sqlite3
from dataclasses import dataclass, field
from email.utils import format_datetime
from threading import Lock
from time import monotonic

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from app import __version__, database
from app.database import Beside
from app.envelopes import ReleaseInfo
from app.models import Moment
from app.postings import Index
from app.problems import NotReady
from app.snapshot import Mark, Snapshot

PATIENCE = 0.25
"""Seconds for which what a database was last seen to hold counts as what it holds."""

MOST_SPARE = 4
"""Snapshots that wait for the next requests: of those that read a server, so many work at once."""


@dataclass(frozen=True, slots=True)
class State:
    """A state of the data: equal states give equal answers."""

    release: ReleaseInfo
    beside: Beside
    file: object
    """Which SQLite file it was read from."""
    index: Index = field(compare=False)
    """What is kept of it."""
    mark: str = ""
    """All that answers depend on, in a line."""
    modified: str = ""
    """When that last changed, as HTTP writes it."""
    as_json: bytes = b""
    """The release as answers show it."""
    spare: list[Snapshot] = field(compare=False, default_factory=list)
    """What was read from a moment ago and waits for the next request; see `Standing.put_back`."""

    @classmethod
    def of(cls, release: ReleaseInfo, beside: Beside, file: object) -> "State":
        """A state with what follows from it."""
        mark = f"{__version__} {release.id} {release.digest} {beside.texts} {beside.redactions} {beside.redacted_at}"
        modified = max(release.released_at, beside.redacted_at or release.released_at)
        index, as_json = Index(Moment(release.id)), release.model_dump_json().encode()
        return cls(release, beside, file, index, mark=mark, modified=format_datetime(modified, usegmt=True), as_json=as_json)

    @property
    def needs(self) -> Mark:
        """What a host must have that is read from."""
        return Mark(self.release.id, self.beside.texts, self.beside.shape, self.beside.redactions, self.beside.schema)

    def snapshot(self, engine: Engine) -> Snapshot:
        """What a request reads from; it is put back or closed afterwards."""
        while True:
            try:
                spare = self.spare.pop()
            except IndexError:
                return Snapshot(engine, self.needs)
            if spare.again():
                return spare
            spare.close()

    def let_go(self) -> None:
        """Close what waits."""
        while self.spare:
            self.spare.pop().close()


class Standing:
    """Looks at what an engine serves."""

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self.engine, self.patience = engine, patience
        self._state: State | None = None
        self._looked = 0.0
        self._seen: object = None
        self._lock = Lock()
        self._watch: sqlite3.Connection | None = None
        self._file: object = None

    def now(self) -> State:
        """The newest release; NotReady where there is none."""
        return self.known() or self.look()

    def known(self) -> State | None:
        """The newest release, if that can be told without reading anything."""
        now = monotonic()
        if self._state is None or now - self._looked < self.patience:
            return self._state
        # A SQLite file tells whether it was written to.
        if self.engine.dialect.name == "sqlite" and self._mark() == self._seen:
            self._looked = now
            return self._state
        return None

    def at_least(self, release: int) -> State:
        """The newest release, looked up now where the one that is known is older than what a reader has seen."""
        state = self.now()
        if state.release.id < release:
            state = self.look()
        return state

    def look(self) -> State:
        """The newest release, looked up now."""
        now, mark = monotonic(), self._mark() if self.engine.dialect.name == "sqlite" else None
        with database.reading(self.engine) as connection:
            release, beside = served_release(connection)
            known = self._state
            if known is not None and release.id < known.release.id and _is_replica(connection):
                self._looked = now
                return known  # what was seen elsewhere will arrive there too
        fresh = State.of(release, beside, self._file)
        with self._lock:
            self._looked, self._seen = now, mark
            if self._state is not None and self._state == fresh:
                return self._state
            self._know(fresh)
            return fresh

    def forget(self) -> None:
        """Let go of what is known, as it turned out to be no longer there."""
        with self._lock:
            self._know(None)

    def _know(self, state: State | None) -> None:
        """Have another state, and close what waits to read the one before."""
        before, self._state = self._state, state
        if before is not None:
            before.let_go()

    def put_back(self, state: State, snapshot: Snapshot) -> None:
        """Keep a snapshot of a state for the next request if nothing speaks against it, or close it."""
        if snapshot.again() and len(state.spare) < MOST_SPARE:
            state.spare.append(snapshot)
        else:
            snapshot.close()
        if state is not self._state:  # looked at last: there may be another one since, and nobody would close what waits for this one
            state.let_go()

    def _mark(self) -> object:
        """What is different as soon as anything was written to the file, or it was replaced."""
        with self._lock:
            identity = database.identity(self.engine.url.database)
            if self._watch is None or identity != self._file:
                if self._watch is not None:
                    self.engine.dispose()  # the pool's connections read the file that was there before
                self.close()
                try:
                    self._watch = sqlite3.connect(str(self.engine.url.database), check_same_thread=False, isolation_level=None)
                except sqlite3.Error:
                    return object()  # equal to nothing: the engine tells what is wrong
                self._file = identity
            try:
                return (identity, self._watch.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:
                return object()

    def close(self) -> None:
        """Look no longer."""
        self._know(None)
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _is_replica(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql" and bool(connection.scalar(select(func.pg_is_in_recovery())))


def served_release(connection: Connection) -> tuple[ReleaseInfo, Beside]:
    """The release to answer from and what answers depend on beside it; NotReady where there is none."""
    try:
        latest = database.latest_release(connection)
    except DBAPIError as error:
        if not database.is_missing_table(error):
            raise
        raise NotReady("The database has no schema yet; the operator runs 'cgt seed'.", headers={"Retry-After": "60"}) from None
    if latest is None:
        raise NotReady("No release is loaded yet; the operator runs 'cgt seed'.", headers={"Retry-After": "60"})
    if latest[1].schema < database.HEAD:  # of which some of what is asked for would seem not to be there
        raise NotReady("The database has the schema of an earlier version; the operator runs 'cgt db upgrade'.", headers={"Retry-After": "60"})
    return latest
