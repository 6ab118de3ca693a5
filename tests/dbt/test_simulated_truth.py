"""Every dial mode, late results, transfers and callbacks: the marts show what the simulation knows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt.conftest import Marts
from tests.dbt.simulated import Simulated
from tests.dbt.truth import differences, tally

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def marts(simulated: Simulated) -> Marts:
    return simulated.marts


@pytest.fixture(scope="module")
def truth(simulated: Simulated) -> dict[str, Any]:
    return simulated.truth


def test_totals(marts: Marts, truth: dict[str, Any]) -> None:
    ((chains, sessions, started_ms),) = marts.rows(
        "select (select count(*) from marts.fct_chain where not is_open), "
        "(select count(*) from marts.fct_campaign_session where not is_open), "
        "(select sum(started_ms)::bigint from marts.fct_campaign_session)"
    )
    found = {"chains": chains, "campaign_sessions": sessions, "started_ms": started_ms, **tally(marts)}
    assert differences(truth, found) == {}


@pytest.mark.parametrize(
    ("scope", "column"), [("days", "attempt_day"), ("campaigns", "campaign_id"), ("lists", "calling_list_id")]
)
def test_parts(marts: Marts, truth: dict[str, Any], scope: str, column: str) -> None:
    for key, known in truth[scope].items():
        assert differences(known, tally(marts, f"a.{column} = '{key}'")) == {}, key


def test_chains_by_day_of_their_end(marts: Marts, truth: dict[str, Any]) -> None:
    found = dict(marts.rows("select final_day::text, count(*) from marts.fct_chain group by 1"))
    assert found == {day: known["chains"] for day, known in truth["days"].items() if known["chains"]}


def test_agents(marts: Marts, truth: dict[str, Any]) -> None:
    found = {
        str(agent): {name: int(value or 0) for name, value in zip(names, values, strict=True)}
        for names in [("talk_ms", "hold_ms", "wrap_ms", "ring_ms", "engaged_ms", "consult_ms")]
        for agent, *values in marts.rows(
            "select agent_id, sum(engage_ms), sum(hold_ms), sum(wrap_ms), sum(ring_ms), sum(asm_engage_ms), "
            "sum(consult_ms) from marts.fct_agent_attempt group by 1"
        )
    }
    for agent, known in truth["agents"].items():
        assert differences(known, found[agent]) == {}, agent


def test_detection_against_agents(marts: Marts, truth: dict[str, Any]) -> None:
    found: dict[str, dict[str, int]] = {}
    for detected, told, n in marts.rows(
        "select cpd_result_key, agent_result_key, sum(n)::bigint from marts.mart_result_confusion "
        "where cpd_result_key <> -1 and agent_result_key <> -1 group by 1, 2"
    ):
        found.setdefault(str(detected), {})[str(told)] = int(str(n))
    assert found == truth["cpd_agent"]


def test_callbacks(marts: Marts, truth: dict[str, Any]) -> None:
    found: dict[str, int] = {}
    for kind, promised, tried, missed in marts.rows(
        "select callback_type, count(*), count(call_attempt_guid), "
        "count(*) filter (where callback_status = 'missed') "
        "from marts.mart_callbacks where is_callback group by 1"
    ):
        found |= {f"promised_{kind}": int(str(promised)), f"tried_{kind}": int(str(tried))}
        found["missed"] = found.get("missed", 0) + int(str(missed))
    assert {name: n for name, n in found.items() if n} == {
        name: n for name, n in truth["callbacks"].items() if n
    }


def test_every_attempt_is_matched_or_says_why(marts: Marts, truth: dict[str, Any]) -> None:
    found = dict(marts.rows("select match_status, count(*) from marts.fct_contact_attempt group by 1"))
    assert found["matched"] + found.get("no_call_made", 0) == truth["attempts"]


def test_unit_tests_of_the_models(marts: Marts, truth: dict[str, Any]) -> None:
    assert "ERROR=0" in marts.dbt("test", "--select", "test_type:unit")
