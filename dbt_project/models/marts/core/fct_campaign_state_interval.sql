{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('campaign') }}",
        indexes=[{'columns': ['final_day']}, {'columns': ['session_id']}, {'columns': ['left_ts']}],
    )
}}
with

intervals as (

    select * from {{ ref('int_campaign_intervals') }}

),

sessions as (

    select * from {{ ref('int_campaign_sessions') }}

),

properties as (

    select * from {{ ref('fct_campaign_property_interval') }}
    where {{ in_window('campaign') }}

),

states as (

    select * from {{ ref('enum_campaign_state') }}

),

-- A change of a property opens no interval; what was in force on entering is shown beside it.
final as (

    select
        intervals.session_id,
        intervals.interval_no,
        intervals.ocs_id,
        intervals.final_day,
        sessions.campaign_id,
        sessions.group_id,
        intervals.state as campaign_state,
        coalesce(states.name, 'State ' || intervals.state) as campaign_state_name,
        intervals.previous_state as previous_campaign_state,
        intervals.is_loaded,
        intervals.is_started,
        intervals.is_unloading,
        intervals.is_terminal,
        intervals.entered_ts,
        intervals.left_ts,
        {{ ms_between('intervals.entered_ts', 'intervals.left_ts') }} as duration_ms,
        intervals.cause,
        coalesce(in_force.dialing_mode_key, -1) as dialing_mode_key,
        coalesce(in_force.optimization_mode_key, -1) as optimization_mode_key,
        in_force.optimization_target,
        intervals.seq as source_seq,
        {{ audit_columns() }}
    from intervals
    inner join sessions on intervals.session_id = sessions.session_id
    left join states on intervals.state = states.code
    left join lateral (
        select
            properties.dialing_mode_key,
            properties.optimization_mode_key,
            properties.optimization_target
        from properties
        where
            properties.session_id = intervals.session_id
            and properties.from_ts <= intervals.entered_ts
        order by properties.interval_no desc
        limit 1
    ) as in_force on true

)

select * from final
