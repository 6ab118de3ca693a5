{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('chain') }}",
        indexes=[
            {'columns': ['final_day']},
            {'columns': ['call_attempt_guid']},
            {'columns': ['call_guid']},
        ],
    )
}}
with

attempt_calls as (

    select * from {{ ref('int_attempt_calls') }}

),

final as (

    select
        ocs_id,
        chain_guid,
        attempt_guid as call_attempt_guid,
        call_guid,
        final_day,
        attempt_day,
        call_no,
        link_method,
        link_confidence,
        call_relation,
        is_dialed_call,
        is_last_call,
        media,
        call_created_ts,
        call_ended_ts,
        linked_ts,
        {{ audit_columns() }}
    from attempt_calls

)

select * from final
