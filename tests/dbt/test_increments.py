"""However the batches come and whenever the marts are built between: they are those of one full refresh."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from icon_assets.database import Database
from icon_assets.simulator.disturbance import OcsRestart
from icon_assets.simulator.run import simulate
from icon_assets.simulator.scenario import scenarios
from tests import batches
from tests.dbt.conftest import Marts
from tests.tables import fingerprints

pytestmark = pytest.mark.slow

DAY = batches.DAY
SCHEMAS = ("marts", "marts_intermediate")
# What one run works on, and no more, in marts_intermediate.
OF_ONE_RUN = {
    "int_attempt_calls",
    "int_attempt_metrics",
    "int_attempt_parties",
    "int_attempts",
    "int_call_data_days",
    "int_campaign_intervals",
    "int_campaign_sessions",
    "int_chain_notices",
    "int_chains",
    "int_completeness",
    "int_data_days",
    "int_new_batches",
    "int_ocs_releases",
    "int_party_intervals",
    "int_record_notices",
    "int_report_days",
    "int_report_records",
    "int_report_sessions",
    "int_run_window",
    "int_sequence_holes",
    "int_time_zones",
}


def kept(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and digest of every table that outlives a run."""
    return {
        table: found
        for table, found in fingerprints(database.engine, SCHEMAS).items()
        if table.split(".")[1] not in OF_ONE_RUN
    }


def test_portions_in_any_order(marts: Marts, tmp_path: Path) -> None:
    # What the OCS leaves open when it dies is closed artificially in one run, and perhaps undone in the next.
    plan = msgspec.structs.replace(scenarios()["callbacks"], faults=(OcsRestart(at="11:07"),))
    simulate(plan, 5, str(tmp_path))
    files = sorted(tmp_path.rglob("*.jsonl.gz"))
    # The T-Server's come late, and backwards: each marks days that have been built.
    late = [file for file in files if "tserver" in str(file)][::-1]
    early = [file for file in files if file not in late]
    random.Random(3).shuffle(early)
    half = len(early) // 2
    for portion in (early[:half], [*early[half:], *late[: len(late) // 2]], late[len(late) // 2 :]):
        marts.load(portion)
        marts.build()
    built = kept(marts.database)
    marts.build("--full-refresh", tested=False)
    assert kept(marts.database) == built


@pytest.fixture(scope="module")
def moving(new_database: object, tmp_path_factory: pytest.TempPathFactory, dbt_var: Path) -> Marts:
    return Marts(new_database(), tmp_path_factory.mktemp("moving"), dbt_var)  # type: ignore[operator]


def put(marts: Marts, name: str, events: list[dict[str, Any]], **header: Any) -> None:
    batches.write(marts.landing, name, events, **header)
    marts.load()
    marts.build(tested=False)


def later(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same two days later."""
    return [{**event, "ts": event["ts"] + 2 * DAY} for event in events]


def day_of(ts: int) -> date:
    return date.fromtimestamp(ts / 1000)


def chain_days(marts: Marts) -> dict[object, object]:
    return dict(marts.rows("select chain_guid, final_day::text from marts.fct_chain"))


def attempts_by_day(marts: Marts) -> dict[object, object]:
    return dict(
        marts.rows("select report_day::text, sum(attempts)::int from marts.mart_campaign_day group by 1")
    )


def test_a_chain_that_moves_takes_its_attempts_along(moving: Marts) -> None:
    t0 = batches.T0
    first, third = day_of(t0).isoformat(), day_of(t0 + 2 * DAY).isoformat()
    put(moving, "a", [*batches.chain("A", 1, 2, 3, 0), *batches.chain("B", 1, 2, 3, 0, start=t0 + 60_000)])
    assert chain_days(moving) == {"A": first, "B": first}
    assert attempts_by_day(moving) == {first: 2}

    # Back to life: it is open, and its day keeps the other chain.
    more = batches.chain("A", 1, 2, 3, 0, 1, 2)[4:]
    put(moving, "b", more)
    assert chain_days(moving) == {"A": None, "B": first}
    assert attempts_by_day(moving) == {first: 3}

    # What follows comes two days later, a third attempt with it, and the chain ends there.
    end = later(batches.chain("A", 1, 2, 3, 0, 1, 2, 3, 1, 2, 3, 0)[6:])
    put(moving, "c", end)
    assert chain_days(moving) == {"A": third, "B": first}
    assert attempts_by_day(moving) == {first: 3, third: 1}


def test_the_last_chain_of_a_day_leaves_nothing_behind(moving: Marts) -> None:
    first, third = day_of(batches.T0).isoformat(), day_of(batches.T0 + 2 * DAY).isoformat()
    # B, too, lives on and ends on the third day, when its late result is told.
    told = {"callattid": "B-1", "agentresult": 9}
    end = later(batches.chain("B", 1, 2, 3, 0, 1, 0, start=batches.T0 + 60_000, **told)[4:])
    put(moving, "d", end)
    assert chain_days(moving) == {"A": third, "B": third}
    assert attempts_by_day(moving) == {first: 3, third: 1}
    left = moving.rows(f"select count(*) from marts.fct_contact_attempt where final_day = '{first}'")
    assert left == [(0,)]
    assert moving.rows(
        "select effective_result_key from marts.fct_contact_attempt where call_attempt_guid = 'B-1'"
    ) == [(9,)]


def test_a_late_call_reaches_its_attempt(moving: Marts) -> None:
    t0 = batches.T0
    call = {"type": "call", "callid": "K", "change": "created", "switchid": 1, "calltype": 3}
    data = {"type": "userdata", "callid": "K", "change": "added", "keyname": "gsw_call_attempt_guid"}
    events = [{**call, "ts": t0, "cseq": 1}, {**data, "ts": t0, "cseq": 2, "value": " A-1 "}]
    put(moving, "e", events, source="tserver", dbid=batches.TSERVER)
    assert moving.rows(
        "select link_method, call_relation from marts.brg_attempt_call where call_attempt_guid = 'A-1'"
    ) == [("user_data_guid", "dialed")]


def test_all_of_it_equals_a_full_refresh(moving: Marts) -> None:
    built = kept(moving.database)
    moving.build("--full-refresh", tested=False)
    assert kept(moving.database) == built


def test_a_full_refresh_of_a_part_is_refused(moving: Marts) -> None:
    with pytest.raises(AssertionError, match="a full refresh rebuilds all marts"):
        moving.dbt("build", "--full-refresh", "--select", "fct_chain")
