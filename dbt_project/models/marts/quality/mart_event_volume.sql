{{ config(materialized='view') }}
-- Events of each type and day against the four weeks before; a type that stopped shows as zero.
with

counts as (

    select * from {{ ref('int_event_counts') }}

),

types as (

    select
        source,
        source_dbid,
        event_type,
        min(report_day) as first_day
    from counts
    group by source, source_dbid, event_type

),

-- Days on which the source sent anything at all: a quiet Sunday is no loss.
source_days as (

    select distinct
        source,
        source_dbid,
        report_day
    from counts

),

filled as (

    select
        types.source,
        types.source_dbid,
        types.event_type,
        source_days.report_day,
        coalesce(counts.events, 0) as n
    from types
    inner join source_days
        on
            types.source = source_days.source
            and types.source_dbid = source_days.source_dbid
            and types.first_day <= source_days.report_day
    left join counts
        on
            types.source = counts.source
            and types.source_dbid = counts.source_dbid
            and types.event_type = counts.event_type
            and source_days.report_day = counts.report_day

),

compared as (

    select
        *,
        lag(n) over type_order as prior_n,
        avg(n) over before as mean_n,
        stddev_samp(n) over before as deviation_n,
        count(*) over before as days_before
    from filled
    window
        type_order as (partition by source, source_dbid, event_type order by report_day),
        before as (
            partition by source, source_dbid, event_type
            order by report_day
            range between interval '28 days' preceding and interval '1 day' preceding
        )

),

final as (

    select
        source,
        source_dbid,
        event_type,
        report_day,
        n,
        prior_n,
        mean_n::numeric(18, 3) as mean_n,
        case
            when days_before >= 5 and deviation_n > 0
                then ((n - mean_n) / deviation_n)::numeric(12, 3)
        end as z,
        n = 0 as is_silent
    from compared

)

select * from final
