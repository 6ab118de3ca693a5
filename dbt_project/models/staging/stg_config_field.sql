-- Names of calling-list fields.
with

source as (

    select * from {{ source('idb', 'gc_field') }}

),

renamed as (

    select
        id as field_id,
        name as field_name,
        tenantid as tenant_id,
        icon_attribute
    from source

)

select * from renamed
