"""The rules that the stored data is measured by: what each means, what to do, SQL for what breaks it.

A rule keeps no line out: it names objects by their keys, never by numbers or values of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from icon_assets.idb.catalogue import catalogue


@dataclass(frozen=True)
class Rule:
    """One rule. table: the IDB table that it is about; sql: a query of the keys that break it."""

    name: str
    table: str
    description: str
    advice: str
    sql: str


@dataclass(frozen=True)
class Found:
    """How many rows break a rule, and the first of them."""

    count: int
    examples: list[dict[str, Any]]


def find(connection: sa.Connection, rule: Rule, examples: int = 10) -> Found:
    """What breaks the rule now. Reads whole histories: meant for once a day, not once a batch."""
    query = sa.text(f"select count(*) over () as all_of_them, b.* from ({rule.sql}) as b limit :examples")
    rows = [dict(row) for row in connection.execute(query, {"examples": examples}).mappings()]
    count = rows[0]["all_of_them"] if rows else 0
    return Found(count, [{k: v for k, v in row.items() if k != "all_of_them"} for row in rows])


# Codes that OCS sends, in the tables that keep every notice.
_CODED = ("go_campaignhistory", "go_campprop_hist", "go_chainrec_hist", "go_record_hist")
_UNKNOWN_CODES = " union all ".join(
    f"""
    select '{table}.{column.name}' as "column", h.{column.name} as code, count(*) as rows
    from idb.{table} as h
    where h.{column.name} is not null and h.{column.name} not in
        ({", ".join(map(str, catalogue().enumerations[column.enumeration]))})
    group by h.{column.name}
    """
    for table in _CODED
    for column in catalogue().tables[table].columns
    if column.enumeration and not column.name.startswith("prev")
)

_TRANSITION = """
    select ocsid, guid, seq, from_state, to_state, meaning
    from ops.unusual_transition
    where machine = '{machine}' and kind = 'transition'
    order by added desc
"""

_CLOCK_BACK = """
    select
        '{object}' as object, ocsid, {guid} as guid, seq,
        extract(epoch from before - added)::integer as seconds
    from (
        select h.*, lag(h.added) over (partition by h.{guid}, h.ocsid order by h.seq) as before
        from idb.{table} as h
    ) as h
    where added < before
"""

_SEQUENCE_GAP = """
    select '{object}' as object, ocsid, {guid} as guid, count(*) as notices, max(seq) as last_seq
    from idb.{table}
    group by ocsid, {guid}
    having count(*) <> max(seq)
"""

_ORPHAN = """
    select distinct '{object}' as object, o.ocsid, o.chainguid, {handle} as recordhandle
    from idb.{table} as o
    where not exists (select from idb.{parent} as p where {match})
