-- Since when calls are missing while the other database that holds them cannot be read; else no row.
with

source as (

    select * from {{ source('ops', 'cti_database') }}

),

renamed as (

    select
        missing_since as from_ts,
        checked_at as till_ts
    from source
    where missing_since is not null

)

select * from renamed
