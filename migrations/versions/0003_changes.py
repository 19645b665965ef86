"""what each release changed"""

import json
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy.dialects import postgresql

from app.seeding.changes import difference

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    change = op.create_table(
        "change",
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("change", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fields", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint("change IN ('insert', 'update', 'withdraw', 'merge')", name="change_change"),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("release", "position"),
    )
    op.create_index("ix_change_record_id", "change", ["record_id"])
    rows = _from_renderings()
    for position, row in enumerate(rows):
        row["position"] = position
    if rows:
        op.bulk_insert(change, rows)
    data = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.add_column("release", sa.Column("changes", data, nullable=False, server_default="{}"))
    release = sa.table("release", sa.column("id", sa.Integer()), sa.column("changes", data))
    for number, made in groupby(rows, key=lambda row: row["release"]):
        summary: dict[str, dict[str, int]] = {}
        for row in made:
            of_kind = summary.setdefault(row["kind"], {})
            of_kind[row["change"]] = of_kind.get(row["change"], 0) + 1
        op.execute(sa.update(release).where(release.c.id == number).values(changes=summary))


def _from_renderings() -> list[dict[str, Any]]:
    """What the releases so far changed, as far as their renderings and the retired records tell."""
    connection = op.get_bind()
    stored = connection.execute(
        sa.text("SELECT rendering.record_id, rendering.release, body, kind FROM rendering JOIN record ON record.id = record_id ORDER BY 1, 2")
    )
    rows: list[dict[str, Any]] = []
    for identifier, versions in groupby(stored, key=lambda row: row.record_id):
        known: Any = None
        for row in versions:
            body = json.loads(row.body)
            done = {"change": "insert", "fields": {}} if known is None else {"change": "update", "fields": difference(known, body)}
            rows.append({"release": row.release, "kind": row.kind, "record_id": identifier, "reason": None, **done})
            known = body
    for row in connection.execute(sa.text("SELECT id, kind, release, reason, merged_into FROM record WHERE state <> 'current'")):
        into = {"merged_into": {"from": None, "to": row.merged_into}} if row.merged_into else {}
        done = {"change": "merge" if into else "withdraw", "fields": into}
        rows.append({"release": row.release, "kind": row.kind, "record_id": row.id, "reason": row.reason, **done})
    return sorted(rows, key=lambda row: (row["release"], row["kind"], row["record_id"]))


def downgrade() -> None:
    op.drop_column("release", "changes")
    op.drop_table("change")
