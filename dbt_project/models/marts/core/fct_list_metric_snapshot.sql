{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[
            {'columns': ['report_day']},
            {'columns': ['object_type', 'object_id', 'snapshot_ts']},
        ],
    )
}}
with

days as (

    select * from {{ ref('int_report_days') }}

),

kinds as (

    select * from {{ ref('enum_metric') }}
    where is_periodic

),

metrics as (

    select
        *,
        {{ report_day('event_ts') }} as report_day
    from {{ ref('stg_metric') }}
    where
        metric in ({{ periodic_metrics() }})
        and {{ in_report_spans('event_gmt') }}

),

states as (

    select * from {{ ref('fct_campaign_state_interval') }}
    where is_started and {{ touches_report_spans('entered_ts', 'left_ts') }}

),

batches as (

    select * from {{ ref('stg_batch') }}
    where source = 'ocs'

),

heard as (

    select
        source_dbid as ocs_id,
        max(last_ts) as last_ts
    from batches
    group by source_dbid

),

measured as (

    select
        days.report_day,
        metrics.ocs_id,
        case when metrics.calling_list_id is not null then 'list' else 'group' end as object_type,
        coalesce(metrics.calling_list_id, metrics.group_id) as object_id,
        metrics.campaign_id,
        metrics.event_ts,
        metrics.value,
        kinds.*
    from metrics
    inner join kinds on metrics.metric = kinds.metric
    inner join days on metrics.report_day = days.report_day
    where coalesce(metrics.calling_list_id, metrics.group_id) is not null

),

-- One packet: everything measured of one object at one instant.
packets as (

    select
        report_day,
        ocs_id,
        object_type,
        object_id,
        event_ts as snapshot_ts,
        max(campaign_id) as campaign_id,
        max(value) filter (where is_records_total) as total_records,
        max(value) filter (where is_chains_total) as total_chains,
        max(value) filter (where is_records_unprocessed) as unprocessed_records,
        max(value) filter (where is_chains_unprocessed) as unprocessed_chains,
        max(value) filter (where is_busy_ports) as busy_ports,
        max(value) filter (where is_engaged_ports) as engaged_ports
    from measured
    group by report_day, ocs_id, object_type, object_id, event_ts

),

bounds as (

    select
        min(from_ts) as from_ts,
        max(till_ts) as till_ts
    from days

),

-- Only started groups report. A started group's time, day by day.
active as (

    select
        days.report_day,
        states.ocs_id,
        states.group_id,
        states.campaign_id,
        greatest(states.entered_ts, days.from_ts) as from_ts,
        least(states.left_ts, days.till_ts, heard.last_ts) as till_ts
    from states
    inner join heard on states.ocs_id = heard.ocs_id
    cross join bounds
    cross join
        lateral generate_series(
            {{ report_day('greatest(states.entered_ts, bounds.from_ts)') }}::timestamp,
            {{ report_day('least(states.left_ts, heard.last_ts, bounds.till_ts)') }}::timestamp,
            interval '1 day'
        ) as worked (day_start)
    inner join days on worked.day_start::date = days.report_day

),

expected as (

    select
        active.report_day,
        active.ocs_id,
        active.group_id,
        active.campaign_id,
        active.from_ts,
        packets.snapshot_ts
    from active
    inner join packets
        on
            active.report_day = packets.report_day
            and active.ocs_id = packets.ocs_id
            and active.group_id = packets.object_id
            and packets.snapshot_ts > active.from_ts
            and packets.snapshot_ts < active.till_ts
    where packets.object_type = 'group'

),

-- A group may work for two campaigns at once, and sends one packet.
expected_once as (

    select
        report_day,
        ocs_id,
        group_id,
        snapshot_ts,
        max(campaign_id) as campaign_id
    from expected
    group by report_day, ocs_id, group_id, snapshot_ts

),

landmarks as (

    select
        report_day,
        ocs_id,
        group_id,
        campaign_id,
        from_ts,
        from_ts as mark_ts,
        false as is_end
    from active
    where from_ts < till_ts

    union all

    select
        report_day,
        ocs_id,
        group_id,
        campaign_id,
        from_ts,
        till_ts,
        true
    from active
    where from_ts < till_ts

    union all

    select
        report_day,
        ocs_id,
        group_id,
        campaign_id,
        from_ts,
        snapshot_ts,
        false
    from expected

),

-- A packet is due ten minutes after the one before; clocks are not that exact, so a packet counts
-- as missing once the silence could have held it.
gaps as (

    select
        *,
        lag(mark_ts) over (
            partition by report_day, ocs_id, group_id, from_ts order by mark_ts, is_end
        ) as previous_mark_ts
    from landmarks

),

missing as (

    select
        gaps.report_day,
        gaps.ocs_id,
        'group' as object_type,
        gaps.group_id as object_id,
        gaps.previous_mark_ts + due.place * interval '10 minutes' as snapshot_ts,
        gaps.campaign_id
    from gaps
    cross join
        lateral generate_series(
            1,
            case
                when gaps.is_end
                    then ceil(extract(epoch from gaps.mark_ts - gaps.previous_mark_ts) / 600)::integer
                else round(extract(epoch from gaps.mark_ts - gaps.previous_mark_ts) / 600)::integer
            end - 1
        ) as due (place)
    where gaps.previous_mark_ts is not null

),

-- Likewise what is missing of it is missing once.
missing_once as (

    select
        report_day,
        ocs_id,
        object_type,
        object_id,
        snapshot_ts,
        max(campaign_id) as campaign_id
    from missing
    where
        not exists (
            select 1 from packets
            where
                packets.ocs_id = missing.ocs_id
                and packets.object_type = missing.object_type
                and packets.object_id = missing.object_id
                and packets.snapshot_ts = missing.snapshot_ts
        )
    group by report_day, ocs_id, object_type, object_id, snapshot_ts

),

final as (

    select
        packets.ocs_id,
        packets.object_type,
        packets.object_id,
        packets.snapshot_ts,
        packets.report_day,
        coalesce(packets.campaign_id, expected_once.campaign_id) as campaign_id,
        packets.total_records,
        packets.total_chains,
        packets.unprocessed_records,
        packets.unprocessed_chains,
        packets.busy_ports,
        packets.engaged_ports,
        expected_once.group_id is not null as is_expected,
        true as is_received,
        {{ audit_columns() }}
    from packets
    left join expected_once
        on
            packets.report_day = expected_once.report_day
            and packets.ocs_id = expected_once.ocs_id
            and packets.object_id = expected_once.group_id
            and packets.snapshot_ts = expected_once.snapshot_ts
            and packets.object_type = 'group'

    union all

    select
        ocs_id,
        object_type,
        object_id,
        snapshot_ts,
        report_day,
        campaign_id,
        null,
        null,
        null,
        null,
        null,
        null,
        true,
        false,
        {{ audit_columns() }}
    from missing_once

)

select * from final
