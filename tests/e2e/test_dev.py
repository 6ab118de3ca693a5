"""`icon-assets dev` as it is: webserver, daemon and workers; a batch dropped, and nothing typed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.idb import locks
from icon_assets.instance import ROOT
from tests.batches import chain, write
from tests.development import Dev, wait_for
from tests.processes import ICON_ASSETS

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def dev(new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    dev = Dev(tmp_path_factory.mktemp("var"), tmp_path_factory.mktemp("landing"), new_database())
    before = {path.name for path in ROOT.iterdir()}
    dev.start()
    yield dev
    if dev.lives():
        dev.stop(signal.SIGTERM)
    assert {path.name for path in ROOT.iterdir()} == before, "Dagster's files belong under var"


def finished(dev: Dev, number: int) -> Any:
    """The tags of the runs, newest first, once so many have succeeded."""
    query = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"

    def runs() -> Any:
        told = dev.ask(query)["runsOrError"]["results"]
        return told if [run["status"] for run in told] == ["SUCCESS"] * number else None

    found = wait_for(runs, dev.lives)
    assert {run["jobName"] for run in found} <= {"refresh", "catch_up"}
    return [{tag["key"]: tag["value"] for tag in run["tags"]} for run in found]


# One story, in this order: starting takes 15 s.
def test_a_new_database_has_its_marts_empty_at_once(dev: Dev) -> None:
    (tags,) = finished(dev, 1)
    assert tags["icon/why"] == "marts of other code"
    assert dev.one("select count(*) from marts.fct_chain") == 0


def test_a_dropped_batch_reaches_the_marts_by_itself(dev: Dev) -> None:
    write(dev.landing, "a", chain("A", 1, 2, 3, 0))
    query = "select count(*) from marts.fct_chain where chain_guid = 'A' and not is_open"
    wait_for(lambda: dev.one(query), dev.lives)


def test_the_run_says_why_it_ran(dev: Dev) -> None:
    tags, _ = finished(dev, 2)
    assert tags["icon/why"] == "files: 1"
    assert tags["dagster/sensor_name"] == "landing_files"


def test_the_lineage_is_there(dev: Dev) -> None:
    nodes = dev.ask("{ assetNodes { assetKey { path } groupName dependencyKeys { path } } }")["assetNodes"]
    parents = {
        "/".join(node["assetKey"]["path"]): {"/".join(key["path"]) for key in node["dependencyKeys"]}
        for node in nodes
    }
    assert parents["idb/go_chain"] == {"landing/event_batches"}
    assert "idb/go_chain" in parents["final/go_chain"]
    assert "final/go_chain" in parents["marts_staging/stg_chain"]
    assert "marts/fct_chain" in parents


def test_sensors_and_schedules_run_from_the_start(dev: Dev) -> None:
    selector = {"repositoryName": "__repository__", "repositoryLocationName": "icon-assets"}
    told = dev.ask(
        """query ($s: RepositorySelector!) {
            sensorsOrError(repositorySelector: $s) {
                ... on Sensors { results { name sensorState { status } } }
            }
            schedulesOrError(repositorySelector: $s) {
                ... on Schedules { results { name scheduleState { status } } }
            }
        }""",
        s=selector,
    )
    sensors = {found["name"]: found["sensorState"]["status"] for found in told["sensorsOrError"]["results"]}
    schedules = {
        found["name"]: found["scheduleState"]["status"] for found in told["schedulesOrError"]["results"]
    }
    assert sensors == dict.fromkeys(("landing_files", "changed_days", "health_changes"), "RUNNING")
    assert set(schedules.values()) == {"RUNNING"}
    assert {
        "nightly_finalize",
        "nightly_quality",
        "weekly_reconcile",
        "nightly_housekeeping",
        "nightly_purge",
    } == set(schedules)


def test_the_day_shows_as_a_partition(dev: Dev) -> None:
    told = dev.ask(
        """{ assetNodeOrError(assetKey: {path: ["final", "go_chain"]}) { ... on AssetNode {
            isPartitioned
            partitionStats { numMaterialized numFailed }
            latestMaterializationByPartition(partitions: ["2025-11-22"]) { metadataEntries { label } }
        } } }"""
    )["assetNodeOrError"]
    assert told["isPartitioned"]
    assert told["partitionStats"] == {"numMaterialized": 1, "numFailed": 0}
    (materialization,) = told["latestMaterializationByPartition"]
    assert {"objects", "rows", "changed"} <= {entry["label"] for entry in materialization["metadataEntries"]}


def test_a_backfill_of_the_dialog_is_one_run(dev: Dev) -> None:
    days = [f"2025-11-{day}" for day in range(20, 25)]
    launched = dev.ask(
        """mutation ($b: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $b) {
            ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
        } }""",
        b={
            "partitionNames": days,
            "assetSelection": [{"path": ["final", "go_chain"]}, {"path": ["final", "go_campaign"]}],
        },
    )["launchPartitionBackfill"]

    def backfill() -> Any:
        told = dev.ask(
            "query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { "
            "status numPartitions runs(limit: 10) { status } } } }",
            id=launched["backfillId"],
        )["partitionBackfillOrError"]
        return told if told["status"] not in ("REQUESTED", "COMPLETING") else None

    told = wait_for(backfill, dev.lives)
    assert told["status"] == "COMPLETED_SUCCESS"
    assert [run["status"] for run in told["runs"]] == ["SUCCESS"]
    assert told["numPartitions"] == len(days)
    stats = dev.ask(
        """{ assetNodeOrError(assetKey: {path: ["final", "go_campaign"]}) { ... on AssetNode {
            partitionStats { numMaterialized }
        } } }"""
    )["assetNodeOrError"]["partitionStats"]
    assert stats == {"numMaterialized": len(days)}


def test_a_second_one_is_refused(dev: Dev) -> None:
    done = subprocess.run(
        [*ICON_ASSETS, "dev", "--port", "1"],
        env=dev.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "runs already" in done.stderr


# Somebody else's turn, at which a run has to wait as it loads, finalizes, or builds the marts.
TURNS = {
    "loader": f"select pg_advisory_xact_lock({locks.OUTBOUND})",
    "finalizer": f"select pg_advisory_xact_lock({locks.FINALIZE['chain']})",
    "builder": "lock table marts.fct_contact_attempt in access exclusive mode",
}


@pytest.mark.threat("R1", "R16")
@pytest.mark.parametrize("stage", TURNS)
def test_killed_with_a_run_under_way_it_takes_up_again(dev: Dev, stage: str) -> None:
    """SIGKILL to webserver, daemon and run at once, in each stage; then as if nothing had been."""
    guid = f"K-{stage}"
    waiting = (
        "select exists (select from pg_locks as l inner join pg_stat_activity as a on a.pid = l.pid "
        f"where not l.granted and a.usename = '{dev.database.name}_{stage}')"
    )
    loaded = f"select count(*) from ops.batch where batch = '{guid}'"
    if not dev.lives():
        dev.start()
    under_way = "{ runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { count } } }"
    wait_for(lambda: dev.ask(under_way)["runsOrError"]["count"] == 0, dev.lives)
    with dev.database.connect() as others_turn:
        others_turn.execute(TURNS[stage].encode())
        write(dev.landing, guid, chain(guid, 1, 2, 3, 0))
        wait_for(lambda: dev.one(waiting), dev.lives)
        for pid in dev.session():
            os.kill(pid, signal.SIGKILL)
        dev.process.wait()
        wait_for(lambda: not dev.session())
    assert dev.one(loaded) == (stage != "loader")
    dev.start()
    query = f"select count(*) from marts.fct_chain where chain_guid = '{guid}' and not is_open"
    wait_for(lambda: dev.one(query), dev.lives)
    assert dev.one(loaded) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_starts_again(dev: Dev, number: signal.Signals) -> None:
    if not dev.lives():
        dev.start()
    assert dev.stop(number) == 0
    wait_for(lambda: not dev.answers())
    assert "Dagster services shut down." in dev.log.read_text()
