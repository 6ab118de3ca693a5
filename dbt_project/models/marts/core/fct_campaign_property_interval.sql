{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('campaign') }}",
        indexes=[{'columns': ['final_day']}, {'columns': ['session_id']}, {'columns': ['till_ts']}],
    )
}}
with

sessions as (

    select * from {{ ref('int_campaign_sessions') }}

),

properties as (

    select * from {{ ref('stg_campaign_property') }}

),

ordered as (

    select
        sessions.final_day,
        sessions.session_id,
        sessions.campaign_id,
        sessions.group_id,
        sessions.ended_ts,
        properties.ocs_id,
        properties.seq,
        properties.dialing_mode,
        properties.optimization_mode,
        properties.optimization_target,
        properties.event_ts,
        row_number() over (
            partition by sessions.session_id
            order by properties.event_ts, properties.ocs_id, properties.seq
        ) as place
    from sessions
    inner join properties on sessions.session_id = properties.session_id

),

-- A notice tells only what changed; the rest stays in force.
numbered as (

    select
        *,
        count(dialing_mode) over session_order as mode_no,
        count(optimization_mode) over session_order as optimization_no,
        count(optimization_target) over session_order as target_no
    from ordered
    window session_order as (partition by session_id order by place)

),

in_force as (

    select
        *,
        max(dialing_mode) over (partition by session_id, mode_no) as dialing_mode_in_force,
        max(optimization_mode) over (partition by session_id, optimization_no)
            as optimization_mode_in_force,
        max(optimization_target) over (partition by session_id, target_no) as target_in_force
    from numbered

),

final as (

    select
        session_id,
        place as interval_no,
        ocs_id,
        final_day,
        campaign_id,
        group_id,
        coalesce(dialing_mode_in_force, -1) as dialing_mode_key,
        coalesce(optimization_mode_in_force, -1) as optimization_mode_key,
        target_in_force as optimization_target,
        event_ts as from_ts,
        coalesce(lead(event_ts) over (partition by session_id order by place), ended_ts)
            as till_ts,
        seq as source_seq,
        {{ audit_columns() }}
    from in_force

)

select * from final
