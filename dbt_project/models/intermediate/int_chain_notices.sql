-- Each notice of the chains of this run, with the attempt that it belongs to.
with

chains as (

    select * from {{ ref('int_chains') }}

),

notices as (

    select * from {{ ref('stg_chain_notice') }}
    where {{ in_window('chain') }}

),

states as (

    select * from {{ ref('enum_chain_state') }}

),

in_scope as (

    select
        chains.final_day,
        notices.ocs_id,
        notices.chain_guid,
        notices.seq,
        notices.record_handle,
        notices.state,
        notices.call_attempt_guid,
        notices.cause,
        notices.cpd_result,
        notices.agent_result,
        notices.event_ts,
        coalesce(states.is_processing, false) as is_processing,
        coalesce(notices.cpd_result, notices.agent_result) is not null as has_result
    from notices
    inner join chains
        on
            notices.chain_guid = chains.chain_guid
            and notices.ocs_id = chains.ocs_id
            -- By equality: a chain that is open twice over cannot pair with its own ended copy.
            and notices.final_day is not distinct from chains.final_day
    left join states on notices.state = states.code

),

compared as (

    select
        *,
        lag(state) over chain_order as previous_state,
        coalesce(lag(is_processing) over chain_order, false) as was_processing
    from in_scope
    window chain_order as (partition by chain_guid, ocs_id order by seq)

),

-- A notice may repeat its state to carry a result that came late; it begins and ends nothing.
classified as (

    select
        *,
        has_result and state = previous_state as is_late_result,
        is_processing and case
            when call_attempt_guid is null then not was_processing
            else not (was_processing and has_result)
        end as enters_attempt
    from compared

),

numbered as (

    select
        *,
        count(*) filter (where enters_attempt) over chain_order as attempts_entered,
        count(*) filter (where enters_attempt and call_attempt_guid is null)
            over chain_order as synthetic_no
    from classified
    window chain_order as (partition by chain_guid, ocs_id order by seq)

),

entered as (

    select
        *,
        case
            when enters_attempt
                then coalesce(call_attempt_guid, chain_guid || '#' || synthetic_no)
        end as entered_attempt_guid
    from numbered

),

carried as (

    select
        *,
        max(entered_attempt_guid) over (
            partition by chain_guid, ocs_id, attempts_entered
        ) as current_attempt_guid
    from entered

),

final as (

    select
        final_day,
        ocs_id,
        chain_guid,
        seq,
        coalesce(call_attempt_guid, current_attempt_guid) as attempt_guid,
        call_attempt_guid is null as is_unnamed,
        coalesce(
            call_attempt_guid is null and current_attempt_guid = chain_guid || '#' || synthetic_no,
            false
        ) as is_synthetic,
        record_handle,
        state,
        previous_state,
        is_processing,
        is_late_result,
        enters_attempt,
        cause,
        cpd_result,
        agent_result,
        event_ts
    from carried

)

select * from final
