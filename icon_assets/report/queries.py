"""What the report asks of the marts. Counts are added up, and ratios are made of the sums."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from icon_assets.report.scope import Row, Rows, Scope

CLASSES = (
    *("human", "machine", "no_answer", "busy", "sit", "fax", "trunk", "dialer_error"),
    *("dnc", "cancel", "stale", "unknown"),
)
_SUMMED = (
    *("attempts", "dials_made", "dials_unknown", "dials_with_cpd", "human_by_cpd"),
    *("live_answers", "live_answers_dialed", "right_party", "connected"),
    *("abandoned", "abandoned_transfer_clock", "abandoned_unknown", "overdialed"),
    *CLASSES,
)
_SUMS = ", ".join(f'sum("{name}")::bigint as "{name}"' for name in _SUMMED)
# As the marts judge a day by its quarters.
_STATE = """
    case
        when bool_and(completeness = 'complete') then 'complete'
        when bool_and(completeness = 'dark') then 'dark'
        when bool_or(completeness in ('partial', 'dark')) then 'partial'
        else 'unknown'
    end as completeness
"""
_OF_CAMPAIGN = "campaign_id = %(campaign)s and report_day between %(first)s and %(last)s"

_DAYS = f"""
    select report_day, min(report_day_rule) as report_day_rule, {_SUMS},
        array_agg(distinct ocs_id) as ocs_ids,
        array_agg(distinct calling_list_id) as calling_list_ids,
        max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_campaign_day
    where {_OF_CAMPAIGN}
    group by report_day
    order by report_day
"""
_QUARTERS = f"""
    select report_day, interval_start, {_SUMS},
        max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_campaign_interval
    where {_OF_CAMPAIGN}
    group by report_day, interval_start
    order by interval_start
"""
_RESULTS = f"""
    select call_result_name, result_class,
        coalesce(sum(attempts) filter (where result_source = 'effective'), 0)::bigint as effective,
        coalesce(sum(attempts) filter (where result_source = 'cpd'), 0)::bigint as cpd,
        coalesce(sum(attempts) filter (where result_source = 'agent'), 0)::bigint as agent,
        max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_call_result
    where {_OF_CAMPAIGN}
    group by call_result_key, call_result_name, result_class
    order by effective desc, cpd desc, call_result_name
"""
_CONFUSION = f"""
    select cpd_class, agent_class, sum(n)::bigint as n, max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_result_confusion
    where {_OF_CAMPAIGN}
    group by cpd_class, agent_class
    order by cpd_class, agent_class
"""
# The counts of an hour stand on each of its rows.
_DETECTION = f"""
    select report_day,
        sum(human_as_machine_n)::bigint as human_as_machine_n, sum(agent_human_n)::bigint as agent_human_n,
        sum(machine_as_human_n)::bigint as machine_as_human_n,
        sum(agent_machine_n)::bigint as agent_machine_n,
        {_STATE}
    from (
        select distinct report_day, hour_start, ocs_id, calling_list_id, completeness,
            human_as_machine_n, agent_human_n, machine_as_human_n, agent_machine_n
        from marts.mart_result_confusion
        where {_OF_CAMPAIGN}
    ) as hours
    group by report_day
    order by report_day
"""
# The last snapshot of each list and hour, or day.
_SNAPSHOTS = """
    select object_id as calling_list_id, max(snapshot_ts) as snapshot_ts
    from marts.fct_list_metric_snapshot
    where
        object_type = 'list' and is_received and object_id = any(%(lists)s)
        and report_day between %(first)s and %(last)s
    group by object_id, report_day, case when %(by_quarter)s then date_trunc('hour', snapshot_ts) end
"""
# The view counts the list's records anew for each snapshot, and only constants keep it to those asked for.
_PROGRESS = """
    select p.*, coalesce(dim.calling_list_name, p.calling_list_id::text) as calling_list_name
    from marts.mart_list_progress as p
    left join marts.dim_calling_list as dim using (calling_list_id)
    where
        p.calling_list_id = any(%(lists)s)
        and p.report_day between %(first)s and %(last)s
        and p.snapshot_ts = any(%(snapshots)s)
    order by calling_list_name, p.calling_list_id, p.snapshot_ts
"""
_CONTACTABILITY = f"""
    select local_day_of_week, local_hour,
        sum(dials)::bigint as dials, sum(human)::bigint as human,
        max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_contactability
    where calling_list_id = any(%(lists)s)
    group by local_day_of_week, local_hour
    order by local_day_of_week, local_hour
