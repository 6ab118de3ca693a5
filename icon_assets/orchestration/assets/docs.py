"""What people read about the marts, made of dbt's descriptions: one page that needs no server."""

from collections.abc import Mapping

import dagster as dg

from icon_assets.database import Database
from icon_assets.instance import environment
from icon_assets.marts.dbt_cli import make_docs
from icon_assets.orchestration.metadata import DATA_ENGINEERING, page_link
from icon_assets.settings import Settings


def docs_asset(marts: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The page over `marts`."""

    @dg.asset(
        key=["docs", "dbt"],
        deps=[marts],
        pool="dbt",
        group_name="docs",
        kinds={"html", "dbt"},
        owners=DATA_ENGINEERING,
        description="Every mart and column, what it means, what it is made of: one HTML file.",
    )
    def dbt_docs(
        settings: dg.ResourceParam[Settings], database: dg.ResourceParam[Database]
    ) -> dg.MaterializeResult[None]:
        page = make_docs(settings, environment(settings, database))
        metadata: Mapping[str, dg.MetadataValue] = {
            "page": page_link(settings, page),
            "size (bytes)": dg.MetadataValue.int(page.stat().st_size),
        }
        return dg.MaterializeResult(metadata=metadata)

    return dbt_docs
