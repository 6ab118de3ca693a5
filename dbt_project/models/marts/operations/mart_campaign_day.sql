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

completeness as (

    select * from {{ ref('int_completeness') }}

),

counted as (

    select
        attempt_day as report_day,
        ocs_id,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        {{ attempt_measures() }}
    from attempts
    group by attempt_day, ocs_id, campaign_id, group_id, calling_list_id, dialing_mode_key

),

final as (

    select
        counted.report_day,
        'midnight to midnight, {{ var("report_time_zone") }}'::text as report_day_rule,
        counted.ocs_id,
        counted.campaign_id,
        counted.group_id,
        counted.calling_list_id,
        counted.dialing_mode_key,
        {{ attempt_measure_columns('counted') }},
        coalesce(completeness.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from counted
    left join completeness
        on
            counted.ocs_id = completeness.ocs_id
            and counted.report_day = completeness.report_day

)

select * from final
