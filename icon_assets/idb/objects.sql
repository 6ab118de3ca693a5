-- Functions and views that belong to the tables: created with them, replaced by later migrations.

-- max(at_seq(seq, code)) carries the code of the last notice that has one; value_at takes it out.
create or replace function idb.at_seq(seq integer, code integer) returns bigint
language sql immutable parallel safe
return (seq::bigint << 32) | code;

create or replace function idb.value_at(packed bigint) returns integer
language sql immutable parallel safe
return (packed & 4294967295)::integer;

-- The same for text: all numbers have ten digits, so that they compare as numbers do.
create or replace function idb.at_seq(seq integer, value text) returns text
language sql immutable parallel safe
return case when value is not null then lpad(seq::text, 10, '0') || value end;

create or replace function idb.value_at(packed text) returns text
language sql immutable parallel safe
return substr(packed, 11);

-- A pseudonym of a number or address. The key is 244 bits of the server's strong randomness, so that
-- nobody who sees the marts can try all numbers.
insert into ops.token_key (key)
values (gen_random_uuid()::text || gen_random_uuid()::text)
on conflict do nothing;

create or replace function ops.contact_token(contact text) returns text
language sql stable parallel safe
return encode(sha256(convert_to((select key from ops.token_key) || contact, 'UTF8')), 'hex');

-- Where values of a field are stored, by the time of the line: ICON reads a field's icon_attribute
-- only when it starts (dsconn_type 1), and uses the newest object then; before any start, or where
-- the object came later, the earliest object known. An attribute that nobody knows is secure. Neighbours
-- that agree are one interval.
create or replace view idb.field_route as
with attributes as (
    select
        o.dbid as fieldid,
        o.added,
        case coalesce(o.icon_attribute, 0) when 0 then 0 when 1 then 1 else 2 end as attribute,
        row_number() over (partition by o.dbid order by o.added) = 1 as is_first
    from idb.gc_object_hist as o
    where o.kind = 'field' and o.status = 1
),

starts as (
    select
        c.ds_dbid as ocsid,
        c.icon_dbid as feed,
        c.added as from_ts
    from idb.g_dss_connection as c
    where c.source = 'ocs' and c.dsconn_type = 1 and c.state = 'connected'
    union
    select
        b.dbid,
        b.feed,
        timestamp '-infinity'
    from ops.batch as b
    where b.source = 'ocs'
    union
    select
        c.ds_dbid,
        c.icon_dbid,
        timestamp '-infinity'
    from idb.g_dss_connection as c
    where c.source = 'ocs'
),

in_force as (
    select
        s.ocsid,
        s.feed,
        f.fieldid,
        s.from_ts,
        coalesce(newest.attribute, f.attribute) as attribute
    from starts as s
    cross join attributes as f
    left join lateral (
        select a.attribute
        from attributes as a
        where a.fieldid = f.fieldid and a.added <= s.from_ts
        order by a.added desc
        limit 1
    ) as newest on true
    where f.is_first
),

changes as (
    select
        *,
        coalesce(lag(attribute) over (partition by ocsid, feed, fieldid order by from_ts) <> attribute, true)
            as is_change
    from in_force
)

select
    ocsid,
    feed,
    fieldid,
    from_ts,
    coalesce(
        lead(from_ts) over (partition by ocsid, feed, fieldid order by from_ts), timestamp 'infinity'
    ) as to_ts,
    attribute
from changes
where is_change;

-- Fills G_TIMECODE for the days from begin_date up to, not including, end_date; as the vendor's
-- procedure of that name, as often as needed.
create or replace function idb.gsysinittimecode(begin_date date, end_date date) returns void
language sql
begin atomic
    insert into idb.g_timecode (id, tcyear, tcmonth, tcday, tchour, tcminute)
    select
        extract(epoch from t)::integer,
        extract(year from t)::integer,
        extract(month from t)::integer,
        extract(day from t)::integer,
        extract(hour from t)::integer,
        extract(minute from t)::integer
    from
        generate_series(
            begin_date::timestamp, end_date::timestamp - interval '5 minutes', interval '5 minutes'
        ) as t
    on conflict (id) do nothing;
end;

-- What has ended, really or because its end was lost. A close holds while the last notice that it was
-- made from is still the last, so that a late notice undoes it in its own transaction.
create or replace view ops.ended_chain as
select
    c.chainguid,
    c.ocsid,
    c.terminated as ended,
    null::varchar as synthetic_close
