-- Batches of the ledger that no finished run has seen, and the span of time that each bears on.
with

batches as (

    select * from {{ ref('stg_batch') }}

),

connections as (

    select * from {{ ref('stg_connection') }}

),

sessions as (

    select * from {{ ref('stg_campaign_span') }}

),

-- Between two batches the source was heard on both sides: a hole shows in the slots between.
-- A silence of more than a month is no gap but another life.
placed as (

    select
        *,
        lag(last_ts) over source_order as previous_ts,
        lead(first_ts) over source_order as next_ts,
        max(last_ts) over source as source_last_ts,
        by_type ?| array['campaign', 'campaign_property'] as tells_of_sessions,
        by_type ? 'connection' as tells_of_links
    from batches
    where first_ts is not null
    window
        source as (partition by source, source_dbid),
        source_order as (partition by source, source_dbid order by first_ts, batch_id)

),

unseen as (

    select placed.*
    from placed
    {%- if not takes_every_day() %}
        where
            not exists (
                select 1 from {{ touched('batches') }} as seen
                where seen.batch_id = placed.batch_id
            )
    {%- endif %}

),

-- What begins or ends something tells of all the time until the next that does: a link until the
-- next notice of it, a session until its end. A refresh of everything takes every day anyway.
reaching as (

    select
        unseen.*,
        case when unseen.tells_of_links then coalesce(next_link.event_ts, unseen.source_last_ts) end
            as link_till_ts,
        case when unseen.tells_of_sessions then last_session.ended_ts end as session_till_ts
    from unseen
    left join lateral (
        select min(connections.event_ts) as event_ts
        from connections
        where
            connections.source = unseen.source
            and connections.source_dbid = unseen.source_dbid
            and connections.event_ts > unseen.last_ts
    ) as next_link on unseen.tells_of_links and not {{ takes_every_day() }}
    left join lateral (
        select max(coalesce(sessions.ended_ts, unseen.source_last_ts)) as ended_ts
        from sessions
        where
            sessions.loaded_ts <= unseen.last_ts
            and (sessions.ended_ts is null or sessions.ended_ts >= unseen.first_ts)
    ) as last_session on unseen.tells_of_sessions and not {{ takes_every_day() }}

),

final as (

    select
        batch_id,
        source,
        source_dbid,
        case
            when previous_ts > first_ts - interval '31 days' then least(first_ts, previous_ts)
            else first_ts
        end as from_ts,
        greatest(
            last_ts,
            link_till_ts,
            session_till_ts,
            case when next_ts < last_ts + interval '31 days' then next_ts end
        ) as till_ts
    from reaching

)

select * from final
