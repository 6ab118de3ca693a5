-- Every notice of a calling-list record, by the chain notice it came with.
with

ended as (

    select
        final_day,
        ocsid,
        chainguid,
        recordhandle,
        chainseq,
        recordid,
        chainid,
        chainn,
        recordtype,
        recordstatus,
        contactinfo,
        contactinfotype,
        callresult,
        attempt,
        dialschedtime,
        calltime,
        dailyfrom,
        dailytill,
        tzname,
        agentid,
        added
    from {{ source('final', 'go_record_hist') }}

),

open_ones as (

    select
        null::date as final_day,
        changes.ocsid,
        changes.chainguid,
        changes.recordhandle,
        changes.chainseq,
        changes.recordid,
        changes.chainid,
        changes.chainn,
        changes.recordtype,
        changes.recordstatus,
        changes.contactinfo,
        changes.contactinfotype,
        changes.callresult,
        changes.attempt,
        changes.dialschedtime,
        changes.calltime,
        changes.dailyfrom,
        changes.dailytill,
        changes.tzname,
        changes.agentid,
        changes.added
    from {{ source('idb', 'go_record_hist') }} as changes
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
        recordhandle as record_handle,
        chainseq as chain_seq,
        recordid as record_id,
        chainid as chain_id,
        chainn as chain_n,
        recordtype as record_type,
        recordstatus as record_status,
        contactinfo::text as contact_info,
        contactinfotype as contact_info_type,
        callresult as call_result,
        attempt as attempts_so_far,
        dialschedtime as scheduled_wall_seconds,
        to_timestamp(calltime) as last_dialed_ts,
        dailyfrom as daily_from_seconds,
        dailytill as daily_till_seconds,
        tzname::text as tz_name,
        agentid as agent_id,
        {{ utc('added') }} as event_ts
    from combined

)

select * from renamed
