"""versions of records

Every version of a record gets its rows, not only the current one: from the renderings, which are all there. What works published before a
day support is known of the current versions after the next load.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy.dialects import postgresql

from app import search
from app.schemas import RECORDS, Region
from app.seeding import render, versions
from app.seeding.rows import called, rows, texts

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN = 2**31 - 1
END = date.max
OF_RECORDS = [
    "rendering",
    "region",
    "region_member",
    "region_within",
    "organisation",
    "organisation_name",
    "source",
    "event",
    "event_organisation",
    "event_person",
    "event_product",
    "event_topic",
    "figure",
    "citation",
]
"""In an order in which each refers to those before it."""
PARTS = {"event_organisation", "event_person", "event_product", "event_topic", "organisation_name", "region_member", "citation"}
OWNER = {"event": "event_id", "figure": "figure_id", "organisation": "organisation_id", "region": "region_id", "source": "work_id"}


def upgrade() -> None:
    connection = op.get_bind()
    stored = list(_versions(connection))
    names = {
        version["record_id"]: called(version["record"].model_dump(mode="json")) for version in stored if version["record"].kind == "organisation"
    }
    within = _within(stored)
    documents = {row.name: row.id for row in connection.execute(sa.text("SELECT id, name FROM document"))}
    for name in reversed(OF_RECORDS):
        op.drop_table(name)
    op.execute("DELETE FROM search")
    _tables()
    op.create_table(
        "redaction",
        sa.Column("record_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("field", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("record_id", "field"),
    )
    op.add_column("release", sa.Column("shape", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    if not stored:
        return
    found: dict[str, list[dict[str, Any]]] = {}
    for version in stored:
        record = version.pop("record").model_dump(mode="json")
        words = search.words(texts(names.__getitem__, record))
        found.setdefault("rendering", []).append(version)
        span = {name: version[name] for name in ("since", "until", "seen_from", "seen_until")}
        for model, row in rows(record, lambda shown: documents[shown["document"]["name"]]):
            found.setdefault(str(model.__tablename__), []).append({**span, **row, "version": version["key"]})
        if version["until"] == OPEN:
            digests = {"digest": "", "words": search.digest(words), "id": record["id"]}
            connection.execute(sa.text("UPDATE record SET digest = :digest, search_digest = :words WHERE id = :id"), digests)
        _index(connection, version["key"], words)
    found["region_within"] = within
    _insert(connection, found)


def _within(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What every region lay in, from release to release."""
    regions = [version for version in stored if isinstance(version["record"], Region)]
    spans: list[dict[str, Any]] = []
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for release in sorted({version[end] for version in regions for end in ("since", "until")} - {OPEN}):
        there = [version["record"] for version in regions if version["since"] <= release < version["until"]]
        above: dict[str, set[str]] = {}
        for region in there:
            above.setdefault(region.id, set()).update({region.parent.id} if region.parent else ())
            for member in region.members:
                above.setdefault(member.id, set()).add(region.id)
        pairs = {(region.id, upper) for region in there for upper in render.reached(above, region.id)}
        for pair in held.keys() - pairs:
            held.pop(pair)["until"] = release
        for pair in sorted(pairs - held.keys()):
            held[pair] = {"region_id": pair[0], "ancestor_id": pair[1], "since": release, "until": OPEN}
            spans.append(held[pair])
    return spans


def _insert(connection: sa.Connection, found: dict[str, list[dict[str, Any]]]) -> None:
    for name, table in _reflected(connection).items():
        if found.get(name):
            # Whatever the rows know beyond the columns of this revision is left out; keys that they lack are counted by the engine.
            wanted = [column.name for column in table.c if not column.primary_key or column.name in found[name][0]]
            dates = {column for column in wanted if isinstance(table.c[column].type, sa.Date)}
            moments = {column for column in wanted if isinstance(table.c[column].type, sa.DateTime)}
            for row in found[name]:
                row.update({column: date.fromisoformat(row[column]) for column in dates if isinstance(row.get(column), str)})
                row.update({column: datetime.fromisoformat(row[column]) for column in moments if isinstance(row.get(column), str)})
            op.bulk_insert(table, [{column: row.get(column) for column in wanted} for row in found[name]])
    if connection.dialect.name == "postgresql":
        # What waits for the commit to be checked would keep a later revision in the same transaction from altering the tables.
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
        op.execute("SET CONSTRAINTS ALL DEFERRED")


