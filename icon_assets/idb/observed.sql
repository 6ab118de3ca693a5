-- What the project could see of its sources, and when it could not.

-- Sessions between ICON and each source, from every connect and disconnect told. One ends at the disconnect,
-- or unseen at the next connect; its DSS_ID is the id of its connect.
create or replace view idb.data_source_session as
with notices as (
    select
        c.*,
        lead(c.added) over w as next_added,
        lead(c.state) over w as next_state,
        max(c.added) filter (where c.state = 'connected' and c.dsconn_type = 1) over w as icon_stime
    from idb.g_dss_connection as c
    where c.source in ('ocs', 'tserver', 'ixn')
    window w as (partition by c.source, c.ds_dbid, c.icon_dbid order by c.added, c.state desc)
)

select
    n.id::integer as dss_id,
    n.source,
    n.icon_dbid,
    n.ds_dbid,
    coalesce(a.primaryid, n.ds_dbid) as ds_dbid_prim,
    a.switchid as ds2_dbid,
    case n.source when 'tserver' then 1 when 'ixn' then 2 else 3 end as ds_type,
    n.icon_stime,
    n.added as dsconn_stime,
    n.added as dsconn_sdstime,
    n.added_ts as dsconn_sdsts,
    n.dsconn_type,
    case when n.next_state = 'disconnected' then n.next_added end as dsconn_etime,
    n.added as from_ts,
    coalesce(n.next_added, timestamp 'infinity') as to_ts,
    n.gsys_partition,
    n.gsys_seq
from notices as n
left join idb.gc_application as a on n.ds_dbid = a.id
where n.state = 'connected';

-- Numbers that no batch of a connection has: lost lines, or a batch that is still under way; between two
-- moments of the source's clock. A run of numbers that outlives a connection belongs to both.
create or replace function ops.sequence_holes(since timestamptz, until timestamptz)
returns table (
    source text,
    dbid integer,
    feed integer,
    dss_id integer,
    first_dsseq bigint,
    last_dsseq bigint,
    events bigint,
    from_ts timestamptz,
    to_ts timestamptz
)
language sql stable
begin atomic
    with runs as (
        select
            b.source,
            b.dbid,
            b.feed,
            s.dss_id,
            r.first_dsseq,
            r.last_dsseq,
            r.first_ts,
            r.last_ts
        from ops.sequence_run as r
        inner join ops.batch as b on r.batch_id = b.batch_id
        left join idb.data_source_session as s
            on
                b.source = s.source and b.dbid = s.ds_dbid and b.feed is not distinct from s.icon_dbid
                and r.last_ts at time zone 'UTC' >= s.from_ts and r.first_ts at time zone 'UTC' < s.to_ts
        where r.last_ts >= since and r.first_ts <= until
    ),

    numbered as (
        select
            r.*,
            max(r.last_dsseq) over w as before_dsseq,
            max(r.last_ts) over w as before_ts
        from runs as r
        window w as (
            partition by r.source, r.dbid, r.feed, r.dss_id
            order by r.first_dsseq, r.last_dsseq
            rows between unbounded preceding and 1 preceding
        )
    )

    select
        n.source,
        n.dbid,
        n.feed,
        n.dss_id,
        n.before_dsseq + 1,
        n.first_dsseq - 1,
        n.first_dsseq - n.before_dsseq - 1,
        least(n.before_ts, n.first_ts),
        greatest(n.before_ts, n.first_ts)
    from numbered as n
    where n.first_dsseq > n.before_dsseq + 1;
end;

create or replace view ops.sequence_hole as
select * from ops.sequence_holes('-infinity', 'infinity');

