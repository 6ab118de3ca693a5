-- Each stay of a campaign session in one state, for the sessions of this run.
with

sessions as (

    select * from {{ ref('int_campaign_sessions') }}

),

notices as (

    select * from {{ ref('stg_campaign_notice') }}
    where {{ in_window('campaign') }} and not is_property

),

states as (

    select * from {{ ref('enum_campaign_state') }}

),

-- Within one OCS the sequence orders, whatever its clock does; between two OCSs of one session
-- the time does. The greatest time so far respects both.
timed as (

    select
        sessions.final_day,
        sessions.session_id,
        sessions.ended_ts,
        notices.ocs_id,
        notices.seq,
        coalesce(notices.state, 0) as state,
        notices.cause,
        notices.event_ts,
        max(notices.event_ts) over (
            partition by notices.session_id, notices.ocs_id order by notices.seq
        ) as ordered_ts
    from sessions
    inner join notices
        on
            sessions.session_id = notices.session_id
            and sessions.final_day is not distinct from notices.final_day

),

compared as (

    select
        *,
        lag(state) over (partition by session_id order by ordered_ts, ocs_id, seq)
            as previous_state
    from timed

),

entered as (

    select * from compared
    where state is distinct from previous_state

),

final as (

    select
        entered.final_day,
        entered.session_id,
        row_number() over session_order as interval_no,
        entered.ocs_id,
        entered.seq,
        entered.state,
        entered.previous_state,
        entered.cause,
        entered.event_ts as entered_ts,
        -- An end that was made up is no notice, and the last state ends with it.
        coalesce(
            lead(entered.event_ts) over session_order,
            case when not coalesce(states.is_terminal, false) then entered.ended_ts end
        ) as left_ts,
        coalesce(states.is_terminal, false) as is_terminal,
        coalesce(states.is_loaded, false) as is_loaded,
        coalesce(states.is_started, false) as is_started,
        coalesce(states.is_unloading, false) as is_unloading
    from entered
    left join states on entered.state = states.code
    window session_order as (
        partition by entered.session_id order by entered.ordered_ts, entered.ocs_id, entered.seq
    )

)

select * from final
