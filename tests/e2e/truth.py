"""What the marts show of the real campaign, in the shape of the truth.json that comes with its batches."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

_TOTALS = """
    select
        (select count(*) from marts.fct_chain where not is_open) as chains,
        (select count(*) from marts.fct_contact_attempt) as attempts,
        (select count(*) from marts.fct_campaign_session where not is_open) as campaign_sessions,
        (
            select count(*) from marts.brg_attempt_call where link_method = 'gox_chain_call'
        ) as linked_by_chain_call,
        (
            select count(*) from marts.brg_attempt_call where link_method = 'user_data_guid'
        ) as linked_by_user_data,
        (select sum(engage_ms) / 1000 from marts.fct_agent_attempt) as talk_seconds,
        (select count(*) from marts.fct_record_field where field_id = 8009 and value = 'yes') as subscribed
"""
_RESULTS = "select effective_result_key::text, count(*) from marts.fct_contact_attempt group by 1"
_DAYS = """
    select c.day::text, c.chains, a.attempts, f.subscribed, t.talk_seconds
    from (select final_day as day, count(*) as chains from marts.fct_chain group by 1) as c
    inner join (
        select (attempt_start_ts at time zone 'UTC')::date as day, count(*) as attempts
        from marts.fct_contact_attempt group by 1
    ) as a on a.day = c.day
    inner join (
        select final_day as day, count(*) filter (where field_id = 8009 and value = 'yes') as subscribed
        from marts.fct_record_field group by 1
    ) as f on f.day = c.day
    inner join (
        select attempt_day as day, sum(engage_ms) / 1000 as talk_seconds
        from marts.fct_agent_attempt group by 1
    ) as t on t.day = c.day
"""


def shown(engine: sa.Engine) -> dict[str, Any]:
    """The marts' own figures, keyed as the truth's: totals, attempts_by_result and days."""
    with engine.connect() as connection:
        totals = {name: int(n) for name, n in connection.execute(sa.text(_TOTALS)).mappings().one().items()}
        results = dict(connection.execute(sa.text(_RESULTS)).tuples().all())
        days = {
            day: {"chains": chains, "attempts": attempts, "subscribed": subscribed, "talk_seconds": int(talk)}
            for day, chains, attempts, subscribed, talk in connection.execute(sa.text(_DAYS))
        }
    return {**totals, "attempts_by_result": results, "days": days}
