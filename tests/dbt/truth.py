"""What the marts show, in the shape of the tallies of the simulator's truth."""

from __future__ import annotations

from typing import Any

from tests.dbt.conftest import Marts

_ATTEMPTS = """
    select
        count(*) as attempts,
        count(*) filter (where is_dialed) as dialed,
        count(*) filter (where is_human) as answered_by_person,
        count(*) filter (where is_overdialed) as overdialed,
        count(*) filter (where cpd_result_key = 21) as abandoned,
        count(*) filter (where cpd_result_key = 26) as dropped,
        count(*) filter (where agent_result_key <> -1) as agent_results,
        count(*) filter (where result_restated) as late_results,
        sum(dial_time_ms) as dialing_time_ms,
        sum(cpd_time_ms) as cpd_time_ms,
        sum(transfer_time_ms) as transfer_time_ms
    from marts.fct_contact_attempt as a
    where {where}
"""
_CALLS = """
    with linked as (
        select
            b.*,
            bool_or(b.link_method = 'gox_chain_call')
                over (partition by b.ocs_id, b.chain_guid, b.call_attempt_guid) as is_told,
            row_number() over (partition by b.ocs_id, b.chain_guid, b.call_attempt_guid) as place
        from marts.brg_attempt_call as b
        inner join marts.fct_contact_attempt as a using (ocs_id, chain_guid, call_attempt_guid)
        where {where}
    )

    select
        count(*) filter (where place = 1 and is_told) as linked_by_chain_call,
        count(*) filter (where place = 1 and not is_told) as linked_by_user_data,
        count(distinct call_guid) filter (where media = 'voice') as calls,
        count(distinct call_guid) filter (where media = 'interaction') as interactions,
        count(distinct call_guid) filter (where call_relation = 'consult') as consult_calls
    from linked
"""
_AGENTS = """
    select
        sum(b.engage_ms) as talk_ms,
        sum(b.hold_ms) as hold_ms,
        sum(b.wrap_ms) as wrap_ms,
        sum(b.ring_ms) as ring_ms,
        sum(b.asm_engage_ms) as engaged_ms,
        sum(b.consult_ms) as consult_ms,
        sum(b.preview_ms) as preview_ms
    from marts.fct_agent_attempt as b
    inner join marts.fct_contact_attempt as a using (ocs_id, chain_guid, call_attempt_guid)
    where {where}
"""
_CODES = {
    "attempts_by_result": "effective_result_key",
    "attempts_by_cpd_result": "cpd_result_key",
    "attempts_by_agent_result": "agent_result_key",
    "attempts_by_mode": "dialing_mode_key",
}


def tally(marts: Marts, where: str = "true") -> dict[str, Any]:
    """Counts and sums of attempts; `a` is the attempt."""
    found: dict[str, Any] = {}
    with marts.database.engine.connect() as connection:
        for query in (_ATTEMPTS, _CALLS, _AGENTS):
            row = connection.exec_driver_sql(query.format(where=where)).mappings().one()
            found |= {name: int(value or 0) for name, value in row.items()}
    for name, column in _CODES.items():
        counts = marts.rows(
            f"select {column}, count(*) from marts.fct_contact_attempt as a where {where} group by 1"
        )
        found[name] = {"none" if code == -1 else str(code): n for code, n in counts}
    for name in ("attempts_by_cpd_result", "attempts_by_agent_result"):
        found[name].pop("none", None)
    return found


def differences(truth: dict[str, Any], found: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What both tell and differs: truth first."""
    return {
        name: (truth[name], found[name]) for name in truth.keys() & found.keys() if truth[name] != found[name]
    }
