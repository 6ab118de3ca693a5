-- State and property notices of a session share one numbering: of two lines with one SEQ, neither
-- of them known, the first stays. Returns the others.
select
    o.batch,
    o.line,
    o.type
from (
    select
        n.*,
        first_value(n.type) over (partition by n.sessid, n.seq order by n.batch, n.line) as first_type
    from (
        select
            batch,
            line,
            'campaign' as type,
            sessid,
            seq
        from stage_campaign
        union all
        select
            batch,
            line,
            'campaign_property',
            sessid,
            seq
        from stage_campaign_property
    ) as n
) as o
where
    o.type <> o.first_type
    and not exists (
        select from idb.go_campaignhistory as h
        where h.ocsid = %(dbid)s and h.sessid = o.sessid and h.seq = o.seq
    )
