{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

results as (

    select * from {{ ref('dim_call_result') }}

),

completeness as (

    select * from {{ ref('int_completeness') }}

),

-- Three answers to "how did it end": what detection said, what the agent said, which one counts.
told as (

    select
        attempts.attempt_day as report_day,
        attempts.ocs_id,
        attempts.campaign_id,
        attempts.calling_list_id,
        attempts.is_dialed,
        attempts.data_through_ts,
        sources.result_source,
        sources.call_result_key
    from attempts
    cross join lateral (
        values
        ('cpd', attempts.cpd_result_key),
        ('agent', attempts.agent_result_key),
        ('effective', attempts.effective_result_key)
    ) as sources (result_source, call_result_key)

),

counted as (

    select
        report_day,
        ocs_id,
        campaign_id,
        calling_list_id,
        result_source,
        call_result_key,
        count(*) as attempts,
        count(*) filter (where is_dialed) as dials,
        max(data_through_ts) as data_through_ts
    from told
    group by report_day, ocs_id, campaign_id, calling_list_id, result_source, call_result_key

),

totalled as (

    select
        *,
        sum(attempts) over of_source as all_attempts,
        sum(dials) over of_source as all_dials
    from counted
    window of_source as (
        partition by report_day, ocs_id, campaign_id, calling_list_id, result_source
    )

),

final as (

    select
        totalled.report_day,
        totalled.ocs_id,
        totalled.campaign_id,
        totalled.calling_list_id,
        totalled.result_source,
        totalled.call_result_key,
        results.call_result_name,
        coalesce(results.class, 'unknown') as result_class,
        totalled.attempts,
        totalled.dials,
        totalled.all_attempts::bigint as all_attempts,
        totalled.all_dials::bigint as all_dials,
        {{ share('totalled.attempts', 'totalled.all_attempts') }} as share_of_attempts,
        {{ share('totalled.dials', 'totalled.all_dials') }} as share_of_dials,
        totalled.data_through_ts,
        coalesce(completeness.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from totalled
    left join results on totalled.call_result_key = results.call_result_key
    left join completeness
        on
            totalled.ocs_id = completeness.ocs_id
            and totalled.report_day = completeness.report_day

)

select * from final
