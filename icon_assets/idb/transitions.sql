-- The two state machines as data, and what the histories hold beside them. Nothing here keeps a line out.

-- Transitions that the vendor's guide describes. is_usual: false where it can happen but deserves a look.
create or replace view ops.transition (machine, from_state, to_state, is_usual, meaning) as
values
('campaign', 0, 1, true, 'loaded'),
('campaign', 1, 2, true, 'started'),
('campaign', 2, 1, true, 'stopped'),
('campaign', 1, 3, true, 'unload, work outstanding'),
('campaign', 2, 3, true, 'unload, work outstanding'),
('campaign', 3, 0, true, 'last chain finished'),
('campaign', 1, 0, true, 'unload, nothing outstanding, or forced'),
('campaign', 2, 0, true, 'unload, nothing outstanding, or forced'),
('chain', 0, 1, true, 'selected from its list'),
('chain', 1, 2, true, 'resources allotted'),
('chain', 2, 3, true, 'result known'),
('chain', 3, 1, true, 'rescheduled'),
('chain', 3, 0, true, 'finalised'),
('chain', 1, 0, true, 'unloaded'),
('chain', 3, 2, false, 'retried at once'),
('chain', 2, 0, false, 'unloaded while a record was being processed'),
('chain', 0, 2, false, 'processing a chain that nobody selected'),
('chain', 0, 3, false, 'a result without processing');

-- Notices that the transitions do not explain: kind transition, repeated (same state, nothing new), or state
-- (a code that the machine does not have). After a gap in SEQ the PREVSTATE that a notice tells is judged.
create or replace view ops.unusual_transition as
with chain_notices as (
    select
        h.ocsid,
        h.chainguid,
        h.seq,
        h.state,
        h.added,
        h.prevstate,
        lag(h.seq) over w as last_seq,
        lag(h.state) over w as last_state,
        h.cpdresult,
        h.agentresult,
        idb.value_at(max(idb.at_seq(h.seq, h.cpdresult)) over before) as last_cpdresult,
        idb.value_at(max(idb.at_seq(h.seq, h.agentresult)) over before) as last_agentresult
    from idb.go_chainrec_hist as h
    window
        w as (partition by h.chainguid, h.ocsid order by h.seq),
        before as (w rows between unbounded preceding and 1 preceding)
),

campaign_notices as (
    select
        h.ocsid,
        h.sessid,
        h.seq,
        h.state,
        h.added,
        h.prevstate,
        h.isproperty,
        lag(h.seq) over w as last_seq,
        idb.value_at(max(idb.at_seq(h.seq, h.state)) over before) as last_state,
        h.added > min(h.added) over (partition by h.sessid) as is_taken_over,
        p.seq is not null as has_news
    from idb.go_campaignhistory as h
    left join idb.go_campprop_hist as p on h.ocsid = p.ocsid and h.sessid = p.sessid and h.seq = p.seq
    window
        w as (partition by h.sessid, h.ocsid order by h.seq),
        before as (w rows between unbounded preceding and 1 preceding)
),

steps as (
    select
        'chain' as machine,
        c.ocsid,
        c.chainguid as guid,
        c.seq,
        c.added,
        case
            when c.last_seq = c.seq - 1 then c.last_state
            when c.seq = 1 then 0
            else c.prevstate
        end as from_state,
        c.state as to_state,
        c.seq = 1 as is_first,
        (c.cpdresult is not null and c.cpdresult is distinct from c.last_cpdresult)
        or (c.agentresult is not null and c.agentresult is distinct from c.last_agentresult) as has_news
    from chain_notices as c
    union all
    select
        'campaign',
        c.ocsid,
        c.sessid,
        c.seq,
        c.added,
        case
            when c.last_seq = c.seq - 1 then coalesce(c.last_state, 0)
            when c.seq = 1 and not c.is_taken_over then 0
            else c.prevstate
        end,
        c.state,
        c.seq = 1,
        c.has_news
    from campaign_notices as c
    where c.isproperty = 0
)

select
    s.machine,
    s.ocsid,
    s.guid,
    s.seq,
    s.added,
    s.from_state,
    s.to_state,
    case
        when s.to_state not between 0 and 3 then 'state'
        when s.from_state = s.to_state then 'repeated'
        else 'transition'
    end as kind,
    t.meaning
from steps as s
left join ops.transition as t
    on s.machine = t.machine and s.from_state = t.from_state and s.to_state = t.to_state
where
    s.to_state not between 0 and 3
    or (s.from_state = s.to_state and not s.has_news and not s.is_first)
    or (s.from_state <> s.to_state and s.from_state between 0 and 3 and t.is_usual is not true);
