-- Names of agent and place groups.
with

source as (

    select * from {{ source('idb', 'gc_group') }}

),

renamed as (

    select
        id as group_id,
        name::text as group_name,
        tenantid as tenant_id
    from source

)

select * from renamed
