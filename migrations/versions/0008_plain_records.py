"""PostgreSQL keeps the JSON of records as it is and in one piece: to decompress what a page shows took it longer than to read it"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

IN_ONE_PIECE = 8160
"""Bytes of a row beyond which its long values are stored elsewhere: as many as a page of the database holds. By default 2,000."""


def upgrade() -> None:
    # What is there already is kept as it was until it is written anew.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rendering ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN quoted SET STORAGE EXTERNAL")
        op.execute(f"ALTER TABLE rendering SET (toast_tuple_target = {IN_ONE_PIECE})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rendering RESET (toast_tuple_target)")
        op.execute("ALTER TABLE rendering ALTER COLUMN body SET STORAGE EXTENDED, ALTER COLUMN quoted SET STORAGE EXTENDED")
