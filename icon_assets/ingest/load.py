"""Batches of one source, one transaction: stage, merge, ledger rows, quarantine, dirty days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from icon_assets.contract.decode import Decoder, Rejected
from icon_assets.contract.events import TYPES
from icon_assets.contract.header import Header
from icon_assets.contract.reasons import FileProblem, Reason
from icon_assets.idb import locks
from icon_assets.ingest import clock, dirty, ledger, merge, restore, sequence, sessions, stage
from icon_assets.ingest.deployment import EVERYTHING, Deployment, Scope
from icon_assets.ingest.ledger import Loaded, Member, Source
from icon_assets.ingest.merge import Lines
from icon_assets.ingest.stage import Stages

Outcome = Loaded | FileProblem | None
"""What became of one batch; None where the ledger has it already, byte for byte."""


@dataclass
class Loads:
    """What one transaction did. outcomes: of the first batches, in their order; rows: new ones by table."""

    outcomes: list[Outcome] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)


def load(
    connection: psycopg.Connection[Any],
    sources: Sequence[Source],
    *,
    now: datetime | None = None,
    deployment: Deployment = EVERYTHING,
) -> Loads:
    """Loads the first of the batches and those after it that are of the same source and feed.

    A batch that cannot be read or is refused keeps none of the others out: its problem is its outcome. Raises
    psycopg.Error, FileProblem where a file is not there any more when its conflicts are read again, or
    UserError where the schema was migrated meanwhile; then nothing of any of them is in the database.
    connection must be in autocommit mode.
    """
    loads = Loads()
    with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
        _create_stage(cursor)
        members = _stage(cursor, sources, loads.outcomes, deployment, now or datetime.now(UTC))
        if members:
            locks.hold(cursor.execute, *locks.merging(members[0].header.source))
            members = _leave_known(cursor, members, loads.outcomes)
        if members:
            _merge(cursor, members, loads, deployment)
    return loads


def _stage(
    cursor: psycopg.Cursor[Any],
    sources: Sequence[Source],
    outcomes: list[Outcome],
    deployment: Deployment,
    now: datetime,
) -> list[Member]:
    """Stages the batches that belong together and are new; the outcome of each other one is known here."""
    members: list[Member] = []
    stages = Stages(cursor)
    for source in sources:
        number = len(members) + 1
        stages.begin(number)
        rejected = 0
        try:
            with source.open() as batch:
                header = batch.header
                if members and not _belongs(header, members):
                    break
                if (known := ledger.known_content(cursor, header)) is not None:
                    batch.skip()
                    outcomes.append(ledger.judged(batch.sha256, known))
                    continue
                scope = deployment.scope(header)
                decoder = Decoder(batch, now)
                for chunk in decoder.chunks():
                    stages.add(chunk.events, scope)
                    _stage_rejected(cursor, number, chunk.rejected)
                    rejected += len(chunk.rejected)
        except FileProblem as problem:
            stages.discard()
            cursor.execute("delete from stage_rejected where batch = %s", [number])
            outcomes.append(problem)
            if problem.reason == Reason.STALLED:  # where all files stall, each would take its minutes
                break
            continue
        place, told = len(outcomes), stages.end(header)
        members.append(
            Member(place, number, source, header, batch.sha256, told, rejected, decoder.unknown_fields)
        )
        outcomes.append(None)
    stages.close()
    return members


def _belongs(header: Header, members: list[Member]) -> bool:
    """Whether a batch can be staged with others: of their origin; of one identity the ledger judges."""
    return ledger.origin(header) == ledger.origin(members[0].header) and all(
        header.batch != member.header.batch for member in members
    )


def _leave_known(cursor: psycopg.Cursor[Any], members: list[Member], outcomes: list[Outcome]) -> list[Member]:
    """Takes out the batches that another loader brought in before it was our turn."""
    new = []
    for member in members:
        if (known := ledger.known_content(cursor, member.header)) is None:
            new.append(member)
            continue
        outcomes[member.place] = ledger.judged(member.sha256, known)
        for type_ in (*member.told.staged, "run", "rejected"):
            cursor.execute(f"delete from stage_{type_} where batch = %s", [member.number])
    return new


def _merge(cursor: psycopg.Cursor[Any], members: list[Member], loads: Loads, deployment: Deployment) -> None:
    """Brings what is staged into the IDB, and then, one merge at a time, into the ledger; marks days."""
    header = members[0].header
    scope = deployment.scope(header)
    staged: Lines = Counter({(m.number, type_): n for m in members for type_, n in m.told.staged.items()})
    types = list(dict.fromkeys(type_ for type_ in TYPES for m in members if type_ in m.told.staged))
    parameters = _parameters(cursor, members, scope)
    restore.restore(cursor, types, parameters)
    sequence.record_runs(cursor, parameters)
    merged = merge.merge(cursor, staged, scope, parameters)
    loads.rows = merged.rows
    for member in members:
        _stage_conflicts(cursor, member, merged.conflicts[member.number])
    locks.take(cursor.execute, locks.LEDGER)
    clock.fill_timecodes(cursor, set().union(*(member.told.days for member in members)))
    for member in members:
        loads.outcomes[member.place] = ledger.record(cursor, member, merged, parameters)
    cursor.execute(_QUARANTINE, parameters)
    if scope.dss_monitor and header.source != "config":
        split = "connection" in merged.types
        sessions.update_events(cursor, scope.roles, parameters, all_sessions=split)
    dirty.mark(cursor, set(merged.types), parameters)


def _parameters(cursor: psycopg.Cursor[Any], members: list[Member], scope: Scope) -> dict[str, Any]:
    """What the statements of the merge need to know of the batches; lists by the batches' numbers."""
    batch_ids: list[int | None] = [None] * members[-1].number
    last_times: list[datetime | None] = [None for _ in batch_ids]
    times: list[datetime] = []  # GMT without saying so, as in the IDB
    drawn = cursor.execute(
        "select nextval(pg_get_serial_sequence('ops.batch', 'batch_id')) from generate_series(1, %s)",
        [len(members)],
    ).fetchall()
    for member, (batch_id,) in zip(members, drawn, strict=True):
        batch_ids[member.number - 1] = batch_id
        if member.span:
            times += (naive := [ts.replace(tzinfo=None) for ts in member.span])
            last_times[member.number - 1] = naive[-1]
    source, dbid, feed = ledger.origin(members[0].header)
    return {
        "batch_ids": batch_ids,
        "batch_id": batch_ids[-1],
        "domains": [None for _ in batch_ids],
        "source": source,
        "dbid": dbid,
        "feed": feed,
        "last_times": last_times,
        "first_ts": min(times, default=None),
        "last_ts": max(times, default=None),
        "duplicate_metrics": scope.duplicate_metrics,
        "dss_monitor": scope.dss_monitor,
        "partition_seconds": scope.partition_seconds,
    }


