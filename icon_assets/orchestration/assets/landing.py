"""The landing zone as an asset: nothing here makes it, the landing sensor says what it saw there."""

import dagster as dg

from icon_assets.orchestration.metadata import DATA_ENGINEERING

EVENT_BATCHES = dg.AssetKey(["landing", "event_batches"])

event_batches = dg.AssetSpec(
    EVENT_BATCHES,
    group_name="landing",
    kinds={"file", "json"},
    owners=DATA_ENGINEERING,
    description=(
        "Event batches of OCS, T-Servers and the configuration, as `ocs-events/1` says, written there by a "
        "bridge (or the simulator). A file that is not whole yet waits; one that cannot be right is refused "
        "whole and stays for a person to look at."
    ),
)
