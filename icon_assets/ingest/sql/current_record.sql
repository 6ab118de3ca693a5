-- GO_RECORD: the last notice of each record, by CHAINSEQ.
insert into idb.go_record (
    chainguid, ocsid, recordhandle, recordid, chainid, chainn, recordtype, recordstatus, contactinfo, contactinfotype,
    callresult, attempt, dialschedtime, calltime, dailyfrom, dailytill, tzname, agentid, chainseq,
    lastchange, lastchange_ts, lastchange_tcode, gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select distinct on (s.chainguid, s.recordhandle)
    s.chainguid,
    %(dbid)s,
    s.recordhandle,
    s.recordid,
    s.chainid,
    s.chainn,
    s.recordtype,
    s.recordstatus,
    s.contactinfo,
    s.contactinfotype,
    s.callresult,
    s.attempt,
    s.dialschedtime,
    s.calltime,
    s.dailyfrom,
    s.dailytill,
    s.tzname,
    s.agentid,
    s.chainseq,
    s.ts,
    s.ts_s,
    s.ts_s / 300 * 300,
    %(domain)s,
    s.ts_ymd,
    %(batch_id)s,
    %(batch_id)s
from stage_record as s
order by s.chainguid, s.recordhandle, s.chainseq desc
on conflict (chainguid, ocsid, recordhandle) do update set
recordid = excluded.recordid,
chainid = excluded.chainid,
chainn = excluded.chainn,
recordtype = excluded.recordtype,
recordstatus = excluded.recordstatus,
contactinfo = excluded.contactinfo,
contactinfotype = excluded.contactinfotype,
callresult = excluded.callresult,
attempt = excluded.attempt,
dialschedtime = excluded.dialschedtime,
calltime = excluded.calltime,
dailyfrom = excluded.dailyfrom,
dailytill = excluded.dailytill,
tzname = excluded.tzname,
agentid = excluded.agentid,
chainseq = excluded.chainseq,
lastchange = excluded.lastchange,
lastchange_ts = excluded.lastchange_ts,
lastchange_tcode = excluded.lastchange_tcode,
gsys_useq = excluded.gsys_useq
where excluded.chainseq > go_record.chainseq
