-- The ledger: what was loaded, from which source and release.
with

source as (

    select * from {{ source('ops', 'batch') }}

),

renamed as (

    select
        batch_id,
        source,
        dbid as source_dbid,
        feed,
        release,
        events,
        by_type,
        first_ts,
        last_ts,
        loaded_at
    from source

)

select * from renamed
