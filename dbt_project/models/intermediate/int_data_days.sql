-- The report days on which newly loaded batches bear, by source.
with

batches as (

    select * from {{ ref('int_new_batches') }}

),

final as (

    select distinct
        batches.source,
        batches.source_dbid,
        days.report_day::date as report_day
    from batches
    cross join lateral generate_series(
        {{ report_day('batches.from_ts') }}::timestamp,
        {{ report_day('batches.till_ts') }}::timestamp,
        interval '1 day'
    ) as days (report_day)

)

select * from final
