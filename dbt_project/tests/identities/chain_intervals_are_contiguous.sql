{{ config(meta={'dagster': {'ref': {'name': 'fct_chain_state_interval'}}}) }}
-- A chain leaves one state when it enters the next, and only the last may still last.
with

intervals as (

    select
        *,
        lead(entered_ts) over object_order as next_entered_ts,
        lead(interval_no) over object_order as next_interval_no,
        row_number() over object_order as place
    from {{ ref('fct_chain_state_interval') }}
    where {{ in_window('chain') }}
    window object_order as (partition by chain_guid, ocs_id order by interval_no)

),

final as (

    select * from intervals
    where
        left_ts is distinct from next_entered_ts
        or place <> interval_no
        or (next_interval_no is not null and next_interval_no <> interval_no + 1)

)

select * from final
