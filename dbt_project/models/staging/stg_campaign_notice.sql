-- Every notice of a campaign session; a property notice tells of no state.
with

ended as (

    select
        final_day,
        ocsid,
        sessid,
        seq,
        state,
        cause,
        isproperty,
        added
    from {{ source('final', 'go_campaignhistory') }}

),

open_ones as (

    select
        null::date as final_day,
        changes.ocsid,
        changes.sessid,
        changes.seq,
        changes.state,
        changes.cause,
        changes.isproperty,
        changes.added
    from {{ source('idb', 'go_campaignhistory') }} as changes
    inner join {{ source('ops', 'open_session') }} as objects
        on changes.sessid = objects.sessid

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
        sessid::text as session_id,
        seq,
        state,
        cause,
        coalesce(isproperty, 0) > 0 as is_property,
        {{ utc('added') }} as event_ts
    from combined

)

select * from renamed
