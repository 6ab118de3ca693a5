{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}, {'columns': ['source_dbid', 'slot_start']}],
    )
}}
with

days as (

    select
        report_day,
        tstzrange(from_ts, till_ts) as span
    from {{ ref('int_report_days') }}

),

sources as (

    select * from {{ ref('enum_source') }}
    where is_watched

),

batches as (

    select * from {{ ref('stg_batch') }}
    where first_ts is not null

),

holes as (

    select * from {{ ref('int_sequence_holes') }}

),

bounds as (

    select
        min(lower(span)) as from_ts,
        max(upper(span)) as till_ts
    from days

),

connections as (

    select * from {{ ref('stg_connection') }}

),

snapshots as (

    select * from {{ ref('fct_list_metric_snapshot') }}
    where {{ in_report_days('report_day') }}

),

states as (

    select * from {{ ref('fct_campaign_state_interval') }}
    where not is_terminal and {{ touches_report_spans('entered_ts', 'left_ts') }}

),

placed as (

    select
        batches.*,
        lag(batches.last_ts) over (
            partition by batches.source, batches.source_dbid
            order by batches.first_ts, batches.batch_id
        ) as previous_ts
    from batches

),

-- The time of which a source has told anything: from batch to batch, but for silences of more
-- than a month.
covered as (

    select
        source,
        source_dbid,
        range_agg(
            tstzrange(
                case
                    when previous_ts > first_ts - interval '31 days'
                        then least(previous_ts, first_ts)
                    else first_ts
                end,
                last_ts,
                '[]'
            )
        ) as span
    from placed
    group by source, source_dbid

),

links as (

    select
        *,
        lead(event_ts) over feed_order as next_ts,
        lead(is_connected) over feed_order as next_is_connected
    from connections
    window feed_order as (partition by source, source_dbid, feed order by event_ts, is_connected)

),

-- A source that connects again without having disconnected was gone since it was last heard.
ended_links as (

    select
        links.source,
        links.source_dbid,
        links.event_ts,
        case
            when links.next_ts is null then 'infinity'
            when not links.next_is_connected then links.next_ts
            else coalesce(max(batches.last_ts), links.event_ts)
        end as ended_ts
    from links
    left join batches
        on
            links.next_is_connected
            and links.source = batches.source
            and links.source_dbid = batches.source_dbid
            and links.feed is not distinct from batches.feed
            and batches.last_ts >= links.event_ts
            and batches.last_ts < links.next_ts
    where links.is_connected
    group by
        links.source,
        links.source_dbid,
        links.feed,
        links.event_ts,
        links.next_ts,
        links.next_is_connected

),

-- Two redundant feeds: what either heard was heard.
linked as (

    select
        source,
        source_dbid,
        range_agg(tstzrange(event_ts, greatest(ended_ts, event_ts), '[]')) as span
    from ended_links
    group by source, source_dbid

),

source_days as (

    select
        sources.role as source_role,
        covered.source,
        covered.source_dbid,
        days.report_day,
        days.span as day_span,
        covered.span * days.span::tstzmultirange as expected_span,
        linked.span * covered.span * days.span::tstzmultirange as observed_span,
        linked.source is not null as has_link
    from covered
    inner join sources on covered.source = sources.source
    inner join days on covered.span && days.span
    left join linked
        on covered.source = linked.source and covered.source_dbid = linked.source_dbid

),

slots as (

    select
        source_days.*,
        quarters.slot_start,
        tstzrange(
            quarters.slot_start, quarters.slot_start + interval '15 minutes'
        )::tstzmultirange as slot_span
    from source_days
    cross join
        lateral generate_series(
            lower(source_days.day_span),
            upper(source_days.day_span) - interval '15 minutes',
            interval '15 minutes'
        ) as quarters (slot_start)
    where
        source_days.expected_span
        && tstzrange(quarters.slot_start, quarters.slot_start + interval '15 minutes')

),

-- Kept, or each mention of the seconds would count them anew.
measured as materialized (

    select
        slots.source_role,
        slots.source,
        slots.source_dbid,
        slots.report_day,
        slots.slot_start,
        slots.has_link,
        {{ seconds_of('slots.slot_span * slots.expected_span') }} as expected_seconds,
        case
            when slots.has_link
                then {{ seconds_of('slots.slot_span * slots.observed_span') }}
        end as observed_seconds
    from slots

),

