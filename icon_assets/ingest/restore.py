"""Chains that were purged and are spoken of again: back from final to idb, as their source told them."""

from __future__ import annotations

from functools import cache
from typing import Any

import psycopg

from icon_assets.idb import locks
from icon_assets.idb.schema import FINAL_TABLES, final, idb

CREATE = """
    create temporary table if not exists returning_chain (
        chainguid text collate "C", ocsid integer, final_day date
    ) on commit delete rows
"""
_CHAIN_LINES = ("chain", "record", "field", "chain_call")
_CALL_LINES = ("call", "party", "userdata")

_BY_GUID = """
    select p.chainguid, p.ocsid, p.final_day
    from (select distinct chainguid from stage_{type}) as s
    inner join ops.purged_chain as p on p.chainguid = s.chainguid and p.ocsid = %(dbid)s
"""
_BY_KEY = """
    select p.chainguid, p.ocsid, p.final_day
    from ({keys}) as s (key)
    inner join ops.purged_key as k on k.key = s.key
    inner join ops.purged_chain as p on p.chainguid = k.chainguid and p.ocsid = k.ocsid
"""
# A call names its chain by its own id, or by the attempt that its user data names, now or earlier.
_OF_CALLS = """
    with calls as ({calls})
    select callid from calls
    union
    select btrim(u.value)
    from (
        select keyname, value from stage_userdata
        union all
        select u.keyname, u.value
        from calls as c
        inner join idb.g_userdata_history as u on u.callid = c.callid
        union all
        select u.keyname, u.value
        from calls as c
        inner join idb.g_secure_userdata_history as u on u.callid = c.callid
    ) as u
    where upper(u.keyname) = 'GSW_CALL_ATTEMPT_GUID'
"""
_CALLS = _OF_CALLS.format(
    calls="select callid from stage_call union select callid from stage_party union "
    "select callid from stage_userdata"
)
_OF_METRICS = _OF_CALLS.format(
    calls="select callid from stage_metric where callattid is null and callid is not null"
)
_METRICS = f"select callattid from stage_metric where callattid is not null union ({_OF_METRICS})"

# When a row came: the first of these that its table has gives GSYS_PARTITION, as the loader fills it.
_TIMES = ("added", "created", "loaded", "lastchanged", "lastchange")


def restore(cursor: psycopg.Cursor[Any], types: list[str], parameters: dict[str, Any]) -> None:
    """Brings back the chains that the staged lines speak of: nothing later knows that they were gone."""
    found = [_BY_GUID.format(type=type_) for type_ in _CHAIN_LINES if type_ in types]
    if "metric" in types:
        found.append(_BY_KEY.format(keys=_METRICS))
    if set(_CALL_LINES).intersection(types):
        found.append(_BY_KEY.format(keys=_CALLS))
    purged = cursor.execute("select exists (select from ops.purged_chain)").fetchone()
    if not found or purged == (False,):
        return
    cursor.execute(CREATE)
    # Distinct: a chain is found by each of its keys that the lines name.
    returning = f"insert into returning_chain select distinct * from ({' union all '.join(found)}) as r"
    cursor.execute(returning, parameters)
    if cursor.rowcount and parameters["source"] != "ocs":
        # Chains are the other merge's; it may have brought them back meanwhile.
        locks.take(cursor.execute, locks.OUTBOUND)
        cursor.execute("delete from returning_chain")
        cursor.execute(returning, parameters)
    if cursor.rowcount:
        for statement in _statements():
            cursor.execute(statement, parameters)


@cache
def _statements() -> tuple[str, ...]:
    return (
        *(_bring_back(table) for table in FINAL_TABLES["chain"]),
        "delete from ops.purged_chain as p using returning_chain as r "
        "where p.chainguid = r.chainguid and p.ocsid = r.ocsid",
    )


def _bring_back(table: str) -> str:
    known = final(table).columns
    columns = {name: _as_told(name) for name in (c.name for c in known) if name in idb(table).columns}
    times = [f"f.{name}" for name in _TIMES if name in columns]
    columns |= {
        "gsys_partition": f"to_char(coalesce({', '.join(times)}), 'YYYYMMDD')::integer",
        "gsys_seq": "0",  # of no batch: the loader takes rows of its own number for the lines it loads
        "gsys_useq": "%(batch_id)s",
    }
    return f"""
        insert into idb.{table} ({", ".join(columns)})
        select {", ".join(columns.values())}
        from returning_chain as r
        inner join final.{table} as f
            on f.final_day = r.final_day and f.chainguid = r.chainguid and f.ocsid = r.ocsid
    """


def _as_told(name: str) -> str:
    """The column as its source told it: null where final derived it, or made up the end."""
    if name.startswith("terminated"):
        return f"case when f.synthetic_close is null then f.{name} end"
    if name == "prevstate":
        return f"case when f.derived & 1 = 0 then f.{name} end"
    if name.startswith(("prevsenter", "preventer")):
        return f"case when f.derived & 2 = 0 then f.{name} end"
    return f"f.{name}"
