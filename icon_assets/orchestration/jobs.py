"""The jobs: what runs together. A run costs 4 s whatever it does, so few runs, and fat ones."""

from typing import Any

import dagster as dg

from icon_assets.orchestration.assets.cti import CTI
from icon_assets.orchestration.assets.final import FINAL_DAY, FINAL_KEYS
from icon_assets.orchestration.assets.purge import PURGED
from icon_assets.orchestration.checks import (
    final_equals_idb,
    no_failed_partition,
    refresh_checks,
    tables_vacuumed,
    yesterday_final,
)
from icon_assets.orchestration.housekeeping import housekeeping
from icon_assets.orchestration.rule_checks import rule_checks

REFRESH = "refresh"
CATCH_UP = "catch_up"
FINALIZE = "finalize"
QUALITY = "quality"
RECONCILE = "reconcile"
PURGE = "purge"

# Layers of dbt that are made of the data; the staging views and the seeds are made of the code alone, when a
# command prepares it: 50 nodes that a refresh need not build.
BUILT_GROUPS = ("intermediate", "marts")


def all_jobs(days: dg.PartitionsDefinition[str], marts: dg.AssetsDefinition) -> list[Any]:
    """Every job; `marts` has dbt's tests as its checks."""
    # dbt's tests read whole tables, and each costs 90 ms of events: they have a job of their own.
    caught_up = (
        dg.AssetSelection.groups(*BUILT_GROUPS) | dg.AssetSelection.assets(FINAL_DAY)
    ).without_checks() | dg.AssetSelection.groups(CTI)
    loaded = dg.AssetSelection.groups("idb").without_checks() | dg.AssetSelection.checks(refresh_checks)
    return [
        dg.define_asset_job(
            REFRESH,
            loaded | caught_up,
            description="Loads what waits in the landing zone, finalizes the dirty days, builds the marts.",
        ),
        dg.define_asset_job(
            CATCH_UP,
            caught_up,
            description="Finalizes the dirty days and builds the marts, whatever the landing zone is like.",
        ),
        dg.define_asset_job(
            FINALIZE,
            dg.AssetSelection.assets(*FINAL_KEYS.values()),
            partitions_def=days,
            description="Rebuilds a range of days of what has ended.",
        ),
        dg.define_asset_job(
            QUALITY,
            dg.AssetSelection.checks_for_assets(marts)
            | dg.AssetSelection.checks(yesterday_final, no_failed_partition, rule_checks, tables_vacuumed)
            | dg.AssetSelection.groups("docs"),
            description="Runs every rule of the IDB and data test of the marts; writes docs and report.",
        ),
        dg.define_asset_job(
            RECONCILE,
            dg.AssetSelection.checks(final_equals_idb),
            description="Compares every day of `final` with `idb`, and marks those that differ.",
        ),
        dg.define_asset_job(
            PURGE,
            dg.AssetSelection.assets(PURGED),
            description="Deletes from `idb` what is final, in the marts, and older than ICON_KEEP_DAYS.",
        ),
        housekeeping,
    ]
