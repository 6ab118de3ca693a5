-- Every notice of a chain: the state it entered, the attempt and the results it names.
with

ended as (

    select
        final_day,
        ocsid,
        chainguid,
        seq,
        recordhandle,
        state,
        callattid,
        cause,
        cpdresult,
        agentresult,
        added
    from {{ source('final', 'go_chainrec_hist') }}

),

open_ones as (

    select
        null::date as final_day,
        changes.ocsid,
        changes.chainguid,
        changes.seq,
        changes.recordhandle,
        changes.state,
        changes.callattid,
        changes.cause,
        changes.cpdresult,
        changes.agentresult,
        changes.added
    from {{ source('idb', 'go_chainrec_hist') }} as changes
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
        seq,
        recordhandle as record_handle,
        state,
        callattid::text as call_attempt_guid,
        cause,
        cpdresult as cpd_result,
        agentresult as agent_result,
        {{ utc('added') }} as event_ts
    from combined

)

select * from renamed
