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
        new as new_events,
        quarantined,
        by_type,
        first_dsseq,
        last_dsseq,
        first_ts,
        last_ts,
        loaded_at
    from source

)

select * from renamed
