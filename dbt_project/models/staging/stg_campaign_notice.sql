-- Every notice of a campaign session; a property notice tells of no state.
with

source as (

    {{ ended_and_open('campaign', 'go_campaignhistory', [
        'ocsid', 'sessid', 'seq', 'state', 'cause', 'isproperty', 'added',
    ]) }}

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
    from source

)

select * from renamed
