-- Data source sessions, from every connect and disconnect of the sources touched. A session ends at the
-- disconnect, or unseen at the next connect; its DSS_ID is the id of its connect.
with touched as (
    select %(source)s::text as source, %(dbid)s::integer as dbid, %(feed)s::integer as feed
),

notices as (
    select
        c.*,
        lead(c.added) over (order by c.added, c.state desc) as next_added,
        lead(c.state) over (order by c.added, c.state desc) as next_state
    from idb.g_dss_connection as c
    inner join touched as t
        on c.source = t.source and c.ds_dbid = t.dbid and c.icon_dbid is not distinct from t.feed
)

insert into idb.{table} (
    dss_id, icon_dbid, ds_dbid, ds_dbid_prim, ds_type, dsconn_stime, dsconn_sdstime, dsconn_sdsts, dsconn_type,
    dsconn_etime, gsys_seq, gsys_useq, gsys_partition
)
select
    n.id,
    n.icon_dbid,
    n.ds_dbid,
    coalesce(a.primaryid, n.ds_dbid),
    %(ds_type)s,
    n.added,
    n.added,
    n.added_ts,
    n.dsconn_type,
    case when n.next_state = 'disconnected' then n.next_added end,
    n.gsys_seq,
    %(batch_id)s,
    n.gsys_partition
from notices as n
left join idb.gc_application as a on a.id = n.ds_dbid
where n.state = 'connected'
on conflict (dss_id) do update set
dsconn_etime = excluded.dsconn_etime,
dsconn_type = excluded.dsconn_type,
gsys_useq = excluded.gsys_useq
