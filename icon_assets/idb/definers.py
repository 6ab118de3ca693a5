"""The owner's functions that fill `final`: the finalizer may call them, and writes no row of it itself.

What they write is what `final_rows` makes of `idb`, whoever calls: a finalizer gone wrong can leave a day out
of final, and never put something into it.
"""

from __future__ import annotations

from icon_assets.idb.final_rows import ENTITY, kept, query

# Made by the owner, so that nobody else can say what has ended. Planned with the days, not for any.
_COLLECT = """
    create or replace function final.collect(entity text, days date[]) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
    begin
        execute format(
            'create temporary table ended on commit drop as
            select o.ended::date as final_day, %s, o.ended, o.synthetic_close from ops.%I as o
            where o.ended >= date %L and o.ended < date %L + 1 and o.ended::date = any(%L::date[])',
            case entity when 'chain' then 'o.chainguid, o.ocsid' when 'campaign' then 'o.sessid' end,
            case entity when 'chain' then 'ended_chain' when 'campaign' then 'ended_session' end,
            (select min(day) from unnest(days) as day), (select max(day) from unnest(days) as day), days
        );
        analyze ended;
        execute format('grant select, delete on ended to %I', session_user);
    end;
    $$
"""
_SWAP = """
    create or replace function final.swap(name text, held date[]) returns void
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    as $$
    declare
        keeps text;
        rows text;
    begin
        if not exists (
            select from pg_class where oid = to_regclass('pg_temp.ended') and relowner = current_user::regrole
        ) then
            raise insufficient_privilege using message = 'what has ended is for final.collect to say';
        end if;
        case name
            {cases}
        end case;
        execute format('delete from final.%I as f where f.final_day = any($1) and not %s', name, keeps)
        using held;
        execute format('insert into final.%I ', name) || rows;
    end;
    $$
"""
_CASE = "when '{table}' then keeps := $q${keeps}$q$; rows := $q${rows}$q$;"


def definers() -> str:
    """The statements that make them."""
    cases = "\n".join(
        _CASE.format(table=table, keeps=kept(entity, "f"), rows=query(table))
        for table, entity in ENTITY.items()
    )
    return f"{_COLLECT}; {_SWAP.format(cases=cases)}"
