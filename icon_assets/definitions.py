"""What Dagster sees: one function that puts all together, for the UI, the tests and the command line."""

import dagster as dg

from icon_assets.orchestration.assets.cti import cti_assets
from icon_assets.orchestration.assets.docs import docs_asset
from icon_assets.orchestration.assets.final import final_assets
from icon_assets.orchestration.assets.health import health_asset
from icon_assets.orchestration.assets.landing import event_batches
from icon_assets.orchestration.assets.marts import dbt_resource, marts_assets
from icon_assets.orchestration.assets.purge import purged_chains
from icon_assets.orchestration.assets.raw import raw_tables
from icon_assets.orchestration.assets.report import report_asset
from icon_assets.orchestration.checks import (
    cti_checks,
    final_equals_idb,
    no_failed_partition,
    refresh_checks,
    tables_vacuumed,
    yesterday_final,
)
from icon_assets.orchestration.jobs import all_jobs
from icon_assets.orchestration.partitions import termination_days
from icon_assets.orchestration.resources import default_resources
from icon_assets.orchestration.rule_checks import rule_checks
from icon_assets.orchestration.schedules import all_schedules
from icon_assets.orchestration.sensors import changed_days, cti_sensors, health_changes, landing_files
from icon_assets.settings import Settings


def build_defs(settings: Settings | None = None, **resources: object) -> dg.Definitions:
    """All definitions, by default of the environment's settings; `resources` replace those of their names."""
    settings = settings or Settings.from_env()
    days = termination_days(settings.first_day)
    marts = marts_assets(settings)
    loaded = [raw_tables, *cti_assets(settings)]
    return dg.Definitions(
        assets=[
            event_batches,
            *loaded,
            *final_assets(days, loaded),
            purged_chains,
            marts,
            docs_asset(marts),
            report_asset(marts),
            health_asset,
        ],
        asset_checks=[
            refresh_checks,
            rule_checks,
            yesterday_final,
            no_failed_partition,
            final_equals_idb,
            tables_vacuumed,
            *cti_checks(settings),
        ],
        jobs=all_jobs(days, marts),
        sensors=[landing_files, changed_days, health_changes, *cti_sensors(settings)],
        schedules=all_schedules,
        resources={**default_resources(settings), "dbt": dbt_resource(), **resources},
        # A step in a process of its own would import everything again: 3 s each.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The code location of workspace.yaml."""
    return build_defs()
