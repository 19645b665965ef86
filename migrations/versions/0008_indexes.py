"""what no query asks for needs no index"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES = [
    ("citation", "attributed_organisation_id"),
    ("citation", "source_id"),
    ("document", "release"),
    ("event", "parent_id"),
    ("event_organisation", "organisation_id"),
    ("event_person", "organisation_id"),
    ("figure", "event_id"),
    ("figure", "organisation_id"),
    ("figure", "relative_figure_id"),
    ("figure", "relative_region_id"),
    ("figure", "subject"),
    ("organisation", "parent_id"),
    ("organisation", "region_id"),
    ("organisation", "type"),
    ("record", "kind"),
    ("record", "merged_into"),
    ("region", "parent_id"),
    ("region", "type"),
    ("rendering", "since"),
    ("source", "derived_from_id"),
    ("source", "publisher_id"),
]


def upgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])
