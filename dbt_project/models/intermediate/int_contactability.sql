-- Dials and live answers by the called party's own clock, kept by report day.
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
    where
        {{ in_report_days('attempt_day') }}
        and is_dialed
        and local_start_ts is not null

),

completeness as (

    select * from {{ ref('int_completeness') }}

),

counted as (

    select
        attempt_day as report_day,
        ocs_id,
        calling_list_id,
        contact_info_type_key,
        extract(isodow from local_start_ts)::integer as local_day_of_week,
        extract(hour from local_start_ts)::integer as local_hour,
        count(*) as dials,
        count(*) filter (where is_human) as human,
        sum(chain_attempt_no - 1)::bigint as attempts_before,
        max(data_through_ts) as data_through_ts
    from attempts
    group by 1, 2, 3, 4, 5, 6

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
