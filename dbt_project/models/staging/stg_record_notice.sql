-- Every notice of a calling-list record, by the chain notice it came with.
with

source as (

    {{ ended_and_open('chain', 'go_record_hist', [
        'ocsid', 'chainguid', 'recordhandle', 'chainseq', 'recordid', 'chainid', 'chainn',
        'recordtype', 'recordstatus', 'contactinfo', 'contactinfotype', 'attempt',
        'dialschedtime', 'dailyfrom', 'dailytill', 'tzname', 'agentid', 'added',
    ]) }}

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
        attempt as attempts_so_far,
        dialschedtime as scheduled_wall_seconds,
        dailyfrom as daily_from_seconds,
        dailytill as daily_till_seconds,
        tzname::text as tz_name,
        agentid as agent_id,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
