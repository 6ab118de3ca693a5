-- The seed, and a row for each code that came and is not in it.
with

known as (

    select * from {{ ref('enum_optimization_mode') }}

),

seen as (

    select code from {{ ref('int_codes_seen') }}
    where dimension = 'optimization_mode'

),

strange as (

    select seen.code
    from seen
    where not exists (select 1 from known where known.code = seen.code)

),

final as (

    select
        code as optimization_mode_key,
        name as optimization_mode_name,
        is_overdial_rate,
        is_busy_factor,
        is_wait_time,
        true as is_known
    from known

    union all

    select
        code,
        'Code ' || code,
        false,
        false,
        false,
        false
    from strange

)

select * from final
