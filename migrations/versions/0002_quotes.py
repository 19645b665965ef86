"""texts of the documents, and renderings with quotes"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document_text",
        sa.Column("document_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.add_column("rendering", sa.Column("quoted", sa.LargeBinary(), nullable=True))
    op.add_column("release", sa.Column("texts", sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    op.drop_column("release", "texts")
    op.drop_column("rendering", "quoted")
    op.drop_table("document_text")
