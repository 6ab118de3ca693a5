-- GO_CHAIN from the history of each chain touched. Ended: the last notice has state 0 and the closing
-- run of zeros does not begin with the chain; it ended at the first notice of that run.
insert into idb.go_chain (
    chainguid,
    ocsid,
    sessid,
    campaignid,
    groupid,
    callinglistid,
    state,
    recordhandle,
    cause,
    cpdresult,
    agentresult,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode,
    lastchange, lastchange_ts, lastchange_tcode, firstseq, lastseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select
    t.chainguid,
    t.ocsid,
    t.sessid,
    t.campaignid,
    t.groupid,
    t.callinglistid,
    idb.value_at(f.state),
    idb.value_at(f.recordhandle),
    idb.value_at(f.cause),
    idb.value_at(f.cpdresult),
    idb.value_at(f.agentresult),
    first.added,
    first.added_ts,
    first.added_tcode,
    ended.added,
    ended.added_ts,
    ended.added_tcode,
    final.added,
    final.added_ts,
    final.added_tcode,
    f.firstseq,
    f.lastseq,
    (%(domains)s::integer[])[t.first_batch],
    coalesce(first.gsys_partition, final.gsys_partition),
    (%(batch_ids)s::bigint[])[t.first_batch],
    (%(batch_ids)s::bigint[])[t.batch]
from touched_chain as t
cross join
    lateral (
        select
            min(h.seq) as firstseq,
            max(h.seq) as lastseq,
            max(h.seq) filter (where h.state <> 0) as last_busy_seq,
            max(idb.at_seq(h.seq, h.state)) as state,
            max(idb.at_seq(h.seq, h.recordhandle)) as recordhandle,
            max(idb.at_seq(h.seq, h.cause)) as cause,
            max(idb.at_seq(h.seq, h.cpdresult)) as cpdresult,
            max(idb.at_seq(h.seq, h.agentresult)) as agentresult
        from idb.go_chainrec_hist as h
        where h.chainguid = t.chainguid and h.ocsid = t.ocsid
    ) as f
left join lateral (
    select
        h.added,
        h.added_ts,
        h.added_tcode,
        h.gsys_partition
    from idb.go_chainrec_hist as h
    where h.chainguid = t.chainguid and h.ocsid = t.ocsid and h.seq = f.lastseq
    offset 0
) as final on true
left join lateral (
    select
        h.added,
        h.added_ts,
        h.added_tcode,
        h.gsys_partition
    from idb.go_chainrec_hist as h
    where h.chainguid = t.chainguid and h.ocsid = t.ocsid and h.seq = 1 and h.state in (0, 1)
    offset 0
) as first on true
left join lateral (
    select
        h.added,
        h.added_ts,
        h.added_tcode
    from idb.go_chainrec_hist as h
    where h.chainguid = t.chainguid and h.ocsid = t.ocsid and h.seq > coalesce(f.last_busy_seq, 0)
    order by h.seq
    limit 1
) as ended on idb.value_at(f.state) = 0 and (f.last_busy_seq is not null or f.firstseq > 1)
where f.lastseq is not null
order by t.chainguid
on conflict (chainguid, ocsid) do update set
    state = excluded.state,
    recordhandle = excluded.recordhandle,
    cause = excluded.cause,
    cpdresult = excluded.cpdresult,
    agentresult = excluded.agentresult,
    created = excluded.created,
    created_ts = excluded.created_ts,
    created_tcode = excluded.created_tcode,
    terminated = excluded.terminated,
    terminated_ts = excluded.terminated_ts,
    terminated_tcode = excluded.terminated_tcode,
    lastchange = excluded.lastchange,
    lastchange_ts = excluded.lastchange_ts,
    lastchange_tcode = excluded.lastchange_tcode,
    firstseq = excluded.firstseq,
    lastseq = excluded.lastseq,
    gsys_useq = excluded.gsys_useq
