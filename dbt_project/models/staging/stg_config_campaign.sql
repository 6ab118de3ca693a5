-- Names of campaigns.
with

source as (

    select * from {{ source('idb', 'gc_campaign') }}

),

renamed as (

    select
        id as campaign_id,
        name::text as campaign_name,
        tenantid as tenant_id
    from source

)

select * from renamed