-- Lost events count where their gap begins, and make all of the gap doubtful.
holes_by_slot as (

    select
        holes.source,
        holes.source_dbid,
        quarters.slot_start,
        coalesce(
            sum(holes.events) filter (where quarters.slot_start = {{ quarter('holes.gap_from_ts') }}), 0
        )::bigint as seq_holes
    from holes
    cross join bounds
    cross join
        lateral generate_series(
            {{ quarter('greatest(holes.gap_from_ts, bounds.from_ts)') }},
            least(holes.gap_till_ts, bounds.till_ts),
            interval '15 minutes'
        ) as quarters (slot_start)
    group by holes.source, holes.source_dbid, quarters.slot_start

),

batches_by_slot as (

    select
        source,
        source_dbid,
        {{ quarter('first_ts') }} as slot_start,
        count(*) as batches,
        sum(events)::bigint as events,
        min(first_ts) as first_event_ts,
        max(last_ts) as last_event_ts
    from batches
    group by source, source_dbid, slot_start

),

missing_by_slot as (

    select
        ocs_id,
        {{ quarter('snapshot_ts') }} as slot_start,
        count(*) as missing_packets
    from snapshots
    where is_expected and not is_received
    group by ocs_id, slot_start

),

-- Slots written out, for a join by range compares each slot with each interval.
active_slots as (

    select distinct
        states.ocs_id as source_dbid,
        quarters.slot_start
    from states
    cross join bounds
    cross join lateral generate_series(
        {{ quarter('greatest(states.entered_ts, bounds.from_ts)') }},
        least(states.left_ts, bounds.till_ts) - interval '1 microsecond',
        interval '15 minutes'
    ) as quarters (slot_start)

),

joined as (

    select
        measured.*,
        measured.source_role = 'gos' and active_slots.slot_start is not null as is_active,
        coalesce(missing_by_slot.missing_packets, 0) as missing_packets,
        coalesce(holes_by_slot.seq_holes, 0) as seq_holes,
        holes_by_slot.slot_start is not null as has_hole,
        coalesce(batches_by_slot.batches, 0) as batches,
        coalesce(batches_by_slot.events, 0) as events,
        batches_by_slot.first_event_ts,
        batches_by_slot.last_event_ts
    from measured
    left join active_slots
        on
            measured.source_dbid = active_slots.source_dbid
            and measured.slot_start = active_slots.slot_start
    left join missing_by_slot
        on
            measured.source_role = 'gos'
            and measured.source_dbid = missing_by_slot.ocs_id
            and measured.slot_start = missing_by_slot.slot_start
    left join holes_by_slot
        on
            measured.source = holes_by_slot.source
            and measured.source_dbid = holes_by_slot.source_dbid
            and measured.slot_start = holes_by_slot.slot_start
    left join batches_by_slot
        on
            measured.source = batches_by_slot.source
            and measured.source_dbid = batches_by_slot.source_dbid
            and measured.slot_start = batches_by_slot.slot_start
    where measured.expected_seconds > 0

),

final as (

    select
        source_role,
        source,
        source_dbid,
        slot_start,
        report_day,
        is_active,
        expected_seconds,
        observed_seconds,
        missing_packets,
        seq_holes,
        case
            when not has_link then 'unknown'
            when observed_seconds >= expected_seconds then 'up'
            when observed_seconds = 0 then 'down'
            else 'interrupted'
        end as link_state,
        case
            when observed_seconds = 0 then 'dark'
            when missing_packets > 0 or has_hole or observed_seconds < expected_seconds
                then 'partial'
            when not has_link then 'unknown'
            else 'complete'
        end as completeness,
        nullif(
            concat_ws(
                ', ',
                case when not has_link then 'no link reported' end,
                case when observed_seconds < expected_seconds then 'link down' end,
                case when has_hole then 'events missing' end,
                case when missing_packets > 0 then 'packets missing' end
            ),
            ''
        ) as reason,
        batches,
        events,
        first_event_ts,
        last_event_ts,
        {{ audit_columns() }}
    from joined

)

select * from final
