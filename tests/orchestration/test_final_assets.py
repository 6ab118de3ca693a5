"""Finalizing as a Dagster user does it: a range of days in one run, and the days that a batch made dirty."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from psycopg import sql

from icon_assets import database as databases
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.ingest.drain import drain
from icon_assets.orchestration.jobs import FINALIZE
from icon_assets.orchestration.partitions import RANGE_END, RANGE_START, range_tags
from tests.batches import DAY, T0, chain, write
from tests.tables import fingerprints

CHAIN = dg.AssetKey(["final", "go_chain"])
CAMPAIGN = dg.AssetKey(["final", "go_campaign"])


@pytest.fixture
def loaded(database: Database, landing: Path) -> Database:
    """Chains that ended on 22, 23 and 25 November 2025."""
    for days in (0, 1, 3):
        write(landing, f"b{days}", chain(f"C{days}", 1, 2, 3, 0, start=T0 + days * DAY))
    drain(database.loader, Landing(str(landing)))
    return database


def partitions(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    return instance.get_materialized_partitions(key)


def final_days(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return [
            str(day) for day in connection.scalars(sa.text("select final_day from final.go_chain order by 1"))
        ]


def test_a_range_of_days_is_one_run(
    defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database
) -> None:
    result = defs.resolve_job_def(FINALIZE).execute_in_process(
        instance=instance, tags=range_tags(date(2025, 11, 22), date(2025, 11, 24))
    )
    assert result.success
    assert final_days(loaded) == ["2025-11-22", "2025-11-23"]
    assert partitions(instance, CHAIN) == {"2025-11-22", "2025-11-23", "2025-11-24"}
    assert partitions(instance, CAMPAIGN) == partitions(instance, CHAIN)
    assert len(instance.get_runs()) == 1
    records = instance.fetch_materializations(CHAIN, limit=10).records
    said = {record.partition_key: record.asset_materialization.metadata for record in records}
    assert said["2025-11-22"]["objects"].value == 1
    assert said["2025-11-22"]["changed"].value is True
    assert said["2025-11-24"]["objects"].value == 0
    assert said["2025-11-24"]["changed"].value is False


def test_again_changes_nothing_and_says_so(
    defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database
) -> None:
    job, tags = defs.resolve_job_def(FINALIZE), range_tags(date(2025, 11, 22), date(2025, 11, 22))
    for _ in range(2):
        assert job.execute_in_process(instance=instance, tags=tags).success
    newest = instance.fetch_materializations(CHAIN, limit=1).records[0].asset_materialization
    assert newest.metadata["changed"].value is False


def test_one_day_of_one_entity(defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database) -> None:
    result = defs.resolve_job_def(FINALIZE).execute_in_process(
        instance=instance, partition_key="2025-11-25", asset_selection=[CHAIN]
    )
    assert result.success
    assert final_days(loaded) == ["2025-11-25"]
    assert not partitions(instance, CAMPAIGN)


def test_dirty_days_show_as_partitions(
    defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database
) -> None:
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["ops", "final_day"])])
    assert result.success
    assert final_days(loaded) == ["2025-11-22", "2025-11-23", "2025-11-25"]
    assert partitions(instance, CHAIN) == {"2025-11-22", "2025-11-23", "2025-11-25"}
    (event,) = (
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(["ops", "final_day"])
    )
    assert event.materialization.metadata["chain days changed"].value == 3


def finalize_dirty_days(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(["ops", "final_day"])]
    ).success


@pytest.mark.threat("R20")
def test_dagsters_storage_lost_costs_no_data_and_its_partitions_come_back(
    defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database, landing: Path
) -> None:
    """The warehouse knows by itself what is loaded and final; the next run tells the new storage."""
    finalize_dirty_days(defs, instance)
    before = fingerprints(loaded.engine, ["idb", "final", "ops"])
    with dg.DagsterInstance.ephemeral() as new:
        sensor = defs.resolve_sensor_def("landing_files")
        resources = {key: defs.resources[key] for key in sensor.required_resource_keys}
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance=new, resources=resources))
        assert not tick.run_requests
        assert "Nothing new" in tick.skip_message
        finalize_dirty_days(defs, new)
        assert fingerprints(loaded.engine, ["idb", "final", "ops"]) == before
        assert (
            partitions(new, CHAIN)
            == partitions(instance, CHAIN)
            == {"2025-11-22", "2025-11-23", "2025-11-25"}
        )
        # Once told, not again.
        finalize_dirty_days(defs, new)
        assert len(new.fetch_materializations(CHAIN, limit=100).records) == 3


@pytest.mark.threat("R20")
def test_days_whose_run_was_killed_before_it_told_of_them_are_told_by_the_next(
    defs: dg.Definitions, instance: dg.DagsterInstance, loaded: Database, landing: Path
) -> None:
    finalize_dirty_days(defs, instance)
    write(landing, "b5", chain("C5", 1, 2, 3, 0, start=T0 + 5 * DAY))
    drain(loaded.engine, Landing(str(landing)))
    finalize(loaded.engine, "chain", date(2025, 11, 27), date(2025, 11, 27))
    assert "2025-11-27" not in partitions(instance, CHAIN)
    finalize_dirty_days(defs, instance)
    assert "2025-11-27" in partitions(instance, CHAIN)
    assert len(instance.fetch_materializations(CHAIN, limit=100).records) == 4


@pytest.mark.threat("R20")
def test_a_dropped_database_of_dagster_is_made_again(database: Database) -> None:
    databases.set_up(database)
    assert databases.is_current(database)
    with database.connect("postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {}").format(sql.Identifier(database.dagster_name)))
    assert not databases.is_current(database)
    databases.set_up(database)
    assert databases.is_current(database)
    with database.connect("postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {}").format(sql.Identifier(database.dagster_name)))


def test_the_tags_are_those_of_dagster() -> None:
    """Copied, because Dagster keeps them in a private module; here is where a change would show."""
    from dagster._core.storage import tags

    assert tags.ASSET_PARTITION_RANGE_START_TAG == RANGE_START
    assert tags.ASSET_PARTITION_RANGE_END_TAG == RANGE_END
