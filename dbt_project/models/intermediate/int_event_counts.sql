-- New events by source, type and report day: what the ledger counted, and the metrics one by one.
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
    where first_ts is not null

),

metrics as (

    select
        *,
        {{ report_day('event_ts') }} as report_day
    from {{ ref('stg_metric') }}
    where
        metric in ({{ periodic_metrics() }})
        and {{ in_report_spans('event_gmt') }}

),

days as (

    select * from {{ ref('int_report_days') }}

),

-- A batch counts on the day of its first event: a bridge sends one every few minutes.
from_ledger as (

    select
        batches.report_day,
        batches.source,
        batches.source_dbid,
        types.event_type,
        sum((types.counts ->> 'new')::bigint) as events
    from batches
    inner join days on batches.report_day = days.report_day
    cross join lateral jsonb_each(batches.by_type) as types (event_type, counts)
    group by batches.report_day, batches.source, batches.source_dbid, types.event_type

),

from_metrics as (

    select
        metrics.report_day,
        'ocs' as source,
        metrics.ocs_id as source_dbid,
        'metric: ' || metrics.metric as event_type,
        count(*) as events
    from metrics
    inner join days on metrics.report_day = days.report_day
    group by metrics.report_day, metrics.ocs_id, metrics.metric

),

final as (

    select
        report_day,
        source,
        source_dbid,
        event_type,
        events::bigint as events
    from from_ledger

    union all

    select * from from_metrics

)

select * from final
