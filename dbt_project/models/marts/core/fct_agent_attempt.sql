{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('chain') }}",
        indexes=[
            {'columns': ['final_day']},
            {'columns': ['attempt_day']},
            {'columns': ['call_attempt_guid']},
            {'columns': ['agent_id']},
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

all_intervals as (

    select * from {{ ref('int_party_intervals') }}

),

intervals as (

    select * from all_intervals
    where is_agent

),

customers as (

    select
        call_guid,
        min(entered_ts) filter (where is_connected) as connected_ts
    from all_intervals
    where is_customer
    group by call_guid

),

attempt_parties as (

    select * from {{ ref('int_attempt_parties') }}

),

dial_modes as (

    select * from {{ ref('enum_dial_mode') }}

),

call_data_days as (

    select * from {{ ref('int_call_data_days') }}

),

-- An agent who is on the line before the customer waits; that is no talk. A line that seizes its
-- agent may put the customer on another call of the attempt.
waits as (

    select
        attempt_calls.ocs_id,
        attempt_calls.chain_guid,
        attempt_calls.attempt_guid,
        attempt_calls.call_guid,
        attempt_calls.call_relation,
        attempt_calls.call_relation = 'consult' as is_consult,
        attempt_calls.is_customer_call,
        case
            when customers.call_guid is not null then coalesce(customers.connected_ts, 'infinity')
            when dial_modes.is_seizing
                then coalesce(attempt_parties.customer_connected_ts, 'infinity')
        end as customer_ts
    from attempt_calls
    inner join attempts
        on
            attempt_calls.chain_guid = attempts.chain_guid
            and attempt_calls.ocs_id = attempts.ocs_id
            and attempt_calls.attempt_guid = attempts.attempt_guid
    left join customers on attempt_calls.call_guid = customers.call_guid
    left join attempt_parties
        on
            attempt_calls.chain_guid = attempt_parties.chain_guid
            and attempt_calls.ocs_id = attempt_parties.ocs_id
            and attempt_calls.attempt_guid = attempt_parties.attempt_guid
    left join dial_modes on attempts.dialing_mode = dial_modes.code

),

stays as (

    select
        waits.ocs_id,
        waits.chain_guid,
        waits.attempt_guid,
        waits.call_guid,
        waits.call_relation,
        waits.is_consult,
        waits.is_customer_call,
        intervals.party_guid,
        intervals.agent_id,
        intervals.is_dialing,
        intervals.is_ringing,
        intervals.is_connected,
        intervals.is_held,
        intervals.is_wrap,
        intervals.entered_ts,
        intervals.left_ts,
        {{ ms_between('intervals.entered_ts', 'intervals.left_ts') }} as stay_ms,
        case
            when waits.customer_ts > intervals.entered_ts
                then {{ ms_between(
                    'intervals.entered_ts',
                    'least(intervals.left_ts, waits.customer_ts)'
                ) }}
            else 0
        end as wait_ms
    from waits
    inner join intervals on waits.call_guid = intervals.call_guid

),

parties as (

    select
        ocs_id,
        chain_guid,
        attempt_guid,
        party_guid,
        min(call_guid) as call_guid,
        min(call_relation) as call_relation,
        bool_or(is_customer_call) as is_customer_call,
        bool_and(is_consult) as is_consult,
        max(agent_id) as agent_id,
        min(entered_ts) as joined_ts,
        max(left_ts) as left_ts,
        sum(stay_ms) filter (where is_dialing) as dial_ms,
        sum(stay_ms) filter (where is_ringing and is_customer_call) as ring_ms,
        sum(stay_ms - wait_ms) filter (where is_connected and is_customer_call) as engage_ms,
        sum(wait_ms) filter (where is_connected and is_customer_call) as asm_engage_ms,
        sum(stay_ms) filter (where is_held and is_customer_call) as hold_ms,
        sum(stay_ms) filter (where is_wrap) as wrap_ms,
        sum(stay_ms) filter (where is_consult and (is_connected or is_held)) as consult_ms
    from stays
    group by ocs_id, chain_guid, attempt_guid, party_guid

),

-- One row of an attempt stands for it where an attempt may count only once.
placed as (

    select
        *,
        row_number() over (
            partition by chain_guid, ocs_id, attempt_guid
            order by not is_customer_call, is_consult, joined_ts, party_guid
        ) = 1 as is_anchor
    from parties

),

-- A preview is the agent's look at the record: until the first call, or the end without any. Where
-- no call data is stored nobody knows whether there was a call, nor how long the look took.
previews as (

    select
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.attempt_guid,
        attempts.record_agent_id,
        {{ ms_between(
            'attempts.attempt_start_ts',
            'coalesce(min(attempt_calls.call_created_ts), '
            ~ 'min(attempts.attempt_end_ts) filter '
            ~ '(where call_data_days.ocs_id is not null and attempts.bridges_calls '
            ~ 'and attempts.misses_calls is not true))'
        ) }} as preview_ms
    from attempts
    inner join dial_modes on attempts.dialing_mode = dial_modes.code
    left join attempt_calls
        on
            attempts.chain_guid = attempt_calls.chain_guid
            and attempts.ocs_id = attempt_calls.ocs_id
            and attempts.attempt_guid = attempt_calls.attempt_guid
            and attempt_calls.is_dialed_call
    left join call_data_days
        on
            attempts.ocs_id = call_data_days.ocs_id
            and coalesce(attempts.final_day, 'infinity') = call_data_days.ended_on
    where dial_modes.is_preview
    group by
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.attempt_guid,
        attempts.record_agent_id,
        attempts.attempt_start_ts

),

-- A record that an agent looked at and did not call, or whose call is not stored, is agent work
-- too; its agent is known only where the record is kept for one.
worked as (

    select
        coalesce(placed.ocs_id, previews.ocs_id) as ocs_id,
        coalesce(placed.chain_guid, previews.chain_guid) as chain_guid,
        coalesce(placed.attempt_guid, previews.attempt_guid) as attempt_guid,
        placed.party_guid,
        placed.call_guid,
        placed.call_relation,
        placed.is_customer_call,
        coalesce(placed.agent_id, previews.record_agent_id, -1) as agent_id,
        coalesce(placed.is_anchor, true) as is_anchor,
        previews.attempt_guid is not null as is_previewed,
        placed.joined_ts,
        placed.left_ts,
        case when coalesce(placed.is_anchor, true) then {{ not_negative('previews.preview_ms') }} end
            as preview_ms,
        placed.dial_ms,
        placed.ring_ms,
        placed.engage_ms,
        placed.asm_engage_ms,
        placed.hold_ms,
        placed.wrap_ms,
        placed.consult_ms
    from placed
    full outer join previews
        on
            placed.chain_guid = previews.chain_guid
            and placed.ocs_id = previews.ocs_id
            and placed.attempt_guid = previews.attempt_guid

),

final as (

    select
        worked.ocs_id,
        worked.attempt_guid as call_attempt_guid,
        worked.chain_guid,
        coalesce(worked.party_guid, 'none') as party_guid,
        worked.call_guid,
        worked.agent_id,
        attempts.final_day,
        attempts.attempt_day,
        attempts.campaign_id,
        attempts.group_id,
        attempts.calling_list_id,
        coalesce(attempts.dialing_mode, -1) as dialing_mode_key,
        worked.call_relation,
        coalesce(worked.is_customer_call, false) as is_customer_call,
        worked.is_anchor,
        worked.is_previewed,
        worked.joined_ts,
        worked.left_ts,
        worked.preview_ms,
        worked.dial_ms::bigint as dial_ms,
        worked.ring_ms::bigint as ring_ms,
        worked.engage_ms::bigint as engage_ms,
        worked.asm_engage_ms::bigint as asm_engage_ms,
        worked.hold_ms::bigint as hold_ms,
        worked.wrap_ms::bigint as wrap_ms,
        worked.consult_ms::bigint as consult_ms,
        {{ audit_columns() }}
    from worked
    inner join attempts
        on
            worked.chain_guid = attempts.chain_guid
            and worked.ocs_id = attempts.ocs_id
            and worked.attempt_guid = attempts.attempt_guid

)

select * from final