"""
_OF_CHAIN = "p.chainguid = o.chainguid and p.ocsid = o.ocsid"
_OF_RECORD = f"{_OF_CHAIN} and p.recordhandle = o.recordhandle"
_ORPHANS = [
    {"object": object_, "table": table, "handle": handle, "parent": parent, "match": match}
    for object_, table, handle, parent, match in (
        ("record", "go_record", "o.recordhandle", "go_chain", _OF_CHAIN),
        ("call", "gox_chain_call", "null::integer", "go_chain", _OF_CHAIN),
        ("field", "go_custom_fields", "o.recordhandle", "go_record", _OF_RECORD),
        ("field", "go_secure_fields", "o.recordhandle", "go_record", _OF_RECORD),
    )
]

_HISTORIES = [
    {"object": "chain", "table": "go_chainrec_hist", "guid": "chainguid"},
    {"object": "session", "table": "go_campaignhistory", "guid": "sessid"},
]


def _all(template: str, parts: list[dict[str, str]]) -> str:
    return " union all ".join(template.format(**part) for part in parts)


_RULES = (
    Rule(
        "chain_transition",
        "go_chainrec_hist",
        "Chains go from state to state as the vendor's guide describes.",
        "Where one source does it often, look for lost notices; a release of OCS may do what no guide says.",
        _TRANSITION.format(machine="chain"),
    ),
    Rule(
        "campaign_transition",
        "go_campaignhistory",
        "Campaign groups go from state to state as the vendor's guide describes.",
        "See the history of the session; a forced unload or a lost notice explains most.",
        _TRANSITION.format(machine="campaign"),
    ),
    Rule(
        "repeated_state",
        "go_chainrec_hist",
        "A notice that repeats the state brings a new result, or a property of the campaign.",
        "OCS or the bridge tells the same thing twice under two numbers, which cuts durations in two.",
        """
        select machine, ocsid, guid, seq, to_state as state
        from ops.unusual_transition
        where kind = 'repeated'
        order by added desc
        """,
    ),
    Rule(
        "unknown_code",
        "g_dictionary",
        "Every code is one that the catalogue names.",
        "Codes grow with releases of OCS. Add the new one to catalogue.yaml and to the marts' seeds.",
        f'select * from ({_UNKNOWN_CODES}) as c order by "column", code',
    ),
    Rule(
        "clock_back",
        "go_chainrec_hist",
        "Within an object the clock does not go back while SEQ grows.",
        "The source's clock was set back. SEQ holds; durations of these notices are negative.",
        f"select * from ({_all(_CLOCK_BACK, _HISTORIES)}) as h order by seconds desc",
    ),
    Rule(
        "sequence_gap",
        "go_chainrec_hist",
        "The notices of each chain and session are numbered without a gap.",
        "Notices are lost or not loaded yet. They fill the gap whenever they come.",
        _all(_SEQUENCE_GAP, _HISTORIES),
    ),
    Rule(
        "orphan",
        "go_record",
        "Each record and call belongs to a chain that is there, each field to a record that is.",
        "The notice of the chain or record is lost or filtered, or comes later.",
        f"select distinct * from ({_all(_ORPHAN, _ORPHANS)}) as o order by object, chainguid",
    ),
    Rule(
        "unknown_session",
        "go_chain",
        "Each chain belongs to a campaign session that is there.",
        "The session was loaded before the project saw its OCS, or its notices are lost.",
        """
        select c.ocsid, c.sessid, count(*) as chains
        from idb.go_chain as c
        where not exists (select from idb.go_campaign as p where p.sessid = c.sessid)
        group by c.ocsid, c.sessid
        """,
    ),
    Rule(
        "start_not_seen",
        "go_chain",
        "The first notice of each chain is its first: SEQ 1, state 0 or 1.",
        "OCS was dialling when the project first saw it. When these chains were loaded stays unknown.",
        "select ocsid, chainguid, firstseq from idb.go_chain where created is null order by lastchange desc",
    ),
    Rule(
        "shared_attempt",
        "go_chainrec_hist",
        "A call attempt belongs to one chain.",
        "Calls and user data of such an attempt match both chains. Ask who makes the attempt GUIDs.",
        """
        select h.callattid, string_agg(distinct h.chainguid, ', ') as chains
        from idb.go_chainrec_hist as h
        where h.callattid is not null
        group by h.callattid
        having count(distinct (h.chainguid, h.ocsid)) > 1
        """,
    ),
    Rule(
        "shared_chain",
        "go_chain",
        "A chain belongs to one OCS.",
        "Two OCS use one chain GUID. Their chains are kept apart by OCSID.",
        """
        select chainguid, string_agg(ocsid::text, ', ' order by ocsid) as ocsids
        from idb.go_chain
        group by chainguid
        having count(*) > 1
        """,
    ),
    Rule(
        "value_cut",
        "go_fieldhist",
        "No field value is longer than the 4,000 characters that the IDB holds.",
        "The rest of these values is lost. Shorten the field in the calling list.",
        """
        select distinct ocsid, chainguid, recordhandle, fieldid from idb.go_fieldhist where valuecut = 1
        union all
        select distinct ocsid, chainguid, recordhandle, fieldid from idb.go_sec_fieldhist where valuecut = 1
        """,
    ),
    Rule(
        "missing_packet",
        "go_metrics",
        "While a campaign group is active, its metrics come every ten minutes.",
        "OCS, the bridge or the connection stood still, or the metrics are switched off.",
        """
        select ocsid, sessid, groupid, after_ts, before_ts, packets
        from ops.missing_metric_packet
        order by after_ts desc
        """,
    ),
    Rule(
        "sequence_hole",
        "g_dss_connection",
        "The batches of one connection follow each other without a hole.",
        "A batch is missing: look for it at the bridge. The period counts as lost until it comes.",
        "select * from ops.sequence_hole order by from_ts desc",
    ),
    Rule(
        "blind_period",
        "g_dss_gos_provider",
        "At any time some feed saw each source.",
        "What happened then is lost unless another feed is found. Reports mark the period.",
        "select * from ops.source_blind order by from_ts desc",
    ),
    Rule(
        "left_out",
        "g_dss_connection",
        "Some ICON of the deployment takes what each source sends.",
        "Add the application to the connections of an ICON, or the role to its options, or stop the feed.",
        """
        select b.source, b.dbid, b.feed, r.reason, sum(r.lines::bigint) as lines
        from ops.batch as b
        cross join lateral jsonb_each_text(b.filtered_by) as r (reason, lines)
        where r.reason in ('connections', 'role')
        group by b.source, b.dbid, b.feed, r.reason
        """,
    ),
)

RULES = {rule.name: rule for rule in _RULES}
