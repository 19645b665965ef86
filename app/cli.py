"""The admin command `cgt`.

What only some commands need is imported by these: serving begins seconds earlier without it.
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from app import __version__, database, heap
from app.manners import logging_config
from app.settings import Settings, unknown_variables

if TYPE_CHECKING:
    from app.seeding.dataset import Dataset
    from app.seeding.files import SeedError
    from app.seeding.load import Outcome


class Commands(TyperGroup):
    """The commands; a file that may not be read or written is told like any other mistake, and so is a process that something else ended."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            _fail(_denied(error))
        except BrokenExecutor:
            _fail("something ended a process of this command, most likely the system for want of memory; nothing was changed")


app = typer.Typer(name="cgt", cls=Commands, help="CGT Atlas: seed, check and serve the database.", no_args_is_help=True, add_completion=False)
db = typer.Typer(help="The database's schema.", no_args_is_help=True)
app.add_typer(db, name="db")
# File names and messages are shown as they are: nothing in them is markup or an emoji's name.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

SeedsArgument = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder of the curated files; default: CGT_SEEDS.", show_default=False)]
DocumentsOption = Annotated[Path | None, typer.Option("--documents", metavar="DIR", help="Folder of the source documents; default: CGT_DOCUMENTS.")]


TOLD_EVERY = 30.0
"""Seconds between two lines of progress where there is no terminal."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Tells how far something has come: in place on a terminal, elsewhere, as in a log, in a line now and then."""
    told = time.monotonic()
    with err.status(what) as status:

        def tell(how_far: str) -> None:
            nonlocal told
            status.update(how_far)
            if not err.is_terminal and time.monotonic() - told >= TOLD_EVERY:
                told = time.monotonic()
                err.print(f"cgt: {how_far}")

        yield tell


def _denied(error: OSError) -> str:
    return f"{error.filename or 'a file'} cannot be used: {error.strerror or error}; check that it is there and may be read"


def _fail(message: str) -> NoReturn:
    err.print(f"cgt: {message}")
    raise typer.Exit(1)


def _settings() -> Settings:
    for line in unknown_variables():
        err.print(f"cgt: warning: {line}")
    try:
        return Settings()
    except ValidationError as error:
        _fail("; ".join(f"CGT_{str(found['loc'][0]).upper()}: {found['msg']} (got {found['input']!r})" for found in error.errors()))


def _read(settings: Settings, folder: Path | None, held: Path | None) -> "Dataset":
    from app.seeding.files import SeedError  # noqa: PLC0415
    from app.seeding.load import open_folder  # noqa: PLC0415

    folder = folder or settings.seeds
    held = held or settings.documents
    try:
        return open_folder(folder, held)
    except SeedError as error:
        _tell(error)


def _tell(error: "SeedError") -> NoReturn:
    for mistake in error.mistakes:
        err.print(str(mistake))
    count = len(error.mistakes)
    _fail(f"{count} {'mistake' if count == 1 else 'mistakes'} in the curated files; nothing was changed")


@app.command()
def serve() -> None:
    """Serve the API at CGT_HOST and CGT_PORT, read from CGT_READ_URL where it is set."""
    settings = _settings()
    try:
        engine = database.connect_to_read(settings)
        with database.reading(engine) as connection:
            state = database.schema_state(connection)
        if state == "empty" and settings.read_url:
            _fail("the database that CGT_READ_URL names has no tables yet; run 'cgt seed' where CGT_DATABASE_URL names the primary")
        if state == "empty":
            with database.writing(database.connect(settings.database_url)) as connection:
                database.upgrade(connection)
            err.print("cgt: the database is new and empty; /readyz says so until 'cgt seed' has loaded a release")
        elif state == "old":
            _fail("the database has the schema of an earlier version; run 'cgt db upgrade'")
        engine.dispose()
    except database.DatabaseError as error:
        _fail(str(error))
    except DBAPIError as error:
        _fail(database.explain(engine, error, "CGT_READ_URL" if settings.read_url else "CGT_DATABASE_URL"))
    _refuse_taken_port(settings)
    import uvicorn  # noqa: PLC0415

    uvicorn.run(
        "app.main:served",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=logging_config(settings.log_level),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )


