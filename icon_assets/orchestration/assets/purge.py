"""What idb gives up: the chains that only final holds, as an asset."""

import dagster as dg

from icon_assets.database import Database
from icon_assets.finalize.purge import purge
from icon_assets.idb.ops import purged_chain
from icon_assets.orchestration.assets.final import FINAL_DAY, FINAL_KEYS
from icon_assets.orchestration.metadata import DATA_ENGINEERING, purged_metadata, table_metadata
from icon_assets.orchestration.progress import Progress
from icon_assets.settings import Settings

PURGED = dg.AssetKey(["ops", "purged_chain"])


@dg.asset(
    key=PURGED,
    deps=[FINAL_KEYS["chain"], FINAL_DAY],
    pool="final",
    group_name="final",
    kinds={"postgres", "table"},
    description=(
        "Chains that `idb` holds no more. Deletes from `idb` those that ended over `ICON_KEEP_DAYS` days "
        "before the newest event, where `final` was just found equal and the marts hold them; a late event "
        "brings a chain back. Without `ICON_KEEP_DAYS` nothing is deleted."
    ),
    metadata=table_metadata(purged_chain),
    owners=DATA_ENGINEERING,
)
def purged_chains(
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A day a transaction: what was done stays when the run is stopped."""
    if settings.keep_days is None:
        raise dg.Failure(
            "ICON_KEEP_DAYS is not set: say how many days idb keeps what is final.", allow_retries=False
        )

    def say(done: int, total: int) -> None:
        progress("Purging days", done, total)

    return dg.MaterializeResult(
        metadata=purged_metadata(purge(database.finalizer, settings.keep_days, progress=say))
    )
