-- A chain belongs to one session and list for ever: lines that place it elsewhere are conflicts (E10).
delete from stage_chain as s
using touched_chain as t
where
    t.chainguid = s.chainguid
    and (s.sessid, s.campaignid, s.groupid, s.callinglistid)
    is distinct from (t.sessid, t.campaignid, t.groupid, t.callinglistid)
returning s.batch, s.line, true as conflict
