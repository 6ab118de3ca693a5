-- Campaign sessions: the ended ones as finalized, the open ones as they stand.
with

ended as (

    select
        final_day,
        false as is_open,
        synthetic_close,
        ocsid,
        sessid,
        campaignid,
        groupid,
        state,
        dialmode,
        optimmode,
        optimvalue,
        created,
        terminated,
        lastchange,
        lastseq
    from {{ source('final', 'go_campaign') }}

),

open_ones as (

    select
        null::date as final_day,
        true as is_open,
        null::varchar as synthetic_close,
        ocsid,
        sessid,
        campaignid,
        groupid,
        state,
        dialmode,
        optimmode,
        optimvalue,
        created,
        terminated,
        lastchange,
        lastseq
    from {{ source('ops', 'open_session') }}

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
        sessid::text as session_id,
        coalesce(campaignid, -1) as campaign_id,
        coalesce(groupid, -1) as group_id,
        state as final_state,
        dialmode as dialing_mode,
        optimmode as optimization_mode,
        optimvalue as optimization_target,
        lastseq as last_seq,
        {{ utc('created') }} as loaded_ts,
        {{ utc('terminated') }} as ended_ts,
        {{ utc('lastchange') }} as last_event_ts
    from combined

)

select * from renamed
