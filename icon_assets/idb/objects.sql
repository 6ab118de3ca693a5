-- Functions and views that belong to the tables: created with them, replaced by later migrations.

-- max(at_seq(seq, code)) carries the code of the last notice that has one; value_at takes it out.
create or replace function idb.at_seq(seq integer, code integer) returns bigint
language sql immutable parallel safe
return (seq::bigint << 32) | code;

create or replace function idb.value_at(packed bigint) returns integer
language sql immutable parallel safe
return (packed & 4294967295)::integer;

-- Where values of a field are stored, by the time of the line: ICON reads a field's icon_attribute
-- only when it starts (dsconn_type 1), and uses the newest object then; before any start, or where
-- the object came later, the earliest object known. Neighbours that agree are one interval.
create or replace view idb.field_route as
with attributes as (
    select
        o.dbid as fieldid,
        o.added,
        coalesce(o.icon_attribute, 0) as attribute,
        row_number() over (partition by o.dbid order by o.added) = 1 as is_first
    from idb.gc_object_hist as o
    where o.kind = 'field' and o.status = 1
),

starts as (
    select c.ds_dbid as ocsid, c.icon_dbid as feed, c.added as from_ts
    from idb.g_dss_connection as c
    where c.source = 'ocs' and c.dsconn_type = 1 and c.state = 'connected'
    union
    select b.dbid, b.feed, timestamp '-infinity'
    from ops.batch as b
    where b.source = 'ocs'
    union
    select c.ds_dbid, c.icon_dbid, timestamp '-infinity'
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
        lag(attribute) over (partition by ocsid, feed, fieldid order by from_ts) is distinct from attribute
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
from generate_series(begin_date::timestamp, end_date::timestamp - interval '5 minutes', interval '5 minutes') as t
on conflict (id) do nothing;
end;
