-- Every one that the configuration names or the data mentions.
with

named as (

    select * from {{ ref('stg_config_group') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'group'

),

numbers as (

    select group_id from named
    union
    select code from seen
    union
    select -1

),

final as (

    select
        numbers.group_id,
        case
            when numbers.group_id = -1 then 'Not known'
            else coalesce(named.group_name, 'Group ' || numbers.group_id)
        end as group_name,
        named.tenant_id,
        named.group_id is not null as is_configured
    from numbers
    left join named on numbers.group_id = named.group_id

)

select * from final
