-- GO_CAMPAIGN from the histories of each session touched. Notices of one OCS are in the order of SEQ; between
-- the OCSs of one session (a switchover) the time decides, as the running maximum so that SEQ still holds.
insert into idb.go_campaign (
    sessid, campaignid, groupid, state, ocsid, dialmode, optimmode, optimvalue,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode,
    lastchange, lastchange_ts, lastchange_tcode, lastseq, gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
with notices as (
    select
        h.*,
        p.dialmode,
        p.optimmode,
        p.optimvalue,
        row_number() over (
            partition by h.sessid order by h.running, h.ocsid, h.seq
        )::integer as place
    from (
        select
            c.*,
            t.first_batch,
            t.batch,
            max(c.added) over (partition by c.sessid, c.ocsid order by c.seq) as running
        from touched_session as t
        inner join idb.go_campaignhistory as c on c.sessid = t.sessid
    ) as h
    left join idb.go_campprop_hist as p on p.ocsid = h.ocsid and p.sessid = h.sessid and p.seq = h.seq
),

folded as (
    select
        sessid,
        max(first_batch) as first_batch,
        max(batch) as batch,
        max(place) as last_place,
        min(seq) filter (where place = 1) as first_seq,
        max(idb.at_seq(place, coalesce(state, 0))) filter (where isproperty = 0) as state,
        max(place) filter (where isproperty = 0 and coalesce(state, 0) <> 0) as last_busy,
        max(idb.at_seq(place, campaignid)) as campaignid,
        max(idb.at_seq(place, groupid)) as groupid,
        max(idb.at_seq(place, dialmode)) as dialmode,
        max(idb.at_seq(place, optimmode)) as optimmode,
        max(idb.at_seq(place, optimvalue)) as optimvalue
    from notices
    group by sessid
)

select
    f.sessid,
    idb.value_at(f.campaignid),
    idb.value_at(f.groupid),
    idb.value_at(f.state),
    final.ocsid,
    idb.value_at(f.dialmode),
    idb.value_at(f.optimmode),
    idb.value_at(f.optimvalue),
    first.added,
    first.added_ts,
    first.added_tcode,
    ended.added,
    ended.added_ts,
    ended.added_tcode,
    final.added,
    final.added_ts,
    final.added_tcode,
    final.seq,
    (%(domains)s::integer[])[f.first_batch],
    coalesce(first.gsys_partition, final.gsys_partition),
    (%(batch_ids)s::bigint[])[f.first_batch],
    (%(batch_ids)s::bigint[])[f.batch]
from folded as f
inner join notices as final on final.sessid = f.sessid and final.place = f.last_place
left join notices as first
    on
        first.sessid = f.sessid
        and first.place = 1
        and first.seq = 1
        and first.isproperty = 0
        and first.state in (0, 1)
left join lateral (
    select
        n.added,
        n.added_ts,
        n.added_tcode
    from notices as n
    where
        n.sessid = f.sessid and n.isproperty = 0 and n.place > coalesce(f.last_busy, 0)
    order by n.place
    limit 1
) as ended on idb.value_at(f.state) = 0 and (f.last_busy is not null or f.first_seq > 1)
order by f.sessid
on conflict (sessid) do update set
    campaignid = excluded.campaignid,
    groupid = excluded.groupid,
    state = excluded.state,
    ocsid = excluded.ocsid,
    dialmode = excluded.dialmode,
    optimmode = excluded.optimmode,
    optimvalue = excluded.optimvalue,
    created = excluded.created,
    created_ts = excluded.created_ts,
    created_tcode = excluded.created_tcode,
    terminated = excluded.terminated,
    terminated_ts = excluded.terminated_ts,
    terminated_tcode = excluded.terminated_tcode,
    lastchange = excluded.lastchange,
    lastchange_ts = excluded.lastchange_ts,
    lastchange_tcode = excluded.lastchange_tcode,
    lastseq = excluded.lastseq,
    gsys_useq = excluded.gsys_useq
