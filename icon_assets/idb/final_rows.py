"""The rows that final holds of ended objects, as queries over idb; derives PREV columns and durations.

Each query reads `ended` (final_day, the key of the entity, ended, synthetic_close), the objects of the
days under way, and one idb table `h`.
"""

from __future__ import annotations

from icon_assets.idb.schema import FINAL_TABLES, final

KEYS = {"campaign": ("sessid",), "chain": ("chainguid", "ocsid")}
ENTITY = {table: entity for entity, tables in FINAL_TABLES.items() for table in tables}
_TRIPLE = ("", "_ts", "_tcode")

# Within a chain SEQ orders; a field's history has its own SEQ.
_CHAIN = "window w as (partition by h.chainguid, h.ocsid order by h.seq)"
_FIELD = "window w as (partition by h.chainguid, h.ocsid, h.recordhandle, h.fieldid order by h.seq)"
# Within a session SEQ orders each OCS; between OCSs the time does, as in idb.go_campaign.
_PLACE = """(
    select c.*, row_number() over (partition by c.sessid order by c.running, c.ocsid, c.seq)::integer as place
    from (
        select x.*, max(x.added) over (partition by x.sessid, x.ocsid order by x.seq) as running
        from ended as e
        inner join idb.{table} as x on x.sessid = e.sessid
    ) as c
)"""
_SESSION = "window w as (partition by h.sessid order by h.place)"
_BEFORE = "over (w rows between unbounded preceding and 1 preceding)"


def _previous(column: str) -> dict[str, str]:
    return {f"{column}{part}": f"coalesce(h.{column}{part}, lag(h.added{part}) over w)" for part in _TRIPLE}


def _last_before(value: str) -> str:
    return f"idb.value_at(max(idb.at_seq(h.place, {value})) {_BEFORE})"


# date_part: extract would count in numeric, at five times the cost.
_DURATION = "(date_part('epoch', lead(h.added) over w - h.added) * 1000)::bigint"
# Of a session NULL is a state, and means what 0 means; a property change tells none, and has the one before.
_TOLD = "case when h.isproperty = 0 then coalesce(h.state, 0) else h.state end"
_STATE = f"coalesce({_TOLD}, idb.value_at(max(idb.at_seq(h.place, {_TOLD})) over w))"

_FIELD_DERIVED = {**_previous("preventer"), "derived": "2 * (h.preventer is null)::integer"}
# What was closed artificially has no end in idb.
_ENDED_TS = "floor(extract(epoch from e.ended))::integer"
_END = {
    "terminated": "e.ended",
    "terminated_ts": _ENDED_TS,
    "terminated_tcode": f"{_ENDED_TS} / 300 * 300",
}

_DERIVED: dict[str, tuple[dict[str, str], str]] = {
    "go_chain": (_END, ""),
    "go_campaign": (_END, ""),
    "go_chainrec_hist": (
        {
            "prevstate": "coalesce(h.prevstate, lag(h.state) over w)",
            **_previous("prevsenter"),
            "duration_ms": _DURATION,
            "derived": "(h.prevstate is null)::integer + 2 * (h.prevsenter is null)::integer",
        },
        _CHAIN,
    ),
    "go_fieldhist": (_FIELD_DERIVED, _FIELD),
    "go_sec_fieldhist": (_FIELD_DERIVED, _FIELD),
    "go_campaignhistory": (
        {
            "state": _STATE,
            "prevstate": f"coalesce(h.prevstate, {_last_before(_TOLD)})",
            **_previous("prevsenter"),
            "duration_ms": _DURATION,
        },
        _SESSION,
    ),
    "go_campprop_hist": (
        {
            **{
                f"prev{name}": f"coalesce(h.prev{name}, {_last_before(f'h.{name}')})"
                for name in ("dialmode", "optimmode", "optimvalue")
            },
            **_previous("prevdmenter"),
        },
        _SESSION,
    ),
}


def query(table: str) -> str:
    """Rows of final.`table` for the objects in `ended`, in the order of its columns."""
    derived, window = _DERIVED.get(table, ({}, ""))
    columns = []
    for column in final(table).columns:
        if column.name == "final_day":
            columns.append("e.final_day")
        elif column.name == "synthetic_close":
            columns.append("e.synthetic_close")
        else:
            columns.append(f"{derived.get(column.name, f'h.{column.name}')} as {column.name}")
    source = _PLACE.format(table=table) if window == _SESSION else f"idb.{table}"
    match = " and ".join(f"h.{name} = e.{name}" for name in KEYS[ENTITY[table]])
    return f"select {', '.join(columns)} from ended as e inner join {source} as h on {match} {window}"


def kept(entity: str, alias: str) -> str:
    """Condition on a row of final: its object is in idb no more, so that final is its only truth."""
    if entity == "campaign":
        return "false"
    return (
        "exists (select from ops.purged_chain as p "
        f"where p.chainguid = {alias}.chainguid and p.ocsid = {alias}.ocsid)"
    )
