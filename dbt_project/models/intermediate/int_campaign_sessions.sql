-- The campaign sessions of this run: those that ended on a day of the window, and all open ones.
with

sessions as (

    select * from {{ ref('stg_campaign_session') }}
    where {{ in_window('campaign') }}

),

ended as (

    select * from sessions
    where not is_open

),

-- As with chains: a session that is open and final at once counts once, as ended.
open_ones as (

    select sessions.*
    from sessions
    where
        sessions.is_open
        and not exists (select 1 from ended where ended.session_id = sessions.session_id)
        and {{ not_ended_before('fct_campaign_session', 'sessions', ['session_id'], 'campaign') }}

),

final as (

    select * from ended
    union all
    select * from open_ones

)

select * from final
