-- G_CALL from the history of each call touched: an attribute is the last one told, by CSEQ.
insert into idb.g_call (
    callid, parentcallid, mergecallid, connid, irid, calltype, switchid, media,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode, lastcseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select
    t.callid,
    idb.value_at(f.parentcallid),
    idb.value_at(f.mergecallid),
    idb.value_at(f.connid),
    idb.value_at(f.irid),
    idb.value_at(f.calltype),
    idb.value_at(f.switchid),
    idb.value_at(f.media),
    f.created,
    f.created_ts,
    f.created_tcode,
    f.terminated,
    f.terminated_ts,
    f.terminated_tcode,
    f.lastcseq,
    (%(domains)s::integer[])[t.first_batch],
    f.gsys_partition,
    (%(batch_ids)s::bigint[])[t.first_batch],
    (%(batch_ids)s::bigint[])[t.last_batch]
from (
    select
        callid,
        min(batch) as first_batch,
        max(batch) as last_batch
    from stage_call
    group by callid
) as t
cross join
    lateral (
        select
            max(idb.at_seq(h.cseq, h.parentcallid)) as parentcallid,
            max(idb.at_seq(h.cseq, h.mergecallid)) as mergecallid,
            max(idb.at_seq(h.cseq, h.connid)) as connid,
            max(idb.at_seq(h.cseq, h.irid)) as irid,
            max(idb.at_seq(h.cseq, h.calltype)) as calltype,
            max(idb.at_seq(h.cseq, h.switchid)) as switchid,
            max(idb.at_seq(h.cseq, h.media)) as media,
            min(h.added) filter (where h.changetype = 1) as created,
            min(h.added_ts) filter (where h.changetype = 1) as created_ts,
            min(h.added_tcode) filter (where h.changetype = 1) as created_tcode,
            max(h.added) filter (where h.changetype = 2) as terminated,
            max(h.added_ts) filter (where h.changetype = 2) as terminated_ts,
            max(h.added_tcode) filter (where h.changetype = 2) as terminated_tcode,
            max(h.cseq) as lastcseq,
            min(h.gsys_partition) as gsys_partition
        from idb.g_call_history as h
        where h.callid = t.callid
    ) as f
where f.lastcseq is not null
order by t.callid
on conflict (callid) do update set
    parentcallid = excluded.parentcallid,
    mergecallid = excluded.mergecallid,
    connid = excluded.connid,
    irid = excluded.irid,
    calltype = excluded.calltype,
    switchid = excluded.switchid,
    media = excluded.media,
    created = excluded.created,
    created_ts = excluded.created_ts,
    created_tcode = excluded.created_tcode,
    terminated = excluded.terminated,
    terminated_ts = excluded.terminated_ts,
    terminated_tcode = excluded.terminated_tcode,
    lastcseq = excluded.lastcseq,
    gsys_useq = excluded.gsys_useq
