-- The days that this run rebuilds, fixed once so that every mart rebuilds the same.
with

due as (

    select
        entity,
        day
    from {{ source('ops', 'marts_window') }}

),

finalized as (

    select
        entity,
        day
    from {{ source('ops', 'final_day') }}

),

days as (

    select * from due
    {%- if takes_every_day() %}
        union
        select * from finalized
    {%- endif %}

)

select * from days
