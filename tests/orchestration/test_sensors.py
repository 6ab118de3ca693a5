"""What the sensors decide, from the state of the database and of the runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.idb.catalogue import catalogue
from icon_assets.ingest.drain import drain
from icon_assets.orchestration.assets.raw import LEDGER, idb_key
from icon_assets.orchestration.jobs import CATCH_UP, REFRESH
from icon_assets.orchestration.runs import BY_HAND, end_orphans
from icon_assets.orchestration.sensors import reason_to_hold, wait_after
from icon_assets.settings import Settings
from tests.batches import DAY, T0, chain, write
from tests.hanging import HangingFileSystem


def tick(
    defs: dg.Definitions, name: str, instance: dg.DagsterInstance, cursor: str | None = None
) -> dg.SensorExecutionData:
    sensor = defs.resolve_sensor_def(name)
    resources = {key: defs.resources[key] for key in sensor.required_resource_keys}
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
    return sensor.evaluate_tick(context)


@dg.job(name=REFRESH)
def refresh() -> None:
    """Stands for the job of this name: the sensors ask for no more of a run than that."""


def run(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str] | None = None
) -> None:
    instance.create_run_for_job(refresh, status=status, tags=tags)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 30), (2, 60), (3, 120), (7, 1800), (8, 1800)])
def test_wait_after_failures_grows_and_ends(failures: int, seconds: int) -> None:
    assert wait_after(failures) == timedelta(seconds=seconds)


class TestLandingFiles:
    def test_nothing_there(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        data = tick(defs, "landing_files", instance)
        assert not data.run_requests
        assert "Nothing new" in data.skip_message

    def test_many_files_wake_one_run(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path
    ) -> None:
        for number in range(3):
            write(landing, f"b{number}", chain(f"C{number}", 1, 2, 3, 0))
        data = tick(defs, "landing_files", instance)
        (request,) = data.run_requests
        assert request.tags["icon/why"] == "files: 3"
        assert request.run_key is None
        assert dg.validate_run_config(defs.resolve_job_def(REFRESH), request.run_config)
        (seen,) = data.asset_events
        assert seen.metadata["files ready"].value == 3

    @pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED"])
    def test_a_refresh_under_way_holds_it(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path, status: str
    ) -> None:
        write(landing, "b", chain("C", 1, 2, 3, 0))
        run(instance, dg.DagsterRunStatus[status])
        assert "under way" in tick(defs, "landing_files", instance).skip_message

    def test_a_process_killed_long_ago_does_not(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path
    ) -> None:
        write(landing, "b", chain("C", 1, 2, 3, 0))
        run(instance, dg.DagsterRunStatus.STARTED, BY_HAND)
        assert tick(defs, "landing_files", instance).run_requests

    def test_a_failed_refresh_is_tried_again_but_not_at_once(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path
    ) -> None:
        write(landing, "b", chain("C", 1, 2, 3, 0))
        before = datetime.now(UTC)
        for _ in range(2):
            run(instance, dg.DagsterRunStatus.FAILURE)
        assert r"The last runs of refresh failed (2)" in tick(defs, "landing_files", instance).skip_message
        assert reason_to_hold(instance, REFRESH, before + timedelta(seconds=59))
        assert not reason_to_hold(instance, REFRESH, datetime.now(UTC) + timedelta(seconds=61))

    def test_a_delay_collects_dirty_days_and_ends(
        self, settings: Settings, instance: dg.DagsterInstance, database: Database, landing: Path
    ) -> None:
        """Counted from the oldest mark: late data that goes on and on holds up no day. So do the marts."""
        from icon_assets.definitions import build_defs

        defs = build_defs(replace(settings, finalize_delay=timedelta(minutes=10)), database=database)
        for number in range(2):
            write(landing, f"b{number}", chain(f"C{number}", 1, 2, 3, 0, start=T0 + number * DAY))
        drain(database.loader, Landing(str(landing)))
        assert "ICON_FINALIZE_DELAY" in tick(defs, "changed_days", instance).skip_message
        assert defs.resolve_job_def(CATCH_UP).execute_in_process(instance=instance).success
        with database.engine.begin() as connection:
            nothing = "select (select count(*) from ops.final_day) + (select count(*) from ops.marts_run)"
            assert connection.scalar(sa.text(nothing)) == 0
            older = (
                "update ops.dirty_day set marked_at = marked_at - interval '10 minutes' where dirty_id = 1"
            )
            connection.execute(sa.text(older))
        (request,) = tick(defs, "changed_days", instance).run_requests
        assert request.tags["icon/why"] == "dirty days: 2"

    @pytest.mark.threat("R18")
    def test_a_drain_that_failed_is_asked_for_again_because_the_ledger_lacks_its_files(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, database: Database, landing: Path
    ) -> None:
        """No run key stands for a file: whether it is loaded, the ledger says, whatever runs there were."""
        write(landing, "b", chain("C", 1, 2, 3, 0))

        def drain_asked_for() -> dg.ExecuteInProcessResult:
            (request,) = tick(defs, "landing_files", instance).run_requests
            assert request.run_key is None
            return defs.resolve_job_def(REFRESH).execute_in_process(
                run_config=request.run_config,
                instance=instance,
                asset_selection=[LEDGER, *(idb_key(table) for table in catalogue().tables)],
                raise_on_error=False,
            )

        with database.connect() as connection:
            connection.execute("alter table ops.batch add constraint no check (false) not valid")
        assert not drain_asked_for().success
        with database.connect() as connection:
            connection.execute("alter table ops.batch drop constraint no")
        with mock.patch("icon_assets.orchestration.sensors.wait_after", return_value=timedelta(0)):
            assert drain_asked_for().success
        assert "Nothing new" in tick(defs, "landing_files", instance).skip_message

    def test_a_success_forgives(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path
    ) -> None:
        write(landing, "b", chain("C", 1, 2, 3, 0))
        run(instance, dg.DagsterRunStatus.FAILURE)
        run(instance, dg.DagsterRunStatus.SUCCESS)
        assert tick(defs, "landing_files", instance).run_requests

    def test_a_landing_zone_too_large_to_list_in_a_tick_wakes_a_run(
        self,
        settings: Settings,
        database: Database,
        instance: dg.DagsterInstance,
        hanging: HangingFileSystem,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        from icon_assets.definitions import build_defs

        monkeypatch.setattr("icon_assets.contract.patience.LISTING_SECONDS", 60)
        monkeypatch.setattr("icon_assets.orchestration.sensors._LISTING_SECONDS", 0.1)
        defs = build_defs(replace(settings, landing_url="hanging://list"), database=database)
        (request,) = tick(defs, "landing_files", instance).run_requests
        assert request.tags["icon/why"] == "a landing zone too large to list in a tick"

    def test_a_landing_zone_that_is_gone_is_an_error_that_names_it(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, landing: Path
    ) -> None:
        landing.rmdir()
        with pytest.raises(Exception, match="Landing zone"):
            tick(defs, "landing_files", instance)


def test_runs_that_died_with_their_daemon_hold_up_nobody(instance: dg.DagsterInstance) -> None:
    run(instance, dg.DagsterRunStatus.STARTED)
    run(instance, dg.DagsterRunStatus.STARTED, BY_HAND)
    assert reason_to_hold(instance, REFRESH, datetime.now(UTC)) == "A run of refresh is under way."
    end_orphans(instance)
    statuses = {run.tags.get("icon/by"): run.status for run in instance.get_runs()}
    assert statuses == {None: dg.DagsterRunStatus.FAILURE, "process": dg.DagsterRunStatus.STARTED}
    assert "failed" in str(reason_to_hold(instance, REFRESH, datetime.now(UTC)))


class TestChangedDays:
    def test_a_drain_that_fails_does_not_hold_it(
        self, defs: dg.Definitions, instance: dg.DagsterInstance
    ) -> None:
        run(instance, dg.DagsterRunStatus.FAILURE)
        assert "Every day is finalized" in tick(defs, "changed_days", instance).skip_message

    def test_a_refresh_under_way_does(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        run(instance, dg.DagsterRunStatus.STARTED)
        assert "under way" in tick(defs, "changed_days", instance).skip_message

    def test_nothing_to_do(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        assert "Every day is finalized" in tick(defs, "changed_days", instance).skip_message

    def test_dirty_days(self, defs: dg.Definitions, instance: dg.DagsterInstance, database: Database) -> None:
        with database.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "insert into ops.dirty_day (entity, day, reason, objects) "
                    "values ('chain', '2025-11-22', 'call', 1), ('campaign', '2025-11-22', 'ended', 1)"
                )
            )
        (request,) = tick(defs, "changed_days", instance).run_requests
        assert request.tags["icon/why"] == "dirty days: 2"

    @pytest.mark.threat("R18")
    def test_a_nights_run_that_failed_leaves_its_days_to_be_asked_for_again(
        self, defs: dg.Definitions, stored: dg.DagsterInstance, database: Database, landing: Path
    ) -> None:
        """Its run key is used, so the night asks for it no more; the days are dirty, so this sensor does."""
        write(landing, "b", chain("C", 1, 2, 3, 0))
        drain(database.loader, Landing(str(landing)))
        resources = {key: defs.resources[key] for key in ("settings", "database")}
        night = dg.build_schedule_context(
            instance=stored,
            resources=resources,
            scheduled_execution_time=datetime(2025, 11, 23, 2, 15, tzinfo=UTC),
        )
        (request,) = defs.resolve_schedule_def("nightly_finalize").evaluate_tick(night).run_requests
        assert request.run_key
        tags = {**request.tags, "dagster/run_key": request.run_key}
        stored.create_run_for_job(refresh, status=dg.DagsterRunStatus.FAILURE, tags=tags)
        (request,) = tick(defs, "changed_days", stored).run_requests
        assert (request.run_key, request.tags["icon/why"]) == (None, "dirty days: 1")

    def test_marts_behind_after_a_backfill(
        self, defs: dg.Definitions, instance: dg.DagsterInstance, database: Database
    ) -> None:
        with database.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "insert into ops.final_day (entity, day, version, objects, rows) "
                    "values ('chain', '2025-11-22', 1, 1, '{}')"
                )
            )
        (request,) = tick(defs, "changed_days", instance).run_requests
        assert request.tags["icon/why"] == "marts behind final"
