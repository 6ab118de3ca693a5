-- G_IR: the interaction record of the calls touched; its root is its earliest call.
insert into idb.g_ir (irid, rootcallid, parentlinktype, gsys_domain, gsys_partition, gsys_seq, gsys_useq)
select distinct on (c.irid) c.irid, c.callid, 0, %(domain)s, c.gsys_partition, %(batch_id)s, %(batch_id)s
from (select distinct irid from stage_call where irid is not null) as t
inner join idb.g_call as c on c.irid = t.irid
order by c.irid, c.created nulls last, c.callid
on conflict (irid) do update set
rootcallid = excluded.rootcallid,
gsys_useq = excluded.gsys_useq
