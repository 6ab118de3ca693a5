{{ config(meta={'dagster': {'ref': {'name': 'brg_attempt_call'}}}) }}
-- An attempt has the calls that the bridge says it made, one of them the last; copies are apart.
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_window('chain') }}

),

bridge as (

    select
        ocs_id,
        chain_guid,
        call_attempt_guid,
        count(*) filter (where is_dialed_call) as dialed_calls,
        count(*) filter (where is_last_call) as last_calls,
        max(call_no) as highest_call_no
    from {{ ref('brg_attempt_call') }}
    where {{ in_window('chain') }}
    group by ocs_id, chain_guid, call_attempt_guid

),

final as (

    select
        attempts.call_attempt_guid,
        attempts.call_count,
        bridge.dialed_calls,
        bridge.last_calls
    from attempts
    full outer join bridge
        on
            attempts.chain_guid = bridge.chain_guid
            and attempts.ocs_id = bridge.ocs_id
            and attempts.call_attempt_guid = bridge.call_attempt_guid
    where
        attempts.call_attempt_guid is null
        or attempts.call_count <> coalesce(bridge.dialed_calls, 0)
        or coalesce(bridge.last_calls, 0) <> least(attempts.call_count, 1)
        or coalesce(bridge.highest_call_no, 0) <> attempts.call_count

)

select * from final
