-- Every notice of a chain: the state it entered, the attempt and the results it names.
with

source as (

    {{ ended_and_open('chain', 'go_chainrec_hist', [
        'ocsid', 'chainguid', 'seq', 'recordhandle', 'state', 'callattid', 'cause',
        'cpdresult', 'agentresult', 'added',
    ]) }}

),

renamed as (

    select
        final_day,
        ocsid as ocs_id,
        chainguid::text as chain_guid,
        seq,
        recordhandle as record_handle,
        state,
        callattid::text as call_attempt_guid,
        cause,
        cpdresult as cpd_result,
        agentresult as agent_result,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
