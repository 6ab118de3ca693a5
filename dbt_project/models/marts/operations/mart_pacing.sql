{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

snapshots as (

    select * from {{ ref('fct_list_metric_snapshot') }}
    where {{ in_report_days('report_day') }} and object_type = 'group' and is_received

),

properties as (

    select * from {{ ref('fct_campaign_property_interval') }}

),

modes as (

    select * from {{ ref('dim_optimization_mode') }}

),

slots as (

    select * from {{ ref('mart_data_completeness') }}
    where {{ in_report_days('report_day') }} and source_role = 'gos'

),

dialed as (

    select
        attempt_day as report_day,
        {{ quarter('anchor_ts') }} as interval_start,
        ocs_id,
        campaign_id,
        group_id,
        {{ attempt_measures() }}
    from attempts
    group by attempt_day, {{ quarter('anchor_ts') }}, ocs_id, campaign_id, group_id

),

-- Ports are gauges: an average and a peak, never a sum.
ports as (

    select
        report_day,
        {{ quarter('snapshot_ts') }} as interval_start,
        ocs_id,
        campaign_id,
        object_id as group_id,
        count(*) as snapshots,
        avg(busy_ports)::numeric(12, 3) as busy_ports_avg,
        max(busy_ports) as busy_ports_max,
        avg(engaged_ports)::numeric(12, 3) as engaged_ports_avg,
        max(engaged_ports) as engaged_ports_max,
        max(snapshot_ts) as last_snapshot_ts
    from snapshots
    group by report_day, {{ quarter('snapshot_ts') }}, ocs_id, campaign_id, object_id

),

joined as (

    select
        coalesce(dialed.report_day, ports.report_day) as report_day,
        coalesce(dialed.interval_start, ports.interval_start) as interval_start,
        coalesce(dialed.ocs_id, ports.ocs_id) as ocs_id,
        coalesce(dialed.campaign_id, ports.campaign_id, -1) as campaign_id,
        coalesce(dialed.group_id, ports.group_id) as group_id,
        coalesce(dialed.attempts, 0) as attempts,
        coalesce(dialed.dials_made, 0) as dials_made,
        coalesce(dialed.dials_with_cpd, 0) as dials_with_cpd,
        coalesce(dialed.live_answers, 0) as live_answers,
        coalesce(dialed.human_by_cpd, 0) as human_by_cpd,
        coalesce(dialed.overdialed, 0) as overdialed,
        coalesce(dialed.abandoned, 0) as abandoned,
        coalesce(ports.snapshots, 0) as snapshots,
        ports.busy_ports_avg,
        ports.busy_ports_max,
        ports.engaged_ports_avg,
        ports.engaged_ports_max,
        greatest(dialed.data_through_ts, ports.last_snapshot_ts) as data_through_ts
    from dialed
    full outer join ports
        on
            dialed.report_day = ports.report_day
            and dialed.interval_start = ports.interval_start
            and dialed.ocs_id = ports.ocs_id
            and dialed.campaign_id = ports.campaign_id
            and dialed.group_id = ports.group_id

),

-- The target in force when the quarter ended, or last before.
aimed as (

    select distinct on (joined.interval_start, joined.ocs_id, joined.campaign_id, joined.group_id)
        joined.*,
        properties.optimization_mode_key,
        properties.optimization_target
    from joined
    left join properties
        on
            joined.group_id = properties.group_id
            and joined.campaign_id = properties.campaign_id
            and joined.interval_start + interval '15 minutes' > properties.from_ts
            and (properties.till_ts is null or joined.interval_start < properties.till_ts)
    order by
        joined.interval_start,
        joined.ocs_id,
        joined.campaign_id,
        joined.group_id,
        properties.from_ts desc nulls last,
        properties.session_id desc

),

final as (

    select
        aimed.interval_start,
        aimed.report_day,
        aimed.ocs_id,
        aimed.campaign_id,
        aimed.group_id,
        aimed.attempts,
        aimed.dials_made,
        aimed.dials_with_cpd,
        aimed.live_answers,
        aimed.human_by_cpd,
        aimed.overdialed,
        aimed.abandoned,
        {{ share('aimed.human_by_cpd', 'aimed.dials_with_cpd') }} as hit_ratio,
        {{ share('aimed.overdialed', 'aimed.live_answers') }} as overdial_rate,
        aimed.snapshots,
        aimed.busy_ports_avg,
        aimed.busy_ports_max,
        aimed.engaged_ports_avg,
        aimed.engaged_ports_max,
        coalesce(aimed.optimization_mode_key, -1) as optimization_mode_key,
        aimed.optimization_target,
        -- Percent, as the target is. The other targets have no actual in outbound data alone.
        case
            when modes.is_overdial_rate
                then (100.0 * aimed.overdialed / nullif(aimed.live_answers, 0))::numeric(9, 3)
        end as optimization_actual,
        aimed.data_through_ts,
        coalesce(slots.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from aimed
    left join modes on coalesce(aimed.optimization_mode_key, -1) = modes.optimization_mode_key
    left join slots
        on aimed.ocs_id = slots.source_dbid and aimed.interval_start = slots.slot_start

)

select * from final