from idb.go_chain as c
where c.terminated is not null
union all
select
    c.chainguid,
    c.ocsid,
    s.ended,
    s.reason
from ops.synthetic_close as s
inner join idb.go_chain as c
    on c.chainguid = s.guid and c.ocsid = s.ocsid and c.lastseq = s.lastseq and c.lastchange = s.lastchange
where s.entity = 'chain' and s.undone_at is null and c.terminated is null;

create or replace view ops.ended_session as
select
    c.sessid,
    c.terminated as ended,
    null::varchar as synthetic_close
from idb.go_campaign as c
where c.terminated is not null
union all
select
    c.sessid,
    s.ended,
    s.reason
from ops.synthetic_close as s
inner join idb.go_campaign as c
    on c.sessid = s.guid and c.lastseq = s.lastseq and c.lastchange = s.lastchange
where s.entity = 'campaign' and s.undone_at is null and c.terminated is null;

-- What is still under way: no end came, and none is taken for lost.
create or replace view ops.open_chain as
select c.*
from idb.go_chain as c
where
    c.terminated is null
    and not exists (
        select from ops.synthetic_close as s
        where
            s.entity = 'chain' and s.guid = c.chainguid and s.ocsid = c.ocsid and s.undone_at is null
            and s.lastseq = c.lastseq and s.lastchange = c.lastchange
    );

create or replace view ops.open_session as
select c.*
from idb.go_campaign as c
where
    c.terminated is null
    and not exists (
        select from ops.synthetic_close as s
        where
            s.entity = 'campaign' and s.guid = c.sessid and s.undone_at is null
            and s.lastseq = c.lastseq and s.lastchange = c.lastchange
    );

-- The eight parts by which the vendor's guide tells records apart, for each row of the extract's histories.
-- TYPE says which history, and which field: the guide lists no values. ADDED_TS is in whole seconds, so
-- SEQ goes with them. A part that a table does not have is null, and nulls are equal.
create or replace view final.record_identifier as
select
    h.final_day,
    h.sessid,
    h.ocsid,
    null::integer as callinglistid,
    null::integer as recordhandle,
    null::varchar as chainguid,
    'campaign' as type,
    null::varchar as callattid,
    h.added_ts,
    h.seq
from final.go_campaignhistory as h
union all
select
    h.final_day,
    h.sessid,
    h.ocsid,
    null,
    null,
    null,
    'campaign property',
    null,
    h.added_ts,
    h.seq
from final.go_campprop_hist as h
union all
select
    h.final_day,
    c.sessid,
    h.ocsid,
    c.callinglistid,
    h.recordhandle,
    h.chainguid,
    h.type,
    h.callattid,
    h.added_ts,
    h.seq
from (
    select
        final_day,
        ocsid,
        recordhandle,
        chainguid,
        'chain' as type,
        callattid,
        added_ts,
        seq
    from final.go_chainrec_hist
    union all
    select
        final_day,
        ocsid,
        recordhandle,
        chainguid,
        'record',
        null,
        added_ts,
        chainseq
    from final.go_record_hist
    union all
    select
        final_day,
        ocsid,
        recordhandle,
        chainguid,
        'field ' || fieldid,
        callattid,
        added_ts,
        seq
    from final.go_fieldhist
    union all
    select
        final_day,
        ocsid,
        recordhandle,
        chainguid,
        'secure field ' || fieldid,
        callattid,
        added_ts,
        seq
    from final.go_sec_fieldhist
    union all
    select
        final_day,
        ocsid,
        null,
        chainguid,
        coalesce('call ' || callid, 'call'),
        callattid,
        added_ts,
        null
    from final.gox_chain_call
) as h
inner join final.go_chain as c
    on c.final_day = h.final_day and c.chainguid = h.chainguid and c.ocsid = h.ocsid;

-- A partition of a final table for the month that begins on first_day. Tables are made by their owner only,
-- so the finalizer asks for them here.
create or replace function final.make_month(parent text, first_day date) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    month_name text := format('%s_%s', parent, to_char(first_day, 'YYYYMM'));
begin
    execute format('create table final.%I (like final.%I including all)', month_name, parent);
    execute format(
        'alter table final.%I attach partition final.%I for values from (%L) to (%L)',
        parent, month_name, first_day, (first_day + interval '1 month')::date
    );
end
$$;
