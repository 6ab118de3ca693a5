-- The calls that OCS itself named for an attempt; call_guid is null while OCS does not know it.
with

source as (

    {{ ended_and_open('chain', 'gox_chain_call', [
        'ocsid', 'chainguid', 'callattid', 'callid', 'added',
    ]) }}

),

renamed as (

    select
        final_day,
        ocsid as ocs_id,
        chainguid::text as chain_guid,
        callattid::text as call_attempt_guid,
        callid::text as call_guid,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
