{{ config(meta={'dagster': {'ref': {'name': 'fct_campaign_state_interval'}}}) }}
-- A campaign session leaves one state when it enters the next, or when its end was made up, and only
-- the last may still last.
with

sessions as (

    select
        session_id,
        ended_ts
    from {{ ref('fct_campaign_session') }}
    where {{ in_window('campaign') }} and synthetic_close is not null

),

intervals as (

    select
        *,
        lead(entered_ts) over object_order as next_entered_ts,
        lead(interval_no) over object_order as next_interval_no,
        row_number() over object_order as place
    from {{ ref('fct_campaign_state_interval') }}
    where {{ in_window('campaign') }}
    window object_order as (partition by session_id order by interval_no)

),

final as (

    select intervals.*
    from intervals
    left join sessions on intervals.session_id = sessions.session_id
    where
        intervals.left_ts is distinct from coalesce(
            intervals.next_entered_ts, case when not intervals.is_terminal then sessions.ended_ts end
        )
        or intervals.place <> intervals.interval_no
        or intervals.next_interval_no <> intervals.interval_no + 1

)

select * from final
