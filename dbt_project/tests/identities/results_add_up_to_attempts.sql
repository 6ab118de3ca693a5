{{ config(meta={'dagster': {'ref': {'name': 'mart_call_result'}}}) }}
-- Whoever told the result: by each of the three every attempt of the day has one, or none given.
with

days as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        sum(attempts) as attempts,
        sum(dials_made) as dials
    from {{ ref('mart_campaign_day') }}
    where {{ in_report_days('report_day') }}
    group by report_day, ocs_id, campaign_id, calling_list_id

),

results as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        result_source,
        sum(attempts) as attempts,
        sum(dials) as dials
    from {{ ref('mart_call_result') }}
    where {{ in_report_days('report_day') }}
    group by report_day, ocs_id, campaign_id, calling_list_id, result_source

),

final as (

    select results.*
    from results
    left join days
        on
            results.report_day = days.report_day
            and results.ocs_id = days.ocs_id
            and results.campaign_id = days.campaign_id
            and results.calling_list_id = days.calling_list_id
    where
        results.attempts is distinct from days.attempts
        or results.dials is distinct from days.dials

)

select * from final
