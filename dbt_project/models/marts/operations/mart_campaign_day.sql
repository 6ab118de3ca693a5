{{
    config(
        materialized='incremental',
        meta={'by_report_day': true},
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

counted as (

    select
        attempt_day as report_day,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        {{ attempt_measures() }}
    from attempts
    group by attempt_day, campaign_id, group_id, calling_list_id, dialing_mode_key

),

final as (

    select
        report_day,
        'midnight to midnight, {{ var("report_time_zone") }}' as report_day_rule,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        {{ attempt_measure_columns() }},
        {{ audit_columns() }}
    from counted

)

select * from final
