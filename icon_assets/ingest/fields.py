"""Values of calling-list fields: open, secure or not stored, and moved when the configuration says so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg

from icon_assets.ingest.stage import removed

_KEY = ("chainguid", "ocsid", "recordhandle", "fieldid")
_TRIPLES = ("", "_ts", "_tcode")
# Of the first and last batch that touched the field; rows that move are touched by the merge as a whole.
_FIRST_BATCH_ID = "coalesce((%(batch_ids)s::bigint[])[t.first_batch], %(batch_id)s)"
_BATCH_ID = "coalesce((%(batch_ids)s::bigint[])[t.batch], %(batch_id)s)"
# What the two pairs of tables differ in: history, current, own columns of the current row from the history's.
_OPEN: tuple[str, str, dict[str, str]] = ("go_fieldhist", "go_custom_fields", {})
_SECURE: tuple[str, str, dict[str, str]] = ("go_sec_fieldhist", "go_secure_fields", {"valuerest": "newrest"})
_PAIRS = {1: _OPEN, 2: _SECURE}
# The route of a staged line; none for a field without an object, which is secure.
ROUTE = "left join field_route as r on r.fieldid = s.fieldid and s.ts >= r.from_ts and s.ts < r.to_ts"

CREATE = """
    create temporary table field_route (
        fieldid integer, from_ts timestamp, to_ts timestamp, attribute integer, is_ambiguous boolean
    ) on commit delete rows;
    create temporary table route_before (
        ocsid integer, feed integer, fieldid integer, from_ts timestamp, to_ts timestamp, attribute integer
    ) on commit delete rows;
    create temporary table touched_field (
        chainguid text collate "C", ocsid integer, recordhandle integer, fieldid integer, attribute integer,
        batch integer
    ) on commit delete rows
"""

# The route of this batch's OCS and feed; a source that never connected has the earliest object of each field.
# Ambiguous: at another time, or in the feed of another ICON, the field goes elsewhere.
_ROUTE = """
    insert into field_route (fieldid, from_ts, to_ts, attribute, is_ambiguous)
    with earliest as (
        select distinct on (o.dbid)
            o.dbid as fieldid,
            case coalesce(o.icon_attribute, 0) when 0 then 0 when 1 then 1 else 2 end as attribute
        from idb.gc_object_hist as o
        where o.kind = 'field' and o.status = 1
        order by o.dbid, o.added
    ),
    ours as (
        select r.fieldid, r.from_ts, r.to_ts, r.attribute
        from idb.field_route as r
        where r.ocsid = %(dbid)s and r.feed is not distinct from %(feed)s
    ),
    routes as (
        select * from ours
        union all
        select f.fieldid, '-infinity', 'infinity', f.attribute
        from earliest as f
        where f.fieldid not in (select o.fieldid from ours as o)
    )
    select r.*, exists (
        select from idb.field_route as x
        where x.ocsid = %(dbid)s and x.fieldid = r.fieldid and x.attribute <> r.attribute
    )
    from routes as r
"""

_NOT_STORED = (
    "using field_route as r "
    "where r.fieldid = s.fieldid and s.ts >= r.from_ts and s.ts < r.to_ts and r.attribute = 0"
)


def route(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> Counter[int]:
    """Prepares field_route for the staged field lines, drops those not to be stored; how many, by batch."""
    cursor.execute(_ROUTE, parameters)
    return removed(cursor, "field", _NOT_STORED)


def any_ambiguous(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether a key of the staged lines may stand in the other pair of tables; after route()."""
    return bool(cursor.execute("select from field_route where is_ambiguous limit 1").rowcount)


def _current(attribute: int, history: str, current: str, extra: dict[str, str]) -> str:
    """The current row of each touched field: its last value by SEQ, loaded at its notice 1."""
    key = ", ".join(f"last.{name}" for name in _KEY)
    values = {
        "value": "last.newvalue",
        **{name: f"last.{source}" for name, source in extra.items()},
        "valuecut": "last.valuecut",
        "lastseq": "last.seq",
        "lastchainupdseq": "last.chainhistseq",
        **{f"lastchanged{part}": f"last.added{part}" for part in _TRIPLES},
        **{
            f"loaded{part}": f"case last.seq when 1 then last.added{part} else first.added{part} end"
            for part in _TRIPLES
        },
        "gsys_useq": _BATCH_ID,
    }
    once = {
        "gsys_domain": "case when t.first_batch is null then last.gsys_domain "
        "else (%(domains)s::integer[])[t.first_batch] end",
        "gsys_partition": "last.gsys_partition",
        "gsys_seq": _FIRST_BATCH_ID,
    }
    return f"""
        insert into idb.{current} ({", ".join((*_KEY, *values, *once))})
        select {key}, {", ".join((*values.values(), *once.values()))}
        from (
            select {", ".join(_KEY)}, min(batch) as first_batch, max(batch) as batch from touched_field
            where coalesce(attribute, {attribute}) = {attribute}
            group by {", ".join(_KEY)}
        ) as t
        cross join lateral (
            select h.* from idb.{history} as h
            where {_same("h", "t")}
            order by h.seq desc
            limit 1
        ) as last
        left join lateral (
            select h.* from idb.{history} as h
            where {_same("h", "t")} and h.seq = 1 and last.seq > 1
            offset 0
        ) as first on true
        order by {key}
        on conflict ({", ".join(_KEY)}) do update set
        {", ".join(f"{name} = excluded.{name}" for name in values)}
    """