def _refuse_taken_port(settings: Settings) -> None:
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        _fail(f"cannot listen on {settings.host} port {settings.port} ({error.strerror}); set CGT_PORT or CGT_HOST to another one")


@app.command()
def seed(
    folder: SeedsArgument = None,
    documents: DocumentsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare everything, change nothing.")] = False,
) -> None:
    """Migrate the database, check the curated files and load them, all in one transaction; print what changed."""
    from app.seeding.files import SeedError  # noqa: PLC0415
    from app.seeding.load import load  # noqa: PLC0415

    heap.large_blocks_apart()  # what is known of a million entries lies in a few of them, and is put in order again and again
    settings = _settings()
    with err.status("reading the files"):
        data = _read(settings, folder, documents)
    try:
        engine = database.connect(settings.database_url)
        file = database.sqlite_file(engine)
        if dry_run and file is not None and not file.exists():
            engine = database.in_memory()
        with ExitStack() as ended, progress("loading") as tell:
            ended.callback(engine.dispose)
            outcome = load(engine, data, dry_run=dry_run, progress=tell)
    except SeedError as error:
        _tell(error)
    except database.DatabaseError as error:
        _fail(str(error))
    _report(settings, outcome, dry_run=dry_run)


def _report(settings: Settings, outcome: "Outcome", *, dry_run: bool) -> None:
    where = database.shown(database.parse_url(settings.database_url))
    if outcome.migrated:
        out.print(f"schema: {'would be brought' if dry_run else 'brought'} to revision {database.HEAD}")
    if outcome.unknown:
        err.print(f"cgt: warning: retired entries name what this database never published: {', '.join(outcome.unknown)}")
    for mistake in outcome.unheeded:
        err.print(f"cgt: warning: {mistake}")
    for kind, changes in sorted(outcome.changes.items()):
        out.print(f"{kind}: " + ", ".join(f"{count} {what}" for what, count in sorted(changes.items())))
    held = ", ".join(f"{kind} {count}" for kind, count in sorted(outcome.counts.items()))
    if outcome.quoted is not None:
        out.print(f"quotes: the texts of {outcome.quoted} documents {'would be' if dry_run else 'are'} kept")
    if outcome.release is None:
        out.print(f"no change: {where} already holds this data ({held})")
    elif dry_run:
        out.print(f"dry run: release {outcome.release} would be made in {where} ({held}); nothing was changed")
    else:
        out.print(f"release {outcome.release} loaded into {where} ({held})")


@app.command()
def verify(folder: SeedsArgument = None, documents: DocumentsOption = None) -> None:
    """Check the curated files without a database; with the documents, read every cited passage again and write the receipts."""
    from app.seeding import receipts  # noqa: PLC0415
    from app.seeding.files import SeedError  # noqa: PLC0415
    from app.seeding.load import read  # noqa: PLC0415

    settings = _settings()
    folder = folder or settings.seeds
    held = documents or settings.documents
    try:
        data = read(folder)
        citations = sum(len(record.cite) for _, record in data.records())
        out.print(f"{sum(data.counts().values())} records and {citations} citations are in order")
        if held is None:
            held_good = receipts.Standing(data).count()
            void = len(data.receipts) - held_good
            out.print(f"{held_good} of {citations} citations have a receipt" + (f"; {void} receipts are void" if void else ""))
            out.print("to read the passages again, name --documents DIR")
            return
        found = receipts.verify(data, held)
    except SeedError as error:
        _tell(error)
    values = sum(len(receipt.read) for receipt in found)
    out.print(f"{len(data.documents)} documents are the recorded ones; {citations} anchors name one passage each; {values} values were read back")
    out.print(f"every number, date and known name in them is cited or left out with a reason ({len(data.left_out)} entries)")
    changed = receipts.write(found, folder)
    out.print(f"receipts: {len(found)}, {'written to' if changed else 'as they stand in'} {folder / 'receipts.yaml'}")


