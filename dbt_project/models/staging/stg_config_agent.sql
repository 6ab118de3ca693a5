-- Names of agents.
with

source as (

    select * from {{ source('idb', 'gc_agent') }}

),

renamed as (

    select
        id as agent_id,
        employeeid::text as employee_id,
        nullif(concat_ws(' ', firstname, lastname), '') as agent_name,
        username::text as user_name,
        tenantid as tenant_id
    from source

)

select * from renamed
