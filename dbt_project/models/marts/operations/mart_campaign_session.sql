{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_sessions() }}",
        indexes=[{'columns': ['session_id'], 'unique': true}],
    )
}}
with

wanted as (

    select * from {{ ref('int_report_sessions') }}

),

sessions as (

    select facts.*
    from {{ ref('fct_campaign_session') }} as facts
    inner join wanted on facts.session_id = wanted.session_id

),

attempts as (

    select facts.*
    from {{ ref('fct_contact_attempt') }} as facts
    inner join wanted on facts.session_id = wanted.session_id

),

snapshots as (

    select * from {{ ref('fct_list_metric_snapshot') }}
    where object_type = 'group' and is_received

),

counted as (

    select
        session_id,
        {{ attempt_measures() }}
    from attempts
    group by session_id

),

-- The gauges of its group as last told while the session ran.
last_told as (

    select distinct on (sessions.session_id)
        sessions.session_id,
        snapshots.snapshot_ts,
        snapshots.unprocessed_records,
        snapshots.unprocessed_chains
    from sessions
    inner join snapshots
        on
            sessions.group_id = snapshots.object_id
            and sessions.loaded_ts <= snapshots.snapshot_ts
            and (sessions.ended_ts is null or sessions.ended_ts >= snapshots.snapshot_ts)
    order by sessions.session_id, snapshots.snapshot_ts desc, snapshots.ocs_id

),

final as (

    select
        sessions.session_id,
        sessions.ocs_id,
        sessions.campaign_id,
        sessions.group_id,
        sessions.dialing_mode_key,
        sessions.loaded_ts,
        sessions.started_ts,
        sessions.ended_ts,
        sessions.is_open,
        sessions.load_to_start_ms,
        sessions.session_ms,
        sessions.started_ms,
        coalesce(counted.attempts, 0) as attempts,
        coalesce(counted.dials_made, 0) as dials_made,
        coalesce(counted.live_answers, 0) as live_answers,
        coalesce(counted.overdialed, 0) as overdialed,
        coalesce(counted.abandoned, 0) as abandoned,
        (coalesce(counted.dials_made, 0) * 3600000.0 / nullif(sessions.started_ms, 0))
        ::numeric(12, 3) as dials_per_started_hour,
        last_told.snapshot_ts as last_snapshot_ts,
        last_told.unprocessed_records as final_unprocessed_records,
        last_told.unprocessed_chains as final_unprocessed_chains,
        greatest(sessions.data_through_ts, counted.data_through_ts) as data_through_ts,
        case when sessions.is_open then 'partial' else 'complete' end as completeness,
        {{ audit_columns() }}
    from sessions
    left join counted on sessions.session_id = counted.session_id
    left join last_told on sessions.session_id = last_told.session_id

)

select * from final
