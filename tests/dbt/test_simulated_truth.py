"""Every dial mode, deployment, fault and harm: the marts show what the simulation knows.

All scenarios of scenarios.yaml but the two large ones are loaded into one database, each with DBIDs and
GUIDs of its own and by its own deployment, and the marts are built once.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from icon_assets.ingest.deployment import read_deployment
from icon_assets.simulator import scenarios, simulate
from tests.dbt.conftest import Marts
from tests.dbt.truth import STEP, Shown, known, known_of_whole_chains, shown, tally_of

pytestmark = pytest.mark.slow

NAMES = [name for name in scenarios() if name not in ("demo", "benchmark")]
# What no calm operation has needs few batches: a day's at once.
MINUTES = 24 * 60


@pytest.fixture(scope="module")
def truths(marts: Marts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Simulates, loads and finalizes all, and builds once; the truths by name."""
    landing: Path = tmp_path_factory.mktemp("simulated")
    found = {}
    for number, name in enumerate(NAMES, 1):
        plan = msgspec.structs.replace(scenarios()[name], dbids=number * STEP, batch_minutes=MINUTES)
        found[name] = simulate(plan, number, str(landing / name))
        marts.drain(landing / name, read_deployment(landing / name / "deployment.yaml"))
    marts.finalize()
    marts.build()
    return found


@pytest.fixture(scope="module")
def shown_by_marts(marts: Marts, truths: dict[str, dict[str, Any]]) -> Shown:
    """By number of the scenario; without the chains of which a line was lost."""
    return shown(
        marts.database.engine, {guid for truth in truths.values() for guid in truth["lost"]["chains"]}
    )


def test_there_are_enough() -> None:
    assert len(NAMES) >= 25


@pytest.mark.parametrize("name", NAMES)
def test_the_marts_show_the_truth(
    name: str, truths: dict[str, dict[str, Any]], shown_by_marts: Shown
) -> None:
    truth, found = truths[name], shown_by_marts.get(NAMES.index(name) + 1, {})
    if truth["lost"]["lines"]:
        assert tally_of(found) == known_of_whole_chains(truth)
    else:
        assert found == known(truth)


@pytest.mark.parametrize("name", NAMES)
def test_completeness_marks_the_lost_periods(
    name: str, truths: dict[str, dict[str, Any]], marts: Marts
) -> None:
    """Every quarter in which a line was lost or the link was down, and besides only where a gap reaches."""
    truth, number = truths[name], NAMES.index(name) + 1
    seen = slots(marts, number, "true")
    incomplete = slots(marts, number, "completeness <> 'complete'")
    lost = {
        (int(dbid), datetime.fromisoformat(quarter))
        for dbid, quarters in truth["lost"]["quarters"].items()
        for quarter in quarters
    }
    must = (lost | down(truth)) & seen
    assert must <= incomplete
    assert incomplete - must <= (slots(marts, number, "reason like 'events missing%'") if lost else set())


Slots = set[tuple[int, datetime]]


def slots(marts: Marts, number: int, where: str) -> Slots:
    """Sources and quarters of an hour."""
    rows = marts.rows(
        f"select source_dbid, slot_start from marts.mart_data_completeness "
        f"where source_dbid / {STEP} = {number} and {where}"
    )
    return {(int(str(dbid)), datetime.fromisoformat(str(slot))) for dbid, slot in rows}


def down(truth: dict[str, Any]) -> Slots:
    """Quarters of an hour in which no ICON was connected, for a second at least."""
    seconds: dict[int, list[set[int]]] = {}
    for outage in truth["outages"]:
        begin, end = (datetime.fromisoformat(outage[key] or outage["from"]) for key in ("from", "to"))
        seconds.setdefault(outage["dbid"], []).append({*range(int(begin.timestamp()), int(end.timestamp()))})
    found: Slots = set()
    for dbid, periods in seconds.items():
        connections = sum(dbid in icon["ocs"] or str(dbid) in icon["t-servers"] for icon in truth["icons"])
        times_down = Counter(second for period in periods for second in period)
        found |= {
            (dbid, datetime.fromtimestamp(second - second % 900, UTC))
            for second, n in times_down.items()
            if n == connections
        }
    return found


def test_unit_tests_of_the_models(marts: Marts, truths: dict[str, dict[str, Any]]) -> None:
    assert "ERROR=0" in marts.dbt("test", "--select", "test_type:unit")
