"""the tables"""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "release",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("licence", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("counts", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "record",
        sa.Column("key", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("merged_into", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("search_digest", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("(state = 'current') = (reason IS NULL)", name="record_reason"),
        sa.CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="record_merged"),
        sa.CheckConstraint("kind IN ('document', 'source', 'organisation', 'region', 'event', 'figure')", name="record_kind"),
        sa.CheckConstraint("state IN ('current', 'withdrawn', 'merged')", name="record_state"),
        sa.ForeignKeyConstraint(["merged_into"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_merged_into"), ["merged_into"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_release"), ["release"], unique=False)

    op.create_table(
        "document",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("sha256", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.CheckConstraint("length >= 0", name="document_length"),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("sha256"),
    )
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_document_release"), ["release"], unique=False)

    tables_of_records()
    if op.get_bind().dialect.name == "sqlite":
        # The tokenizer `ascii` splits at ASCII separators only, hence exactly at the blanks between the stored words.
        op.execute("CREATE VIRTUAL TABLE search USING fts5(words, tokenize = 'ascii')")
    else:
        op.execute('CREATE TABLE search (rowid integer PRIMARY KEY, words text[] COLLATE "C" NOT NULL)')
        op.execute("CREATE INDEX ix_search_words ON search USING gin (words)")


def tables_of_records() -> None:
    op.create_table(
        "region",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
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
        sa.Column("release", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("region", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_region_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_region_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_region_release"), ["release"], unique=False)
        batch_op.create_index(batch_op.f("ix_region_type"), ["type"], unique=False)

    op.create_table(
        "rendering",
        sa.Column("record_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("record_id", "release"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("type", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("status", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("title", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("summary", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
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
        sa.Column("release", sa.Integer(), nullable=False),
        sa.CheckConstraint("date_earliest <= date_latest", name="event_date"),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_date_first_id", ["date_first", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_release"), ["release"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_title"), ["title"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_type"), ["type"], unique=False)

    op.create_table(
        "organisation",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
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
        sa.Column("release", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_organisation_name"), ["name"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_release"), ["release"], unique=False)
        batch_op.create_index(batch_op.f("ix_organisation_type"), ["type"], unique=False)

    op.create_table(
        "region_member",
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("member_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("region_id", "member_id"),
    )
    op.create_table(
        "region_within",
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("ancestor_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["ancestor_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("region_id", "ancestor_id"),
    )
    with op.batch_alter_table("region_within", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_region_within_ancestor_id"), ["ancestor_id"], unique=False)

    op.create_table(
        "event_organisation",
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("role", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("event_id", "organisation_id", "role"),
    )
    with op.batch_alter_table("event_organisation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_organisation_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "event_person",
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("event_id", "position"),
    )
    with op.batch_alter_table("event_person", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_person_organisation_id"), ["organisation_id"], unique=False)

    op.create_table(
        "event_product",
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("modality", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("indication", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("event_id", "position"),
    )
    op.create_table(
        "event_topic",
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("topic", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("event_id", "topic"),
    )
    op.create_table(
        "figure",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
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
        sa.Column("as_stated", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("relative_region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("relative_subject", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("relative_period_edtf", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("relative_figure_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("scope_note", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("agreement", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("origins", sa.Integer(), nullable=False),
        sa.Column("derived", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.CheckConstraint("(qualifier = 'range') = (value IS NULL)", name="figure_value"),
        sa.CheckConstraint(
            "CASE WHEN qualifier IN ('exact', 'about') THEN low IS NOT NULL AND high IS NOT NULL AND low = value AND high = value WHEN qualifier IN ('more-than', 'at-least') THEN low IS NOT NULL AND low = value AND high IS NULL WHEN qualifier IN ('nearly', 'up-to', 'less-than') THEN high IS NOT NULL AND low IS NULL AND high = value ELSE qualifier = 'range' AND low IS NOT NULL AND high IS NOT NULL END",
            name="figure_qualifier",
        ),
        sa.CheckConstraint("low <= high", name="figure_bounds"),
        sa.CheckConstraint("period_earliest <= period_latest", name="figure_period"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["relative_figure_id"], ["figure.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["relative_region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("figure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_figure_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_metric"), ["metric"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_period_first"), ["period_first"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_relative_figure_id"), ["relative_figure_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_relative_region_id"), ["relative_region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_release"), ["release"], unique=False)
        batch_op.create_index(batch_op.f("ix_figure_subject"), ["subject"], unique=False)

    op.create_table(
        "organisation_name",
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("organisation_id", "position"),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
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
        sa.Column("release", sa.Integer(), nullable=False),
        sa.CheckConstraint("part_start IS NULL OR (document_id IS NOT NULL AND 0 <= part_start AND part_start < part_end)", name="source_part"),
        sa.CheckConstraint("published_earliest <= published_latest", name="source_published"),
        sa.ForeignKeyConstraint(["derived_from_id"], ["source.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["id"], ["record.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["origin_id"], ["source.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["publisher_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["release"], ["release.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_source_derived_from_id"), ["derived_from_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_document_id"), ["document_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_origin_id"), ["origin_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_published_first"), ["published_first"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_publisher_id"), ["publisher_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_release"), ["release"], unique=False)
        batch_op.create_index(batch_op.f("ix_source_title"), ["title"], unique=False)

    op.create_table(
        "citation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=False),
        sa.Column("event_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("figure_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("organisation_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("region_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("work_id", sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql"), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
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
        sa.CheckConstraint(
            "(CASE WHEN event_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN figure_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN region_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN work_id IS NULL THEN 0 ELSE 1 END) = 1",
            name="citation_one_record",
        ),
        sa.CheckConstraint("locator_start IS NULL OR (0 <= locator_start AND locator_start < locator_end)", name="citation_locator"),
        sa.ForeignKeyConstraint(["attributed_organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["figure_id"], ["figure.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["work_id"], ["source.id"], initially="DEFERRED", deferrable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("citation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_citation_attributed_organisation_id"), ["attributed_organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_figure_id"), ["figure_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_organisation_id"), ["organisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_region_id"), ["region_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_source_id"), ["source_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_citation_work_id"), ["work_id"], unique=False)


def downgrade() -> None:
    op.execute("DROP TABLE search")
    with op.batch_alter_table("citation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_citation_work_id"))
        batch_op.drop_index(batch_op.f("ix_citation_source_id"))
        batch_op.drop_index(batch_op.f("ix_citation_region_id"))
        batch_op.drop_index(batch_op.f("ix_citation_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_citation_figure_id"))
        batch_op.drop_index(batch_op.f("ix_citation_event_id"))
        batch_op.drop_index(batch_op.f("ix_citation_attributed_organisation_id"))

    op.drop_table("citation")
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_title"))
        batch_op.drop_index(batch_op.f("ix_source_release"))
        batch_op.drop_index(batch_op.f("ix_source_publisher_id"))
        batch_op.drop_index(batch_op.f("ix_source_published_first"))
        batch_op.drop_index(batch_op.f("ix_source_origin_id"))
        batch_op.drop_index(batch_op.f("ix_source_document_id"))
        batch_op.drop_index(batch_op.f("ix_source_derived_from_id"))

    op.drop_table("source")
    op.drop_table("organisation_name")
    with op.batch_alter_table("figure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_figure_subject"))
        batch_op.drop_index(batch_op.f("ix_figure_release"))
        batch_op.drop_index(batch_op.f("ix_figure_relative_region_id"))
        batch_op.drop_index(batch_op.f("ix_figure_relative_figure_id"))
        batch_op.drop_index(batch_op.f("ix_figure_region_id"))
        batch_op.drop_index(batch_op.f("ix_figure_period_first"))
        batch_op.drop_index(batch_op.f("ix_figure_organisation_id"))
        batch_op.drop_index(batch_op.f("ix_figure_metric"))
        batch_op.drop_index(batch_op.f("ix_figure_event_id"))

    op.drop_table("figure")
    op.drop_table("event_topic")
    op.drop_table("event_product")
    with op.batch_alter_table("event_person", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_person_organisation_id"))

    op.drop_table("event_person")
    with op.batch_alter_table("event_organisation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_organisation_organisation_id"))

    op.drop_table("event_organisation")
    with op.batch_alter_table("region_within", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_region_within_ancestor_id"))

    op.drop_table("region_within")
    op.drop_table("region_member")
    with op.batch_alter_table("organisation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_organisation_type"))
        batch_op.drop_index(batch_op.f("ix_organisation_release"))
        batch_op.drop_index(batch_op.f("ix_organisation_region_id"))
        batch_op.drop_index(batch_op.f("ix_organisation_parent_id"))
        batch_op.drop_index(batch_op.f("ix_organisation_name"))

    op.drop_table("organisation")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_type"))
        batch_op.drop_index(batch_op.f("ix_event_title"))
        batch_op.drop_index(batch_op.f("ix_event_release"))
        batch_op.drop_index(batch_op.f("ix_event_region_id"))
        batch_op.drop_index(batch_op.f("ix_event_parent_id"))
        batch_op.drop_index("ix_event_date_first_id")

    op.drop_table("event")
    op.drop_table("rendering")
    with op.batch_alter_table("region", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_region_type"))
        batch_op.drop_index(batch_op.f("ix_region_release"))
        batch_op.drop_index(batch_op.f("ix_region_parent_id"))
        batch_op.drop_index(batch_op.f("ix_region_name"))

    op.drop_table("region")
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_document_release"))

    op.drop_table("document")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_release"))
        batch_op.drop_index(batch_op.f("ix_record_merged_into"))
        batch_op.drop_index(batch_op.f("ix_record_kind"))

    op.drop_table("record")
    op.drop_table("release")
