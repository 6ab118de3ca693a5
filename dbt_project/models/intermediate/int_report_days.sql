-- The report days whose attempts changed in this run: the days of what it wrote and of what it
-- took out. The latter are kept beside the marts until a run has finished.
with

written as (

    select distinct attempt_day as report_day
    from {{ ref('int_attempts') }}

),

-- By name, for dbt does not know it: the pre-hook of fct_contact_attempt fills it.
taken_out as (

    select report_day
    from {{ touched_days() }}

),

final as (

    select report_day from written
    union
    select report_day from taken_out

)

-- depends_on: {{ ref('fct_contact_attempt') }}
select * from final
