"""The daemon's jobs in a command's own process; their runs and events go where the daemon's go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from icon_assets.commands.shown import ShownProgress
from icon_assets.database import Database
from icon_assets.marts.dbt_cli import prepare_dbt
from icon_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg


def run(
    settings: Settings, database: Database, progress: ShownProgress, job: str, **tags: str
) -> dg.ExecuteInProcessResult:
    """Runs `job` with these tags to its end, or to its failure."""
    progress("Preparing", 0, 1)
    prepare_dbt(settings, database.builder, os.environ)
    import dagster as dg

    from icon_assets.definitions import build_defs
    from icon_assets.orchestration.runs import BY_HAND

    progress("Preparing", 1, 1)
    defined = build_defs(settings, progress=progress).resolve_job_def(job)
    with dg.DagsterInstance.get() as instance:
        return defined.execute_in_process(instance=instance, tags={**BY_HAND, **tags}, raise_on_error=False)


def reported(result: dg.ExecuteInProcessResult, asset: str) -> Iterator[Mapping[str, Any]]:
    """The metadata of each materialization of `asset` in the run."""
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        if materialization.asset_key.to_user_string() == asset:
            yield {name: value.value for name, value in materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Why the run failed, in a line."""
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error):
            if "DagsterExecutionInterruptedError" in error.message:
                return "Interrupted."
            return f"{event.step_key} failed: {(error.cause or error).message.strip()[-1000:]}"
    return "The run failed."
