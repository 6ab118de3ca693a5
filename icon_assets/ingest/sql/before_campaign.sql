-- When each session of the batch had ended before it.
insert into touched_session (sessid, was_terminated, first_batch, batch)
select
    s.sessid,
    c.ended,
    s.first_batch,
    s.batch
from (
    select
        sessid,
        min(batch) as first_batch,
        max(batch) as batch
    from (
        select
            sessid,
            batch
        from stage_campaign
        union all
        select
            sessid,
            batch
        from stage_campaign_property
    ) as n
    group by sessid
) as s
left join lateral (
    select o.ended from ops.ended_session as o where o.sessid = s.sessid offset 0
) as c on true
