-- Batches of the ledger that no finished run has seen, and the span of time that each bears on.
with

batches as (

    select * from {{ ref('stg_batch') }}

),

connections as (

    select
        source,
        source_dbid,
        max(event_ts) as last_ts
    from {{ ref('stg_connection') }}
    group by source, source_dbid

),

-- Between two batches the source was heard on both sides: a hole shows in the slots between.
-- A silence of more than a month is no gap but another life.
placed as (

    select
        *,
        lag(last_ts) over source_order as previous_ts,
        lead(first_ts) over source_order as next_ts,
        max(last_ts) over source as source_last_ts,
        by_type ?| array['campaign', 'campaign_property', 'connection'] as opens_or_closes
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

final as (

    select
        unseen.batch_id,
        unseen.source,
        unseen.source_dbid,
        case
            when unseen.previous_ts > unseen.first_ts - interval '31 days'
                then least(unseen.first_ts, unseen.previous_ts)
            else unseen.first_ts
        end as from_ts,
        -- What begins or ends something tells of all the time until the next that does.
        case
            when unseen.opens_or_closes
                then greatest(unseen.source_last_ts, connections.last_ts)
            when unseen.next_ts < unseen.last_ts + interval '31 days'
                then greatest(unseen.last_ts, unseen.next_ts)
            else unseen.last_ts
        end as till_ts
    from unseen
    left join connections
        on
            unseen.source = connections.source
            and unseen.source_dbid = connections.source_dbid

)

select * from final
