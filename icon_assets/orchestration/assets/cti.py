"""The other database that holds calls, where ICON_CTI_DATABASE_URL names one: what it has comes to `idb`."""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from icon_assets.database import Database
from icon_assets.idb.ops import cti_database as cti_database_table
from icon_assets.ingest.cti import copy_calls
from icon_assets.orchestration.assets.raw import idb_key
from icon_assets.orchestration.metadata import (
    DATA_ENGINEERING,
    copied_metadata,
    drain_metadata,
    table_metadata,
)
from icon_assets.orchestration.progress import Progress
from icon_assets.settings import Settings

CTI_DATABASE = dg.AssetKey(["ops", "cti_database"])
CTI = "cti"  # the group


def cti_assets(settings: Settings) -> Sequence[dg.AssetsDefinition]:
    """The asset, where there is such a database."""
    return [cti_database] if settings.cti_database_url else []


@dg.asset(
    key=CTI_DATABASE,
    pool="ingest",
    group_name=CTI,
    kinds={"postgres"},
    description=(
        "The database of another ICON, whose T-Servers tell of the calls. Each batch of calls that it has "
        "loaded is copied here and marks the days that it changes, as if it had come by file. Where it "
        "cannot be read, everything else goes on: attempts whose calls are missing say so, and are matched "
        "when it can be read again."
    ),
    owners=DATA_ENGINEERING,
    metadata=table_metadata(cti_database_table),
)
def cti_database(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Copies what is new, and reports the tables that it came to."""

    def say(done: int, total: int) -> None:
        progress("Copying batches of calls", done, total)

    assert settings.cti_database_url
    copied = copy_calls(database.loader, settings.cti_database_url, progress=say)
    if copied.fault:
        context.log.warning(f"The CTI database {copied.place} cannot be read: {copied.fault}")
    for refusal in copied.loaded.refused:
        context.log.error(f"Refused {refusal.path}: {refusal.reason}. {refusal.detail}")
    now = datetime.now(UTC)
    done = drain_metadata(copied.loaded, now)
    for table, rows in copied.loaded.rows.items():
        context.log_event(dg.AssetMaterialization(idb_key(table), metadata={"new rows": rows, **done}))
    return dg.MaterializeResult(metadata=copied_metadata(copied, now))
