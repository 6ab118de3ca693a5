"""The GC_ and GCX_ tables: the newest notice of each configuration object and association."""

from __future__ import annotations

from typing import Any

import psycopg

_COMMON = {
    "name": "o.name",
    "tenantid": "o.tenantid",
    "state": "case o.status when 1 then 1 else 2 end",
}
# Kind to its table and what the table has beside, or in place of, the common columns.
_OBJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "tenant": ("gc_tenant", {"name": "o.name", "state": _COMMON["state"]}),
    "switch": ("gc_switch", _COMMON),
    "campaign": ("gc_campaign", _COMMON),
    "group": ("gc_group", _COMMON),
    "calling_list": ("gc_calling_list", {**_COMMON, "formatid": "o.formatid"}),
    "field": ("gc_field", {**_COMMON, "icon_attribute": "o.icon_attribute"}),
    "format": ("gc_format", _COMMON),
    "agent": (
        "gc_agent",
        {
            "username": "o.name",
            "tenantid": "o.tenantid",
            "state": _COMMON["state"],
            "type": "2",
            "employeeid": "o.employeeid",
            "firstname": "o.firstname",
            "lastname": "o.lastname",
        },
    ),
    "application": (
        "gc_application",
        {**_COMMON, "role": "o.role", "switchid": "o.switchid", "primaryid": "o.primaryid"},
    ),
}
_ASSOCIATIONS = {
    "campaign_list": ("gcx_camplist_info", "campaignid", "listid"),
    "campaign_group": ("gcx_campgroup_info", "campaignid", "groupid"),
    "format_field": ("gcx_format_field", "formatid", "fieldid"),
}
_TRIPLE = ("", "_ts", "_tcode")


def _upsert(table: str, kind: str, key: dict[str, str], values: dict[str, str]) -> str:
    columns = {
        **key,
        **values,
        "status": "o.status",
        **{f"created{part}": f"first.added{part}" for part in _TRIPLE},
        **{f"deleted{part}": f"case when o.status = 2 then o.added{part} end" for part in _TRIPLE},
        "gsys_useq": "%(batch_id)s",
    }
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"""
        insert into idb.{table} ({", ".join(columns)}, gsys_seq)
        select {", ".join(columns.values())}, %(batch_id)s
        from (
            select distinct on (h.dbid, h.dbid2) h.*
            from idb.gc_object_hist as h
            where h.kind = '{kind}'
            order by h.dbid, h.dbid2, h.added desc
        ) as o
        inner join (
            select distinct on (h.dbid, h.dbid2) h.dbid, h.dbid2, h.added, h.added_ts, h.added_tcode
            from idb.gc_object_hist as h
            where h.kind = '{kind}'
            order by h.dbid, h.dbid2, h.added
        ) as first on first.dbid = o.dbid and first.dbid2 = o.dbid2
        on conflict ({", ".join(key)}) do update set {updates}
    """


def update_current(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Brings the tables of the staged kinds up to date. Configuration is small: each kind as a whole."""
    kinds = {row[0] for row in cursor.execute("select distinct kind from stage_object").fetchall()}
    for kind in sorted(kinds & _OBJECTS.keys()):
        table, values = _OBJECTS[kind]
        changed = {f"lastchange{part}": f"o.added{part}" for part in _TRIPLE}
        cursor.execute(_upsert(table, kind, {"id": "o.dbid"}, {**values, **changed}), parameters)
    for kind in sorted(kinds & _ASSOCIATIONS.keys()):
        table, one, other = _ASSOCIATIONS[kind]
        cursor.execute(_upsert(table, kind, {one: "o.dbid", other: "o.dbid2"}, {}), parameters)
