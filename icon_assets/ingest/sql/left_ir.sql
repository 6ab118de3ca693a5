-- A later notice may name another interaction record: one that no call has any more goes.
delete from idb.g_ir as r
using (
    select distinct h.irid
    from (select distinct callid from stage_call) as s
    cross join lateral (
        select h.irid from idb.g_call_history as h where h.callid = s.callid and h.irid is not null offset 0
    ) as h
) as t
where r.irid = t.irid and not exists (select from idb.g_call as g where g.irid = t.irid offset 0)
