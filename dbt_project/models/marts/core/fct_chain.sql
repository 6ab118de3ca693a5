{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_window('chain') }}",
        indexes=[
            {'columns': ['chain_guid', 'ocs_id'], 'unique': true},
            {'columns': ['final_day']},
            {'columns': ['session_id']},
            {'columns': ['campaign_id']},
            {'columns': ['group_id']},
            {'columns': ['calling_list_id']},
        ],
    )
}}
with

chains as (

    select * from {{ ref('int_chains') }}

),

notices as (

    select * from {{ ref('int_chain_notices') }}

),

record_notices as (

    select * from {{ ref('int_record_notices') }}

),

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_window('chain') }}

),

sessions as (

    select * from {{ ref('stg_campaign_span') }}

),

events as (

    select
        chain_guid,
        ocs_id,
        count(*) as notices,
        {{ pick('event_ts', 'seq') }} as first_event_ts
    from notices
    group by chain_guid, ocs_id

),

records as (

    select
        chain_guid,
        ocs_id,
        count(distinct record_handle) as record_count
    from record_notices
    group by chain_guid, ocs_id

),

-- An attempt of which nobody can say whether it was dialled counts as a dial here.
numbered as (

    select
        *,
        count(*) filter (where coalesce(is_dialed, true)) over (
            partition by chain_guid, ocs_id order by chain_attempt_no
        ) as dial_no
    from attempts

),

outcomes as (

    select
        chain_guid,
        ocs_id,
        count(*) as attempts,
        count(*) filter (where is_dialed) as dials,
        count(distinct contact_token) filter (where is_dialed) as distinct_numbers_dialed,
        min(attempt_start_ts) filter (where is_human) as first_human_ts,
        max(dial_no) as possible_dials,
        min(dial_no) filter (where is_human and coalesce(is_dialed, true)) as first_human_dial_no,
        {{ pick('effective_result_key', 'chain_attempt_no desc') }} as last_effective_result_key
    from numbered
    group by chain_guid, ocs_id

),

final as (

    select
        chains.ocs_id,
        chains.chain_guid,
        chains.final_day,
        chains.is_open,
        chains.session_id,
        chains.campaign_id,
        chains.group_id,
        chains.calling_list_id,
        chains.loaded_ts,
        events.first_event_ts,
        chains.last_event_ts,
        chains.ended_ts,
        chains.final_state,
        coalesce(chains.cause & 65535, -1) as disposition_key,
        chains.synthetic_close,
        case
            when not chains.is_open then null
            when sessions.session_id is null then 'session_unknown'
            when sessions.ended_ts is not null then 'session_ended'
            else 'in_progress'
        end as open_reason,
        coalesce(records.record_count, 0) as record_count,
        coalesce(outcomes.attempts, 0) as attempts,
        coalesce(outcomes.dials, 0) as dials,
        coalesce(outcomes.distinct_numbers_dialed, 0) as distinct_numbers_dialed,
        outcomes.first_human_ts,
        coalesce(outcomes.possible_dials, 0) as possible_dials,
        outcomes.first_human_dial_no,
        coalesce(outcomes.last_effective_result_key, -1) as last_effective_result_key,
        coalesce(events.notices, 0) as notices,
        chains.last_seq - coalesce(events.notices, 0) as missing_notices,
        chains.last_seq as source_max_seq,
        chains.last_event_ts as data_through_ts,
        {{ audit_columns() }}
    from chains
    left join events
        on chains.chain_guid = events.chain_guid and chains.ocs_id = events.ocs_id
    left join records
        on chains.chain_guid = records.chain_guid and chains.ocs_id = records.ocs_id
    left join outcomes
        on chains.chain_guid = outcomes.chain_guid and chains.ocs_id = outcomes.ocs_id
    left join sessions on chains.session_id = sessions.session_id

)

select * from final
