"""What an answer is made from: a moment of the data, seen through one connection that is held no longer than needed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request

from app import database, history
from app.caching import validators
from app.database import Beside
from app.dates import parse_query
from app.envelopes import RELEASE_HEADER, ReleaseInfo
from app.models import UNDATED, Moment
from app.problems import InvalidRequest, NotReady, invalid


@dataclass(frozen=True, slots=True)
class Reader:
    """What an answer is made from: a moment of the data, seen through one connection, and the headers that say so."""

    request: Request
    connection: Connection
    release: ReleaseInfo
    headers: dict[str, str]
    moment: Moment
    newest: int
    """The newest release."""
    redactions: int
    """How many fields are redacted."""
    note: str | None = None
    """What must be known to read the answer rightly."""

    def at(self, query: Any) -> "Reader":
        """The reader of the moment that a query names by `as_of` and `published_before`; refuses what names none."""
        as_of, before = getattr(query, "as_of", None), getattr(query, "published_before", None)
        moment, release, note = self.moment, self.release, None
        if before is not None:
            moment = replace(moment, day=min(before.first, UNDATED - timedelta(days=1)))
        if as_of is not None:
            number = history.release_number(self.connection, "as_of", as_of)
            moment, release = replace(moment, release=number), history.release_info(self.connection, number) or release
            if number and not as_of.isdigit() and parse_query(as_of).last >= datetime.now(UTC).date():
                note = f"{as_of} is not over: as of release {number}, the newest so far; as_of={number} keeps to it."
            if not number:
                note = f"As of {as_of}, before the first release, nothing was on record."
        return replace(self, moment=moment, release=release).noting(note)

    def noting(self, note: str | None) -> "Reader":
        """The reader with a further note, if there is one."""
        return replace(self, note=" ".join(filter(None, (self.note, note))) or None)


@contextmanager
def reading(request: Request) -> Iterator[Reader]:
    """The release that a route answers from; a client that has the answer already gets 304 and no query runs.

    A route opens it itself, so that a request never holds a connection while it waits for a worker thread.
    """
    with database.reading(request.app.state.engine) as connection:
        release, beside = served_release(connection)
        refuse_older(release.id, asked_release(request))
        request.state.release = release.id
        yield Reader(request, connection, release, validators(request, release, beside), Moment(release.id), release.id, beside.redactions)


def asked_release(request: Request) -> int:
    """The oldest release that a request may be answered from: what it names, and what it was told of already. 0: any."""
    given = ", ".join(request.headers.getlist(RELEASE_HEADER)) or "0"
    if not re.fullmatch("[0-9]{1,9}", given):
        raise InvalidRequest([invalid(RELEASE_HEADER, given, "is no number of a release; give that of an answer's header, or leave it out")])
    return max(int(given), getattr(request.state, "release", 0))


def refuse_older(newest: int, wanted: int) -> None:
    """NotReady where what is served is older than what the reader has seen: a replica that lags behind."""
    if newest < wanted:
        raise NotReady(f"Release {wanted} has not arrived here yet; the newest is {newest}. Ask again in a moment.", headers={"Retry-After": "1"})


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
    return latest
