"""What the database shows of simulations, in the shape of the simulator's truth.

Several simulations share one database, each with DBIDs of its own hundred thousand: an OCS tells whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from icon_assets.simulator.books.tally import FACTS, SPLITS

STEP = 100_000
"""DBIDs between two simulations."""

Shown = dict[int, dict[str, Any]]

_OF = f"ocs_id / {STEP}"
_SCOPES = ("whole", "days", "campaigns", "groups", "lists")
# One row an attempt, with where it counts and what it adds.
_ATTEMPTS = f"""
    create temporary table attempt on commit drop as
    with attempts as (
        select * from marts.fct_contact_attempt as a
        where not exists (select from but where but.chain_guid = a.chain_guid)
    ),

    calls as (
        select
            ocs_id,
            chain_guid,
            call_attempt_guid,
            bool_or(link_method = 'gox_chain_call') as is_told,
            count(*) filter (where media = 'voice') as calls,
            count(*) filter (where media = 'interaction') as interactions,
            count(*) filter (where call_relation = 'consult') as consult_calls
        from marts.brg_attempt_call
        group by 1, 2, 3
    ),

    work as (
        select
            ocs_id,
            chain_guid,
            call_attempt_guid,
            sum(engage_ms) as talk_ms,
            sum(hold_ms) as hold_ms,
            sum(wrap_ms) as wrap_ms,
            sum(ring_ms) as ring_ms,
            sum(asm_engage_ms) as engaged_ms,
            sum(consult_ms) as consult_ms,
            sum(preview_ms) as preview_ms
        from marts.fct_agent_attempt
        group by 1, 2, 3
    ),

    -- The outcome of a record is noted in its newest attempt so far.
    sales as (
        select
            ocs_id,
            chain_guid,
            a.call_attempt_guid,
            count(*) as sales
        from marts.fct_record_field
        cross join lateral (
            select call_attempt_guid from attempts
            where
                fct_record_field.ocs_id = attempts.ocs_id
                and fct_record_field.chain_guid = attempts.chain_guid
                and fct_record_field.last_changed_ts >= attempts.attempt_start_ts
            order by attempts.attempt_start_ts desc
            limit 1
        ) as a
        where field_name = 'outcome' and value = 'sale'
        group by 1, 2, 3
    )

    select
        ocs_id / {STEP} as number,
        '' as whole,
        attempt_day as days,
        campaign_id as campaigns,
        group_id as groups,
        calling_list_id as lists,
        effective_result_key as attempts_by_result,
        cpd_result_key as attempts_by_cpd_result,
        agent_result_key as attempts_by_agent_result,
        dialing_mode_key as attempts_by_mode,
        contact_info_type_key as attempts_by_contact_type,
        1 as attempts,
        is_dialed::integer as dialed,
        (is_dialed is null)::integer as dial_unknown,
        is_human::integer as answered_by_person,
        is_abandoned_tsr::integer as abandoned_tsr,
        (is_human and is_abandoned_tsr is null)::integer as timing_unknown,
        is_overdialed::integer as overdialed,
        (cpd_result_key = 21)::integer as abandoned,
        (cpd_result_key = 26)::integer as dropped,
        (agent_result_key <> -1)::integer as agent_results,
        result_restated::integer as late_results,
        dial_time_ms as dialing_time_ms,
        cpd_time_ms,
        transfer_time_ms,
        (is_told or match_status = 'call_pending')::integer as linked_by_chain_call,
        (not is_told)::integer as linked_by_user_data,
        calls,
        interactions,
        consult_calls,
        talk_ms,
        hold_ms,
        wrap_ms,
        ring_ms,
        engaged_ms,
        consult_ms,
        preview_ms,
        sales
    from attempts
    left join calls using (ocs_id, chain_guid, call_attempt_guid)
    left join work using (ocs_id, chain_guid, call_attempt_guid)
    left join sales using (ocs_id, chain_guid, call_attempt_guid)
"""
# No mart counts the time that voice ports spent.
_FACTS = ("attempts", *(name for name in FACTS if name != "ivr_ms"))
_CHAINS = f"""
    create temporary table chain on commit drop as
    select
        ocs_id / {STEP} as number,
        '' as whole,
        final_day as days,
        campaign_id as campaigns,
        group_id as groups,
        calling_list_id as lists,
        disposition_key as chains_by_cause
    from marts.fct_chain as a
    where synthetic_close is null and not is_open
    and not exists (select from but where but.chain_guid = a.chain_guid)