_CREATE_REJECTED = """
    create temporary table stage_rejected (
        batch integer, line integer, type text, reason text, detail text, raw bytea
    ) on commit delete rows
"""


def _create_stage(cursor: psycopg.Cursor[Any]) -> None:
    """Makes the temporary tables of a session, for its first batch: all of them or, in a rollback, none."""
    if cursor.execute("select to_regclass('pg_temp.stage_rejected')").fetchone() == (None,):
        cursor.execute(f"{stage.create()}; {merge.CREATE}; {_CREATE_REJECTED}")


def _stage_rejected(cursor: psycopg.Cursor[Any], number: int, rejected: list[Rejected]) -> None:
    if not rejected:
        return
    with cursor.copy("copy stage_rejected from stdin (format binary)") as copy:
        copy.set_types(["int4", "int4", "text", "text", "text", "bytea"])
        for line in rejected:
            copy.write_row((number, line.line, line.type, str(line.reason), line.detail, line.raw))


def _stage_conflicts(cursor: psycopg.Cursor[Any], member: Member, conflicts: dict[int, str]) -> None:
    """Only the database shows conflicts: their lines are read once more, to be kept as they came."""
    if not conflicts:
        return
    with member.source.open() as batch:
        for first, block in batch.blocks():
            rejected = [
                Rejected(number, conflicts[number], Reason.CONFLICT, Reason.CONFLICT.text, line)
                for number, line in enumerate(block.split(b"\n"), first)
                if number in conflicts
            ]
            _stage_rejected(cursor, member.number, rejected)
            member.rejected += len(rejected)


_QUARANTINE = """
    insert into ops.quarantine (batch_id, line, type, reason, detail, raw)
    select (%(batch_ids)s::bigint[])[batch], line, type, reason, detail, raw
    from stage_rejected
    order by batch, line
"""
