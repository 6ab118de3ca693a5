"""Housekeeping and the purge, as schedules, jobs and what they leave of Dagster's own history."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.ingest.drain import drain
from icon_assets.marts.window import close_window, open_window
from icon_assets.orchestration.housekeeping import HOUSEKEEPING, delete_runs, runs_to_keep
from icon_assets.orchestration.jobs import FINALIZE, PURGE
from icon_assets.orchestration.partitions import range_tags
from icon_assets.settings import Settings
from tests.batches import DAY, T0, campaign, chain, write

CHAIN, CAMPAIGN = dg.AssetKey(["final", "go_chain"]), dg.AssetKey(["final", "go_campaign"])


def finalize(defs: dg.Definitions, instance: dg.DagsterInstance, first: date, last: date) -> str:
    job = defs.resolve_job_def(FINALIZE)
    return job.execute_in_process(instance=instance, tags=range_tags(first, last)).run_id


@pytest.mark.slow
def test_old_runs_go_but_for_those_that_say_the_last_of_a_partition(
    defs: dg.Definitions, stored: dg.DagsterInstance, landing: Path, database: Database
) -> None:
    day = date(2025, 11, 22)
    write(landing, "a", chain("A", 1, 2, 3, 0))
    drain(database.loader, Landing(str(landing)))
    runs = {
        name: finalize(defs, stored, day + timedelta(days=first), day + timedelta(days=last))
        for name, (first, last) in {
            "first": (0, 1),
            "second": (0, 0),
            "third": (0, 0),
            "other": (5, 5),
        }.items()
    }
    keys = [CHAIN, CAMPAIGN]
    shown = {key: stored.get_materialized_partitions(key) for key in keys}
    assert len(shown[CHAIN]) == 3
    cutoff = datetime.now(UTC) + timedelta(seconds=1)
    assert delete_runs(stored, cutoff - timedelta(days=1), set()) == 0
    assert delete_runs(stored, cutoff, runs_to_keep(stored, cutoff, keys)) == 1
    assert {run.run_id for run in stored.get_runs()} == set(runs.values()) - {runs["second"]}
    assert not stored.all_logs(runs["second"])
    assert {key: stored.get_materialized_partitions(key) for key in keys} == shown
    newest = stored.fetch_materializations(
        dg.AssetRecordsFilter(CHAIN, asset_partitions=[day.isoformat()]), limit=1
    ).records[0]
    assert newest.run_id == runs["third"]
    assert newest.asset_materialization.metadata["objects"].value == 1
    assert delete_runs(stored, cutoff, runs_to_keep(stored, cutoff, keys)) == 0


def test_logs_of_a_run_go_with_it_and_a_run_under_way_stays(
    stored: dg.DagsterInstance, tmp_path: Path
) -> None:
    @dg.op
    def speak() -> None:
        print("heard")  # noqa: T201

    @dg.job(executor_def=dg.in_process_executor)
    def talk() -> None:
        speak()

    run_id = talk.execute_in_process(instance=stored).run_id
    going = stored.create_run_for_job(talk, status=dg.DagsterRunStatus.STARTED).run_id
    folder = Path(stored.compute_log_manager.get_captured_local_path([run_id], "out")).parent / run_id  # type: ignore[attr-defined]
    assert list(folder.rglob("*.out"))
    assert delete_runs(stored, datetime.now(UTC) + timedelta(seconds=1), set()) == 1
    assert not folder.exists()
    assert [run.run_id for run in stored.get_runs()] == [going]


def test_many_old_runs_go_in_portions(stored: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("icon_assets.orchestration.housekeeping._RUNS_AT_ONCE", 2)

    @dg.job
    def nothing() -> None:
        """Of which only the runs' rows matter."""

    runs = [stored.create_run_for_job(nothing, status=dg.DagsterRunStatus.FAILURE).run_id for _ in range(7)]
    keep = {runs[n] for n in (0, 1, 3, 6)}
    assert delete_runs(stored, datetime.now(UTC) + timedelta(seconds=1), keep) == 3
    assert {run.run_id for run in stored.get_runs()} == keep


