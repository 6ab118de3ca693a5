-- The seed, and a row for each code that came and is not in it.
with

known as (

    select * from {{ ref('enum_contact_info_type') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'contact_info_type'

),

strange as (

    select seen.code
    from seen
    where not exists (select 1 from known where known.code = seen.code)

),

final as (

    select
        code as contact_info_type_key,
        name as contact_info_type_name,
        is_phone,
        true as is_known
    from known

    union all

    select
        code,
        'Code ' || code,
        false,
        false
    from strange

)

select * from final
