-- G_IR: each interaction record that a call touched has, or had; its root is its earliest call.
insert into idb.g_ir (irid, rootcallid, parentlinktype, gsys_domain, gsys_partition, gsys_seq, gsys_useq)
select distinct on (c.irid)
    c.irid,
    c.callid,
    0,
    (%(domains)s::integer[])[t.first_batch],
    c.gsys_partition,
    (%(batch_ids)s::bigint[])[t.first_batch],
    (%(batch_ids)s::bigint[])[t.batch]
from (
    select
        n.irid,
        coalesce(min(n.first_batch), max(n.batch)) as first_batch,
        max(n.batch) as batch
    from (
        select
            irid,
            batch as first_batch,
            batch
        from stage_call
        where irid is not null
        union all
        select
            h.irid,
            null,
            s.batch
        from (
            select
                callid,
                max(batch) as batch
            from stage_call
            group by callid
        ) as s
        cross join
            lateral (
                select h.irid
                from idb.g_call_history as h
                where h.callid = s.callid and h.irid is not null offset 0
            ) as h
    ) as n
    group by n.irid
) as t
cross join lateral (select * from idb.g_call as g where g.irid = t.irid offset 0) as c
order by c.irid, c.created nulls last, c.callid
on conflict (irid) do update set
    rootcallid = excluded.rootcallid,
    gsys_useq = excluded.gsys_useq
