{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_attempts() }}",
        indexes=[
            {'columns': ['final_day']},
            {'columns': ['attempt_day']},
            {'columns': ['call_attempt_guid']},
            {'columns': ['chain_guid']},
            {'columns': ['session_id']},
            {'columns': ['contact_token']},
            {'columns': ['calling_list_id', 'record_id']},
        ],
    )
}}
with

attempts as (

    select * from {{ ref('int_attempts') }}

),

attempt_calls as (

    select * from {{ ref('int_attempt_calls') }}

),

attempt_parties as (

    select * from {{ ref('int_attempt_parties') }}

),

metrics as (

    select * from {{ ref('int_attempt_metrics') }}

),

chain_calls as (

    select * from {{ ref('stg_chain_call') }}
    where {{ in_window('chain') }}

),

results as (

    select * from {{ ref('enum_call_result') }}

),

dial_modes as (

    select * from {{ ref('enum_dial_mode') }}

),

calls_of_attempt as (

    select
        ocs_id,
        chain_guid,
        attempt_guid,
        count(*) filter (where is_dialed_call) as call_count,
        count(*) filter (where call_relation in ('consult', 'transfer')) as copied_call_count,
        max(call_guid) filter (where is_last_call) as last_call_guid,
        min(call_created_ts) filter (where is_dialed_call) as first_call_ts
    from attempt_calls
    group by ocs_id, chain_guid, attempt_guid

),

told_by_ocs as (

    select
        ocs_id,
        chain_guid,
        call_attempt_guid as attempt_guid,
        count(call_guid) as named_calls
    from chain_calls
    group by ocs_id, chain_guid, call_attempt_guid

),

call_data_days as (

    select * from {{ ref('int_call_data_days') }}

),

joined as (

    select
        attempts.*,
        {{ effective_result('attempts.agent_result', 'attempts.cpd_result') }}
            as effective_result,
        coalesce(calls_of_attempt.call_count, 0) as call_count,
        coalesce(calls_of_attempt.copied_call_count, 0) as copied_call_count,
        calls_of_attempt.attempt_guid is not null as is_bridged,
        calls_of_attempt.last_call_guid,
        calls_of_attempt.first_call_ts,
        told_by_ocs.attempt_guid is not null as is_told_by_ocs,
        coalesce(told_by_ocs.named_calls, 0) as named_calls,
        call_data_days.ocs_id is not null and attempts.misses_calls is not true as has_call_data,
        attempt_parties.customer_connected_ts,
        attempt_parties.agent_connected_ts,
        attempt_parties.ivr_connected_ts,
        coalesce(attempt_parties.has_parties, false) as has_parties,
        metrics.dial_time_ms,
        metrics.cpd_time_ms,
        metrics.transfer_time_ms,
        coalesce(metrics.is_overdialed, false) as is_overdialed,
        -- A mode that is not in the seed may hide its calls.
        coalesce(dial_modes.hides_call, true) as hides_call,
        coalesce(cpd.is_dialed, attempts.cpd_result is not null) as is_dialed_by_cpd,
        coalesce(cpd.is_human, false) as is_human_by_cpd
    from attempts
    left join calls_of_attempt
        on
            attempts.chain_guid = calls_of_attempt.chain_guid
            and attempts.ocs_id = calls_of_attempt.ocs_id
            and attempts.attempt_guid = calls_of_attempt.attempt_guid
    left join told_by_ocs
        on
            attempts.chain_guid = told_by_ocs.chain_guid
            and attempts.ocs_id = told_by_ocs.ocs_id
            and attempts.attempt_guid = told_by_ocs.attempt_guid
    left join call_data_days
        on
            attempts.ocs_id = call_data_days.ocs_id
            and coalesce(attempts.final_day, 'infinity') = call_data_days.ended_on
    left join attempt_parties
        on
            attempts.chain_guid = attempt_parties.chain_guid
            and attempts.ocs_id = attempt_parties.ocs_id
            and attempts.attempt_guid = attempt_parties.attempt_guid
    left join metrics
        on
            attempts.chain_guid = metrics.chain_guid
            and attempts.ocs_id = metrics.ocs_id
            and attempts.attempt_guid = metrics.attempt_guid
    left join dial_modes on coalesce(attempts.dialing_mode, -1) = dial_modes.code
    left join results as cpd on attempts.cpd_result = cpd.code

),

-- Nothing proves a dial that the mode hides unless call data is stored; then its absence does.
dialed as (

    select
        *,
        case
            when
                is_told_by_ocs
                or call_count > 0
                or dial_time_ms is not null
                or is_dialed_by_cpd
                then true
            when hides_call and not (has_call_data and bridges_calls) then null
            else false
        end as is_dialed,
        case
            when not has_parties then null
            when agent_connected_ts is not null then 'agent'
            when ivr_connected_ts is not null then 'ivr'
            else 'none'
        end as connected_party_type,
        case
            when not is_bridged and not bridges_calls then 'ocs_7_2'
            when is_bridged then 'matched'
            when is_told_by_ocs and misses_calls then 'cti_unreachable'
            when named_calls > 0 then 'call_pending'
            when is_told_by_ocs then 'call_id_pending'
        end as known_match_status
    from joined

),

