{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('chain') }}",
        indexes=[{'columns': ['final_day']}, {'columns': ['chain_guid']}],
    )
}}
with

notices as (

    select * from {{ ref('int_chain_notices') }}

),

states as (

    select * from {{ ref('enum_chain_state') }}

),

-- A notice that repeats its state, to carry a late result, opens no interval.
entered as (

    select * from notices
    where previous_state is null or state is distinct from previous_state

),

final as (

    select
        entered.ocs_id,
        entered.chain_guid,
        row_number() over chain_order as interval_no,
        entered.final_day,
        entered.state as chain_state,
        coalesce(states.name, 'State ' || entered.state) as chain_state_name,
        entered.previous_state as previous_chain_state,
        entered.event_ts as entered_ts,
        lead(entered.event_ts) over chain_order as left_ts,
        {{ ms_between('entered.event_ts', 'lead(entered.event_ts) over chain_order') }}
            as duration_ms,
        entered.cause & 255 as cause,
        coalesce(entered.cause & 65535, -1) as disposition_key,
        entered.attempt_guid as call_attempt_guid,
        entered.record_handle,
        entered.seq as source_seq,
        {{ audit_columns() }}
    from entered
    left join states on entered.state = states.code
    window chain_order as (partition by entered.chain_guid, entered.ocs_id order by entered.seq)

)

select * from final
