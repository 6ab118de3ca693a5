{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_records() }}",
        indexes=[
            {'columns': ['calling_list_id', 'first_dialed_ts']},
            {'columns': ['contact_token']},
        ],
    )
}}
with

records as (

    select * from {{ ref('int_report_records') }}

),

attempts as (

    select * from {{ ref('fct_contact_attempt') }}

),

statuses as (

    select * from {{ ref('enum_record_status') }}

),

of_record as (

    select attempts.*
    from records
    inner join attempts
        on
            records.calling_list_id = attempts.calling_list_id
            and records.record_id = attempts.record_id

),

tried as (

    select
        calling_list_id,
        record_id,
        count(*) as attempts,
        count(*) filter (where is_dialed) as dials,
        min(attempt_start_ts) filter (where is_dialed) as first_dialed_ts,
        max(attempt_start_ts) filter (where is_dialed) as last_dialed_ts,
        min(attempt_start_ts) filter (where is_human) as first_human_ts,
        max(data_through_ts) as data_through_ts
    from of_record
    group by calling_list_id, record_id

),

-- What the newest attempt says of the record holds.
newest as (

    select distinct on (calling_list_id, record_id) *
    from of_record
    order by
        calling_list_id,
        record_id,
        attempt_start_ts desc nulls last,
        ocs_id,
        chain_guid,
        call_attempt_guid

),

final as (

    select
        tried.calling_list_id,
        tried.record_id,
        newest.chain_id,
        newest.chain_n,
        newest.campaign_id,
        newest.contact_token,
        newest.contact_masked,
        newest.contact_info_type_key,
        newest.record_type_after_key as record_type_key,
        newest.record_status_after_key as record_status_key,
        coalesce(statuses.is_final, false) as is_completed,
        newest.effective_result_key as last_effective_result_key,
        newest.result_class as last_result_class,
        newest.daily_from_seconds,
        newest.daily_till_seconds,
        newest.tz_name,
        tried.attempts,
        tried.dials,
        tried.first_dialed_ts,
        tried.last_dialed_ts,
        case when statuses.is_final then newest.attempt_end_ts end as completed_ts,
        tried.first_human_ts,
        tried.data_through_ts,
        {{ audit_columns() }}
    from tried
    inner join newest
        on
            tried.calling_list_id = newest.calling_list_id
            and tried.record_id = newest.record_id
    left join statuses on newest.record_status_after_key = statuses.code

)

select * from final
