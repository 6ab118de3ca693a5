{{ config(meta={'dagster': {'ref': {'name': 'mart_unmatched_attempts'}}}) }}
-- Attempts with a call and attempts with a reason are all attempts of the day.
with

attempts as (

    select
        attempt_day as report_day,
        count(*) filter (where match_status = 'matched') as matched,
        count(*) as attempts
    from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}
    group by attempt_day

),

unmatched as (

    select
        report_day,
        sum(attempts) as unmatched
    from {{ ref('mart_unmatched_attempts') }}
    where {{ in_report_days('report_day') }}
    group by report_day

),

final as (

    select
        attempts.*,
        unmatched.unmatched
    from attempts
    left join unmatched on attempts.report_day = unmatched.report_day
    where attempts.matched + coalesce(unmatched.unmatched, 0) <> attempts.attempts

)

select * from final
