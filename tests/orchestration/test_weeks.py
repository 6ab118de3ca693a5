"""Nine days of late data, each decision through Dagster's own schedule and sensor contexts at its hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.ingest.drain import drain
from icon_assets.orchestration.assets.final import FINAL_DAY, FINAL_KEYS
from icon_assets.orchestration.jobs import CATCH_UP, FINALIZE, RECONCILE
from icon_assets.orchestration.partitions import RANGE_END, RANGE_START
from icon_assets.settings import Settings
from tests.batches import DAY, T0, chain, record, write
from tests.tables import fingerprints


class Weeks:
    """A project whose clock is ours: what its schedules and sensors ask for, and the runs of it."""

    def __init__(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, database: Database, landing: Path
    ) -> None:
        self.defs, self.instance, self.database, self.landing = defs, instance, database, landing

    def load(self, name: str, *lines: dict[str, Any]) -> None:
        write(self.landing, name, list(lines))
        assert drain(self.database.loader, Landing(str(self.landing))).batches == 1

    def _given(self, definition: Any) -> dict[str, Any]:
        return {key: self.defs.resources[key] for key in definition.required_resource_keys}

    def at(self, schedule: str, *when: int) -> list[dg.RunRequest]:
        """What a schedule asks for at (day, hour, minute) of November 2025."""
        found = self.defs.resolve_schedule_def(schedule)
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=datetime(2025, 11, *when, tzinfo=UTC),
            resources=self._given(found),
        )
        return list(found.evaluate_tick(context).run_requests or ())

    def sensed(self) -> list[str]:
        """Why the sensor of changed days asks for a run, if it does."""
        found = self.defs.resolve_sensor_def("changed_days")
        context = dg.build_sensor_context(instance=self.instance, resources=self._given(found))
        return [request.tags["icon/why"] for request in found.evaluate_tick(context).run_requests or ()]

    def run(self, request: dg.RunRequest) -> None:
        job = self.defs.resolve_job_def(FINALIZE)
        assert job.execute_in_process(instance=self.instance, tags=request.tags).success

    def catch_up(self) -> None:
        """What the sensor's run does before dbt."""
        job = self.defs.resolve_job_def(CATCH_UP)
        assert job.execute_in_process(instance=self.instance, asset_selection=[FINAL_DAY]).success

    def days(self) -> dict[str, tuple[bool, str]]:
        """Of each day of chains what its newest materialization says: whether it changed, and why."""
        said: dict[str, tuple[bool, str]] = {}
        records = self.instance.fetch_materializations(FINAL_KEYS["chain"], limit=200).records
        for found in reversed(records):
            assert found.asset_materialization
            metadata = found.asset_materialization.metadata
            reasons = metadata["reasons"].value if "reasons" in metadata else ""
            said[str(found.partition_key)] = (bool(metadata["changed"].value), str(reasons))
        return said

    def versions(self) -> dict[str, int]:
        with self.database.connect() as connection:
            return dict(
                connection.execute("select day::text, version from ops.final_day where entity = 'chain'")
            )


def span(request: dg.RunRequest) -> tuple[str, str]:
    return request.tags[RANGE_START], request.tags[RANGE_END]


@pytest.fixture
def weeks(settings: Settings, stored: dg.DagsterInstance, database: Database, landing: Path) -> Weeks:
    from icon_assets.definitions import build_defs

    defs = build_defs(replace(settings, first_day=date(2025, 11, 1)), database=database)
    return Weeks(defs, stored, database, landing)


def test_nine_days_of_late_data(weeks: Weeks) -> None:
    # Saturday: two chains end. The night finalizes the day, in one run.
    weeks.load("sat", *chain("A", 1, 2, 3, 0), *chain("B", 1, 2, 3, 0))
    (sunday,) = weeks.at("nightly_finalize", 23, 2, 15)
    assert span(sunday) == ("2025-11-22", "2025-11-22")
    weeks.run(sunday)
    assert weeks.days() == {"2025-11-22": (True, "ended")}
    assert weeks.sensed() == ["marts behind final"]

    # Nothing ends on Sunday: the day is final all the same, and empty.
    (monday,) = weeks.at("nightly_finalize", 24, 2, 15)
    weeks.run(monday)
    assert weeks.days()["2025-11-23"] == (False, "asked for")

    # Wednesday: news of Saturday, and of a chain that ended on Tuesday. The sensor asks soon; where it could
    # not, the night does, for one range over the empty days between.
    weeks.load("late", record("A", 3, callresult=33), *chain("C", 1, 2, 0, start=T0 + 3 * DAY))
    assert weeks.sensed() == ["dirty days: 2"]
    before = weeks.versions()
    (thursday,) = weeks.at("nightly_finalize", 27, 2, 15)
    (other_daemons,) = weeks.at("nightly_finalize", 27, 2, 15)
    assert other_daemons.run_key == thursday.run_key
    assert span(thursday) == ("2025-11-22", "2025-11-26")
    weeks.run(thursday)
    said = weeks.days()
    assert {day: changed for day, (changed, _) in said.items()} == {
        "2025-11-22": True, "2025-11-23": False, "2025-11-24": False, "2025-11-25": True, "2025-11-26": False,
    }  # fmt: skip
    assert (said["2025-11-22"][1], said["2025-11-25"][1]) == ("record", "ended")
    assert weeks.versions()["2025-11-22"] > before["2025-11-22"]

    # The same range again, twice at the same time: nothing changes.
    after, versions = fingerprints(weeks.database.engine, ["final"]), weeks.versions()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(weeks.run, [other_daemons, thursday]))
    assert fingerprints(weeks.database.engine, ["final"]) == after
    assert weeks.versions() == versions

    # Friday: Saturday's chains are dialled again, so their day becomes empty. Somebody tampers with Tuesday.
    more = (chain(guid, 1, 2, 3, 0, 2, start=T0 + 6 * DAY)[4] for guid in "AB")
    weeks.load("more", *more)
    weeks.catch_up()
    with weeks.database.connect() as connection:
        assert connection.execute("select distinct final_day::text from final.go_chain").fetchall() == [
            ("2025-11-25",)
        ]
        connection.execute("update final.go_chain set state = 9")

    # Sunday: the reconcile of the week finds it and marks it; the sensor's run mends it.
    (reconcile,) = weeks.at("weekly_reconcile", 30, 4, 15)
    assert weeks.defs.resolve_schedule_def("weekly_reconcile").cron_schedule == "15 4 * * 0"
    job = weeks.defs.resolve_job_def(RECONCILE)
    (found,) = job.execute_in_process(
        instance=weeks.instance, run_config=reconcile.run_config
    ).get_asset_check_evaluations()
    assert (found.passed, found.metadata["chain"].value) == (False, "2025-11-25")
    assert weeks.sensed() == ["dirty days: 1"]
    weeks.catch_up()
    assert weeks.days()["2025-11-25"] == (True, "reconcile")
    (found,) = job.execute_in_process(instance=weeks.instance).get_asset_check_evaluations()
    assert found.passed
