-- Chains: the ended ones as finalized, the open ones as they stand.
with

ended as (

    select
        final_day,
        false as is_open,
        synthetic_close,
        ocsid,
        chainguid,
        sessid,
        campaignid,
        groupid,
        callinglistid,
        state,
        cause,
        recordhandle,
        created,
        terminated,
        lastchange,
        firstseq,
        lastseq
    from {{ source('final', 'go_chain') }}

),

open_ones as (

    select
        null::date as final_day,
        true as is_open,
        null::varchar as synthetic_close,
        ocsid,
        chainguid,
        sessid,
        campaignid,
        groupid,
        callinglistid,
        state,
        cause,
        recordhandle,
        created,
        terminated,
        lastchange,
        firstseq,
        lastseq
    from {{ source('ops', 'open_chain') }}

),

combined as (

    select * from ended
    union all
    select * from open_ones

),

renamed as (

    select
        final_day,
        is_open,
        synthetic_close::text as synthetic_close,
        ocsid as ocs_id,
        chainguid::text as chain_guid,
        sessid::text as session_id,
        coalesce(campaignid, -1) as campaign_id,
        coalesce(groupid, -1) as group_id,
        coalesce(callinglistid, -1) as calling_list_id,
        state as final_state,
        cause,
        recordhandle as record_handle,
        firstseq as first_seq,
        lastseq as last_seq,
        {{ utc('created') }} as loaded_ts,
        {{ utc('terminated') }} as ended_ts,
        {{ utc('lastchange') }} as last_event_ts
    from combined

)

select * from renamed
