"""SQLAlchemy Core tables of the schema ops: ledger, quarantine, and where each stage is with its work."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

metadata = sa.MetaData()  # of all schemas: `schema` adds the others

_now = sa.text("clock_timestamp()")

batch = sa.Table(
    "batch",
    metadata,
    sa.Column("batch_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("dbid", sa.Integer, nullable=False),
    sa.Column("feed", sa.Integer, comment="DBID of the ICON that the feed stands for."),
    sa.Column(
        "batch", sa.Text, nullable=False, comment="Identity, unique for ever within source, dbid and feed."
    ),
    sa.Column("release", sa.Text, nullable=False),
    sa.Column("sent", sa.DateTime(timezone=True)),
    sa.Column("content_sha256", pg.BYTEA, nullable=False, comment="Of the inflated bytes."),
    sa.Column("events", sa.BigInteger, nullable=False, comment="Event lines in the batch."),
    sa.Column("new", sa.BigInteger, nullable=False),
    sa.Column("known", sa.BigInteger, nullable=False),
    sa.Column("filtered", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("filtered_by", pg.JSONB, nullable=False, comment="{reason: lines}"),
    sa.Column("by_type", pg.JSONB, nullable=False, comment="{event type: {lines, new}}"),
    sa.Column("unknown_fields", pg.JSONB, nullable=False, comment="{type.field: lines}; kept out."),
    sa.Column("first_dsseq", sa.BigInteger),
    sa.Column("last_dsseq", sa.BigInteger),
    sa.Column("first_ts", sa.DateTime(timezone=True), comment="Earliest source time of its events."),
    sa.Column("last_ts", sa.DateTime(timezone=True)),
    sa.Column(
        "path",
        sa.Text,
        nullable=False,
        comment="Where in the landing zone it was found; or the URL of the database that it was copied from.",
    ),
    sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.CheckConstraint("events = new + known + filtered + quarantined", name="every_line_accounted_for"),
    sa.UniqueConstraint("source", "dbid", "feed", "batch", postgresql_nulls_not_distinct=True),
    schema="ops",
    comment="The ledger: one row a loaded batch. It alone decides what has been loaded.",
)

# The first and the last batch of a data source session.
sa.Index("batch_first_ts", batch.c.source, batch.c.dbid, batch.c.first_ts)

sequence_run = sa.Table(
    "sequence_run",
    metadata,
    sa.Column(
        "batch_id",
        sa.BigInteger,
        sa.ForeignKey("ops.batch.batch_id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    sa.Column("first_dsseq", sa.BigInteger, primary_key=True),
    sa.Column("last_dsseq", sa.BigInteger, nullable=False),
    sa.Column("first_ts", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("last_ts", sa.DateTime(timezone=True), nullable=False, index=True),
    schema="ops",
    comment="Numbers of its source's sequence that a batch brought without a hole between them.",
)

landing_file = sa.Table(
    "landing_file",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column(
        "version", sa.Text, nullable=False, comment="Size and change time (or etag) when last looked at."
    ),
    sa.Column("status", sa.Text, nullable=False, comment="loaded, known, refused, waiting or ignored."),
    sa.Column("reason", sa.Text, comment="Code of why it waits or was refused."),
    sa.Column("detail", sa.Text),
    sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("ops.batch.batch_id")),
    sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column("unchanged_since", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.CheckConstraint("status in ('loaded', 'known', 'refused', 'waiting', 'ignored')", name="status"),
    schema="ops",
    comment="What became of each file seen in the landing zone. A cache: losing it costs a re-read, no rows.",
)

cti_database = sa.Table(
    "cti_database",
    metadata,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("place", sa.Text, nullable=False, comment="Host, port and name of ICON_CTI_DATABASE_URL."),
    sa.Column("fault", sa.Text, comment="Why it could not be read when last tried."),
    sa.Column(
        "missing_since",
        sa.DateTime(timezone=True),
        comment="While it cannot be read: source time since which calls are missing; -infinity for all.",
    ),
    sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column("through_batch", sa.BigInteger, comment="Last of its batches that was copied."),
    sa.Column("through_loaded_at", sa.DateTime(timezone=True), comment="When that one was loaded there."),
    sa.Column("through_ts", sa.DateTime(timezone=True), comment="Newest source time that was copied."),
    schema="ops",
    comment="The other database that holds calls, if any, and how far it was read.",
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("ops.batch.batch_id"), nullable=False, index=True),
    sa.Column("line", sa.Integer, nullable=False, comment="Line of the batch file, the header being line 1."),
    sa.Column("type", sa.Text, comment="Event type, where it could be read."),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, comment="Names and limits, never values."),
    sa.Column("raw", pg.BYTEA, comment="The line as it came; may hold secure values."),
    sa.Column("replayed_by", sa.BigInteger, sa.ForeignKey("ops.batch.batch_id")),
    sa.Column("replayed_who", sa.Text, comment="Who mended it; when is that batch's loaded_at."),
    sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    schema="ops",
    comment="Lines that could not be loaded, with their reason; replayable once mended.",
)

token_key = sa.Table(
    "token_key",
    metadata,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, server_default="1"),
    sa.Column("key", sa.Text, nullable=False),
    schema="ops",
    comment="The key of contact tokens. It stays in the database: no setting, log or artefact can show it.",
)

dirty_day = sa.Table(
    "dirty_day",
    metadata,
    sa.Column("dirty_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("entity", sa.Text, nullable=False, comment="campaign or chain"),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column(
        "reason", sa.Text, nullable=False, comment="What changed: ended, chain, record, field, call, ..."
    ),
    sa.Column("objects", sa.BigInteger, nullable=False, comment="Chains or sessions concerned."),
    sa.Column("batch_id", sa.BigInteger, sa.ForeignKey("ops.batch.batch_id")),
    sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column(
        "finalized_at", sa.DateTime(timezone=True), comment="Null while the day waits to be finalized."
    ),
    sa.CheckConstraint("entity in ('campaign', 'chain')", name="entity"),
    schema="ops",
    comment="Days of termination to finalize, and why; rows stay as the day's history, old ones folded.",
)
sa.Index(
    "dirty_day_waiting", dirty_day.c.entity, dirty_day.c.day, postgresql_where=sa.text("finalized_at is null")
)
sa.Index("dirty_day_day", dirty_day.c.day)

final_day = sa.Table(
    "final_day",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column(
        "version", sa.BigInteger, nullable=False, comment="Grows each time that the day's rows change."
    ),
    sa.Column("objects", sa.BigInteger, nullable=False, comment="Sessions or chains that ended that day."),
    sa.Column("rows", pg.JSONB, nullable=False, comment="{table: rows}"),
    sa.Column("finalized_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    schema="ops",
    comment="One row a finalized day: what final holds of it, and since when.",
)

final_version = sa.Sequence("final_version", schema="ops", metadata=metadata)

synthetic_close = sa.Table(
    "synthetic_close",
    metadata,
    sa.Column("close_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("entity", sa.Text, nullable=False, comment="campaign or chain"),
    sa.Column("guid", sa.String(64, collation="C"), nullable=False, comment="SESSID or CHAINGUID."),
    sa.Column("ocsid", sa.Integer, comment="Of a chain; null for a session, which may have several."),
    sa.Column("reason", sa.Text, nullable=False, comment="restart, switchover or silence"),
    sa.Column("ended", sa.DateTime, nullable=False, comment="Its last notice: the end that was made up."),
    sa.Column("lastseq", sa.Integer, nullable=False, comment="Of the last notice known when it was closed."),
    sa.Column("lastchange", sa.DateTime, nullable=False, comment="Time of that notice."),
    sa.Column("newest_ts", sa.DateTime, nullable=False, comment="Newest event of any source at that time."),
    sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column("undone_at", sa.DateTime(timezone=True), comment="When a real notice had undone it."),
    sa.CheckConstraint("entity in ('campaign', 'chain')", name="entity"),
    sa.CheckConstraint("reason in ('restart', 'switchover', 'silence')", name="reason"),
    schema="ops",
    comment="Chains and sessions whose end was lost. A close holds while its last notice is the last one.",
)
_standing = sa.text("undone_at is null")
sa.Index(
    "synthetic_close_standing",
    synthetic_close.c.guid,
    synthetic_close.c.ocsid,
    synthetic_close.c.entity,
    unique=True,
    postgresql_where=_standing,
    postgresql_nulls_not_distinct=True,
)
sa.Index("synthetic_close_ended", synthetic_close.c.ended, postgresql_where=_standing)

set_aside = sa.Table(
    "set_aside",
    metadata,
    sa.Column("final_day", sa.Date, primary_key=True),
    sa.Column("chainguid", sa.String(64, collation="C"), primary_key=True),
    sa.Column("ocsid", sa.Integer, primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="Of its longest history."),
    schema="ops",
    comment="Ended chains kept out of final: a history of theirs is longer than any real one.",
)

purged_chain = sa.Table(
    "purged_chain",
    metadata,
    sa.Column("chainguid", sa.String(64, collation="C"), primary_key=True),
    sa.Column("ocsid", sa.Integer, primary_key=True),
    sa.Column("final_day", sa.Date, nullable=False, index=True),
    sa.Column("purged_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    schema="ops",
    comment="Chains that idb holds no more: final is their truth. A late event brings them back.",
)

purged_key = sa.Table(
    "purged_key",
    metadata,
    sa.Column("key", sa.String(64, collation="C"), primary_key=True, comment="A CALLATTID or a CALLID."),
    sa.Column("chainguid", sa.String(64, collation="C"), primary_key=True),
    sa.Column("ocsid", sa.Integer, primary_key=True),
    sa.ForeignKeyConstraint(
        ["chainguid", "ocsid"], ["ops.purged_chain.chainguid", "ops.purged_chain.ocsid"], ondelete="CASCADE"
    ),
    sa.Index("purged_key_chain", "chainguid", "ocsid"),
    schema="ops",
    comment="The attempts and calls of purged chains: a late call or metric names nothing else.",
)

marts_day = sa.Table(
    "marts_day",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False, comment="ops.final_day.version that the marts hold."),
    sa.Column("built_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    schema="ops",
    comment="Which version of each finalized day the marts were last built from.",
)

marts_window = sa.Table(
    "marts_window",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    schema="ops",
    comment="The days that the marts run under way rebuilds; fixed before dbt starts.",
)

marts_run = sa.Table(
    "marts_run",
    metadata,
    sa.Column("marts_run_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column(
        "through_batch", sa.BigInteger, nullable=False, comment="Last ledger row that the run could see."
    ),
    sa.Column("data_through_ts", sa.DateTime(timezone=True), comment="Newest source time up to that row."),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=_now),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    schema="ops",
    comment="One row a build of the marts; the newest finished one says how current they are.",
)
