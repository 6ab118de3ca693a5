{{ config(materialized='view') }}
-- One row a date made with a customer. The record keeps type and due time from chain to chain, so
-- they tell which rows are of the same date.
with

dates as (

    select * from {{ ref('int_callbacks') }}

),

together as (

    select
        calling_list_id,
        coalesce(record_id::text, chain_guid || '/' || record_handle) as record_key,
        record_type,
        due_ts,
        min(record_id) as record_id,
        max(campaign_id) as campaign_id,
        max(group_id) as group_id,
        bool_or(is_personal) as is_personal,
        bool_or(is_callback) as is_callback,
        max(agent_id) as agent_id,
        min(made_ts) as made_ts,
        min(told_ts) as first_told_ts,
        bool_and(is_zone_known) as is_zone_known,
        min(processed_ts) as processed_ts,
        {{ pick('attempt_guid', 'processed_ts', 'attempt_guid is not null') }}
            as call_attempt_guid,
        count(*) as chains,
        bool_or(is_open) as is_open,
        bool_or(is_missed) as is_missed,
        bool_or(is_cancelled) as is_cancelled,
        max(data_through_ts) as data_through_ts
    from dates
    group by
        calling_list_id,
        coalesce(record_id::text, chain_guid || '/' || record_handle),
        record_type,
        due_ts

),

final as (

    select
        calling_list_id,
        record_key,
        record_type as record_type_key,
        due_ts,
        record_id,
        campaign_id,
        group_id,
        case when is_personal then 'personal' else 'campaign' end as callback_type,
        is_callback,
        coalesce(agent_id, -1) as agent_id,
        made_ts as scheduled_at_ts,
        first_told_ts,
        is_zone_known,
        processed_ts,
        call_attempt_guid,
        {{ ms_between('due_ts', 'processed_ts') }} as lateness_ms,
        case
            when is_missed then 'missed'
            when processed_ts is not null then 'completed'
            when is_cancelled then 'cancelled'
            else 'pending'
        end as callback_status,
        chains,
        data_through_ts,
        case when is_open then 'partial' else 'complete' end as completeness
    from together

)

select * from final
