-- Connects and disconnects as each source reported them, one feed a redundant ICON.
with

source as (

    select * from {{ source('idb', 'g_dss_connection') }}

),

renamed as (

    select
        source::text as source,
        ds_dbid as source_dbid,
        icon_dbid as feed,
        state = 'connected' as is_connected,
        {{ utc('added') }} as event_ts
    from source

)

select * from renamed
