"""The campaign report: one page of all campaigns over the last seven days that have data."""

from collections.abc import Mapping

import dagster as dg

from icon_assets.database import Database
from icon_assets.marts.dbt_cli import manifest_path
from icon_assets.orchestration.metadata import DATA_ENGINEERING, page_link
from icon_assets.pages import report_page
from icon_assets.settings import Settings


def report_asset(marts: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The page over `marts`."""

    @dg.asset(
        key=["report", "campaigns"],
        deps=[marts],
        # A page made during a build would show one mart before it and another after it.
        pool="dbt",
        group_name="docs",
        kinds={"html", "vega"},
        owners=DATA_ENGINEERING,
        description=(
            "What came of each campaign in the last seven days that have data: results over the day, lists, "
            "agents, detection, abandonment, and how much was heard. One HTML file that needs no server; "
            "`icon-assets report` makes it of one campaign and other days."
        ),
    )
    def campaign_report(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        database: dg.ResourceParam[Database],
    ) -> dg.MaterializeResult[None]:
        # 2 s of imports that nothing else here needs.
        from icon_assets.report.make import make_report
        from icon_assets.report.scope import NothingToReportError

        page = report_page(settings)
        try:
            scope = make_report(database.url("analyst"), manifest_path(settings), page)
        except NothingToReportError as error:
            context.log.info(str(error))
            return dg.MaterializeResult(metadata={"campaigns": dg.MetadataValue.int(0)})
        metadata: Mapping[str, dg.MetadataValue] = {
            "page": page_link(settings, page),
            "size (bytes)": dg.MetadataValue.int(page.stat().st_size),
            "campaigns": dg.MetadataValue.int(len(scope.campaigns)),
            "first day": dg.MetadataValue.text(scope.first.isoformat()),
            "last day": dg.MetadataValue.text(scope.last.isoformat()),
        }
        return dg.MaterializeResult(metadata=metadata)

    return campaign_report
