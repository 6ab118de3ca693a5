-- Every one that the configuration names or the data mentions.
with

named as (

    select * from {{ ref('stg_config_agent') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'agent'

),

numbers as (

    select agent_id from named
    union
    select code from seen
    union
    select -1

),

final as (

    select
        numbers.agent_id,
        case
            when numbers.agent_id = -1 then 'Not known'
            else coalesce(named.agent_name, 'Agent ' || numbers.agent_id)
        end as agent_name,
        named.employee_id,
        named.user_name,
        named.tenant_id,
        named.agent_id is not null as is_configured
    from numbers
    left join named on numbers.agent_id = named.agent_id

)

select * from final
