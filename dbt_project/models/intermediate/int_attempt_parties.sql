-- When the customer, an agent and a voice port came on the line, for each attempt with a call.
with

attempt_calls as (

    select * from {{ ref('int_attempt_calls') }}
    where is_customer_call

),

intervals as (

    select * from {{ ref('int_party_intervals') }}

),

final as (

    select
        attempt_calls.ocs_id,
        attempt_calls.chain_guid,
        attempt_calls.attempt_guid,
        min(intervals.entered_ts) filter (where intervals.is_customer and intervals.is_connected)
            as customer_connected_ts,
        min(intervals.entered_ts) filter (where intervals.is_agent and intervals.is_connected)
            as agent_connected_ts,
        min(intervals.entered_ts) filter (where intervals.is_ivr and intervals.is_connected)
            as ivr_connected_ts,
        count(intervals.party_guid) > 0 as has_parties
    from attempt_calls
    left join intervals on attempt_calls.call_guid = intervals.call_guid
    group by attempt_calls.ocs_id, attempt_calls.chain_guid, attempt_calls.attempt_guid

)

select * from final
