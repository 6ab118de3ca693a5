-- When each session of the batch had ended before it.
insert into touched_session (sessid, was_terminated)
select
    s.sessid,
    c.ended
from (
    select sessid from stage_campaign
    union
    select sessid from stage_campaign_property
) as s
left join lateral (
    select o.ended from ops.ended_session as o where o.sessid = s.sessid offset 0
) as c on true