-- From the answer to the first voice on our side, by the best clock there is.
timed as (

    select
        dialed.*,
        coalesce(
            known_match_status,
            case
                when not is_dialed then 'no_call_made'
                when misses_calls then 'cti_unreachable'
                when is_dialed is null or hides_call then 'mode_hides_call'
                else 'not_told'
            end
        ) as match_status,
        case
            when cpd_time_ms is not null and transfer_time_ms is not null
                then cpd_time_ms + transfer_time_ms
            else {{ not_negative(
                ms_between('customer_connected_ts', 'least(agent_connected_ts, ivr_connected_ts)')
            ) }}
        end as answer_to_connect_ms,
        case
            when cpd_time_ms is not null or transfer_time_ms is not null then 'cpd_server'
            when customer_connected_ts is not null then 'cti'
            when dial_time_ms is not null then 'sip_server'
            else 'none'
        end as timing_basis
    from dialed

),

flagged as (

    select
        timed.*,
        coalesce(results.class, 'unknown') as result_class,
        -- A list may be told "do not call" without a call: nobody answers what was not dialled.
        coalesce(results.is_human, false) and coalesce(timed.is_dialed, true) as is_human,
        coalesce(results.is_right_party, false) and coalesce(timed.is_dialed, true)
            as is_right_party,
        coalesce(results.is_answered, false) and coalesce(timed.is_dialed, true) as is_answered,
        coalesce(results.is_dropped, false) as is_dropped_result,
        coalesce(results.is_abandoned, false) as is_abandoned_result
    from timed
    left join results on coalesce(timed.effective_result, -1) = results.code

),

-- A person answered: who came on the line, and did an agent come within two seconds? The answer
-- is null where no clock tells; an unknown never counts as kept in time.
judged as (

    select
        *,
        {{ is_abandoned('answer_to_connect_ms') }} as is_abandoned_tsr,
        {{ is_abandoned('coalesce(transfer_time_ms, answer_to_connect_ms)') }}
            as is_abandoned_tsr_transfer
    from flagged

),

final as (

    select
        ocs_id,
        attempt_guid as call_attempt_guid,
        is_synthetic_guid,
        final_day,
        is_open,
        attempt_day,
        chain_guid,
        session_id,
        campaign_id,
        group_id,
        calling_list_id,
        record_handle,
        record_id,
        chain_id,
        chain_n,
        attempts_so_far + 1 as attempt_no,
        chain_attempt_no,
        contact_token,
        contact_masked,
        coalesce(contact_info_type, -1) as contact_info_type_key,
        coalesce(record_type, -1) as record_type_key,
        coalesce(record_status, -1) as record_status_key,
        coalesce(record_type_after, -1) as record_type_after_key,
        coalesce(record_status_after, -1) as record_status_after_key,
        coalesce(dialing_mode, -1) as dialing_mode_key,
        coalesce(cause & 65535, -1) as disposition_key,
        anchor_ts,
        attempt_start_ts,
        attempt_end_ts,
        {{ ms_between('attempt_start_ts', 'attempt_end_ts') }} as attempt_ms,
        ((to_timestamp(scheduled_wall_seconds) at time zone 'UTC') at time zone tz_name)
            as scheduled_ts,
        attempt_start_ts at time zone tz_name as local_start_ts,
        daily_from_seconds,
        daily_till_seconds,
        tz_name,
        case when tz_name is not null then 'record' else 'none' end as tz_source,
        is_dialed,
        call_count,
        copied_call_count,
        last_call_guid,
        first_call_ts,
        match_status,
        coalesce(cpd_result, -1) as cpd_result_key,
        coalesce(agent_result, -1) as agent_result_key,
        coalesce(effective_result, -1) as effective_result_key,
        result_class,
        agent_result_received_ts,
        agent_result is not null and agent_result_seq > coalesce(end_seq, last_seq)
            as result_restated,
        dial_time_ms,
        cpd_time_ms,
        transfer_time_ms,
        answer_to_connect_ms,
        timing_basis,
        connected_party_type,
        is_overdialed,
        is_answered,
        is_human,
        is_human_by_cpd,
        is_right_party,
        is_abandoned_tsr,
        is_abandoned_tsr_transfer,
        case
            when not is_abandoned_tsr or is_abandoned_tsr is null then null
            when connected_party_type = 'agent' and answer_to_connect_ms is not null
                then 'agent_too_late'
            when is_dropped_result then 'dropped'
            when is_abandoned_result then 'customer_hung_up'
            when connected_party_type = 'ivr' then 'ended_in_ivr'
            else 'no_agent'
        end as abandon_cause,
        last_seq as source_max_seq,
        last_event_ts as data_through_ts,
        {{ audit_columns() }}
    from judged

)

select * from final
