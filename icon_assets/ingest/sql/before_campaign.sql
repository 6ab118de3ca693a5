-- When each session of the batch had ended before it.
insert into touched_session (sessid, was_terminated)
select s.sessid, c.terminated
from (
    select sessid from stage_campaign
    union
    select sessid from stage_campaign_property
) as s
left join idb.go_campaign as c on c.sessid = s.sessid
