-- How long after an event its batch was loaded, by source, type and report day.
{{
    config(
        materialized='incremental',
        unlogged=false,
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}],
    )
}}
with

batches as (

    select
        *,
        {{ report_day('first_ts') }} as report_day
    from {{ ref('stg_batch') }}
    where first_ts is not null and last_ts is not null

),

days as (

    select * from {{ ref('int_report_days') }}

),

-- The events of a batch lie between its first and its last: each end stands for half of them.
ends as (

    select
        batches.report_day,
        batches.source,
        batches.source_dbid,
        types.event_type,
        (types.counts ->> 'new')::numeric / 2 as weight,
        greatest({{ ms_between('sides.event_ts', 'batches.loaded_at') }}, 0) as lag_ms
    from batches
    inner join days on batches.report_day = days.report_day
    cross join lateral jsonb_each(batches.by_type) as types (event_type, counts)
    cross join
        lateral (
            values
            (batches.first_ts),
            (batches.last_ts)
        ) as sides (event_ts)
    where (types.counts ->> 'new')::bigint > 0

),

cumulated as (

    select
        *,
        sum(weight) over (
            partition by report_day, source, source_dbid, event_type
            order by lag_ms
        ) as weight_so_far,
        sum(weight) over (partition by report_day, source, source_dbid, event_type)
            as weight_in_all
    from ends

),

final as (

    select
        report_day,
        source,
        source_dbid,
        event_type,
        round(sum(weight))::bigint as events,
        min(lag_ms) filter (where weight_so_far >= 0.5 * weight_in_all) as lag_ms_p50,
        min(lag_ms) filter (where weight_so_far >= 0.9 * weight_in_all) as lag_ms_p90,
        min(lag_ms) filter (where weight_so_far >= 0.99 * weight_in_all) as lag_ms_p99,
        max(lag_ms) as lag_ms_max,
        (
            coalesce(sum(weight) filter (where lag_ms > {{ var('late_after_ms') }}), 0)
            / sum(weight)
        )::numeric(9, 6) as share_late
    from cumulated
    group by report_day, source, source_dbid, event_type

)

select * from final
