{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}, {'columns': ['campaign_id', 'interval_start']}],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

slots as (

    select * from {{ ref('mart_data_completeness') }}
    where {{ in_report_days('report_day') }} and source_role = 'gos'

),

counted as (

    select
        attempt_day as report_day,
        {{ quarter('anchor_ts') }} as interval_start,
        ocs_id,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        {{ attempt_measures() }}
    from attempts
    group by
        attempt_day,
        {{ quarter('anchor_ts') }},
        ocs_id,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key

),

final as (

    select
        counted.interval_start,
        counted.report_day,
        counted.ocs_id,
        counted.campaign_id,
        counted.group_id,
        counted.calling_list_id,
        counted.dialing_mode_key,
        {{ attempt_measure_columns('counted') }},
        slots.observed_seconds,
        coalesce(slots.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from counted
    left join slots
        on counted.ocs_id = slots.source_dbid and counted.interval_start = slots.slot_start

)

select * from final
