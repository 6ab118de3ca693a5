-- G_PARTY from the history of each party touched: an attribute is the last one told, by PSEQ.
insert into idb.g_party (
    partyid, callid, type, prole, state, prevstate, endpointdn, agentid,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode,
    lastchange, lastchange_ts, lastchange_tcode, lastpseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select
    t.partyid,
    n.callid,
    n.type,
    coalesce(nullif(n.prole, 0), idb.value_at(f.role), 0),
    n.state,
    before.state,
    idb.value_at(f.endpointdn),
    idb.value_at(f.agentid),
    f.created,
    f.created_ts,
    f.created_tcode,
    case when n.changetype = 3 then n.added end,
    case when n.changetype = 3 then n.added_ts end,
    case when n.changetype = 3 then n.added_tcode end,
    n.added,
    n.added_ts,
    n.added_tcode,
    n.pseq,
    (%(domains)s::integer[])[t.first_batch],
    n.gsys_partition,
    (%(batch_ids)s::bigint[])[t.first_batch],
    (%(batch_ids)s::bigint[])[t.last_batch]
from (
    select
        partyid,
        min(batch) as first_batch,
        max(batch) as last_batch
    from stage_party
    group by partyid
) as t
cross join
    lateral (
        select
            max(h.pseq) as lastpseq,
            max(idb.at_seq(h.pseq, h.endpointdn)) as endpointdn,
            max(idb.at_seq(h.pseq, h.agentid)) as agentid,
            max(idb.at_seq(h.pseq, nullif(h.prole, 0))) as role,
            min(h.added) filter (where h.changetype = 1) as created,
            min(h.added_ts) filter (where h.changetype = 1) as created_ts,
            min(h.added_tcode) filter (where h.changetype = 1) as created_tcode
        from idb.g_party_history as h
        where h.partyid = t.partyid
    ) as f
cross join
    lateral (
        select h.* from idb.g_party_history as h
        where h.partyid = t.partyid and h.pseq = f.lastpseq
        offset 0
    ) as n
left join lateral (
    select h.state from idb.g_party_history as h
    where h.partyid = t.partyid and h.pseq < f.lastpseq
    order by h.pseq desc
    limit 1
) as before on true
order by t.partyid
on conflict (partyid) do update set
    callid = excluded.callid,
    type = excluded.type,
    prole = excluded.prole,
    state = excluded.state,
    prevstate = excluded.prevstate,
    endpointdn = excluded.endpointdn,
    agentid = excluded.agentid,
    created = excluded.created,
    created_ts = excluded.created_ts,
    created_tcode = excluded.created_tcode,
    terminated = excluded.terminated,
    terminated_ts = excluded.terminated_ts,
    terminated_tcode = excluded.terminated_tcode,
    lastchange = excluded.lastchange,
    lastchange_ts = excluded.lastchange_ts,
    lastchange_tcode = excluded.lastchange_tcode,
    lastpseq = excluded.lastpseq,
    gsys_useq = excluded.gsys_useq