"""
# Of the whole simulation: what truth.json has beside the tallies. Columns: simulation, path of keys, value.
_OTHERS = [
    f"select {_OF}, 'days', final_day, measure, n from ({{sessions}}) as s",
    f"select {_OF}, 'campaigns', campaign_id, measure, n from ({{sessions}}) as s",
    f"select {_OF}, measure, n from ({{sessions}}) as s",
    f"""
    select {_OF}, 'agents', agent_id, m.name, m.n
    from marts.mart_agent_outbound
    cross join lateral (
        values
        ('calls', offered), ('talk_ms', engage_ms), ('hold_ms', hold_ms), ('wrap_ms', wrap_ms),
        ('ring_ms', ring_ms), ('engaged_ms', asm_engage_ms), ('consult_ms', consult_ms)
    ) as m (name, n)
    where agent_id <> -1
    """,
    f"""
    select {_OF}, 'cpd_agent', cpd_result_key, agent_result_key, n
    from marts.mart_result_confusion
    where cpd_result_key <> -1 and agent_result_key <> -1
    """,
    f"""
    select {_OF}, 'local_hours', to_char(local_start_ts, 'HH24'), m.name, m.n
    from marts.fct_contact_attempt
    cross join lateral (values ('attempts', 1), ('persons', is_human::integer)) as m (name, n)
    """,
    f"""
    select calling_list_id / {STEP}, 'callbacks', m.name, m.n::integer
    from marts.mart_callbacks
    cross join lateral (
        values
        ('promised_' || callback_type, true),
        ('tried_' || callback_type, call_attempt_guid is not null),
        ('missed', callback_status = 'missed')
    ) as m (name, n)
    where is_callback
    """,
    f"""
    select field_id / {STEP}, 'fields', field_id, 'values', coalesce(value, 'null'), 1
    from (
        select distinct on (ocs_id, chain_guid) ocs_id, chain_guid, field_id, value
        from marts.fct_record_field
        inner join marts.fct_chain using (ocs_id, chain_guid)
        where field_name = 'outcome' and not fct_chain.is_open and synthetic_close is null
        order by ocs_id, chain_guid, last_changed_ts desc
    ) as f
    """,
    f"select ocsid / {STEP}, 'fields', fieldid, 'open', 1 from idb.go_fieldhist",
    f"select ocsid / {STEP}, 'fields', fieldid, 'secure', 1 from idb.go_sec_fieldhist",
    f"""
    select
        ocsid / {STEP},
        'metrics',
        case
            when callattid is not null then 'call' when callinglistid is not null then 'list' else 'group'
        end,
        metric,
        1
    from idb.go_metrics
    """,
    f"""
    select {_OF}, 'packets', ocs_id, count(distinct snapshot_ts)
    from marts.fct_list_metric_snapshot
    where is_received
    group by ocs_id
    """,
    f"""
    select {_OF}, 'lists', calling_list_id, m.name, m.n
    from (
        select distinct on (calling_list_id) * from marts.mart_list_progress
        order by calling_list_id, snapshot_ts desc
    ) as p
    cross join lateral (
        values
        ('last_records_total', total_records), ('last_chains_total', total_chains),
        ('last_records_not_processed', unprocessed_records),
        ('last_chains_not_processed', unprocessed_chains),
        ('last_records_dialed', dialed_records), ('last_chains_dialed', dialed_chains)
    ) as m (name, n)
    """,
    f"select ocsid / {STEP}, 'set_aside', 'chains', 1 from ops.set_aside",
    # What was left open has been closed artificially by now.
    f"select {_OF}, 'open_chains', chain_guid, 'state', final_state "
    "from marts.fct_chain where synthetic_close is not null",
    f"select {_OF}, 'open_sessions', session_id, 'state', final_state "
    "from marts.fct_campaign_session where synthetic_close is not null",
]
_SESSIONS = """
    select ocs_id, s.campaign_id, final_day, m.measure, m.n
    from marts.mart_campaign_session as s
    inner join marts.fct_campaign_session using (session_id, ocs_id)
    cross join lateral (values ('campaign_sessions', 1), ('started_ms', s.started_ms)) as m (measure, n)
    where synthetic_close is null
