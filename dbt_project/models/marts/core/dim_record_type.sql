-- The seed, and a row for each code that came and is not in it.
with

known as (

    select * from {{ ref('enum_record_type') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'record_type'

),

strange as (

    select seen.code
    from seen
    where not exists (select 1 from known where known.code = seen.code)

),

final as (

    select
        code as record_type_key,
        name as record_type_name,
        is_general,
        is_callback,
        is_rescheduled,
        is_personal,
        is_campaign,
        true as is_known
    from known

    union all

    select
        code,
        'Code ' || code,
        false,
        false,
        false,
        false,
        false,
        false
    from strange

)

select * from final
