-- G_PARTY: the last notice of each party touched, by PSEQ, and the state before it.
insert into idb.g_party (
    partyid, callid, type, prole, state, prevstate, endpointdn, agentid, created, created_ts, created_tcode,
    terminated, terminated_ts, terminated_tcode, lastchange, lastchange_ts, lastchange_tcode, lastpseq,
    gsys_domain, gsys_partition, gsys_seq, gsys_useq
)
with notices as (
    select
        h.*,
        row_number() over (partition by h.partyid order by h.pseq desc) as from_last,
        lag(h.state) over (partition by h.partyid order by h.pseq) as state_before,
        max(h.endpointdn) over (partition by h.partyid) as known_endpoint,
        max(h.agentid) over (partition by h.partyid) as known_agent,
        max(h.prole) over (partition by h.partyid) as known_role,
        min(h.added) filter (where h.changetype = 1) over (partition by h.partyid) as created,
        min(h.added_ts) filter (where h.changetype = 1) over (partition by h.partyid) as created_ts,
        min(h.added_tcode) filter (where h.changetype = 1) over (partition by h.partyid) as created_tcode
    from (select distinct partyid from stage_party) as t
    inner join idb.g_party_history as h on h.partyid = t.partyid
)

select
    n.partyid,
    n.callid,
    n.type,
    coalesce(nullif(n.prole, 0), n.known_role),
    n.state,
    n.state_before,
    coalesce(n.endpointdn, n.known_endpoint),
    coalesce(n.agentid, n.known_agent),
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
from notices as n
where n.from_last = 1
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
