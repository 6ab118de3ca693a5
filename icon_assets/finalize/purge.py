"""What idb need not keep: chains that are final and in the marts, and older than anybody asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from icon_assets.finalize.reconcile import mark_differences
from icon_assets.idb import locks
from icon_assets.idb.schema import FINAL_TABLES

# A day may go when it is final, the marts hold that version, and it waits for nothing. Age is counted to the
# newest event of any source, not to the wall clock: a replay of old data is not old.
_DAYS = """
    select f.day
    from ops.final_day as f
    inner join ops.marts_day as m on m.entity = f.entity and m.day = f.day and m.version = f.version
    where
        f.entity = 'chain'
        and f.day + cast(:keep_days as integer)
        < (select (max(last_ts) at time zone 'UTC')::date from ops.batch)
        and not exists (
            select from ops.dirty_day as d
            where d.entity = f.entity and d.day = f.day and d.finalized_at is null
        )
        and exists (select from ops.ended_chain as e where e.ended >= f.day and e.ended < f.day + 1)
    order by f.day
"""
# A session without a real end may still need its chains, to tell its end (see close).
_GOING = """
    create temporary table going on commit drop as
    select e.chainguid, e.ocsid, e.final_day
    from ended as e
    inner join idb.go_chain as c on c.chainguid = e.chainguid and c.ocsid = e.ocsid
    inner join idb.go_campaign as s on s.sessid = c.sessid
    where s.terminated is not null
"""
_MARK = (
    "insert into ops.purged_chain (chainguid, ocsid, final_day) select chainguid, ocsid, final_day from going"
)
_KEYS = """
    insert into ops.purged_key (key, chainguid, ocsid)
    select h.callattid, g.chainguid, g.ocsid
    from going as g
    inner join idb.go_chainrec_hist as h on h.chainguid = g.chainguid and h.ocsid = g.ocsid
    where h.callattid is not null
    union
    select x.callid, g.chainguid, g.ocsid
    from going as g
    inner join idb.gox_chain_call as x on x.chainguid = g.chainguid and x.ocsid = g.ocsid
    where x.callid is not null
"""


@dataclass(frozen=True)
class Purged:
    """What went: `chains` of `days`, and how many rows of idb in all."""

    days: list[date] = field(default_factory=list)
    chains: int = 0
    rows: int = 0


def purge(engine: sa.Engine, keep_days: int, *, progress: Callable[[int, int], None] | None = None) -> Purged:
    """Deletes from idb the chains that ended more than `keep_days` before the newest event.

    Never what is unfinished, set aside, not final, or not in the marts; and a day only after final was found
    equal to idb. Sessions stay, and so do calls and metrics: final does not hold them. progress is called
    after each day with (days done, days in all).
    """
    with engine.connect() as connection:
        days = list(connection.execute(sa.text(_DAYS), {"keep_days": keep_days}).scalars())
    gone: list[date] = []
    chains = rows = 0
    for done, day in enumerate(days, 1):
        n, deleted = _purge_day(engine, day, keep_days)
        if n:
            gone.append(day)
        chains, rows = chains + n, rows + deleted
        if progress:
            progress(done, len(days))
    return Purged(gone, chains, rows)


def _purge_day(engine: sa.Engine, day: date, keep_days: int) -> tuple[int, int]:
    """One transaction; no batch and no other rebuild at the same time."""
    with engine.begin() as connection:
        locks.hold(connection.exec_driver_sql, locks.CALLS, locks.OUTBOUND, locks.FINALIZE["chain"])
        due = connection.execute(sa.text(_DAYS), {"keep_days": keep_days}).scalars()
        if day not in set(due) or mark_differences(connection, "chain", [day]):
            return 0, 0
        chains = connection.execute(sa.text(_GOING)).rowcount
        if not chains:
            return 0, 0
        connection.execute(sa.text("analyze going"))
        connection.execute(sa.text(_MARK))
        connection.execute(sa.text(_KEYS))
        rows = 0
        for table in FINAL_TABLES["chain"]:
            rows += connection.execute(
                sa.text(
                    f"delete from idb.{table} as h using going as g "
                    "where h.chainguid = g.chainguid and h.ocsid = g.ocsid"
                )
            ).rowcount
    return chains, rows
