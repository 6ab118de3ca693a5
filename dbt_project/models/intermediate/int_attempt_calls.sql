-- The bridge: each call that belongs to an attempt of this run, and how it was found.
with

attempts as (

    select * from {{ ref('int_attempts') }}
    where bridges_calls

),

chain_calls as (

    select * from {{ ref('stg_chain_call') }}
    where {{ in_window('chain') }}

),

calls as (

    select * from {{ ref('stg_call') }}

),

call_types as (

    select * from {{ ref('enum_call_type') }}

),

media as (

    select * from {{ ref('enum_media') }}

),

change_types as (

    select * from {{ ref('enum_user_data_change') }}

),

user_data as (

    select * from {{ ref('stg_attempt_user_data') }}
    union all
    select * from {{ ref('stg_secure_attempt_user_data') }}

),

told_by_ocs as (

    select
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.attempt_guid,
        chain_calls.call_guid,
        'gox_chain_call' as link_method,
        1 as preference,
        chain_calls.event_ts as linked_ts
    from attempts
    inner join chain_calls
        on
            attempts.chain_guid = chain_calls.chain_guid
            and attempts.ocs_id = chain_calls.ocs_id
            and attempts.attempt_guid = chain_calls.call_attempt_guid
    where chain_calls.call_guid is not null

),

told_by_user_data as (

    select
        attempts.ocs_id,
        attempts.chain_guid,
        attempts.attempt_guid,
        user_data.call_guid,
        'user_data_guid' as link_method,
        2 as preference,
        user_data.event_ts as linked_ts
    from attempts
    inner join user_data on attempts.attempt_guid = user_data.call_attempt_guid
    inner join change_types on user_data.change_type = change_types.code
    where change_types.carries_value and not attempts.is_synthetic_guid

),

told as (

    select * from told_by_ocs
    union all
    select * from told_by_user_data

),

links as (

    select distinct on (chain_guid, ocs_id, attempt_guid, call_guid) *
    from told
    order by chain_guid, ocs_id, attempt_guid, call_guid, preference, linked_ts

),

-- Only calls that the call tables know: one that OCS named too early is matched when it comes.
known as (

    select
        links.*,
        calls.media,
        calls.parent_call_guid,
        calls.merge_call_guid,
        calls.created_ts as call_created_ts,
        calls.ended_ts as call_ended_ts,
        coalesce(media.is_call, true) as is_call,
        coalesce(call_types.is_outbound, false) as is_outbound,
        coalesce(call_types.is_consult, false) or calls.parent_call_guid is not null as is_consult,
        count(*) filter (where links.preference = 1) over attempt as calls_told_by_ocs,
        count(*) filter (where call_types.is_outbound and coalesce(media.is_call, true))
            over attempt as outbound_calls,
        row_number() over (
            partition by
                links.chain_guid, links.ocs_id, links.attempt_guid, coalesce(media.is_call, true)
            order by calls.created_ts nulls last, links.call_guid
        ) as place
    from links
    inner join calls on links.call_guid = calls.call_guid
    left join call_types on calls.call_type = call_types.code
    left join media on calls.media = media.media
    window attempt as (partition by links.chain_guid, links.ocs_id, links.attempt_guid)

),

-- A transfer or a consultation copies the attempt's GUID to another call. The calls that the
-- attempt itself made are those that OCS named; else the outbound ones; else the first. The
-- interaction by which a record is pushed to a desktop is a preview and no call.
related as (

    select
        *,
        case
            when not is_call then 'preview'
            when preference = 1 then 'dialed'
            when is_consult then 'consult'
            when calls_told_by_ocs > 0 then 'transfer'
            when outbound_calls > 0 and not is_outbound then 'transfer'
            when outbound_calls = 0 and place > 1 then 'transfer'
            else 'dialed'
        end as call_relation
    from known

),

final as (

    select
        attempts.final_day,
        attempts.attempt_day,
        related.ocs_id,
        related.chain_guid,
        related.attempt_guid,
        related.call_guid,
        related.link_method,
        -- One GUID at attempts of two OCSs cannot tell whose call it is.
        case
            when related.preference = 1 then 'certain'
            when count(*) over (partition by related.call_guid) > 1 then 'ambiguous'
            when related.call_relation in ('dialed', 'preview') then 'certain'
            else 'probable'
        end as link_confidence,
        related.call_relation,
        related.call_relation = 'dialed' as is_dialed_call,
        related.call_relation in ('dialed', 'transfer') as is_customer_call,
        related.media,
        related.call_created_ts,
        related.call_ended_ts,
        case
            when related.call_relation = 'dialed' then row_number() over (
                partition by
                    related.chain_guid,
                    related.ocs_id,
                    related.attempt_guid,
                    related.call_relation = 'dialed'
                order by related.call_created_ts nulls last, related.call_guid
            )
        end as call_no,
        related.call_relation = 'dialed' and row_number() over (
            partition by
                related.chain_guid,
                related.ocs_id,
                related.attempt_guid,
                related.call_relation = 'dialed'
            order by related.call_created_ts desc nulls first, related.call_guid desc
        ) = 1 as is_last_call,
        related.linked_ts
    from related
    inner join attempts
        on
            related.chain_guid = attempts.chain_guid
            and related.ocs_id = attempts.ocs_id
            and related.attempt_guid = attempts.attempt_guid

)

select * from final
