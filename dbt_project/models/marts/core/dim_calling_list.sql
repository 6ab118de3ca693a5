-- Every one that the configuration names or the data mentions.
with

named as (

    select * from {{ ref('stg_config_calling_list') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'calling_list'

),

numbers as (

    select calling_list_id from named
    union
    select code from seen
    union
    select -1

),

final as (

    select
        numbers.calling_list_id,
        case
            when numbers.calling_list_id = -1 then 'Not known'
            else coalesce(named.calling_list_name, 'Calling list ' || numbers.calling_list_id)
        end as calling_list_name,
        named.tenant_id,
        named.calling_list_id is not null as is_configured
    from numbers
    left join named on numbers.calling_list_id = named.calling_list_id

)

select * from final