def _index(connection: sa.Connection, key: int, words: list[str]) -> None:
    if words:
        row = {"key": key, "words": words if connection.dialect.name == "postgresql" else " ".join(words)}
        connection.execute(sa.text("INSERT INTO search (rowid, words) VALUES (:key, :words)"), row)


def _reflected(connection: sa.Connection) -> dict[str, sa.Table]:
    return {name: sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False) for name in OF_RECORDS}


def _versions(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Every version of every record with its span, as today's schema has it."""
    ends: dict[str, list[int]] = {}
    for row in connection.execute(sa.text("SELECT record_id, release FROM change WHERE change IN ('withdraw', 'merge')")):
        ends.setdefault(row.record_id, []).append(row.release)
    found = connection.execute(
        sa.text("SELECT record_id, rendering.release, body, quoted, kind FROM rendering JOIN record ON record.id = record_id ORDER BY 1, 2")
    ).all()
    for row in found:
        ends.setdefault(row.record_id, []).append(row.release)
    for key, row in enumerate(found, 1):
        until = min((release for release in ends[row.record_id] if release > row.release), default=OPEN)
        model = RECORDS[row.kind]
        record: Any = model.model_validate(versions.shaped(model, json.loads(row.body)))
        yield {
            "record": record,
            "key": key,
            "record_id": row.record_id,
            "since": row.release,
            "until": until,
            "seen_from": _seen(record) if row.kind in {"event", "figure"} else date.min,
            "seen_until": END,
            "body": record.model_dump_json().encode(),
            "quoted": row.quoted if until == OPEN else None,
        }


def _seen(record: Any) -> date:
    """The first day before which all works were certainly published that a record cites."""
    cited = [citation for part in (record, *getattr(record, "figures", [])) for citation in part.citations]
    last = [citation.source.published.latest if citation.source.published else None for citation in cited]
    undated = END - timedelta(days=1)
    return min(max((day + timedelta(days=1) if day else undated for day in last), default=date.min), undated)


def _tables() -> None:
    op.create_table(
        "rendering",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), server_default="2147483647", nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("quoted", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("since < until AND seen_from < seen_until", name="rendering_span"),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["since"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("record_id", "since", "seen_from", name="rendering_version"),
    )
    op.create_index("ix_rendering_since", "rendering", ["since"], unique=False)
    op.create_table(
        "region",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("parent_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("iso_3166", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("gb_2260", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("reference", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_region_id", "region", ["id"], unique=False)
    op.create_index("ix_region_name", "region", ["name"], unique=False)
    op.create_index("ix_region_parent_id", "region", ["parent_id"], unique=False)
    op.create_index("ix_region_type", "region", ["type"], unique=False)
    op.create_table(
        "region_member",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "member_id"),
    )
    op.create_table(
        "region_within",
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("ancestor_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), server_default="2147483647", nullable=False),
        sa.ForeignKeyConstraint(["ancestor_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["since"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("region_id", "ancestor_id", "since"),
    )
    op.create_index("ix_region_within_ancestor_id", "region_within", ["ancestor_id"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("parent_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("website", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("wikidata", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("ror", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lei", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("description", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("reference", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_organisation_id", "organisation", ["id"], unique=False)
    op.create_index("ix_organisation_name", "organisation", ["name"], unique=False)
    op.create_index("ix_organisation_parent_id", "organisation", ["parent_id"], unique=False)
    op.create_index("ix_organisation_region_id", "organisation", ["region_id"], unique=False)
    op.create_index("ix_organisation_type", "organisation", ["type"], unique=False)
    op.create_table(
        "organisation_name",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "position"),
    )
    op.create_table(
        "source",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("title", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("publisher_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("authors", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("seen_url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("language", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("published_edtf", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("published_earliest", sa.Date(), nullable=True),
        sa.Column("published_latest", sa.Date(), nullable=True),
        sa.Column("published_precision", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("published_first", sa.Date(), nullable=True),
        sa.Column("published_last", sa.Date(), nullable=True),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("grade", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("derived_from_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("origin_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("document_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("part_start", sa.Integer(), nullable=True),
        sa.Column("part_end", sa.Integer(), nullable=True),
        sa.Column("rights", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.CheckConstraint("part_start IS NULL OR (document_id IS NOT NULL AND 0 <= part_start AND part_start < part_end)", name="source_part"),
        sa.CheckConstraint("published_earliest <= published_latest", name="source_published"),
        sa.ForeignKeyConstraint(["derived_from_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["origin_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["publisher_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_source_derived_from_id", "source", ["derived_from_id"], unique=False)
    op.create_index("ix_source_document_id", "source", ["document_id"], unique=False)
    op.create_index("ix_source_id", "source", ["id"], unique=False)
    op.create_index("ix_source_origin_id", "source", ["origin_id"], unique=False)
    op.create_index("ix_source_published_first", "source", ["published_first"], unique=False)
    op.create_index("ix_source_publisher_id", "source", ["publisher_id"], unique=False)
    op.create_index("ix_source_title", "source", ["title"], unique=False)
    op.create_table(
        "event",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("status", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("title", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("summary", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("date_edtf", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("date_earliest", sa.Date(), nullable=True),
        sa.Column("date_latest", sa.Date(), nullable=True),
        sa.Column("date_precision", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("date_first", sa.Date(), nullable=True),
        sa.Column("date_last", sa.Date(), nullable=True),
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("venue", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("parent_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("nct", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("chictr", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("nmpa", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("origins", sa.Integer(), nullable=False),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.CheckConstraint("date_earliest <= date_latest", name="event_date"),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_event_date_first_id", "event", ["date_first", "id"], unique=False)
    op.create_index("ix_event_id", "event", ["id"], unique=False)
    op.create_index("ix_event_parent_id", "event", ["parent_id"], unique=False)
    op.create_index("ix_event_region_id", "event", ["region_id"], unique=False)
    op.create_index("ix_event_title", "event", ["title"], unique=False)
    op.create_index("ix_event_type", "event", ["type"], unique=False)
    op.create_table(
        "event_organisation",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("role", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "organisation_id", "role"),
    )
    op.create_index("ix_event_organisation_organisation_id", "event_organisation", ["organisation_id"], unique=False)
    op.create_table(
        "event_person",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "position"),
    )
    op.create_index("ix_event_person_organisation_id", "event_person", ["organisation_id"], unique=False)
    op.create_table(
        "event_product",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("modality", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("indication", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "position"),
    )
    op.create_table(
        "event_topic",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "topic"),
    )
    op.create_table(
        "figure",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("seen_from", sa.Date(), nullable=False),
        sa.Column("seen_until", sa.Date(), nullable=False),
        sa.Column("metric", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("period_edtf", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("period_earliest", sa.Date(), nullable=True),
        sa.Column("period_latest", sa.Date(), nullable=True),
        sa.Column("period_precision", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("period_first", sa.Date(), nullable=True),
        sa.Column("period_last", sa.Date(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("qualifier", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("unit", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("basis", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("as_stated", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("relative_region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("relative_subject", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("relative_period_edtf", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("relative_figure_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("scope_note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("agreement", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("origins", sa.Integer(), nullable=False),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.CheckConstraint("(qualifier = 'range') = (value IS NULL)", name="figure_value"),
        sa.CheckConstraint(
            "CASE WHEN qualifier IN ('exact', 'about') THEN low IS NOT NULL AND high IS NOT NULL AND low = value AND high = value WHEN qualifier IN ('more-than', 'at-least') THEN low IS NOT NULL AND low = value AND high IS NULL WHEN qualifier IN ('nearly', 'up-to', 'less-than') THEN high IS NOT NULL AND low IS NULL AND high = value ELSE qualifier = 'range' AND low IS NOT NULL AND high IS NOT NULL END",
            name="figure_qualifier",
        ),
        sa.CheckConstraint("low <= high", name="figure_bounds"),
        sa.CheckConstraint("period_earliest <= period_latest", name="figure_period"),
        sa.ForeignKeyConstraint(["event_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["relative_figure_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["relative_region_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_figure_event_id", "figure", ["event_id"], unique=False)
    op.create_index("ix_figure_id", "figure", ["id"], unique=False)
    op.create_index("ix_figure_metric", "figure", ["metric"], unique=False)
    op.create_index("ix_figure_organisation_id", "figure", ["organisation_id"], unique=False)
    op.create_index("ix_figure_period_first", "figure", ["period_first"], unique=False)
    op.create_index("ix_figure_region_id", "figure", ["region_id"], unique=False)
    op.create_index("ix_figure_relative_figure_id", "figure", ["relative_figure_id"], unique=False)
    op.create_index("ix_figure_relative_region_id", "figure", ["relative_region_id"], unique=False)
    op.create_index("ix_figure_subject", "figure", ["subject"], unique=False)
    op.create_table(
        "citation",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("anchor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("locator_start", sa.Integer(), nullable=True),
        sa.Column("locator_end", sa.Integer(), nullable=True),
        sa.Column("locator_sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("supports", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("stated", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("attributed_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("attributed_organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("reading", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("locator_start IS NULL OR (0 <= locator_start AND locator_start < locator_end)", name="citation_locator"),
        sa.ForeignKeyConstraint(["attributed_organisation_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["source_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["version"], ["rendering.key"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("version", "position"),
    )
    op.create_index("ix_citation_attributed_organisation_id", "citation", ["attributed_organisation_id"], unique=False)
    op.create_index("ix_citation_source_id", "citation", ["source_id"], unique=False)


def downgrade() -> None:
    """Earlier versions keep their renderings only, and what works published before a day support is lost."""
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT count(*) FROM redaction")):
        raise RuntimeError("fields are redacted in this database, which earlier versions of the software would publish again")
    held = {name: connection.execute(sa.select(table)).mappings().all() for name, table in _reflected(connection).items()}
    kinds = {row.id: row for row in connection.execute(sa.text("SELECT id, kind, key FROM record"))}
    words = {row.rowid: row.words for row in connection.execute(sa.text("SELECT rowid, words FROM search"))}
    whole = [row for row in held["rendering"] if row["seen_until"] == END]
    current = {row["key"]: row for row in whole if row["until"] == OPEN}
    for name in reversed(OF_RECORDS):
        op.drop_table(name)
    op.drop_table("redaction")
    op.drop_column("release", "shape")
    op.execute("DELETE FROM search")
    op.get_context().script.get_revision("0001").module.tables_of_records()  # type: ignore[union-attr]  # there is one: these are its heirs
    op.add_column("rendering", sa.Column("quoted", sa.LargeBinary(), nullable=True))
    found: dict[str, list[dict[str, Any]]] = {"rendering": [{**row, "release": row["since"]} for row in whole]}
    found["region_within"] = [dict(row) for row in held["region_within"] if row["until"] == OPEN]
    for name in OF_RECORDS:
        for row in held[name]:
            if (version := current.get(row.get("version"))) is not None:
                owner = version["record_id"]
                column = OWNER[kinds[owner].kind] if name != "citation" or kinds[owner].kind != "source" else "work_id"
                named = {column: owner} if name in PARTS else {}
                found.setdefault(name, []).append({**row, **named, "release": version["since"]})
    _insert(connection, found)
    for key, version in current.items():
        indexed = words.get(key, [])
        _index(connection, kinds[version["record_id"]].key, indexed.split() if isinstance(indexed, str) else indexed)
