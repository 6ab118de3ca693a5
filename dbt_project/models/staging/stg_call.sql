-- Voice calls and multimedia interactions.
with

source as (

    select * from {{ source('idb', 'g_call') }}

),

renamed as (

    select
        callid::text as call_guid,
        parentcallid::text as parent_call_guid,
        mergecallid::text as merge_call_guid,
        calltype as call_type,
        media::text as media,
        {{ utc('created') }} as created_ts,
        {{ utc('terminated') }} as ended_ts
    from source

)

select * from renamed
