"""the index as bitmaps

What records can be found by lies in one table for both engines, the words included, which the engines' own full-text indexes held before.
"""

import json

import sqlalchemy as sa
from alembic import op
from pyroaring import BitMap

from app.postings import number
from app.schemas import RECORDS
from app.seeding import postings
from app.seeding.versions import shaped

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
OPEN = 2**31 - 1


def upgrade() -> None:
    connection = op.get_bind()
    op.create_table(
        "posting",
        sa.Column("field", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("versions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("field", "value"),
    )
    op.create_table(
        "ordering",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("versions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    if connection.dialect.name == "postgresql":
        for table in ("posting", "ordering"):
            # Bitmaps are small as they are; to compress them again takes longer than to read them.
            op.execute(f"ALTER TABLE {table} ALTER COLUMN versions SET STORAGE EXTERNAL")
    gathered = postings.Gathered(connection)
    spans = sa.text("SELECT key, since, until, seen_from, seen_until, body FROM rendering").columns(
        seen_from=sa.Date(), seen_until=sa.Date(), body=sa.LargeBinary()
    )
    for row in connection.execute(spans, execution_options={"yield_per": 1_000}):
        version = row._asdict()
        content = json.loads(version["body"])
        gathered.add(version["key"], postings.terms(shaped(RECORDS[content["kind"]], content)))
        gathered.add(version["key"], postings.spanned({**version, "seen_from": str(version["seen_from"]), "seen_until": str(version["seen_until"])}))
        if version["until"] < OPEN:
            gathered.add(version["key"], [("until", number(version["until"]))])
    for row in connection.execute(sa.text("SELECT rowid, words FROM search")):
        gathered.add(row.rowid, postings.worded(row.words.split() if isinstance(row.words, str) else row.words))
    gathered.write()
    postings.order(connection)
    op.execute("DROP TABLE search")


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'ascii')")
    else:
        op.execute('CREATE TABLE search (rowid integer PRIMARY KEY, words text[] COLLATE "C" NOT NULL)')
        op.execute("CREATE INDEX ix_search_words ON search USING gin (words)")
    found: dict[int, list[str]] = {}
    for row in connection.execute(sa.text("SELECT value, versions FROM posting WHERE field = 'word' ORDER BY value")):
        for key in BitMap.deserialize(bytes(row.versions)):
            found.setdefault(key, []).append(row.value)
    as_array = connection.dialect.name == "postgresql"
    rows = [{"key": key, "words": words if as_array else " ".join(words)} for key, words in found.items()]
    if rows:
        connection.execute(sa.text("INSERT INTO search (rowid, words) VALUES (:key, :words)"), rows)
    op.drop_table("ordering")
    op.drop_table("posting")
