-- Each date made with a customer, as one chain knows it; kept by day of termination. A date that
-- outlives its chain is carried on by the next one: `mart_callbacks` brings them together.
{{
    config(
        materialized='incremental',
        unlogged=false,
        pre_hook="{{ delete_window('chain') }}",
        indexes=[{'columns': ['final_day']}, {'columns': ['calling_list_id', 'record_id']}],
    )
}}
with

chains as (

    select * from {{ ref('int_chains') }}

),

notices as (

    select * from {{ ref('int_record_notices') }}

),

attempts as (

    select * from {{ ref('int_attempts') }}

),

results as (

    select * from {{ ref('enum_call_result') }}

),

types as (

    select * from {{ ref('enum_record_type') }}

),

statuses as (

    select * from {{ ref('enum_record_status') }}

),

time_zones as (

    select * from {{ ref('int_time_zones') }}

),

described as (

    select
        chains.final_day,
        chains.is_open,
        chains.campaign_id,
        chains.group_id,
        chains.calling_list_id,
        chains.ended_ts,
        chains.last_event_ts,
        notices.ocs_id,
        notices.chain_guid,
        notices.record_handle,
        notices.chain_seq,
        notices.record_id,
        notices.record_type,
        notices.agent_id,
        notices.event_ts,
        (to_timestamp(notices.scheduled_wall_seconds) at time zone 'UTC')
        at time zone coalesce(time_zones.tz_name, 'UTC') as due_ts,
        time_zones.tz_name is not null as is_zone_known,
        coalesce(types.is_callback, false) as is_callback,
        coalesce(types.is_rescheduled, false) as is_rescheduled,
        coalesce(types.is_personal, false) as is_personal,
        coalesce(statuses.is_missed_callback, false) as is_missed,
        coalesce(statuses.is_cancelled, false) as is_cancelled
    from notices
    inner join chains
        on
            notices.chain_guid = chains.chain_guid
            and notices.ocs_id = chains.ocs_id
    left join types on notices.record_type = types.code
    left join statuses on notices.record_status = statuses.code
    left join time_zones on notices.tz_name = time_zones.tz_name

),

compared as (

    select
        *,
        lag(record_type) over record_order as previous_type,
        lag(due_ts) over record_order as previous_due_ts,
        lead(chain_seq) over record_order as next_chain_seq,
        lag(chain_seq) over record_order is null as is_first,
        lead(record_type) over record_order as next_type,
        lead(due_ts) over record_order as next_due_ts,
        lead(is_missed) over record_order as next_is_missed,
        lead(is_cancelled) over record_order as next_is_cancelled
    from described
    window record_order as (partition by chain_guid, ocs_id, record_handle order by chain_seq)

),

-- A date was made: a callback, or a record put off to a time. A notice that repeats one is none.
scheduled as (

    select * from compared
    where
        (is_callback or (is_rescheduled and due_ts is not null))
        and not is_missed
        and not is_cancelled
        and (
            record_type is distinct from previous_type
            or due_ts is distinct from previous_due_ts
        )

),

tries as (

    select
        chain_guid,
        ocs_id,
        record_handle,
        attempt_guid,
        anchor_ts,
        coalesce(start_seq, first_seq) as seq,
        coalesce(results.is_callback_missed, false) as is_result_missed
    from attempts
    left join results
        on {{ effective_result('attempts.agent_result', 'attempts.cpd_result') }} = results.code

),

-- It is kept by the next attempt at the record.
kept as (

    select distinct on (
        scheduled.chain_guid, scheduled.ocs_id, scheduled.record_handle, scheduled.chain_seq
    )
        scheduled.*,
        tries.attempt_guid,
        tries.anchor_ts as processed_ts,
        coalesce(tries.is_result_missed, false) as is_result_missed
    from scheduled
    left join tries
        on
            scheduled.chain_guid = tries.chain_guid
            and scheduled.ocs_id = tries.ocs_id
            and scheduled.record_handle = tries.record_handle
            and scheduled.chain_seq < tries.seq
    order by
        scheduled.chain_guid,
        scheduled.ocs_id,
        scheduled.record_handle,
        scheduled.chain_seq,
        tries.seq,
        tries.attempt_guid

),

final as (

    select
        ocs_id,
        chain_guid,
        record_handle,
        chain_seq,
        final_day,
        is_open,
        campaign_id,
        group_id,
        calling_list_id,
        record_id,
        record_type,
        is_personal,
        is_callback,
        agent_id,
        -- What stands in the first notice of a chain came with the list: made before, and carried on.
        case when not is_first then event_ts end as made_ts,
        event_ts as told_ts,
        due_ts,
        is_zone_known,
        attempt_guid,
        processed_ts,
        is_result_missed or coalesce(next_is_missed, false) as is_missed,
        processed_ts is null
        and (
            coalesce(next_is_cancelled, false)
            or (
                next_type is not null
                and (next_type <> record_type or next_due_ts is distinct from due_ts)
            )
        ) as is_cancelled,
        last_event_ts as data_through_ts
    from kept

)

select * from final
