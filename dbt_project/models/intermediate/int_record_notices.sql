-- Each notice of a record of the chains of this run. A table, because three models read it and the
-- planner cannot guess how few or many there are.
with

chains as (

    select * from {{ ref('int_chains') }}

),

notices as (

    select * from {{ ref('stg_record_notice') }}
    where {{ in_window('chain') }}

),

final as (

    select
        notices.final_day,
        notices.ocs_id,
        notices.chain_guid,
        notices.record_handle,
        notices.chain_seq,
        notices.record_id,
        notices.chain_id,
        notices.chain_n,
        notices.record_type,
        notices.record_status,
        -- Beyond staging nobody needs the number itself.
        {{ contact_token('notices.contact_info') }} as contact_token,
        {{ masked('notices.contact_info') }} as contact_masked,
        notices.contact_info_type,
        notices.attempts_so_far,
        notices.scheduled_wall_seconds,
        notices.daily_from_seconds,
        notices.daily_till_seconds,
        notices.tz_name,
        notices.agent_id,
        notices.event_ts
    from notices
    inner join chains
        on
            notices.chain_guid = chains.chain_guid
            and notices.ocs_id = chains.ocs_id
            and notices.final_day is not distinct from chains.final_day

)

select * from final
