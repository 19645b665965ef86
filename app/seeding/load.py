"""Publishing a data set: one transaction that migrates, compares, writes what changed and makes a release.

Entries are read (`dataset`), looked at and rendered (`batches`, in several processes where there are many: `work`) and written (`publication`).
Whatever goes wrong, the database stays exactly as it was, its schema included.
"""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import Engine

from app import database
from app.seeding import checks, dataset, filling, flushing, receipts, redactions, work
from app.seeding.batches import Setting
from app.seeding.dataset import Dataset
from app.seeding.files import Mistake, SeedError
from app.seeding.lines import Unsound
from app.seeding.publication import Outcome, Publication

__all__ = ["Outcome", "load", "open_folder", "read"]


def read(folder: Path, held: Path | None = None) -> Dataset:
    """The data set of a folder, checked by itself and, where given, against the held documents; SeedError with every mistake."""
    data, mistakes = _read(folder, held)
    if data.linked is not None:
        setting = Setting(data, redactions.Held({}), 0, "", anew=False)
        for batch in work.run(setting, work.tasks(data, lambda _: {}), sum(data.counts().values()), 0, checks_only=True):
            mistakes += batch.mistakes
    if mistakes:
        raise SeedError(sorted(set(mistakes)))
    return data


def open_folder(folder: Path, held: Path | None = None) -> Dataset:
    """As `read`, but of entries in JSON Lines only what can be told without looking at each by itself: that is left to `load`."""
    data, mistakes = _read(folder, held)
    if mistakes:
        return read(folder, held)  # which tells the others as well
    return data


def _read(folder: Path, held: Path | None) -> tuple[Dataset, list[Mistake]]:
    data, mistakes = dataset.read(folder)
    mistakes += checks.whole(data) if data.linked else checks.check(data)
    if held is not None:
        try:
            receipts.verify(data, held)
        except SeedError as error:
            mistakes += error.mistakes
        except Unsound:
            pass  # which whoever looks at each entry tells
    if data.linked:
        data.linked.forget()
    return data, mistakes


def load(engine: Engine, data: Dataset, *, dry_run: bool = False, progress: Callable[[str], None] = lambda _: None) -> Outcome:
    """Publish a data set that has been read.

    SeedError where a published id is missing from it or where entries in JSON Lines have mistakes, DatabaseError where the database cannot be used.
    """
    progress("rendering records")
    size = sum(data.counts().values())
    filled = filling.is_quicker(engine, size)
    place = filling.beside(engine) if filled and not dry_run else nullcontext(engine)
    file = database.sqlite_file(engine)
    slowly = flushing.flushed(file) if file and not filled and size >= flushing.FEWEST else nullcontext()
    with place as target, slowly, database.writing(target, at_once=filled) as connection:
        fresh = database.schema_state(connection) == "empty"
        migrated = database.upgrade(connection)
        with filling.bare(connection) if filled and fresh else nullcontext():
            outcome = Publication(connection, data, progress).publish()
        outcome.migrated = migrated
        if dry_run:
            connection.rollback()
    return outcome
