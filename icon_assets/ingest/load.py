"""One batch, one transaction: stage, merge, ledger row, quarantine, dirty days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from icon_assets.contract.decode import Decoder, Rejected
from icon_assets.contract.header import Header
from icon_assets.contract.reader import Batch
from icon_assets.contract.reasons import FileProblem, Reason
from icon_assets.idb import locks
from icon_assets.ingest import dirty, merge, restore, sequence, sessions, stage
from icon_assets.ingest.deployment import EVERYTHING, Deployment, Scope
from icon_assets.ingest.stage import Stages

OpenBatch = Callable[[], AbstractContextManager[Batch]]


class Conflict(FileProblem):
    """The batch's identity is in the ledger with other content."""


@dataclass(frozen=True)
class Loaded:
    """What a batch left behind. Lines: events = new + known + filtered + quarantined."""

    batch_id: int
    events: int
    new: int = 0
    known: int = 0
    filtered: int = 0
    quarantined: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    last_ts: datetime | None = None


def load(
    connection: psycopg.Connection[Any],
    open_batch: OpenBatch,
    *,
    path: str,
    now: datetime | None = None,
    deployment: Deployment = EVERYTHING,
) -> Loaded | None:
    """Loads a batch; None where the ledger has it already, byte for byte.

    Raises Incomplete, Refused or Unreadable as the reader does, Conflict, psycopg.Error, or UserError
    where the schema was migrated meanwhile; then nothing of the batch is in the database. connection must
    be in autocommit mode.
    """
    with open_batch() as batch:
        header = batch.header
        if (known := _known(connection, header)) is not None:
            _check_same(batch, known)
            return None
        with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
            _create_stage(cursor)
            stages = Stages(cursor)
            decoder = Decoder(batch, now or datetime.now(UTC))
            for chunk in decoder.chunks():
                stages.add(chunk.events)
                _stage_rejected(cursor, chunk.rejected)
            staged = stages.close()
            locks.hold(cursor.execute, locks.MERGE)
            if (known := _known(connection, header)) is not None:
                _check_same(batch, known)
                return None
            scope = deployment.scope(header)
            parameters = _parameters(cursor, header, scope)
            sequence.record_runs(cursor, staged, header, parameters)
            restore.restore(cursor, staged, parameters)
            merged = merge.merge(cursor, staged, scope, parameters)
            _stage_conflicts(cursor, open_batch, merged.conflicts)
            loaded = _record(cursor, batch, path, decoder.unknown_fields, staged, merged, parameters)
            if scope.dss_monitor and header.source != "config":
                split = bool(merged.new["connection"])
                sessions.update_events(cursor, scope.roles, parameters, all_sessions=split)
            dirty.mark(cursor, {type_ for type_, new in merged.new.items() if new}, parameters)
            return loaded


def _known(connection: psycopg.Connection[Any], header: Header) -> bytes | None:
    """Hash of the content that the ledger has for the batch's identity, if any."""
    row = connection.execute(
        "select content_sha256 from ops.batch "
        "where source = %s and dbid = %s and feed is not distinct from %s and batch = %s",
        (header.source, header.dbid, header.feed, header.batch),
    ).fetchone()
    return row[0] if row else None


def _check_same(batch: Batch, known: bytes) -> None:
    """Raises Conflict unless the batch has the content that the ledger knows."""
    batch.skip()
    if batch.sha256 != known:
        raise Conflict(Reason.OTHER_CONTENT, "a batch of this identity was loaded with other content")


def _parameters(cursor: psycopg.Cursor[Any], header: Header, scope: Scope) -> dict[str, Any]:
    """What the statements of the merge need to know of the batch."""
    row = cursor.execute("select nextval(pg_get_serial_sequence('ops.batch', 'batch_id'))").fetchone()
    assert row is not None
    return {
        "batch_id": row[0],
        "domain": None,
        "source": header.source,
        "dbid": header.dbid,
        "feed": header.feed,
        "duplicate_metrics": scope.duplicate_metrics,
        "dss_monitor": scope.dss_monitor,
        "partition_seconds": scope.partition_seconds,
    }


_CREATE_REJECTED = """
    create temporary table stage_rejected (
        line integer, type text, reason text, detail text, raw bytea
    ) on commit delete rows
"""


def _create_stage(cursor: psycopg.Cursor[Any]) -> None:
    """Makes the temporary tables of a session, for its first batch: all of them or, in a rollback, none."""
    if cursor.execute("select to_regclass('pg_temp.stage_rejected')").fetchone() == (None,):
        cursor.execute(f"{stage.create()}; {merge.CREATE}; {_CREATE_REJECTED}")


def _stage_rejected(cursor: psycopg.Cursor[Any], rejected: list[Rejected]) -> None:
    if not rejected:
        return
    with cursor.copy("copy stage_rejected from stdin (format binary)") as copy:
        copy.set_types(["int4", "text", "text", "text", "bytea"])
        for line in rejected:
            copy.write_row((line.line, line.type, str(line.reason), line.detail, line.raw))


def _stage_conflicts(cursor: psycopg.Cursor[Any], open_batch: OpenBatch, conflicts: dict[int, str]) -> None:
    """Only the database shows conflicts: their lines are read once more, to be kept as they came."""
    if not conflicts:
        return
    with open_batch() as batch:
        for first, block in batch.blocks():
            rejected = [
                Rejected(number, conflicts[number], Reason.CONFLICT, Reason.CONFLICT.text, line)
                for number, line in enumerate(block.split(b"\n"), first)
                if number in conflicts
            ]
            _stage_rejected(cursor, rejected)


def _record(
    cursor: psycopg.Cursor[Any],
    batch: Batch,
    path: str,
    unknown_fields: Counter[str],
    staged: dict[str, int],
    merged: merge.Merged,
    parameters: dict[str, Any],
) -> Loaded:
    """The ledger row, and the quarantine that refers to it."""
    header = batch.header
    row = cursor.execute("select count(*) from stage_rejected").fetchone()
    first_ts, last_ts = (
        ts and ts.replace(tzinfo=UTC) for ts in (parameters["first_ts"], parameters["last_ts"])
    )
    assert row is not None
    loaded = Loaded(
        batch_id=parameters["batch_id"],
        events=header.events,
        new=merged.new.total(),
        known=merged.known,
        filtered=merged.filtered.total(),
        quarantined=row[0],
        rows=dict(merged.rows),
        last_ts=last_ts,
    )
    by_type = {type_: {"lines": lines, "new": merged.new[type_]} for type_, lines in staged.items()}
    cursor.execute(
        """
        insert into ops.batch (
            batch_id, source, dbid, feed, batch, release, sent, content_sha256,
            events, new, known, filtered, quarantined, filtered_by, by_type, unknown_fields,
            first_dsseq, last_dsseq, first_ts, last_ts, path
        )
        overriding system value
        values (
            %s, %s, %s, %s, %s, %s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
        )
        """,
        (
            loaded.batch_id, header.source, header.dbid, header.feed, header.batch, header.release,
            None if header.sent is None else header.sent / 1000, batch.sha256,
            loaded.events, loaded.new, loaded.known, loaded.filtered, loaded.quarantined,
            Jsonb(dict(merged.filtered)), Jsonb(by_type), Jsonb(dict(unknown_fields)),
            header.first_dsseq, header.last_dsseq, first_ts, last_ts, path,
        ),
    )  # fmt: skip
    cursor.execute(
        "insert into ops.quarantine (batch_id, line, type, reason, detail, raw) "
        "select %s, line, type, reason, detail, raw from stage_rejected order by line",
        (loaded.batch_id,),
    )
    return loaded
