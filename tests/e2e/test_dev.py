"""`icon-assets dev` as it is: webserver, daemon and workers; a batch dropped, and nothing typed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.instance import ROOT
from tests.batches import chain, write
from tests.databases import served_url

pytestmark = [pytest.mark.system, pytest.mark.slow]
# The machine of a test may have much else to do: 40 s become minutes there.
PATIENCE_SECONDS = 300


def wait_for(what: Callable[[], Any], alive: Callable[[], bool] = lambda: True) -> Any:
    """What `what` returns once that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert alive(), "icon-assets dev ended"
        assert time.monotonic() < deadline, f"{what} is not to be"
        time.sleep(0.5)
    return found


class Dev:
    """`icon-assets dev`, started as a shell starts a background job: with SIGINT ignored."""

    def __init__(self, var: Path, landing: Path, database: Database) -> None:
        self.var, self.landing, self.database = var, landing, database
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("ICON_", "DAGSTER_"))
            },
            "ICON_VAR": str(var),
            "ICON_LANDING_URL": str(landing),
            "ICON_DATABASE_URL": served_url(database),
        }
        self.log = var / "dev.log"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from icon_assets.cli import main; main()",
                    "dev",
                    "--port",
                    str(self.port),
                ],
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            )
        wait_for(self.answers, self.lives)

    def lives(self) -> bool:
        return self.process.poll() is None

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def ask(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            told = json.load(answer)
        assert "errors" not in told, told
        return told["data"]

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        # A code server stays until its run has ended; without its database it would stay for ever.
        wait_for(lambda: not self.session())
        return code

    def session(self) -> list[int]:
        """Every process that came of it."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(ProcessLookupError):
                    if os.getsid(int(entry.name)) == self.process.pid:
                        found.append(int(entry.name))
        return found

    def one(self, query: str) -> Any:
        with self.database.engine.connect() as connection:
            return connection.execute(sa.text(query)).scalar_one()


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
        [sys.executable, "-c", "from icon_assets.cli import main; main()", "dev", "--port", "1"],
        env=dev.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "runs already" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_starts_again(dev: Dev, number: signal.Signals) -> None:
    if not dev.lives():
        dev.start()
    assert dev.stop(number) == 0
    wait_for(lambda: not dev.answers())
    assert "Dagster services shut down." in dev.log.read_text()
