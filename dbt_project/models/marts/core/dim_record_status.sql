-- The seed, and a row for each code that came and is not in it.
with

known as (

    select * from {{ ref('enum_record_status') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'record_status'

),

strange as (

    select seen.code
    from seen
    where not exists (select 1 from known where known.code = seen.code)

),

final as (

    select
        code as record_status_key,
        name as record_status_name,
        is_ready,
        is_final,
        is_cancelled,
        is_missed_callback,
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
        false
    from strange

)

select * from final
