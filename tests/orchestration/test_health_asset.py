"""The asset that says how everything is: kept current without a run, and what it knows of Dagster's runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from icon_assets import database as databases
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.health.dagster_storage import orchestrated
from icon_assets.health.findings import Level
from icon_assets.health.look import _ASKED_HERE, health
from icon_assets.ingest.drain import drain
from icon_assets.instance import environment
from icon_assets.orchestration.assets.health import HEALTH, WELL
from icon_assets.orchestration.checks import refresh_checks
from icon_assets.settings import Settings
from tests.orchestration.test_sensors import tick


def test_news_become_events_without_a_run_and_repetitions_do_not(
    defs: dg.Definitions, instance: dg.DagsterInstance, database: Database, landing: Path
) -> None:
    first = tick(defs, "health_changes", instance)
    materialization, evaluation = first.asset_events
    assert (materialization.asset_key, evaluation.asset_key) == (HEALTH, HEALTH)
    assert evaluation.passed
    assert materialization.metadata["summary"].value.startswith("**All is well.**")
    again = tick(defs, "health_changes", instance, first.cursor)
    assert (again.asset_events, again.skip_message) == ([], "Nothing has changed. All is well.")
    (landing / "cut.jsonl").write_text("")
    for _ in range(2):
        drain(database.loader, Landing(str(landing)), wait=timedelta(0))
    news = tick(defs, "health_changes", instance, first.cursor)
    materialization, evaluation = news.asset_events
    assert not evaluation.passed
    assert materialization.metadata["files refused"].value == 1
    assert materialization.metadata["things that need attention"].value == 1
    summary = materialization.metadata["summary"].value.splitlines()
    assert summary[0].startswith("**1 thing needs attention.**")
    assert summary[2].startswith("- **landing**: Files: 1 refused")
    assert "**database**" in materialization.metadata["well"].value


def test_the_button_does_the_same(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[HEALTH])
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.check_name, evaluation.passed) == (WELL.name, True)


def test_it_asks_anew_what_the_checks_of_a_refresh_asked() -> None:
    named = {spec.name for spec in refresh_checks.check_specs}
    assert _ASKED_HERE - {WELL.name} <= named


@pytest.fixture
def stored(
    new_database: Callable[[], Database], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Database, dg.DagsterInstance]]:
    """A database with Dagster's own beside it, as a project's instance uses it."""
    database = new_database()
    databases.set_up(database)
    for name, value in environment(settings, database).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        yield database, instance


def test_failed_runs_and_checks_are_read_from_dagsters_storage(
    stored: tuple[Database, dg.DagsterInstance], settings: Settings
) -> None:
    database, instance = stored
    works = {"really": False}

    @dg.op
    def work() -> None:
        assert works["really"], "on purpose"

    @dg.job
    def refresh() -> None:
        work()

    @dg.asset_check(asset="thing", blocking=False)
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=works["really"])

    check = dg.Definitions(assets=[dg.AssetSpec("thing")], asset_checks=[holds])
    checks = check.resolve_implicit_global_asset_job_def()

    def once() -> None:
        refresh.execute_in_process(instance=instance, raise_on_error=False)
        checks.execute_in_process(instance=instance)

    def levels() -> dict[str, Level]:
        return {found.topic: found.level for found in health(database, settings).findings}

    assert orchestrated(database).runs == ()
    once()
    once()
    (run,) = orchestrated(database).runs
    assert (run.job, run.status, run.in_a_row) == ("refresh", "FAILURE", 2)
    (failed,) = orchestrated(database).checks
    assert (failed.asset, failed.name, failed.severity) == ("thing", "holds", "ERROR")
    assert (levels()["runs"], levels()["checks"]) == (Level.ATTENTION, Level.ATTENTION)
    works["really"] = True
    once()
    (run,) = orchestrated(database).runs
    assert (run.status, run.in_a_row) == ("SUCCESS", 1)
    assert orchestrated(database).checks == ()
    assert (levels()["runs"], levels()["checks"]) == (Level.NOTE, Level.OK), "no daemon runs here"


def test_a_daemon_that_lives_is_seen(stored: tuple[Database, dg.DagsterInstance], settings: Settings) -> None:
    database, _ = stored
    beat = "insert into daemon_heartbeats (daemon_type, daemon_id, timestamp) values ('SENSOR', 'x', now())"
    engine = sa.create_engine(database.dagster_url)
    with engine.begin() as connection:
        connection.execute(sa.text(beat))
    engine.dispose()
    said = {found.topic: found.said for found in health(database, settings).findings}
    assert said["runs"] == "Dagster runs."
