"""lists of all kinds of record come from the index"""

import json

import sqlalchemy as sa
from alembic import op

from app.schemas import RECORDS
from app.seeding import postings
from app.seeding.versions import shaped

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ADDED = ("source.%", "organisation.%", "region.%", "figure.origins")


def upgrade() -> None:
    connection = op.get_bind()
    op.create_index("ix_figure_unit_value", "figure", ["unit", "value"])
    gathered = postings.Gathered(connection)
    others = sa.text("SELECT rendering.key, body FROM rendering JOIN record ON record.id = record_id WHERE kind <> 'event' ORDER BY rendering.key")
    for row in connection.execute(others.columns(body=sa.LargeBinary()), execution_options={"yield_per": 1_000}):
        content = json.loads(row.body)
        gathered.add(row.key, postings.terms(shaped(RECORDS[content["kind"]], content)))
    gathered.write()
    postings.order(connection)


def downgrade() -> None:
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM ordering WHERE kind IN ('source', 'organisation', 'region')"))
    for field in ADDED:
        connection.execute(sa.text("DELETE FROM posting WHERE field LIKE :field"), {"field": field})
    op.drop_index("ix_figure_unit_value", "figure")