-- Numbers that no feed of a source has: what one of two redundant ICONs missed and the other heard is there.
create or replace function ops.source_holes(since timestamptz, until timestamptz)
returns table (
    source text,
    dbid integer,
    first_dsseq bigint,
    last_dsseq bigint,
    events bigint,
    from_ts timestamptz,
    to_ts timestamptz
)
language sql stable
begin atomic
    with missing as (
        select
            h.source,
            h.dbid,
            h.from_ts,
            h.to_ts,
            unnest(
                int8multirange(int8range(h.first_dsseq, h.last_dsseq, '[]')) - coalesce(o.numbers, '{}')
            ) as numbers
        from ops.sequence_holes(since, until) as h
        left join lateral (
            select range_agg(int8range(r.first_dsseq, r.last_dsseq, '[]')) as numbers
            from ops.batch as b
            inner join ops.sequence_run as r on b.batch_id = r.batch_id
            where
                b.source = h.source and b.dbid = h.dbid and b.feed is distinct from h.feed
                and r.first_ts <= h.to_ts and r.last_ts >= h.from_ts
        ) as o on true
    )

    select
        m.source,
        m.dbid,
        lower(m.numbers),
        upper(m.numbers) - 1,
        upper(m.numbers) - lower(m.numbers),
        max(m.from_ts),
        min(m.to_ts)
    from missing as m
    group by m.source, m.dbid, m.numbers;
end;

-- Periods in which a feed observed its source. good: connected, no hole; lost: a hole in the sequence;
-- unknown: no session is known, for ICON did not keep them (use-dss-monitor off) or the first came later.
create or replace view ops.source_observed as
with sessions as (
    select
        'ocs' as source,
        ds_dbid,
        icon_dbid,
        dsconn_stime,
        dsconn_etime,
        levent_dstime
    from idb.g_dss_gos_provider
    union
    select
        case ds_type when 2 then 'ixn' else 'tserver' end,
        ds_dbid,
        icon_dbid,
        dsconn_stime,
        dsconn_etime,
        levent_dstime
    from idb.g_dss_gcc_provider
    union
    select
        case ds_type when 2 then 'ixn' else 'tserver' end,
        ds_dbid,
        icon_dbid,
        dsconn_stime,
        dsconn_etime,
        levent_dstime
    from idb.g_dss_gud_provider
),

connected as (
    select
        s.source,
        s.ds_dbid as dbid,
        s.icon_dbid as feed,
        min(s.dsconn_stime) as first_ts,
        range_agg(
            tsrange(s.dsconn_stime, greatest(s.dsconn_stime, coalesce(s.dsconn_etime, s.levent_dstime)), '[]')
        ) as periods
    from sessions as s
    group by s.source, s.ds_dbid, s.icon_dbid
),

loaded as (
    select
        b.source,
        b.dbid,
        b.feed,
        min(b.first_ts) at time zone 'UTC' as first_ts,
        max(b.last_ts) at time zone 'UTC' as last_ts
    from ops.batch as b
    where b.source <> 'config' and b.first_ts is not null
    group by b.source, b.dbid, b.feed
),

holes as (
    select
        h.source,
        h.dbid,
        h.feed,
        range_agg(tsrange(h.from_ts at time zone 'UTC', h.to_ts at time zone 'UTC', '()')) as periods
    from ops.sequence_hole as h
    group by h.source, h.dbid, h.feed
),

judged as (
    select
        c.source,
        c.dbid,
        c.feed,
        'good' as reliability,
        c.periods - coalesce(h.periods, '{}') as periods
    from connected as c
    left join holes as h on c.source = h.source and c.dbid = h.dbid and c.feed is not distinct from h.feed
    union all
    select
        h.source,
        h.dbid,
        h.feed,
        'lost',
        h.periods
    from holes as h
    union all
    select
        l.source,
        l.dbid,
        l.feed,
        'unknown',
        tsmultirange(tsrange(l.first_ts, greatest(l.first_ts, least(c.first_ts, l.last_ts)), '[]'))
        - coalesce(h.periods, '{}')
    from loaded as l
    left join connected as c on l.source = c.source and l.dbid = c.dbid and l.feed is not distinct from c.feed
    left join holes as h on l.source = h.source and l.dbid = h.dbid and l.feed is not distinct from h.feed
    where c.first_ts is null or l.first_ts < c.first_ts
)