@contextmanager
def _current(settings: Settings) -> Iterator[Connection]:
    """A connection to a database that is there and whose schema is current; whatever fails ends the command with a sentence."""
    with ExitStack() as leaving:
        try:
            engine = database.connect(settings.database_url)
            leaving.callback(engine.dispose)
            file = database.sqlite_file(engine)
            if file is not None and not file.exists():
                _fail(f"{file} does not exist yet; 'cgt seed' makes it")
            connection = leaving.enter_context(database.reading(engine))
            if (state := database.schema_state(connection)) != "current":
                _fail(f"the database's schema is {state}; run 'cgt seed'")
            yield connection
        except database.DatabaseError as error:
            _fail(str(error))
        except DBAPIError as error:
            _fail(database.explain(engine, error))


@app.command()
def show(identifier: Annotated[str, typer.Argument(metavar="ID", help="The id of a record.")]) -> None:
    """Print a record with the passages that support it, in their context where the documents' texts are kept."""
    from app import showing  # noqa: PLC0415  it brings YAML

    with _current(_settings()) as connection:
        try:
            for line in showing.lines(connection, identifier):
                out.print(line)
        except showing.Unknown as error:
            _fail(str(error))


@app.command()
def export(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder, or that of an earlier export.")]) -> None:
    """Write everything of the served release to a folder: CSV, NDJSON, Parquet and JSON Schemas, described as a Data Package."""
    from app import datapackage  # noqa: PLC0415

    settings = _settings()
    with _current(settings) as connection:
        latest = database.latest_release(connection)
        if latest is None:
            _fail("no release is loaded yet; run 'cgt seed'")
        release, _ = latest
        try:
            with progress("exporting") as tell:
                left_out = datapackage.export(connection, release, folder, settings.base_url, tell)
        except datapackage.ExportError as error:
            _fail(str(error))
        except OSError as error:
            _fail(f"{folder} cannot be written: {error.strerror or error}; name a folder in a place that may be written")
    for line in left_out:
        out.print(f"left out: {line}")
    out.print(f"release {release.id} written to {folder}")


@app.command("redact")
def redact_field(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The id of a record.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="A field of it as it is served, such as people or identifiers.lei.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, as answers will tell.")],
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Redact every other field as well that tells the value.")] = False,
    only_here: Annotated[bool, typer.Option("--only-here", help="Leave other fields that tell the value as they are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be redacted, change nothing.")] = False,
) -> None:
    """Take the value of a field out of every release, for law's sake; answers then say that it was redacted."""
    from app.seeding import redact  # noqa: PLC0415

    settings = _settings()
    if everywhere and only_here:
        _fail("--everywhere and --only-here exclude each other; choose one")
    chosen = everywhere if everywhere or only_here else None
    if not reason.strip():
        _fail("--reason is empty; say why, as answers will tell it")
    try:
        engine = database.connect(settings.database_url)
        file = database.sqlite_file(engine)
        if file is not None and not file.exists():
            _fail(f"{file} does not exist yet; 'cgt seed' makes it")
        with err.status("redacting"):
            outcome = redact.redact(engine, redact.Order(identifier, field, reason.strip(), chosen), dry_run=dry_run)
    except redact.Refused as error:
        _fail(str(error))
    except database.DatabaseError as error:
        _fail(str(error))
    what = f"{field} of the {outcome.kind} {identifier}"
    if outcome.uncleared:
        err.print(f"cgt: warning: the database's files may still hold what was deleted: {outcome.uncleared}; run the command again to clear them")
    if outcome.since is not None:
        out.print(f"no change: {what} was redacted on {outcome.since:%Y-%m-%d}")
        return
    counts = f"versions of the record {outcome.versions}, of others that show it {outcome.copies}, changes in the log {outcome.changes}"
    out.print(f"dry run: {what} would be redacted ({counts}); nothing was changed" if dry_run else f"{what} is redacted ({counts})")
    if outcome.elsewhere and only_here:
        err.print(f"cgt: warning: the value still stands in {redact.listed(outcome.elsewhere)}")
    elif outcome.elsewhere:
        out.print(f"the value stood there too and {'would go' if dry_run else 'is gone'}: {redact.listed(outcome.elsewhere)}")
    if outcome.reasons:
        err.print(f"cgt: warning: the reason tells the value for which these were retired: {', '.join(outcome.reasons)}")
    if not dry_run:
        out.print("take the value out of the curated files, and out of backups and the texts of documents that you keep")


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database's schema up to date."""
    settings = _settings()
    try:
        engine = database.connect(settings.database_url)
        with database.writing(engine) as connection:
            done = database.upgrade(connection)
    except database.DatabaseError as error:
        _fail(str(error))
    out.print(f"schema: {'brought to' if done else 'already at'} revision {database.HEAD}")


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app  # noqa: PLC0415

    sys.stdout.write(json.dumps(create_app(_settings()).openapi(), ensure_ascii=False, indent=2) + "\n")


