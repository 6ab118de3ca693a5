"""The report's asset in a project that has nothing to report."""

from __future__ import annotations

import dagster as dg

from icon_assets.orchestration.jobs import QUALITY
from icon_assets.pages import report_page
from icon_assets.settings import Settings


def test_nothing_to_report_is_no_failure(
    defs: dg.Definitions, settings: Settings, instance: dg.DagsterInstance
) -> None:
    report = dg.AssetKey(["report", "campaigns"])
    job = defs.resolve_job_def(QUALITY)
    done = job.execute_in_process(instance=instance, asset_selection=[report])
    (made,) = done.get_asset_materialization_events()
    assert made.materialization.metadata == {"campaigns": dg.MetadataValue.int(0)}
    assert not report_page(settings).exists()