"""


def shown(engine: sa.Engine, but: Iterable[str] = ()) -> Shown:
    """By simulation what the marts show, but for some chains (GUIDs); what is zero or empty is left out."""
    found: Shown = {}
    with engine.connect() as connection:
        connection.execute(sa.text("create temporary table but (chain_guid text primary key) on commit drop"))
        if rows := [{"guid": guid} for guid in but]:
            connection.execute(sa.text("insert into but values (:guid)"), rows)
        for number, *path, value in _everything(connection):
            _add(found.setdefault(int(number), {}), [str(key) for key in path if key != ""], int(value or 0))
        connection.rollback()
    return found


def _everything(connection: sa.Connection) -> Iterator[tuple[Any, ...]]:
    """Rows of a simulation's number, a path of keys, and a count or sum."""
    connection.execute(sa.text(_ATTEMPTS))
    connection.execute(sa.text(_CHAINS))
    for scope in _SCOPES:
        sums = ", ".join(f"sum({fact})" for fact in _FACTS)
        for number, key, *values in _rows(connection, _by("attempt", scope, sums)):
            for fact, value in zip(_FACTS, values, strict=True):
                yield number, *_path(scope, key), fact, value
        for number, key, chains in _rows(connection, _by("chain", scope, "count(*)")):
            yield number, *_path(scope, key), "chains", chains
        for split in SPLITS:
            table = "chain" if split == "chains_by_cause" else "attempt"
            for number, key, code, n in _rows(connection, _by(table, scope, "count(*)", f", {split}")):
                # An attempt counts under each of its results that was told.
                if code != -1 or split in ("attempts_by_result", "chains_by_cause"):
                    yield number, *_path(scope, key), split, "none" if code == -1 else code, n
    for query in _OTHERS:
        yield from _rows(connection, query.format(sessions=_SESSIONS))


def _by(table: str, scope: str, values: str, split: str = "") -> str:
    return f"select number, {scope}{split}, {values} from {table} group by number, {scope}{split}"


def _path(scope: str, key: object) -> tuple[object, ...]:
    return () if scope == "whole" else (scope, key)


def _rows(connection: sa.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    yield from (tuple(row) for row in connection.execute(sa.text(query)))


def _add(found: dict[str, Any], path: list[str], value: int) -> None:
    if value:
        *outer, last = path
        for key in outer:
            found = found.setdefault(key, {})
        found[last] = found.get(last, 0) + value


_PARTS = ("agents", "cpd_agent", "local_hours", "callbacks", "metrics", "packets")


def known(truth: dict[str, Any]) -> dict[str, Any]:
    """What of a truth the database can show, in the same form; what is zero or empty is left out."""
    whole = tally_of(truth) | {name: truth[name] for name in ("campaign_sessions", "started_ms", *_PARTS)}
    for scope in _SCOPES[1:]:
        whole[scope] = {key: {**tally, "ivr_ms": 0} for key, tally in truth[scope].items()}
    whole["metrics"] = {scope: counts for scope, counts in truth["metrics"].items() if scope != "repeated"}
    whole["fields"] = {
        dbid: {name: n for name, n in field.items() if name not in ("name", "not_stored")}
        for dbid, field in truth["fields"].items()
    }
    whole["set_aside"] = {"chains": truth["set_aside"]["chains"]}
    whole["open_chains"] = {chain["chainguid"]: {"state": chain["state"]} for chain in truth["open_chains"]}
    whole["open_sessions"] = {each["sessid"]: {"state": each["state"]} for each in truth["open_sessions"]}
    return _without_zeros(whole)


def known_of_whole_chains(truth: dict[str, Any]) -> dict[str, Any]:
    """The tally of the chains of which every line came."""
    return _without_zeros(_less(tally_of(truth), tally_of(truth["lost"]["tally"])))


def tally_of(found: dict[str, Any]) -> dict[str, Any]:
    """The tally at the top of a truth, or of what is shown."""
    return {name: found[name] for name in ("chains", *_FACTS, *SPLITS) if name in found}


def _less(whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _less(value, part.get(name, {})) if isinstance(value, dict) else value - part.get(name, 0)
        for name, value in whole.items()
    }


def _without_zeros(found: dict[str, Any]) -> dict[str, Any]:
    inner = {key: _without_zeros(value) if isinstance(value, dict) else value for key, value in found.items()}
    return {key: value for key, value in inner.items() if value}
