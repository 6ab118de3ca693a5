-- Every one that the configuration names or the data mentions.
with

named as (

    select * from {{ ref('stg_config_campaign') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'campaign'

),

numbers as (

    select campaign_id from named
    union
    select code from seen
    union
    select -1

),

final as (

    select
        numbers.campaign_id,
        case
            when numbers.campaign_id = -1 then 'Not known'
            else coalesce(named.campaign_name, 'Campaign ' || numbers.campaign_id)
        end as campaign_name,
        named.tenant_id,
        named.campaign_id is not null as is_configured
    from numbers
    left join named on numbers.campaign_id = named.campaign_id

)

select * from final
