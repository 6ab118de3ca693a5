"""The state of everything on one screen: what needs attention, and what to do about it."""

from collections.abc import Iterator, Mapping

import dagster as dg

from icon_assets.database import Database
from icon_assets.health.findings import Health, Level
from icon_assets.health.look import health
from icon_assets.orchestration.assets.final import FINAL_DAY
from icon_assets.orchestration.assets.landing import EVENT_BATCHES
from icon_assets.orchestration.assets.raw import LEDGER
from icon_assets.orchestration.metadata import DATA_ENGINEERING
from icon_assets.settings import Settings

HEALTH = dg.AssetKey(["ops", "health"])

WELL = dg.AssetCheckSpec(
    "well",
    asset=HEALTH,
    description="Nothing needs attention. Where something does, the summary says what to do.",
)


@dg.asset(
    key=HEALTH,
    deps=[EVENT_BATCHES, LEDGER, FINAL_DAY, dg.AssetKey(["marts", "mart_data_completeness"])],
    group_name="health",
    kinds={"postgres"},
    owners=DATA_ENGINEERING,
    check_specs=[WELL],
    description=(
        "Start here: what needs attention today, and what to do. Files that are kept out, quarantine, days "
        "to finalize, marts, sources and gaps, runs, checks, disk. The sensor `health_changes` looks every "
        "minute; `icon-assets status` says the same."
    ),
)
def health_asset(
    settings: dg.ResourceParam[Settings], database: dg.ResourceParam[Database]
) -> Iterator[dg.MaterializeResult[None]]:
    """One look, as of now."""
    found = health(database, settings)
    yield dg.MaterializeResult(metadata=health_metadata(found), check_results=[health_check(found)])


def health_metadata(found: Health) -> Mapping[str, dg.MetadataValue]:
    """The headline, what was found by how much it matters, and the figures that the UI plots."""
    # Apart: the UI hides markdown of more than 1,000 characters behind a click.
    headline = f"**{found.headline}** As of {found.at:%Y-%m-%d %H:%M} UTC."
    return {
        "summary": dg.MetadataValue.md("\n".join([headline, "", *_lines(found, Level.ATTENTION)])),
        "worth knowing": dg.MetadataValue.md("\n".join(_lines(found, Level.NOTE))),
        "well": dg.MetadataValue.md("\n".join(_lines(found, Level.OK))),
        "things that need attention": dg.MetadataValue.int(found.attention),
        **{
            name: dg.MetadataValue.int(n) if isinstance(n, int) else dg.MetadataValue.float(n)
            for name, n in found.numbers.items()
        },
    }


def _lines(found: Health, level: Level) -> list[str]:
    of_level = (finding for finding in found.findings if finding.level is level)
    return [f"- **{finding.topic}**: {finding.said} {finding.next}" for finding in of_level]


def health_check(found: Health) -> dg.AssetCheckResult:
    """Passes where nothing needs attention."""
    return dg.AssetCheckResult(
        passed=not found.attention,
        asset_key=HEALTH,
        check_name=WELL.name,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.headline,
        metadata={
            finding.topic: f"{finding.said} {finding.next}"
            for finding in found.findings
            if finding.level is Level.ATTENTION
        },
    )
