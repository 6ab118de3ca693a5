{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('chain') }}",
        indexes=[
            {'columns': ['final_day']},
            {'columns': ['attempt_day']},
            {'columns': ['call_guid']},
        ],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_window('chain') }}

),

calls as (

    select * from {{ ref('brg_attempt_call') }}
    where
        {{ in_window('chain') }}
        and {{ 'is_dialed_call' if var('row_per_call') else 'is_last_call' }}

),

final as (

    select
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.call_attempt_guid,
        coalesce(calls.call_no, 0) as call_no,
        calls.call_guid,
        coalesce(calls.is_last_call, true) as is_anchor,
        attempts.final_day,
        attempts.attempt_day,
        attempts.session_id,
        attempts.campaign_id,
        attempts.group_id,
        attempts.calling_list_id,
        attempts.record_id,
        attempts.attempt_no,
        attempts.dialing_mode_key,
        attempts.effective_result_key,
        attempts.result_class,
        attempts.match_status,
        attempts.attempt_start_ts,
        attempts.attempt_end_ts,
        calls.link_method,
        calls.call_created_ts,
        calls.call_ended_ts,
        {{ ms_between('calls.call_created_ts', 'calls.call_ended_ts') }} as call_ms,
        {{ audit_columns() }}
    from attempts
    left join calls
        on
            attempts.ocs_id = calls.ocs_id
            and attempts.chain_guid = calls.chain_guid
            and attempts.call_attempt_guid = calls.call_attempt_guid

)

select * from final
