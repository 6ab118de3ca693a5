{{ config(meta={'dagster': {'ref': {'name': 'mart_campaign_session'}}}) }}
-- A session has the attempts of its chains, no more and no fewer.
with

sessions as (

    select
        marts.session_id,
        marts.attempts,
        marts.dials_made
    from {{ ref('mart_campaign_session') }} as marts
    inner join {{ ref('int_report_sessions') }} as wanted on marts.session_id = wanted.session_id

),

counted as (

    select
        facts.session_id,
        count(*) as attempts,
        count(*) filter (where facts.is_dialed) as dials_made
    from {{ ref('fct_contact_attempt') }} as facts
    inner join {{ ref('int_report_sessions') }} as wanted on facts.session_id = wanted.session_id
    group by facts.session_id

),

final as (

    select
        sessions.session_id,
        sessions.attempts,
        counted.attempts as counted_attempts
    from sessions
    left join counted on sessions.session_id = counted.session_id
    where
        sessions.attempts <> coalesce(counted.attempts, 0)
        or sessions.dials_made <> coalesce(counted.dials_made, 0)

)

select * from final
