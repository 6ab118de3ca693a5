"""Marks the days of termination that a batch changes, in the batch's own transaction."""

from __future__ import annotations

from typing import Any

import psycopg

CREATE = """
    create temporary table touched_chain (
        ocsid integer, chainguid text collate "C", sessid text, campaignid integer, groupid integer,
        callinglistid integer, was_terminated timestamp, first_batch integer, batch integer
    ) on commit delete rows;
    create temporary table touched_session (
        sessid text collate "C", was_terminated timestamp, first_batch integer, batch integer
    ) on commit delete rows
"""

_TOUCHED_CALLS = """
    select callid, max(batch) as batch
    from (
        select callid, batch from stage_call
        union all
        select callid, batch from stage_party
        union all
        select callid, batch from stage_userdata
    ) as s
    group by callid
"""

# A metric that names no attempt is one of a call, which the marts look for by the call.
_METRIC_CALLS = """
    select callid, max(batch) as batch
    from stage_metric
    where callattid is null and callid is not null
    group by callid
"""

# A call's chains are those that name it, and those of the attempts that its user data name. The key is asked
# for outside the look-ups: else the partial index on it was read whole for each call, 1.1 s a batch instead
# of 20 ms.
_OF_CALLS = """
    with calls as materialized ({calls}),
    attempts as materialized (
        select btrim(u.value) as callattid, max(c.batch) as batch
        from calls as c
        cross join lateral (
            (select u.keyname, u.value from idb.g_userdata_history as u
            where u.callid = c.callid offset 0)
            union all
            (select u.keyname, u.value from idb.g_secure_userdata_history as u
            where u.callid = c.callid offset 0)
        ) as u
        where upper(u.keyname) = 'GSW_CALL_ATTEMPT_GUID'
        group by 1
    )
    select x.ocsid, x.chainguid, c.batch
    from calls as c
    cross join lateral (
        select x.ocsid, x.chainguid from idb.gox_chain_call as x where x.callid = c.callid offset 0
    ) as x
    union all
    select h.ocsid, h.chainguid, a.batch
    from attempts as a
    cross join lateral (
        select h.ocsid, h.chainguid
        from idb.go_chainrec_hist as h
        where h.callattid = a.callattid
        offset 0
    ) as h
"""

# Event type to the chains that its new lines touch, and in which batch; a chain may come more than once.
_CHAINS = {
    "record": "select %(dbid)s as ocsid, s.chainguid, s.batch from stage_record as s",
    "field": "select t.ocsid, t.chainguid, t.batch from touched_field as t",
    "chain_call": "select %(dbid)s as ocsid, s.chainguid, s.batch from stage_chain_call as s",
    "metric": f"""
        select h.ocsid, h.chainguid, s.batch
        from (
            select m.callattid, max(m.batch) as batch
            from stage_metric as m
            where
                m.callattid is not null
                and not exists (select from stage_chain as c where c.callattid = m.callattid)
            group by m.callattid
        ) as s
        cross join lateral (
            select h.ocsid, h.chainguid from idb.go_chainrec_hist as h
            where h.callattid = s.callattid and h.ocsid = %(dbid)s
            offset 0
        ) as h
        union all
        ({_OF_CALLS.format(calls=_METRIC_CALLS)})
    """,
    "call": _OF_CALLS.format(calls=_TOUCHED_CALLS),
}
# Values move between the open and the secure tables when a field's object or an ICON start becomes known.
_TRIGGER = {"party": "call", "userdata": "call", "object": "field", "connection": "field"}

# A chain with a new notice in the batch has marked its day already: mostly all of them.
_MARK_CHAINS = """
    insert into ops.dirty_day (entity, day, reason, objects, batch_id)
    select
        'chain',
        c.ended::date,
        %(reason)s,
        count(*),
        coalesce((%(batch_ids)s::bigint[])[t.batch], %(batch_id)s)
    from (
        select t.ocsid, t.chainguid, max(t.batch) as batch
        from ({chains}) as t
        where not exists (select from stage_chain as s where s.chainguid = t.chainguid)
        group by t.ocsid, t.chainguid
    ) as t
    cross join lateral (
        select c.ended from ops.ended_chain as c
        where c.chainguid = t.chainguid and c.ocsid = t.ocsid
        offset 0
    ) as c
    group by c.ended::date, t.batch
"""

# A notice of a chain concerns the day that the chain had ended on, and the one it ends on now.
_MARK_ENDS = """
    insert into ops.dirty_day (entity, day, reason, objects, batch_id)
    select %(entity)s, e.day, e.reason, count(*), (%(batch_ids)s::bigint[])[e.batch]
    from (
        select
            t.batch,
            t.was_terminated::date as day,
            case
                when o.ended::date is distinct from t.was_terminated::date then 'moved' else %(entity)s
            end as reason
        from {touched} as t
        left join lateral (select o.ended from ops.{ended} as o where {match} offset 0) as o on true
        where t.was_terminated is not null
        union all
        select t.batch, o.ended::date, 'ended'
        from {touched} as t
        cross join lateral (select o.ended from ops.{ended} as o where {match} offset 0) as o
        where o.ended::date is distinct from t.was_terminated::date
    ) as e
    group by e.day, e.reason, e.batch
"""
_ENDS = {
    "chain": {
        "touched": "touched_chain",
        "ended": "ended_chain",
        "match": "o.ocsid = t.ocsid and o.chainguid = t.chainguid",
    },
    "campaign": {"touched": "touched_session", "ended": "ended_session", "match": "o.sessid = t.sessid"},
}


def mark(cursor: psycopg.Cursor[Any], types: set[str], parameters: dict[str, Any]) -> None:
    """Writes ops.dirty_day rows for what the stage still holds: new lines of these event types."""
    if "chain" in types:
        cursor.execute(_MARK_ENDS.format(**_ENDS["chain"]), {**parameters, "entity": "chain"})
    if types & {"campaign", "campaign_property"}:
        cursor.execute(_MARK_ENDS.format(**_ENDS["campaign"]), {**parameters, "entity": "campaign"})
    reasons = {_TRIGGER.get(type_, type_) for type_ in types} & _CHAINS.keys()
    for reason in sorted(reasons):
        mark_chains(cursor, _CHAINS[reason], {**parameters, "reason": reason})


def mark_chains(cursor: psycopg.Cursor[Any], chains: str, parameters: dict[str, Any]) -> None:
    """Marks the day of each ended chain among `chains`, a query of (ocsid, chainguid, batch)."""
    cursor.execute(_MARK_CHAINS.format(chains=chains), parameters)
