-- From when to when each campaign session lasted, open or ended.
with

source as (

    select * from {{ source('idb', 'go_campaign') }}

),

renamed as (

    select
        sessid::text as session_id,
        coalesce({{ utc('created') }}, '-infinity') as loaded_ts,
        {{ utc('terminated') }} as ended_ts
    from source

)

select * from renamed
