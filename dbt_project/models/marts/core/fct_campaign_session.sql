{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_sessions() }}",
        indexes=[
            {'columns': ['session_id'], 'unique': true},
            {'columns': ['final_day']},
        ],
    )
}}
with

sessions as (

    select * from {{ ref('int_campaign_sessions') }}

),

intervals as (

    select * from {{ ref('int_campaign_intervals') }}

),

stays as (

    select
        session_id,
        min(entered_ts) filter (where is_loaded) as loaded_ts,
        min(entered_ts) filter (where is_started) as started_ts,
        min(entered_ts) filter (where is_unloading) as unloading_ts,
        sum({{ ms_between('entered_ts', 'left_ts') }}) filter (where is_started) as started_ms,
        count(*) filter (where is_started) as starts,
        max(seq) as last_seq
    from intervals
    group by session_id

),

final as (

    select
        sessions.session_id,
        sessions.ocs_id,
        sessions.final_day,
        sessions.is_open,
        sessions.campaign_id,
        sessions.group_id,
        stays.loaded_ts,
        stays.started_ts,
        stays.unloading_ts,
        sessions.ended_ts,
        {{ ms_between('stays.loaded_ts', 'sessions.ended_ts') }} as session_ms,
        {{ ms_between('stays.loaded_ts', 'stays.started_ts') }} as load_to_start_ms,
        stays.started_ms::bigint as started_ms,
        coalesce(stays.starts, 0) as starts,
        coalesce(sessions.final_state, 0) as final_state,
        coalesce(sessions.dialing_mode, -1) as dialing_mode_key,
        coalesce(sessions.optimization_mode, -1) as optimization_mode_key,
        sessions.optimization_target,
        sessions.synthetic_close,
        sessions.last_seq as source_max_seq,
        sessions.last_event_ts as data_through_ts,
        {{ audit_columns() }}
    from sessions
    left join stays on sessions.session_id = stays.session_id

)

select * from final
