{{ config(materialized='incremental', incremental_strategy='append') }}
-- Calendar of report days. Made once: a run adds nothing to it.
with

days as (

    -- The unknown day.
    select '1900-01-01'::date as date_day
    union all
    select calendar.day::date
    from generate_series('2000-01-01'::timestamp, '2049-12-31', interval '1 day')
        as calendar (day)

),

final as (

    select
        date_day,
        extract(year from date_day)::integer as year_no,
        extract(quarter from date_day)::integer as quarter_no,
        extract(month from date_day)::integer as month_no,
        to_char(date_day, 'FMMonth') as month_name,
        extract(day from date_day)::integer as day_of_month,
        extract(isodow from date_day)::integer as iso_day_of_week,
        to_char(date_day, 'FMDay') as day_name,
        extract(isoyear from date_day)::integer as iso_year,
        extract(week from date_day)::integer as iso_week,
        date_trunc('month', date_day)::date as month_start,
        date_trunc('week', date_day)::date as week_start,
        extract(isodow from date_day) > 5 as is_weekend,
        date_day >= '2000-01-01' as is_known
    from days
    {%- if is_incremental() %}
        where false
    {%- endif %}

)

select * from final
