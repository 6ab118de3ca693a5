-- Names of calling lists.
with

source as (

    select * from {{ source('idb', 'gc_calling_list') }}

),

renamed as (

    select
        id as calling_list_id,
        name::text as calling_list_name,
        tenantid as tenant_id
    from source

)

select * from renamed