def test_the_job_says_what_it_did(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    result = defs.resolve_job_def(HOUSEKEEPING).execute_in_process(instance=instance)
    assert result.success
    (output,) = (event for event in result.all_node_events if event.is_successful_output)
    metadata = output.event_specific_data.metadata
    assert {name: value.value for name, value in metadata.items() if name != "before"} == {
        "runs deleted": 0,
        "files forgotten": 0,
        "marks of days folded": 0,
        "builds of the marts forgotten": 0,
    }


def tick(defs: dg.Definitions, name: str, instance: dg.DagsterInstance) -> dg.ScheduleExecutionData:
    schedule = defs.resolve_schedule_def(name)
    resources: dict[str, Any] = {key: defs.resources[key] for key in schedule.required_resource_keys}
    at = datetime(2026, 3, 10, 5, 15, tzinfo=UTC)
    return schedule.evaluate_tick(
        dg.build_schedule_context(instance=instance, scheduled_execution_time=at, resources=resources)
    )


class TestPurge:
    @pytest.fixture
    def keeping(self, settings: Settings, database: Database) -> dg.Definitions:
        """The definitions where somebody has set ICON_KEEP_DAYS."""
        from icon_assets.definitions import build_defs

        return build_defs(replace(settings, keep_days=7), database=database)

    def test_nothing_is_asked_for_unless_it_is_set(
        self, defs: dg.Definitions, keeping: dg.Definitions, instance: dg.DagsterInstance
    ) -> None:
        assert "ICON_KEEP_DAYS" in str(tick(defs, "nightly_purge", instance).skip_message)
        assert len(tick(keeping, "nightly_purge", instance).run_requests or ()) == 1

    def test_unset_it_fails_and_says_so(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        result = defs.resolve_job_def(PURGE).execute_in_process(instance=instance, raise_on_error=False)
        (failure,) = (event for event in result.all_events if event.is_step_failure)
        assert "ICON_KEEP_DAYS is not set" in str(failure.step_failure_data)

    def test_what_is_final_and_old_goes_and_is_counted(
        self, keeping: dg.Definitions, instance: dg.DagsterInstance, database: Database, landing: Path
    ) -> None:
        write(landing, "a", [*campaign("S1", 1, 2, 0), *chain("A", 1, 2, 3, 0), *chain("OPEN", 1, 2)])
        write(landing, "b", chain("NEW", 1, 2, 3, 0, start=T0 + 8 * DAY))
        drain(database.loader, Landing(str(landing)))
        purge = keeping.resolve_job_def(PURGE)

        def purged() -> int:
            result = purge.execute_in_process(instance=instance)
            (event,) = result.get_asset_materialization_events()
            counted: int = event.materialization.metadata["chains purged"].value
            return counted

        assert purged() == 0  # not final yet
        days = date(2025, 11, 22), date(2025, 11, 30)
        finalize(keeping, instance, *days)
        close_window(database.builder, open_window(database.builder))
        assert purged() == 1
        with database.engine.connect() as connection:
            left = connection.scalars(sa.text("select chainguid from idb.go_chain order by 1")).all()
        assert left == ["NEW", "OPEN"]


def test_the_oldest_artifacts_of_dbt_make_room(prepared: tuple[Settings, Database], tmp_path: Path) -> None:
    from icon_assets.orchestration.assets.marts import _new_target

    settings = replace(prepared[0], var=tmp_path)
    for number in range(13):
        folder = _new_target(settings, f"run-{number}")
        folder.mkdir()
        (folder / "manifest.json").touch()
        os.utime(folder, (number, number))
    assert sorted(int(kept.name[4:]) for kept in folder.parent.iterdir()) == [*range(3, 13)]
