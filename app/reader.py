"""What an answer is made from: a moment of the data, seen through one connection that is held no longer than needed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request

from app import history
from app.asking import asked
from app.caching import validators
from app.envelopes import RELEASE_HEADER, ReleaseInfo
from app.models import UNDATED, Moment
from app.postings import Postings
from app.problems import InvalidRequest, invalid
from app.snapshot import Behind, Lost, Snapshot
from app.standing import State


@dataclass(frozen=True, slots=True)
class Reader:
    """What an answer is made from: a moment of the data, seen through one connection, and the headers that say so."""

    request: Request
    snapshot: Snapshot
    state: State
    release: ReleaseInfo
    headers: dict[str, str]
    moment: Moment
    note: str | None = None
    """What must be known to read the answer rightly."""

    @property
    def connection(self) -> Connection:
        """For queries that are put together."""
        return self.snapshot.connection

    @property
    def newest(self) -> int:
        """The newest release."""
        return self.state.release.id

    @property
    def postings(self) -> Postings:
        """What records can be found by."""
        return Postings(self.state.index, self.snapshot, self.moment)

    def at(self, query: Any) -> "Reader":
        """The reader of the moment that a query names by `as_of` and `published_before`; refuses what names none."""
        as_of, before = getattr(query, "as_of", None), getattr(query, "published_before", None)
        if before is None and as_of is None:
            return self
        moment, release, note = self.moment, self.release, None
        if before is not None:
            moment = replace(moment, day=min(before.first, UNDATED - timedelta(days=1)))
        if as_of is not None:
            number, info = self.state.index.kept(("as of", as_of), lambda: self._release_of(as_of))
            moment, release = replace(moment, release=number), info or release
            if number == self.newest and not as_of.isdigit():
                # Nothing that depends on the day of asking: answers and their tags hold until there is another release.
                note = f"{as_of}: as of release {number}, the newest so far; as_of={number} keeps to it."
            if not number:
                note = f"As of {as_of}, before the first release, nothing was on record."
        return replace(self, moment=moment, release=release).noting(note)

    def _release_of(self, as_of: str) -> tuple[int, ReleaseInfo | None]:
        number = history.release_number(self.connection, "as_of", as_of)
        return number, history.release_info(self.connection, number)

    def refuse_before(self, release: int) -> None:
        """Behind where a release has not arrived here."""
        if self.newest < release:
            raise Behind(self.newest, release)

    def noting(self, note: str | None) -> "Reader":
        """The reader with a further note, if there is one."""
        return replace(self, note=" ".join(filter(None, (self.note, note))) or None)


@contextmanager
def reading(request: Request) -> Iterator[Reader]:
    """The release that a route answers from; a client that has the answer already gets 304 and no query runs.

    A route opens it itself, so that a request never holds a connection while it waits for a worker thread.
    """
    wanted = asked_release(request)
    state = request.scope.get("standing") or request.app.state.standing.now()
    if state.release.id < wanted:
        state = request.app.state.standing.at_least(wanted)
    if state.release.id < wanted:
        raise Behind(state.release.id, wanted)
    request.state.release = state.release.id
    headers = validators(request, state)
    snapshot = state.snapshot(request.app.state.engine)
    try:
        yield Reader(request, snapshot, state, state.release, headers, Moment(state.release.id))
    except BaseException as error:
        if isinstance(error, Lost):
            state.let_go()  # the others will have died with it
        snapshot.close()
        raise
    request.app.state.standing.put_back(state, snapshot)


def asked_release(request: Request) -> int:
    """The oldest release that a request may be answered from: what it names, and what it was told of already. 0: any."""
    given = asked(request).release
    if not re.fullmatch("[0-9]{1,9}", given):
        raise InvalidRequest([invalid(RELEASE_HEADER, given, "is no number of a release; give that of an answer's header, or leave it out")])
    return max(int(given), getattr(request.state, "release", 0))
