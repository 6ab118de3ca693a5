-- The calls that OCS itself named for an attempt; call_guid is null while OCS does not know it.
with

ended as (

    select
        final_day,
        ocsid,
        chainguid,
        callattid,
        callid,
        added
    from {{ source('final', 'gox_chain_call') }}

),

open_ones as (

    select
        null::date as final_day,
        changes.ocsid,
        changes.chainguid,
        changes.callattid,
        changes.callid,
        changes.added
    from {{ source('idb', 'gox_chain_call') }} as changes
    inner join {{ source('ops', 'open_chain') }} as objects
        on
            changes.chainguid = objects.chainguid
            and changes.ocsid = objects.ocsid

),

combined as (

    select * from ended
    union all
    select * from open_ones

),

renamed as (

    select
        final_day,
        ocsid as ocs_id,
        chainguid::text as chain_guid,
        callattid::text as call_attempt_guid,
        callid::text as call_guid,
        {{ utc('added') }} as event_ts
    from combined

)

select * from renamed
