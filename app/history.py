"""What was known in an earlier release: which release a query means, and what had become of a record by then."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import Connection, func, select

from app import database
from app.dates import parse_query
from app.envelopes import ReleaseInfo
from app.models import Change, Moment, Release, columns
from app.problems import InvalidRequest, NotFound, invalid


def release_number(connection: Connection, parameter: str, given: str, *, inclusive: bool = True) -> int:
    """The newest release that a number or date means: up to the end of the date, or before it began; 0: none had been made."""
    release = columns(Release)
    newest = connection.scalar(select(func.max(release.id))) or 0
    if given.isdigit():
        if int(given) > newest:
            message = f"there is no release {given}; the newest is {newest}, and a date is written with its month, such as 2025-12"
            raise InvalidRequest([invalid(parameter, given, message, str(newest))])
        return int(given)
    date = parse_query(given)
    moment = datetime.combine(date.last, time.max, UTC) if inclusive else datetime.combine(date.first, time.min, UTC)
    known = release.released_at <= moment if inclusive else release.released_at < moment
    return connection.scalar(select(func.max(release.id)).where(known)) or 0


def release_info(connection: Connection, number: int) -> ReleaseInfo | None:
    """A release by its number."""
    row = connection.execute(select(columns(Release)).where(columns(Release).id == number)).one_or_none()
    return database.release_info(row) if row else None


@dataclass(frozen=True, slots=True)
class Fate:
    """What had become of a record that is not there."""

    state: str
    reason: str | None
    merged_into: str | None
    release: int


def fate(connection: Connection, kind: str, identifier: str, moment: Moment) -> Fate | None:
    """What had become of a record by a moment in which it is not there; None: it was there, with no work published yet that supports it.

    NotFound where it was not on record then.
    """
    change = columns(Change)
    last = connection.execute(
        select(change)
        .where(change.record_id == identifier, change.kind == kind, change.release <= moment.release)
        .order_by(change.release.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        later = select(change.change, change.release).where(change.record_id == identifier, change.kind == kind).order_by(change.release)
        first = connection.execute(later.limit(1)).one_or_none()
        came = ""
        if first is not None:
            # What an earlier database published may be known here only as retired.
            told = "it came with release" if first.change == "insert" else "it was never on record, and retired in release"
            came = f"; {told} {first.release}"
        then = f"in release {moment.release}" if moment.release else "by then, before the first release"
        raise NotFound(f"There was no {kind} {identifier[:200]!r} {then}{came}.")
    if last.change not in {"withdraw", "merge"}:
        return None
    into: dict[str, Any] = last.fields.get("merged_into", {})
    return Fate("merged" if into else "withdrawn", last.reason, into.get("to"), last.release)
