-- What the attempts tell of the numbers of a list, kept by report day.
{{
    config(
        materialized='incremental',
        unlogged=false,
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}, {'columns': ['calling_list_id']}],
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

counted as (

    select
        attempts.attempt_day as report_day,
        attempts.ocs_id,
        attempts.calling_list_id,
        attempts.contact_info_type_key,
        attempts.result_class,
        results.sit_kind,
        coalesce(results.is_invalid_number, false) as is_invalid_number,
        count(*) as attempts,
        count(*) filter (where attempts.is_dialed) as dials,
        max(attempts.data_through_ts) as data_through_ts
    from attempts
    left join results on attempts.effective_result_key = results.call_result_key
    group by 1, 2, 3, 4, 5, 6, 7

),

final as (

    select
        counted.*,
        coalesce(completeness.completeness, 'unknown') as completeness
    from counted
    left join completeness
        on
            counted.ocs_id = completeness.ocs_id
            and counted.report_day = completeness.report_day

)

select * from final