select
    j.source,
    j.dbid,
    j.feed,
    lower(p.period) as from_ts,
    upper(p.period) as to_ts,
    j.reliability
from judged as j
cross join lateral unnest(j.periods) as p (period);

-- Periods between the first and the last sight of a source in which no feed, of it or of its warm-standby
-- peer, saw it: nothing is known of them, and nothing is invented. Not where the numbers of two batches, of
-- whichever feeds, follow each other across it: then nothing happened.
create or replace view ops.source_blind as
with seen as (
    select
        o.source,
        coalesce(a.primaryid, o.dbid) as dbid,
        range_agg(tsrange(o.from_ts, o.to_ts, '[]')) filter (where o.reliability <> 'lost') as periods,
        range_merge(range_agg(tsrange(o.from_ts, o.to_ts, '[]'))) as whole
    from ops.source_observed as o
    left join idb.gc_application as a on o.dbid = a.id
    group by o.source, coalesce(a.primaryid, o.dbid)
)

select
    s.source,
    s.dbid,
    lower(p.period) as from_ts,
    upper(p.period) as to_ts
from seen as s
cross join lateral unnest(tsmultirange(s.whole) - s.periods) as p (period)
where
    not exists (
        select from ops.batch as x
        inner join ops.batch as y
            on x.source = y.source and x.dbid = y.dbid and x.last_dsseq + 1 = y.first_dsseq
        left join idb.gc_application as a on x.dbid = a.id
        where
            x.source = s.source and coalesce(a.primaryid, x.dbid) = s.dbid
            and x.last_ts at time zone 'UTC' <= lower(p.period)
            and y.first_ts at time zone 'UTC' >= upper(p.period)
    );

-- Ten-minute packets of metrics that did not come while their group was active, from load to unload or to an
-- end that was lost. They come from whichever OCS had the session. What is sent at each call is no packet.
-- A minute of slack: packets follow OCS's own timer.
create or replace view ops.missing_metric_packet as
with newest as (
    select
        b.dbid as ocsid,
        max(b.last_ts) at time zone 'UTC' as ts
    from ops.batch as b
    where b.source = 'ocs'
    group by b.dbid
),

active as (
    select
        c.ocsid,
        c.sessid,
        c.campaignid,
        c.groupid,
        array_agg(distinct h.ocsid) as ocsids,
        min(h.added) as from_ts,
        coalesce(e.ended, n.ts) as to_ts
    from idb.go_campaign as c
    inner join idb.go_campaignhistory as h on c.sessid = h.sessid and h.state <> 0
    inner join newest as n on c.ocsid = n.ocsid
    left join ops.ended_session as e on c.sessid = e.sessid
    group by c.ocsid, c.sessid, c.campaignid, c.groupid, e.ended, n.ts
),

marks as (
    select
        a.*,
        a.from_ts as ts,
        false as is_packet
    from active as a
    union all
    select
        a.*,
        a.to_ts,
        false
    from active as a
    union all
    select distinct
        a.*,
        m.added,
        true
    from active as a
    inner join idb.go_metrics as m
        on
            m.ocsid = any(a.ocsids)
            and a.groupid = m.groupid
            and (m.campaignid is null or a.campaignid = m.campaignid)
            and m.added >= a.from_ts and m.added <= a.to_ts
    where m.callattid is null and m.callid is null and m.metric <> 'overdialed'
),

gaps as (
    select
        m.*,
        lag(m.ts) over w as after_ts
    from marks as m
    window w as (partition by m.sessid order by m.ts, m.is_packet)
)

select
    g.ocsid,
    g.sessid,
    g.campaignid,
    g.groupid,
    g.after_ts,
    g.ts as before_ts,
    (extract(epoch from g.ts - g.after_ts)::integer - 60) / 600 as packets
from gaps as g
where g.ts - g.after_ts >= interval '11 minutes';
