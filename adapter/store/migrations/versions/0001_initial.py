"""The first schema."""

import sqlalchemy as sa
from alembic import op

from adapter.store.types import Instant, Json, Word

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "acts",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", Word(), nullable=False),
        sa.Column("lane", Word(), nullable=False),
        sa.Column("what", Json(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("state", Word(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("retry_at", Instant(), nullable=True),
        sa.Column("ready_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("facts_at", Instant(), nullable=True),
        sa.Column("result", Json(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("correlation", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ref", "n", name=op.f("pk_acts")),
        sa.UniqueConstraint("tenant", "ref", "key", name="uq_acts_key"),
    )
    op.create_index("ix_acts_ready", "acts", ["tenant", "lane", "ready_at", "ref"], unique=False)
    op.create_index("ix_acts_state", "acts", ["tenant", "state", "lane", "created_at"], unique=False)
    op.create_table(
        "case_links",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("kind", Word(), nullable=False),
        sa.Column("external_id", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "kind", "external_id", "ref", name=op.f("pk_case_links")),
    )
    op.create_index("ix_case_links_case", "case_links", ["tenant", "ref", "kind"], unique=False)
    op.create_index(
        "uq_case_links_order",
        "case_links",
        ["tenant", "external_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'order'"),
        postgresql_where=sa.text("kind = 'order'"),
    )
    op.create_table(
        "cases",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("evidence_after", sa.Date(), nullable=False),
        sa.Column("phase", Word(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("due_reason", sa.Text(), nullable=True),
        sa.Column("due_seq", sa.Integer(), nullable=False),
        sa.Column("read_again_at", Instant(), nullable=True),
        sa.Column("ready_at", Instant(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("facts_read_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("adopted_orders", Json(), nullable=False),
        sa.Column("collected_at", Instant(), nullable=True),
        sa.Column("purged_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ref", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_closed", "cases", ["tenant", "closed_at", "phase"], unique=False)
    op.create_index("ix_cases_person", "cases", ["tenant", "person_id"], unique=False)
    op.create_index("ix_cases_ready", "cases", ["tenant", "ready_at", "ref"], unique=False)
    op.create_table(
        "declarations",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("signal", Word(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ref", "signal", name=op.f("pk_declarations")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("name", Word(), nullable=False),
        sa.Column("data", Json(), nullable=False),
        sa.Column("correlation", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_case", "events", ["tenant", "ref", "id"], unique=False)
    op.create_table(
        "facts",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("resource", Word(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("tried_at", Instant(), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "ref", "resource", name=op.f("pk_facts")),
    )
    op.create_table(
        "feed_items",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("feed", Word(), nullable=False),
        sa.Column("item", Word(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "feed", "item", name=op.f("pk_feed_items")),
    )
    op.create_index("ix_feed_items_seen", "feed_items", ["tenant", "feed", "seen_at"], unique=False)
    op.create_table(
        "feeds",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("name", Word(), nullable=False),
        sa.Column("cursor", Instant(), nullable=True),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("tried_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "name", name=op.f("pk_feeds")),
    )
    op.create_table(
        "persons",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("external_id", Word(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("emptied", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "person_id", name=op.f("pk_persons")),
        sa.UniqueConstraint("tenant", "external_id", name="uq_persons_external"),
    )
    op.create_table(
        "schedules",
        sa.Column("tenant", Word(), nullable=False),
        sa.Column("ref", Word(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ref", "n", name=op.f("pk_schedules")),
    )
    op.create_index("ix_schedules_remote", "schedules", ["tenant", "remote_id"], unique=False)
