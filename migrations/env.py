"""Alembic's entry: migrations run inside the transaction of whoever called for them."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

from app import models as _models  # noqa: F401  registers the tables
from app.database import connect, writing
from app.settings import Settings


def ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    """The search index is made by hand, differently on each engine; SQLite adds tables of its own to it."""
    return not (kind == "table" and name is not None and (name == "search" or name.startswith("search_")))


def run(connection: Any) -> None:
    """Run what was asked for on a connection that is in a transaction."""
    context.configure(connection=connection, target_metadata=SQLModel.metadata, include_object=ours, render_as_batch=True)
    context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need a database; offline mode is not supported")
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with writing(connect(Settings().database_url)) as own:
        run(own)
