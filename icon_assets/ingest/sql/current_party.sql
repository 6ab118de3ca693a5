-- G_PARTY from the history of each party touched: an attribute is the last one told, by PSEQ.
insert into idb.g_party (
    partyid, callid, type, prole, state, prevstate, endpointdn, agentid,
    created, created_ts, created_tcode, terminated, terminated_ts, terminated_tcode,
    lastchange, lastchange_ts, lastchange_tcode, lastpseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
select
    n.partyid,
    n.callid,
    n.type,
    coalesce(nullif(n.prole, 0), idb.value_at(n.known_role), 0),
    n.state,
    n.state_before,
    n.known_endpoints[cardinality(n.known_endpoints)],
    idb.value_at(n.known_agent),
    n.created,
    n.created_ts,
    n.created_tcode,
    case when n.changetype = 3 then n.added end,
    case when n.changetype = 3 then n.added_ts end,
    case when n.changetype = 3 then n.added_tcode end,
    n.added,
    n.added_ts,
    n.added_tcode,
    n.pseq,
    %(domain)s,
    n.gsys_partition,
    %(batch_id)s,
    %(batch_id)s
from (
    select
        h.*,
        lead(h.pseq) over w is null as is_last,
        lag(h.state) over w as state_before,
        (array_agg(h.endpointdn) filter (where h.endpointdn is not null) over w) as known_endpoints,
        max(idb.at_seq(h.pseq, h.agentid)) over w as known_agent,
        max(idb.at_seq(h.pseq, nullif(h.prole, 0))) over w as known_role,
        min(h.added) filter (where h.changetype = 1) over w as created,
        min(h.added_ts) filter (where h.changetype = 1) over w as created_ts,
        min(h.added_tcode) filter (where h.changetype = 1) over w as created_tcode
    from (select distinct partyid from stage_party) as t
    inner join idb.g_party_history as h on h.partyid = t.partyid
    window w as (partition by h.partyid order by h.pseq)
) as n
where n.is_last
order by n.partyid
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
