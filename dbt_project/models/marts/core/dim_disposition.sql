-- Why an attempt or a chain ended: cause and descriptor, packed in one key as OCS sends them. The
-- meaning of the causes is not published; a site that knows its own names them in the seed.
with

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'disposition'

),

descriptors as (

    select * from {{ ref('enum_disposition_descriptor') }}

),

causes as (

    select * from {{ ref('enum_disposition_cause') }}

),

keys as (

    select code as disposition_key from seen
    union
    select -1

),

final as (

    select
        keys.disposition_key,
        case when keys.disposition_key >= 0 then keys.disposition_key & 255 end as cause,
        case
            when keys.disposition_key = -1 then 'None given'
            else coalesce(causes.name, 'Cause ' || (keys.disposition_key & 255))
        end as cause_name,
        case when keys.disposition_key >= 0 then keys.disposition_key >> 8 end as descriptor,
        case
            when keys.disposition_key = -1 then 'Unknown'
            else coalesce(descriptors.name, 'Descriptor ' || (keys.disposition_key >> 8))
        end as descriptor_name
    from keys
    left join causes
        on keys.disposition_key >= 0 and (keys.disposition_key & 255) = causes.code
    left join descriptors
        on keys.disposition_key >= 0 and (keys.disposition_key >> 8) = descriptors.code

)

select * from final
