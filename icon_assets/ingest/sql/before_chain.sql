-- What each chain of the batch was before it: the session and lists it belongs to, and when it had ended.
insert into touched_chain (
    ocsid, chainguid, sessid, campaignid, groupid, callinglistid, was_terminated, first_batch, batch
)
select
    %(dbid)s,
    s.chainguid,
    coalesce(c.sessid, s.sessid),
    case when c.sessid is null then s.campaignid else c.campaignid end,
    case when c.sessid is null then s.groupid else c.groupid end,
    case when c.sessid is null then s.callinglistid else c.callinglistid end,
    e.ended,
    s.first_batch,
    s.batch
from (
    select distinct on (chainguid)
        chainguid,
        sessid,
        campaignid,
        groupid,
        callinglistid,
        min(batch) over (partition by chainguid) as first_batch,
        max(batch) over (partition by chainguid) as batch
    from stage_chain
    order by chainguid, stage_chain.batch, line
) as s
left join lateral (
    select
        o.sessid,
        o.campaignid,
        o.groupid,
        o.callinglistid
    from idb.go_chain as o
    where o.chainguid = s.chainguid and o.ocsid = %(dbid)s
    offset 0
) as c on true
left join lateral (
    select o.ended from ops.ended_chain as o where o.chainguid = s.chainguid and o.ocsid = %(dbid)s offset 0
) as e on true
