"""Ends that were lost: what is silent too long is closed artificially, and open again when it speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import sqlalchemy as sa

# Chains and sessions without an end, but for those that never began (state 0): after a restart or a
# switchover they are the first to lose theirs. A session is silent when its chains are too, and its
# last sign of life, theirs included, is its end. An OCS and its backup are one: the primary's DBID.
_LOST = """
    create temporary table lost on commit drop as
    with newest as (select max(last_ts) at time zone 'UTC' as ts from ops.batch),
    silent as (
        select
            'chain' as entity, c.chainguid as guid, c.ocsid, c.ocsid as last_ocsid, c.lastseq, c.lastchange,
            c.lastchange as ended
        from idb.go_chain as c
        where
            c.terminated is null and c.state <> 0
            and c.lastchange < (select ts from newest) - cast(:chain_silence as interval)
        union all
        select
            'campaign', s.sessid, null, s.ocsid, s.lastseq, s.lastchange, greatest(s.lastchange, a.lastchange)
        from idb.go_campaign as s
        cross join lateral (
            select max(c.lastchange) as lastchange from idb.go_chain as c where c.sessid = s.sessid
        ) as a
        where
            s.terminated is null and s.state is distinct from 0
            and greatest(s.lastchange, a.lastchange)
            < (select ts from newest) - cast(:session_silence as interval)
    )
    select
        s.entity, s.guid, s.ocsid, s.lastseq, s.lastchange, s.ended, coalesce(c.reason, 'silence') as reason,
        (select ts from newest) as newest_ts
    from silent as s
    left join lateral (
        select case n.dsconn_type when 3 then 'restart' else 'switchover' end as reason
        from idb.g_dss_connection as n
        left join idb.gc_application as there on there.id = n.ds_dbid
        left join idb.gc_application as here on here.id = s.last_ocsid
        where
            n.source = 'ocs' and n.state = 'connected' and n.dsconn_type in (3, 5) and n.added > s.ended
            and coalesce(there.primaryid, n.ds_dbid) = coalesce(here.primaryid, s.last_ocsid)
        order by n.added
        limit 1
    ) as c on true
"""
_UNDO = """
    update ops.synthetic_close as s set undone_at = clock_timestamp()
    where
        s.undone_at is null
        and not exists (
            select from lost as l
            where
                (l.entity, l.guid, l.lastseq, l.lastchange, l.ended, l.reason)
                = (s.entity, s.guid, s.lastseq, s.lastchange, s.ended, s.reason)
                and l.ocsid is not distinct from s.ocsid
        )
        and not exists (
            select from ops.purged_chain as p where p.chainguid = s.guid and p.ocsid = s.ocsid
        )
    returning s.entity, s.ended::date as day, 'reopened' as mark
"""
_CLOSE = """
    insert into ops.synthetic_close (entity, guid, ocsid, reason, ended, lastseq, lastchange, newest_ts)
    select entity, guid, ocsid, reason, ended, lastseq, lastchange, newest_ts from lost order by entity, guid
    on conflict do nothing
    returning entity, ended::date as day, 'closed' as mark
"""
_MARK = """
    insert into ops.dirty_day (entity, day, reason, objects)
    select entity, day, reason, count(*)
    from unnest(cast(:entities as text[]), cast(:days as date[]), cast(:reasons as text[]))
        as t (entity, day, reason)
    group by entity, day, reason
"""


@dataclass(frozen=True)
class Closed:
    """What one pass closed and undid; the `days` concerned, by entity, wait to be finalized again."""

    chains: int = 0
    sessions: int = 0
    undone: int = 0
    days: dict[str, list[date]] = field(default_factory=dict)


def close_lost(
    engine: sa.Engine,
    *,
    chain_silence: timedelta = timedelta(hours=8),
    session_silence: timedelta = timedelta(hours=24),
) -> Closed:
    """Brings ops.synthetic_close up to what the tables say now; call it before finalizing.

    Silence is counted to the newest event of any source in the ledger, never to the wall clock, so the
    same batches give the same ends. Without new batches a second call changes nothing.
    """
    with engine.begin() as connection:
        limits = {"chain_silence": chain_silence, "session_silence": session_silence}
        connection.execute(sa.text(_LOST), limits)
        undone = connection.execute(sa.text(_UNDO)).tuples().all()
        closed = connection.execute(sa.text(_CLOSE)).tuples().all()
        _mark(connection, [*undone, *closed])
    days: dict[str, set[date]] = {}
    for entity, day, _ in (*undone, *closed):
        days.setdefault(entity, set()).add(day)
    return Closed(
        chains=sum(entity == "chain" for entity, _, _ in closed),
        sessions=sum(entity == "campaign" for entity, _, _ in closed),
        undone=len(undone),
        days={entity: sorted(found) for entity, found in days.items()},
    )


def _mark(connection: sa.Connection, ends: Sequence[tuple[str, date, str]]) -> None:
    if ends:
        entities, days, reasons = (list(column) for column in zip(*ends, strict=True))
        connection.execute(sa.text(_MARK), {"entities": entities, "days": days, "reasons": reasons})
