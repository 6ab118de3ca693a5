-- G_CALL from the history of each call touched: an attribute is the last one told, by CSEQ.
insert into idb.g_call (
    callid, parentcallid, mergecallid, connid, irid, calltype, switchid, media,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode, lastcseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select
    h.callid,
    (array_agg(h.parentcallid order by h.cseq desc) filter (where h.parentcallid is not null))[1],
    (array_agg(h.mergecallid order by h.cseq desc) filter (where h.mergecallid is not null))[1],
    (array_agg(h.connid order by h.cseq desc) filter (where h.connid is not null))[1],
    (array_agg(h.irid order by h.cseq desc) filter (where h.irid is not null))[1],
    idb.value_at(max(idb.at_seq(h.cseq, h.calltype))),
    idb.value_at(max(idb.at_seq(h.cseq, h.switchid))),
    (array_agg(h.media order by h.cseq desc) filter (where h.media is not null))[1],
    min(h.added) filter (where h.changetype = 1),
    min(h.added_ts) filter (where h.changetype = 1),
    min(h.added_tcode) filter (where h.changetype = 1),
    max(h.added) filter (where h.changetype = 2),
    max(h.added_ts) filter (where h.changetype = 2),
    max(h.added_tcode) filter (where h.changetype = 2),
    max(h.cseq),
    %(domain)s,
    min(h.gsys_partition),
    %(batch_id)s,
    %(batch_id)s
from (select distinct callid from stage_call) as t
inner join idb.g_call_history as h on h.callid = t.callid
group by h.callid
order by h.callid
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
