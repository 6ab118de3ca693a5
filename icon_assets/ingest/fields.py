"""Values of calling-list fields: open, secure or not stored, and moved when the configuration says so."""

from __future__ import annotations

from typing import Any

import psycopg

_KEY = ("chainguid", "ocsid", "recordhandle", "fieldid")
_TRIPLES = ("", "_ts", "_tcode")
# What the two pairs of tables differ in: history, current, own columns of the current row from the history's.
_OPEN: tuple[str, str, dict[str, str]] = ("go_fieldhist", "go_custom_fields", {})
_SECURE: tuple[str, str, dict[str, str]] = ("go_sec_fieldhist", "go_secure_fields", {"valuerest": "newrest"})
_PAIRS = {1: _OPEN, 2: _SECURE}

CREATE = """
    create temporary table if not exists field_route (
        fieldid integer, from_ts timestamp, to_ts timestamp, attribute integer
    ) on commit delete rows;
    create temporary table if not exists route_before (
        ocsid integer, feed integer, fieldid integer, from_ts timestamp, to_ts timestamp, attribute integer
    ) on commit delete rows;
    create temporary table if not exists touched_field (
        chainguid text collate "C", ocsid integer, recordhandle integer, fieldid integer
    ) on commit delete rows
"""

# The route of this batch's OCS and feed. A source that never connected has the earliest object of each field.
_ROUTE = """
    insert into field_route (fieldid, from_ts, to_ts, attribute)
    select r.fieldid, r.from_ts, r.to_ts, r.attribute
    from idb.field_route as r
    where r.ocsid = %(dbid)s and r.feed is not distinct from %(feed)s
    union all
    select f.dbid, '-infinity', 'infinity', f.attribute
    from (
        select distinct on (o.dbid) o.dbid, coalesce(o.icon_attribute, 0) as attribute
        from idb.gc_object_hist as o
        where o.kind = 'field' and o.status = 1
        order by o.dbid, o.added
    ) as f
    where not exists (
        select from idb.field_route as r
        where r.ocsid = %(dbid)s and r.feed is not distinct from %(feed)s and r.fieldid = f.dbid
    )
"""

_NOT_STORED = """
    delete from stage_field as s
    using field_route as r
    where r.fieldid = s.fieldid and s.ts >= r.from_ts and s.ts < r.to_ts and r.attribute = 0
    returning s.line
"""


def route(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> int:
    """Prepares field_route for the staged field lines, drops those that are not stored; returns how many."""
    cursor.execute(_ROUTE, parameters)
    return len(cursor.execute(_NOT_STORED).fetchall())


def _current(history: str, current: str, extra: dict[str, str]) -> str:
    """The current row of each touched field: its last value by SEQ, loaded at its notice 1."""
    key = ", ".join(f"last.{name}" for name in _KEY)
    values = {
        "value": "last.newvalue",
        **{name: f"last.{source}" for name, source in extra.items()},
        "valuecut": "last.valuecut",
        "lastseq": "last.seq",
        "lastchainupdseq": "last.chainhistseq",
        **{f"lastchanged{part}": f"last.added{part}" for part in _TRIPLES},
        **{f"loaded{part}": f"first.added{part}" for part in _TRIPLES},
        "gsys_useq": "%(batch_id)s",
    }
    once = {
        "gsys_domain": "last.gsys_domain",
        "gsys_partition": "last.gsys_partition",
        "gsys_seq": "%(batch_id)s",
    }
    return f"""
        insert into idb.{current} ({", ".join((*_KEY, *values, *once))})
        select {key}, {", ".join((*values.values(), *once.values()))}
        from (
            select distinct on ({", ".join(f"h.{name}" for name in _KEY)}) h.*
            from (select distinct chainguid, ocsid, recordhandle, fieldid from touched_field) as t
            inner join idb.{history} as h
                on
                    h.chainguid = t.chainguid and h.ocsid = t.ocsid
                    and h.recordhandle = t.recordhandle and h.fieldid = t.fieldid
            order by {", ".join(f"h.{name}" for name in _KEY)}, h.seq desc
        ) as last
        left join idb.{history} as first
            on
                first.chainguid = last.chainguid and first.ocsid = last.ocsid
                and first.recordhandle = last.recordhandle and first.fieldid = last.fieldid and first.seq = 1
        order by {key}
        on conflict ({", ".join(_KEY)}) do update set
        {", ".join(f"{name} = excluded.{name}" for name in values)}
    """


def update_current(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Brings GO_CUSTOM_FIELDS and GO_SECURE_FIELDS up to date with the new lines left in stage_field."""
    cursor.execute(
        "insert into touched_field select chainguid, %(dbid)s, recordhandle, fieldid from stage_field",
        parameters,
    )
    for pair in _PAIRS.values():
        cursor.execute(_current(*pair), parameters)


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
    """Rows of `history` that the routes in force now place elsewhere; a field without an object is secure."""
    return f"""
        select h.*, r.attribute as moves_to
        from idb.{history} as h
        inner join ops.batch as b on b.batch_id = h.gsys_seq
        inner join idb.field_route as r
            on
                r.ocsid = h.ocsid and r.feed is not distinct from b.feed and r.fieldid = h.fieldid
                and h.added >= r.from_ts and h.added < r.to_ts
        where h.fieldid = any(%(fields)s) and r.attribute <> {attribute}
    """


def reroute(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Moves what is stored to where the configuration, as known now, places it.

    Rows of a field that is not to be stored are removed. Leaves the touched fields in touched_field.
    """
    fields = [row[0] for row in cursor.execute(_CHANGED).fetchall()]
    if not fields:
        return
    parameters = {**parameters, "fields": fields}
    shared = ", ".join(
        (
            *_KEY,
            *("seq", "chainhistseq", "callattid", "valuecut"),
            *(f"{name}{part}" for name in ("preventer", "added") for part in _TRIPLES),
            *("gsys_domain", "gsys_partition", "gsys_seq", "gsys_useq"),
        )
    )
    moves = (
        (
            _SECURE,
            _OPEN,
            2,
            1,
            "oldvalue || coalesce(oldrest, '')",
            "newvalue || coalesce(newrest, '')",
            "oldvalue, newvalue",
        ),
        (_OPEN, _SECURE, 1, 2, "oldvalue", "newvalue", "oldvalue, newvalue, oldrest, newrest"),
    )
    for (source, current, _), (target, _, _), here, there, old, new, values in moves:
        taken = (
            f"{old}, {new}"
            if there == 1
            else (
                f"left({old}, 255), left({new}, 255), "
                f"nullif(substr({old}, 256, 3745), ''), nullif(substr({new}, 256, 3745), '')"
            )
        )
        cursor.execute(
            f"create temporary table moving on commit drop as {_misplaced(source, here)}", parameters
        )
        cursor.execute(f"insert into touched_field select {', '.join(_KEY)} from moving")
        cursor.execute(
            f"delete from idb.{source} as h using moving as m where {_same('h', 'm')} and h.seq = m.seq"
        )
        cursor.execute(f"delete from idb.{current} as h using moving as m where {_same('h', 'm')}")
        cursor.execute(
            f"insert into idb.{target} ({shared}, {values}) select {shared}, {taken} from moving where moves_to = {there}"
        )
        cursor.execute("drop table moving")
    for pair in _PAIRS.values():
        cursor.execute(_current(*pair), parameters)


def _same(left: str, right: str) -> str:
    return " and ".join(f"{left}.{name} = {right}.{name}" for name in _KEY)
