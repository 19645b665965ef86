"""The chain of migrations, as Alembic has it."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.settings import ROOT


def configured(connection: Connection | None = None) -> Config:
    """What Alembic needs to know to work on a connection."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["connection"] = connection
    return config


def known() -> set[str]:
    """The schema revisions that this version of the software knows."""
    return {script.revision for script in ScriptDirectory.from_config(configured()).walk_revisions()}


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the schema to a revision."""
    command.upgrade(configured(connection), revision)
