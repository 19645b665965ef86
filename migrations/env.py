"""Alembic's entry: migrations run inside the transaction of whoever called for them."""

from typing import Any

from alembic import context
from sqlmodel import SQLModel

from app import models as _models  # noqa: F401  registers the tables
from app.database import connect, writing
from app.settings import Settings


def run(connection: Any) -> None:
    """Run what was asked for on a connection that is in a transaction."""
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
    context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations need a database; offline mode is not supported")
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with writing(connect(Settings().database_url)) as own:
        run(own)
