{{ config(meta={'dagster': {'ref': {'name': 'mart_result_confusion'}}}) }}
-- Added up over the agent's results the matrix is detection's results, and the other way round.
with

matrix as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        cpd_result_key,
        agent_result_key,
        n
    from {{ ref('mart_result_confusion') }}
    where {{ in_report_days('report_day') }}

),

margins as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        'cpd' as result_source,
        cpd_result_key as call_result_key,
        sum(n) as attempts
    from matrix
    group by report_day, ocs_id, campaign_id, calling_list_id, cpd_result_key

    union all

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        'agent' as result_source,
        agent_result_key as call_result_key,
        sum(n) as attempts
    from matrix
    group by report_day, ocs_id, campaign_id, calling_list_id, agent_result_key

),

results as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        result_source,
        call_result_key,
        attempts
    from {{ ref('mart_call_result') }}
    where {{ in_report_days('report_day') }} and result_source in ('cpd', 'agent')

),

final as (

    select
        margins.*,
        results.attempts as result_attempts
    from margins
    full outer join results
        on
            margins.report_day = results.report_day
            and margins.ocs_id = results.ocs_id
            and margins.campaign_id = results.campaign_id
            and margins.calling_list_id = results.calling_list_id
            and margins.result_source = results.result_source
            and margins.call_result_key = results.call_result_key
    where margins.attempts is distinct from results.attempts

)

select * from final