@app.command()
def doctor() -> None:
    """Say what is wrong with this installation and how to mend it; exit status 1 if anything is."""
    from app.seeding.files import SeedError  # noqa: PLC0415
    from app.seeding.load import read  # noqa: PLC0415

    settings = _settings()
    wrong = 0

    def tell(ok: bool, what: str) -> None:
        nonlocal wrong
        wrong += not ok
        out.print(f"{'ok   ' if ok else 'WRONG'} {what}")

    version = sys.version_info
    tell(version >= (3, 11), f"Python {version.major}.{version.minor} (3.11 or newer is needed); CGT Atlas {__version__}")
    for line in unknown_variables():
        tell(False, line)
    try:
        data = read(settings.seeds, settings.documents)
        tell(True, f"curated files in {settings.seeds}: {sum(data.counts().values())} records")
    except SeedError as error:
        tell(False, f"curated files in {settings.seeds}: {len(error.mistakes)} mistakes; 'cgt verify' lists them")
    except OSError as error:
        tell(False, f"curated files: {_denied(error)}")
    if not settings.read_url or "database_url" in settings.model_fields_set:  # a machine that only reads needs no other
        tell(*_database_health("database", "CGT_DATABASE_URL", lambda: database.connect(settings.database_url)))
    if settings.read_url:
        tell(*_database_health("reading from", "CGT_READ_URL", lambda: database.connect_to_read(settings)))
    if wrong:
        raise typer.Exit(1)


def _database_health(what: str, variable: str, connect: Callable[[], Engine]) -> tuple[bool, str]:
    try:
        engine = connect()
        file = database.sqlite_file(engine)
        where = database.shown(engine.url)
        if file is not None and not file.exists():
            return False, f"{what} {where}: does not exist yet; 'cgt seed' makes it"
        with database.reading(engine) as connection:
            state = database.schema_state(connection)
            latest = database.latest_release(connection) if state == "current" else None
        engine.dispose()
    except DBAPIError as error:
        return False, f"{what}: {database.explain(engine, error, variable)}"
    except (database.DatabaseError, OSError) as error:
        return False, f"{what}: {_denied(error) if isinstance(error, OSError) else error}"
    if state != "current":
        return False, f"{what} {where}: its schema is {state}; run 'cgt seed' or 'cgt db upgrade'"
    if latest is None:
        return False, f"{what} {where}: no release is loaded; run 'cgt seed'"
    release, _ = latest
    return True, f"{what} {where}: schema {database.HEAD}, release {release.id} of {release.released_at:%Y-%m-%d %H:%M} UTC"


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """CGT Atlas: seed, check and serve the database."""
    if version:
        out.print(f"cgt-atlas {__version__}")
        raise typer.Exit
