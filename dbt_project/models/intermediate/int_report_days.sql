-- The report days that this run rebuilds: those of the attempts that it wrote, of those that it
-- took out, and of newly loaded batches, which may change how complete a day is.
-- depends_on: {{ ref('fct_contact_attempt') }}
with

written as (

    select distinct attempt_day as report_day
    from {{ ref('int_attempts') }}

),

-- By name, for it is no model: the pre-hook of fct_contact_attempt fills it.
taken_out as (

    select report_day from {{ touched('days') }}

),

loaded as (

    select report_day from {{ ref('int_data_days') }}

),

-- The end of a session bounds the packets that were due of it.
ended as (

    select day as report_day from {{ ref('int_run_window') }}
    where entity = 'campaign'

),

-- One that was made up, or is undone, tells of the days in which packets were due until it was.
closed as (

    select days.report_day::date as report_day
    from {{ source('ops', 'synthetic_close') }} as closes
    inner join {{ ref('int_run_window') }} as ended_on
        on closes.entity = ended_on.entity and closes.ended::date = ended_on.day
    cross join
        lateral generate_series(
            {{ report_day(utc('closes.ended')) }}::timestamp,
            {{ report_day(utc('closes.newest_ts')) }}::timestamp,
            interval '1 day'
        ) as days (report_day)
    where closes.entity = 'campaign'

),

days as (

    select report_day from written
    union
    select report_day from taken_out
    union
    select report_day from loaded
    union
    select report_day from ended
    union
    select report_day from closed

),

-- Midnights of the report's zone, as instants and as the IDB writes them.
final as (

    select
        report_day,
        {{ midnight('report_day') }} as from_ts,
        {{ midnight('report_day + 1') }} as till_ts,
        {{ midnight('report_day') }} at time zone 'UTC' as from_gmt,
        {{ midnight('report_day + 1') }} at time zone 'UTC' as till_gmt
    from days

)

select * from final
