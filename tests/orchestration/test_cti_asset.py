"""The other database of calls in Dagster: an asset, a check, a sensor; and none of them without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from icon_assets.database import Database
from icon_assets.orchestration.assets.cti import CTI_DATABASE
from icon_assets.orchestration.assets.final import FINAL_DAY, FINAL_KEYS
from icon_assets.orchestration.assets.raw import idb_key
from icon_assets.orchestration.jobs import CATCH_UP, REFRESH
from icon_assets.settings import Settings
from tests.batches import DAY, T0, chain, chain_call
from tests.loading import Loader
from tests.orchestration.test_sensors import tick


@pytest.fixture
def cti(new_database: Callable[[], Database], tmp_path: Path) -> Loader:
    """The database that holds calls."""
    landing = tmp_path / "cti"
    landing.mkdir()
    return Loader(new_database(), landing)


def definitions(settings: Settings, database: Database, url: str) -> dg.Definitions:
    from icon_assets.definitions import build_defs

    return build_defs(replace(settings, cti_database_url=url), database=database)


def nowhere(cti: Loader) -> str:
    return cti.database.url("secure_reader").replace(f":{cti.database.conninfo['port']}/", ":1/")


def copy_and_finalize(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """The part of the job before the marts; returns what the check says."""
    result = defs.resolve_job_def(CATCH_UP).execute_in_process(
        instance=instance, asset_selection=[CTI_DATABASE, FINAL_DAY]
    )
    assert result.success
    (check,) = (c for c in result.get_asset_check_evaluations() if c.asset_key == CTI_DATABASE)
    return check


def said(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, object]:
    materialization = instance.get_latest_materialization_event(key)
    assert materialization
    assert materialization.asset_materialization
    return {name: value.value for name, value in materialization.asset_materialization.metadata.items()}


def test_it_stands_between_loading_and_finalizing_where_it_is_named(
    settings: Settings, database: Database, defs: dg.Definitions, cti: Loader
) -> None:
    with_cti = definitions(settings, database, cti.database.url("secure_reader"))
    dg.Definitions.validate_loadable(with_cti)
    graph = with_cti.resolve_asset_graph()
    assert CTI_DATABASE in graph.get(FINAL_DAY).parent_keys
    assert [key.name for key in graph.get(CTI_DATABASE).check_keys] == ["reachable"]
    for job in (REFRESH, CATCH_UP):
        assert CTI_DATABASE in with_cti.resolve_job_def(job).asset_layer.executable_asset_keys
    assert not defs.resolve_asset_graph().has(CTI_DATABASE)


def test_calls_are_copied_and_their_days_finalized_in_one_run(
    settings: Settings, database: Database, landing: Path, cti: Loader, instance: dg.DagsterInstance
) -> None:
    loader = Loader(database, landing)
    loader([*chain("A", 1, 2, 3, 0), chain_call("A", "K1"), *chain("B", 1, 2, 3, 0, start=T0 + DAY)])
    cti.tserver({"type": "call", "ts": T0, "callid": "K1", "cseq": 1, "change": "created", "switchid": 1})
    defs = definitions(settings, database, cti.database.url("secure_reader"))
    assert tick(defs, "copied_calls", instance).run_requests[0].tags["icon/why"] == "batches of calls: 1"

    assert copy_and_finalize(defs, instance).passed
    found = said(instance, CTI_DATABASE)
    assert found["reachable"] is True
    assert (found["batches"], found["rows copied"]) == (1, 1)
    assert found["lag (s)"] > 0
    assert said(instance, idb_key("g_call_history"))["new rows"] == 1
    days = instance.get_materialized_partitions(FINAL_KEYS["chain"])
    assert days == {"2025-11-22", "2025-11-23"}
    assert not tick(defs, "copied_calls", instance).run_requests


def test_where_it_cannot_be_read_the_run_goes_on_and_the_check_warns(
    settings: Settings, database: Database, landing: Path, cti: Loader, instance: dg.DagsterInstance
) -> None:
    Loader(database, landing)(chain("A", 1, 2, 3, 0))
    lost = definitions(settings, database, nowhere(cti))
    assert tick(lost, "copied_calls", instance).run_requests[0].tags["icon/why"] == (
        "the CTI database cannot be read"
    )
    check = copy_and_finalize(lost, instance)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "refused" in str(check.metadata["fault"].value)
    found = said(instance, CTI_DATABASE)
    assert (found["reachable"], found["rows copied"]) == (False, 0)
    assert instance.get_materialized_partitions(FINAL_KEYS["chain"]) == {"2025-11-22"}
    # Once it is known there is nothing to do, until it comes back.
    assert not tick(lost, "copied_calls", instance).run_requests

    back = definitions(settings, database, cti.database.url("secure_reader"))
    assert "read again" in tick(back, "copied_calls", instance).run_requests[0].tags["icon/why"]
    assert copy_and_finalize(back, instance).passed
    assert said(instance, CTI_DATABASE)["days marked"] == 1
