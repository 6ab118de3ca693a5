"""The marts as assets: dbt's models, one `dbt build` a run. dagster_dbt (3 s) is imported here only."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version

from icon_assets.database import Database
from icon_assets.errors import UserError
from icon_assets.finalize.dirty import are_collecting
from icon_assets.idb import locks
from icon_assets.instance import DBT_PROJECT, dbt_target
from icon_assets.marts.column_lineage import read_column_lineage, write_column_lineage
from icon_assets.marts.dbt_cli import TETHERED_DBT, manifest_path
from icon_assets.marts.dbt_code import MARTS, VIEWS, code_of, marts_are_outdated, set_code
from icon_assets.marts.window import close_window, due, open_window
from icon_assets.orchestration.assets.translator import Translator
from icon_assets.orchestration.glance import glance
from icon_assets.orchestration.jobs import BUILT_GROUPS, CATCH_UP, REFRESH
from icon_assets.orchestration.progress import Progress
from icon_assets.settings import Settings

# Unit tests are for CI: they prove the models, not the data.
BUILD = ("build", "--exclude-resource-type", "unit_test")
# Each build leaves 2 MB of artifacts, which nothing else removes.
_BUILDS_KEPT = 10
_CAMPAIGN_DAY = dg.AssetKey(["marts", "mart_campaign_day"])
_BY_DAY = """
    select
        report_day as day,
        sum(human)::bigint as human,
        sum(machine)::bigint as machine,
        (sum(attempts) - sum(human) - sum(machine))::bigint as other,
        sum(attempts)::bigint as attempts,
        sum(abandoned)::bigint as abandoned,
        sum(live_answers)::bigint as "live answers",
        string_agg(distinct completeness, ', ') as completeness
    from marts.mart_campaign_day
    where report_day > (select max(report_day) - 14 from marts.mart_campaign_day)
    group by report_day
    order by report_day
"""


class Dbt(DbtCliResource):
    """dbt without what dagster-dbt does before each command: 7 s of CPU, for what is known or not needed."""

    @property
    def _cli_version(self) -> Version:
        # Else a process of its own, which also asks the package index.
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> None:  # type: ignore[override]
        """Only `fetch_row_counts` and `fetch_column_metadata` use the adapter."""


def marts_assets(settings: Settings) -> dg.AssetsDefinition:
    """The assets that the dbt project's manifest describes. Raises UserError where there is no manifest."""
    path = manifest_path(settings)
    if not path.exists():
        raise UserError(
            f"There is no dbt manifest at {path}: icon-assets dev and icon-assets process make it."
        )
    manifest = json.loads(path.read_bytes())

    @dbt_assets(
        manifest=manifest,
        project=_project(settings),
        name="marts",
        dagster_dbt_translator=Translator(settings, manifest, read_column_lineage(settings)),
        pool="dbt",
    )
    def marts(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        database: dg.ResourceParam[Database],
        progress: dg.ResourceParam[Progress],
        dbt: Dbt,
    ) -> Iterator[Any]:
        tables = {spec.key for spec in marts.specs if spec.group_name in BUILT_GROUPS}
        whole = context.selected_asset_keys >= tables
        target = _new_target(settings, context.run_id)

        def build(*arguments: str) -> Iterable[Any]:
            return dbt.cli([*BUILD, *arguments], context=context, target_path=target).stream()

        if not context.selected_asset_keys:
            yield from build()
            return
        engine = database.builder
        with _alone(engine):
            code = code_of(engine, VIEWS)
            outdated = marts_are_outdated(engine)
            asked_by_hand = context.run.job_name not in (REFRESH, CATCH_UP)
            if not (asked_by_hand or outdated or due(engine)):
                context.log.info("The marts hold everything that has been loaded.")
                return
            # What has ended is open no more, and not yet final: the marts would show it nowhere.
            if not asked_by_hand and are_collecting(database.operator, settings.finalize_delay):
                context.log.info("Days are dirty, but not yet long enough: the marts wait with them.")
                return
            window = open_window(engine)
            events = build("--full-refresh") if outdated and whole else build()
            for event in _counted(events, len(context.selected_asset_keys), progress):
                if _is_of(context, event, _CAMPAIGN_DAY):
                    seen = glance(database.operator, _BY_DAY, ["human", "machine", "other"])
                    event = event.with_metadata({**seen, **event.metadata})
                yield event
            # After a part of the models the rest has the window still to take in.
            if whole:
                close_window(engine, window)
                set_code(engine, MARTS, code or "")
            if whole and outdated:
                write_column_lineage(settings, target)

    return marts


def _is_of(context: dg.AssetExecutionContext, event: object, key: dg.AssetKey) -> bool:
    return isinstance(event, dg.Output) and context.asset_key_for_output(event.output_name) == key


def dbt_resource() -> Dbt:
    """The dbt that builds the marts."""
    return Dbt(project_dir=str(DBT_PROJECT), profiles_dir=str(DBT_PROJECT), dbt_executable=str(TETHERED_DBT))


def _project(settings: Settings) -> DbtProject:
    return DbtProject(DBT_PROJECT, target_path=dbt_target(settings), profiles_dir=DBT_PROJECT)


def _new_target(settings: Settings, run_id: str) -> Path:
    """Where one build leaves its artifacts; the oldest make room for it."""
    builds = dbt_target(settings) / "builds"
    builds.mkdir(parents=True, exist_ok=True)
    for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[: -_BUILDS_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return builds / run_id


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Waits until no other process builds the marts, and keeps them out."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()  # closed at the end, and the lock with it, whatever happens to the connection
        connection.execute(sa.text("select pg_advisory_lock(:key)"), {"key": locks.MARTS})
        yield


def _counted(events: Iterable[Any], total: int, progress: Progress) -> Iterator[Any]:
    """Passes dbt's events on, and counts the models among them."""
    done = 0
    for event in events:
        if isinstance(event, dg.Output):
            done += 1
            progress("Building marts", done, total)
        yield event
