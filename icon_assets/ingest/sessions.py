"""Data source sessions: when a source was connected, the first and last event of each session, its DSS_ID."""

from __future__ import annotations

from typing import Any

import psycopg

PROVIDERS = {"gos": "g_dss_gos_provider", "gcc": "g_dss_gcc_provider", "gud": "g_dss_gud_provider"}
"""The role of an ICON to the table of its sessions."""

_TOLD = (
    "icon_dbid", "ds_dbid", "ds_dbid_prim", "ds2_dbid", "ds_type", "icon_stime",
    "dsconn_stime", "dsconn_sdstime", "dsconn_sdsts", "dsconn_type", "dsconn_etime", "gsys_partition",
)  # fmt: skip
# A batch belongs to the session that it begins in. `where` says which sessions are looked at.
_EVENTS = """
    update idb.{table} as p set
    fevent_itime = e.first_itime,
    fevent_dstime = e.first_dstime,
    fevent_dsseq = e.first_dsseq,
    levent_itime = e.last_itime,
    levent_dstime = e.last_dstime,
    levent_dsseq = e.last_dsseq,
    gsys_useq = %(batch_id)s
    from (
        select
            s.dss_id,
            one.loaded_at at time zone 'UTC' as first_itime,
            one.first_ts at time zone 'UTC' as first_dstime,
            one.first_dsseq,
            other.loaded_at at time zone 'UTC' as last_itime,
            other.last_ts at time zone 'UTC' as last_dstime,
            other.last_dsseq
        from idb.data_source_session as s
        left join lateral (
            select b.loaded_at, b.first_ts, b.first_dsseq
            from ops.batch as b
            where
                b.source = s.source and b.dbid = s.ds_dbid and b.feed is not distinct from s.icon_dbid
                and b.first_ts >= s.from_ts and b.first_ts < s.to_ts
            order by b.first_ts, b.batch_id
            limit 1
        ) as one on true
        left join lateral (
            select b.loaded_at, b.last_ts, b.last_dsseq
            from ops.batch as b
            where
                b.source = s.source and b.dbid = s.ds_dbid and b.feed is not distinct from s.icon_dbid
                and b.first_ts >= s.from_ts and b.first_ts < s.to_ts
            order by b.first_ts desc, b.batch_id desc
            limit 1
        ) as other on true
        where
            s.source = %(source)s and s.ds_dbid = %(dbid)s and s.icon_dbid is not distinct from %(feed)s
            and s.to_ts > %(first_ts)s and s.from_ts <= %(last_ts)s
    ) as e
    where e.dss_id = p.dss_id
"""


def domains(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> list[int | None]:
    """DSS_ID of the session that each batch ended in, for GSYS_DOMAIN; None where no session is known."""
    if not parameters["dss_monitor"]:
        return [None for _ in parameters["batch_ids"]]
    found = cursor.execute(
        """
        select d.dss_id
        from unnest(%(last_times)s::timestamp[]) with ordinality as b (last_ts, batch)
        left join lateral (
            select s.dss_id from idb.data_source_session as s
            where
                s.source = %(source)s and s.ds_dbid = %(dbid)s and s.icon_dbid is not distinct from %(feed)s
                and s.from_ts <= b.last_ts
            order by s.from_ts desc limit 1
        ) as d on true
        order by b.batch
        """,
        parameters,
    )
    return [dss_id for (dss_id,) in found.fetchall()]


def update_sessions(cursor: psycopg.Cursor[Any], roles: tuple[str, ...], parameters: dict[str, Any]) -> None:
    """Brings the sessions of the batch's source and feed up to date, in the tables of these roles."""
    values = ", ".join(_TOLD)
    for role in roles:
        cursor.execute(
            f"""
            insert into idb.{PROVIDERS[role]} (dss_id, {values}, gsys_seq, gsys_useq)
            select s.dss_id, {", ".join(f"s.{name}" for name in _TOLD)}, s.gsys_seq, %(batch_id)s
            from idb.data_source_session as s
            where s.source = %(source)s and s.ds_dbid = %(dbid)s and s.icon_dbid is not distinct from %(feed)s
            on conflict (dss_id) do update set
            {", ".join(f"{name} = excluded.{name}" for name in (*_TOLD, "gsys_useq"))}
            """,
            parameters,
        )


def update_applications(cursor: psycopg.Cursor[Any], parameters: dict[str, Any]) -> None:
    """Brings what the configuration says of the sources, their primary and switch, into all sessions."""
    for table in PROVIDERS.values():
        cursor.execute(
            f"""
            update idb.{table} as p
            set ds_dbid_prim = s.ds_dbid_prim, ds2_dbid = s.ds2_dbid, gsys_useq = %(batch_id)s
            from idb.data_source_session as s
            where s.dss_id = p.dss_id
                and (s.ds_dbid_prim, s.ds2_dbid) is distinct from (p.ds_dbid_prim, p.ds2_dbid)
            """,
            parameters,
        )


def update_events(
    cursor: psycopg.Cursor[Any], roles: tuple[str, ...], parameters: dict[str, Any], *, all_sessions: bool
) -> None:
    """First and last stored event of the sessions that the batches touch, from the ledger.

    all_sessions: a connection line may have split any session of this source in two.
    """
    if parameters["first_ts"] is None:
        return
    if all_sessions:
        parameters = {**parameters, "first_ts": "-infinity", "last_ts": "infinity"}
    for role in roles:
        cursor.execute(_EVENTS.format(table=PROVIDERS[role]), parameters)
