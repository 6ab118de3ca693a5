"""Marks the days of termination that a batch changes, in the batch's own transaction."""

from __future__ import annotations

from typing import Any

import psycopg

CREATE = """
    create temporary table if not exists touched_chain (
        ocsid integer, chainguid text collate "C", sessid text, campaignid integer, groupid integer,
        callinglistid integer, was_terminated timestamp
    ) on commit delete rows;
    create temporary table if not exists touched_session (
        sessid text collate "C", was_terminated timestamp
    ) on commit delete rows
"""

_TOUCHED_CALLS = """
    select callid from stage_call
    union
    select callid from stage_party
    union
    select callid from stage_userdata
"""

# Event type to the chains that its new lines touch.
_CHAINS = {
    "record": "select distinct %(dbid)s as ocsid, s.chainguid from stage_record as s",
    "field": "select distinct t.ocsid, t.chainguid from touched_field as t",
    "chain_call": "select distinct %(dbid)s as ocsid, s.chainguid from stage_chain_call as s",
    "metric": """
        select distinct h.ocsid, h.chainguid
        from (select distinct callattid from stage_metric where callattid is not null) as s
        inner join idb.go_chainrec_hist as h on h.callattid = s.callattid and h.ocsid = %(dbid)s
    """,
    "call": f"""
        with calls as materialized ({_TOUCHED_CALLS}),
        attempts as materialized (
            select upper(u.keyname) as keyname, btrim(u.value) as callattid
            from calls as c
            inner join idb.g_userdata_history as u on u.callid = c.callid
            where upper(u.keyname) = 'GSW_CALL_ATTEMPT_GUID'
            union
            select upper(u.keyname), btrim(u.value)
            from calls as c
            inner join idb.g_secure_userdata_history as u on u.callid = c.callid
            where upper(u.keyname) = 'GSW_CALL_ATTEMPT_GUID'
        )
        select x.ocsid, x.chainguid
        from calls as c
        inner join idb.gox_chain_call as x on x.callid = c.callid
        union
        select h.ocsid, h.chainguid
        from attempts as a
        inner join idb.go_chainrec_hist as h on h.callattid = a.callattid
    """,
}
_TRIGGER = {"call": "call", "party": "call", "userdata": "call"}

_MARK_CHAINS = """
    insert into ops.dirty_day (entity, day, reason, objects, batch_id)
    select 'chain', c.terminated::date, %(reason)s, count(*), %(batch_id)s
    from ({chains}) as t
    inner join idb.go_chain as c on c.ocsid = t.ocsid and c.chainguid = t.chainguid
    where c.terminated is not null
    group by c.terminated::date
"""

# A notice of a chain concerns the day that the chain had ended on, and the one it ends on now.
_MARK_ENDS = """
    insert into ops.dirty_day (entity, day, reason, objects, batch_id)
    select %(entity)s, e.day, e.reason, count(*), %(batch_id)s
    from (
        select
            t.was_terminated::date as day,
            case when o.terminated::date is distinct from t.was_terminated::date then 'moved' else %(entity)s end
                as reason
        from {touched} as t
        inner join idb.{base} as o on {match}
        where t.was_terminated is not null
        union all
        select o.terminated::date, 'ended'
        from {touched} as t
        inner join idb.{base} as o on {match}
        where o.terminated is not null and o.terminated::date is distinct from t.was_terminated::date
    ) as e
    group by e.day, e.reason
"""
_ENDS = {
    "chain": {
        "touched": "touched_chain",
        "base": "go_chain",
        "match": "o.ocsid = t.ocsid and o.chainguid = t.chainguid",
    },
    "campaign": {"touched": "touched_session", "base": "go_campaign", "match": "o.sessid = t.sessid"},
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
    """Marks the day of each ended chain among `chains`, a query of (ocsid, chainguid)."""
    cursor.execute(_MARK_CHAINS.format(chains=chains), parameters)
