-- Events that a source numbered and no feed of it delivered, somewhere between two moments, around
-- the report days of this run. By name, for it is a function, no table; a month on both sides, for
-- what comes after a longer silence is another life.
with

bounds as (

    select
        min(from_ts) as from_ts,
        max(till_ts) as till_ts
    from {{ ref('int_report_days') }}

),

final as (

    select
        holes.source,
        holes.dbid as source_dbid,
        holes.events,
        holes.from_ts as gap_from_ts,
        holes.to_ts as gap_till_ts
    from bounds
    cross join lateral ops.source_holes(
        bounds.from_ts - interval '31 days', bounds.till_ts + interval '31 days'
    ) as holes

)

select * from final
