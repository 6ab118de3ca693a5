-- The same where the site protects attached data; nothing but the attempt's GUID is read.
with

source as (

    select * from {{ source('idb', 'g_secure_userdata_history') }}

),

renamed as (

    select
        btrim(value) as call_attempt_guid,
        callid::text as call_guid,
        changetype as change_type,
        {{ utc('added') }} as event_ts
    from source
    where upper(keyname) = 'GSW_CALL_ATTEMPT_GUID'

)

select * from renamed