def update_current(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Brings GO_CUSTOM_FIELDS and GO_SECURE_FIELDS up to date with the new lines left in stage_field."""
    cursor.execute(
        f"insert into touched_field select s.chainguid, %(dbid)s, s.recordhandle, s.fieldid, "
        f"coalesce(r.attribute, 2), s.batch from stage_field as s {ROUTE}",
        parameters,
    )
    for attribute, pair in _PAIRS.items():
        cursor.execute(_current(attribute, *pair), parameters)


def remember_routes(cursor: psycopg.Cursor[Any]) -> None:
    """Keeps the routes as they are before a batch that may change them."""
    cursor.execute("insert into route_before select * from idb.field_route")


_CHANGED = """
    select distinct changed.fieldid
    from (
        (table idb.field_route except table route_before)
        union all
        (table route_before except table idb.field_route)
    ) as changed
"""


def _misplaced(history: str, attribute: int) -> str:
    """Rows of `history` that the routes in force now place elsewhere; a field without an object is secure.

    Of a row that was purged and came back the feed is not known: where the feeds differ, it is secure. What
    this merge stored is in its place, and its feed is not in the ledger yet.
    """
    key = ", ".join(f"h.{name}" for name in (*_KEY, "seq"))
    return f"""
        select * from (
            select distinct on ({key}) h.*, r.attribute as moves_to
            from idb.{history} as h
            left join ops.batch as b on b.batch_id = h.gsys_seq
            inner join idb.field_route as r
                on
                    r.ocsid = h.ocsid and r.fieldid = h.fieldid
                    and (r.feed is not distinct from b.feed or b.batch_id is null)
                    and h.added >= r.from_ts and h.added < r.to_ts
            where
                h.fieldid = any(%(fields)s)
                and not coalesce(h.gsys_seq = any(%(batch_ids)s::bigint[]), false)
            order by {key}, r.attribute desc
        ) as h
        where h.moves_to <> {attribute}
    """


# Columns that both pairs' histories have, but for the values.
_SHARED = (
    *(*_KEY, "seq", "chainhistseq", "callattid", "valuecut"),
    *(f"{name}{part}" for name in ("preventer", "added") for part in _TRIPLES),
    *("gsys_domain", "gsys_partition", "gsys_seq", "gsys_useq"),
)
# What a row of the other pair becomes in this one: 255 characters and the rest in the secure tables.
_TAKEN = {
    "go_fieldhist": {
        "oldvalue": "oldvalue || coalesce(oldrest, '')",
        "newvalue": "newvalue || coalesce(newrest, '')",
    },
    "go_sec_fieldhist": {
        "oldvalue": "left(oldvalue, 255)",
        "newvalue": "left(newvalue, 255)",
        "oldrest": "nullif(substr(oldvalue, 256), '')",
        "newrest": "nullif(substr(newvalue, 256), '')",
    },
}


def reroute(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Moves what is stored to where the configuration, as known now, places it.

    Rows of a field that is not to be stored are removed, for good: an object that comes later still and
    would have stored them finds nothing. Leaves the touched fields in touched_field.
    """
    fields = [row[0] for row in cursor.execute(_CHANGED).fetchall()]
    if not fields:
        return
    parameters = {**parameters, "fields": fields}
    for attribute, (history, _, _) in _PAIRS.items():
        cursor.execute(
            f"create temporary table moving_{history} on commit drop as {_misplaced(history, attribute)}",
            parameters,
        )
    for attribute, (history, current, _) in _PAIRS.items():
        (other,) = (pair[0] for key, pair in _PAIRS.items() if key != attribute)
        _move(cursor, history, current, other, 3 - attribute)
    for attribute, pair in _PAIRS.items():
        cursor.execute(_current(attribute, *pair), parameters)


def _move(cursor: psycopg.Cursor[Any], history: str, current: str, target: str, attribute: int) -> None:
    """Takes what is in moving_`history` out of its pair of tables; `attribute` of it goes to `target`."""
    shared = ", ".join(_SHARED)
    taken = _TAKEN[target]
    cursor.execute(f"insert into touched_field select distinct {', '.join(_KEY)} from moving_{history}")
    cursor.execute(
        f"delete from idb.{history} as h using moving_{history} as m "
        f"where {_same('h', 'm')} and h.seq = m.seq"
    )
    cursor.execute(f"delete from idb.{current} as h using moving_{history} as m where {_same('h', 'm')}")
    cursor.execute(
        f"insert into idb.{target} ({shared}, {', '.join(taken)}) "
        f"select {shared}, {', '.join(taken.values())} from moving_{history} where moves_to = {attribute}"
    )


def _same(left: str, right: str) -> str:
    return " and ".join(f"{left}.{name} = {right}.{name}" for name in _KEY)
