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
    where {{ in_report_days('attempt_day') }} and match_status <> 'matched'

),

reasons as (

    select * from {{ ref('enum_match_status') }}

),

completeness as (

    select * from {{ ref('int_completeness') }}

),

counted as (

    select
        attempt_day as report_day,
        ocs_id,
        campaign_id,
        dialing_mode_key,
        match_status,
        count(*) as attempts,
        count(*) filter (where is_dialed) as dialed,
        count(*) filter (where is_dialed is null) as dials_unknown,
        max(data_through_ts) as data_through_ts
    from attempts
    group by attempt_day, ocs_id, campaign_id, dialing_mode_key, match_status

),

final as (

    select
        counted.report_day,
        counted.ocs_id,
        counted.campaign_id,
        counted.dialing_mode_key,
        counted.match_status,
        reasons.description as reason,
        counted.attempts,
        counted.dialed,
        counted.dials_unknown,
        reasons.may_match_later,
        counted.data_through_ts,
        coalesce(completeness.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from counted
    left join reasons on counted.match_status = reasons.match_status
    left join completeness
        on
            counted.ocs_id = completeness.ocs_id
            and counted.report_day = completeness.report_day

)

select * from final