"""
_AGENT_SUMS = (
    *("previewed", "offered", "accepted", "human_handled", "right_party_handled", "short_calls"),
    *("preview_ms", "dial_ms", "ring_ms", "asm_engage_ms", "engage_ms", "hold_ms", "wrap_ms", "handle_ms"),
)
_AGENTS = f"""
    select agent_id, coalesce(dim.agent_name, agent_id::text) as agent_name,
        {", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in _AGENT_SUMS)},
        max(data_through_ts) as data_through_ts, {_STATE}
    from marts.mart_agent_outbound
    left join marts.dim_agent as dim using (agent_id)
    where {_OF_CAMPAIGN}
    group by agent_id, agent_name
    order by agent_name, agent_id
"""
_TARGETS = f"""
    select distinct report_day, optimization_target
    from marts.mart_pacing
    inner join marts.dim_optimization_mode using (optimization_mode_key)
    where {_OF_CAMPAIGN} and is_overdial_rate and optimization_target is not null
    order by report_day, optimization_target
"""
# Of call data and other sources, the time in which the campaign's OCS was at work.
_COMPLETENESS = """
    with slots as (
        select * from marts.mart_data_completeness
        where report_day between %(first)s and %(last)s
    ),

    worked as (
        select report_day, min(slot_start) as first_slot, max(slot_start) as last_slot
        from slots
        where source_role = 'gos' and is_active and source_dbid = any(%(ocs)s)
        group by report_day
    )

    select slots.source_role, slots.source, slots.source_dbid, slots.report_day, slots.slot_start,
        slots.observed_seconds, slots.expected_seconds, slots.missing_packets, slots.seq_holes,
        slots.link_state, slots.completeness, slots.reason, slots.last_event_ts
    from slots
    inner join worked on slots.report_day = worked.report_day
    where
        slots.slot_start between worked.first_slot and worked.last_slot
        and (slots.source_role <> 'gos' or slots.source_dbid = any(%(ocs)s))
    order by slots.source_role desc, slots.source, slots.source_dbid, slots.slot_start
"""
_ZONES = """
    select distinct tz_name
    from marts.fct_contact_attempt
    where campaign_id = %(campaign)s and attempt_day between %(first)s and %(last)s and tz_name is not null
    order by tz_name
"""


@dataclass(frozen=True)
class Answers:
    """What the marts say of one campaign: rows of each question, as the queries name their columns."""

    campaign_id: int
    name: str
    days: Rows
    quarters: Rows
    results: Rows
    confusion: Rows
    detection: Rows
    progress: Rows
    contactability: Rows
    agents: Rows
    targets: Rows
    completeness: Rows
    zones: tuple[str, ...]


def ask(connection: psycopg.Connection[Row], scope: Scope, campaign_id: int, name: str) -> Answers:
    """Asks everything about one campaign."""
    parameters: Row = {
        "campaign": campaign_id,
        "first": scope.first,
        "last": scope.last,
        "by_quarter": scope.by_quarter,
    }

    def rows(query: str) -> Rows:
        return connection.execute(query, parameters).fetchall()

    days = rows(_DAYS)
    parameters["ocs"] = sorted({ocs for day in days for ocs in day["ocs_ids"]})
    parameters["lists"] = sorted({one for day in days for one in day["calling_list_ids"]})
    snapshots = {(row["calling_list_id"], row["snapshot_ts"]) for row in rows(_SNAPSHOTS)}
    parameters["snapshots"] = sorted({instant for _, instant in snapshots})
    return Answers(
        campaign_id=campaign_id,
        name=name,
        days=days,
        quarters=rows(_QUARTERS) if scope.by_quarter else [],
        results=rows(_RESULTS),
        confusion=rows(_CONFUSION),
        detection=rows(_DETECTION),
        # Lists have snapshots at the same instants, but not every one its last of the hour.
        progress=[
            row for row in rows(_PROGRESS) if (row["calling_list_id"], row["snapshot_ts"]) in snapshots
        ],
        contactability=rows(_CONTACTABILITY),
        agents=rows(_AGENTS),
        targets=rows(_TARGETS),
        completeness=rows(_COMPLETENESS),
        zones=tuple(row["tz_name"] for row in rows(_ZONES)),
    )
