"""How dbt's models look in Dagster: key, group, owner, columns and their lineage, links to their docs."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from icon_assets.marts.column_lineage import Lineage
from icon_assets.orchestration.assets.final import FINAL_DAY
from icon_assets.orchestration.metadata import DATA_ENGINEERING, page_link, team
from icon_assets.pages import docs_page, report_page
from icon_assets.settings import Settings

_SHOWN = 6  # of the columns that one is made of
_REPORT = "exposure.icon_marts.campaign_report"


class Translator(DagsterDbtTranslator):
    """Made of the manifest and of the columns' lineage, both read once."""

    def __init__(self, settings: Settings, manifest: Mapping[str, Any], lineage: Lineage) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                # Eight tables of an ended chain are finalized as one asset.
                enable_duplicate_source_asset_keys=True,
                enable_code_references=True,
                enable_dbt_views_as_virtual_assets=True,
            )
        )
        self._project = settings
        self._lineage = lineage
        self._nodes = {**manifest["nodes"], **manifest["sources"]}
        self._reported = set(manifest["exposures"].get(_REPORT, {}).get("depends_on", {}).get("nodes", ()))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Sources say theirs; what marts_window holds is made of final_day when a build starts."""
        if dbt_resource_props["resource_type"] == "source":
            key = super().get_asset_key(dbt_resource_props)
            return FINAL_DAY if key.path == ["ops", "marts_window"] else key
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer: staging, intermediate, marts, seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        return str(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Of the marts the owner of dbt's group; what is below them is made by whoever makes the data."""
        group = dbt_resource_props.get("group")
        return [team(group["owner"]["name"])] if isinstance(group, Mapping) else DATA_ENGINEERING

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Besides the columns: what each is made of, the docs, and the report where the mart is in it."""
        unique_id, kind = dbt_resource_props["unique_id"], dbt_resource_props["resource_type"]
        found = dict(super().get_metadata(dbt_resource_props))
        lineage = {
            column: self._dependencies(parents)
            for column, parents in self._lineage.get(unique_id, {}).items()
        }
        if lineage:
            found["dagster/column_lineage"] = dg.TableColumnLineage(lineage)
        if schema := found.get("dagster/column_schema"):
            # The open-source UI draws no lineage of columns, but shows what is said of each.
            found["dagster/column_schema"] = dg.TableSchema(
                [_with_origin(column, lineage.get(column.name, ())) for column in schema.columns]
            )
        if kind in ("model", "seed"):
            found["docs"] = page_link(self._project, docs_page(self._project), f"#!/{kind}/{unique_id}")
        if unique_id in self._reported:
            found["report"] = page_link(self._project, report_page(self._project))
        return found

    def _dependencies(self, parents: Sequence[Sequence[str]]) -> list[dg.TableColumnDep]:
        """Once each: a table and a view of what is open in it are one asset."""
        known = (parent for parent in parents if parent[0] in self._nodes)
        return list(dict.fromkeys(self._dependency(*parent) for parent in known))

    def _dependency(self, unique_id: str, column: str) -> dg.TableColumnDep:
        """A column of a table that is finalized with another goes by both names, as in that asset."""
        node = self._nodes[unique_id]
        key, table = self.get_asset_key(node), node.get("identifier") or node["name"]
        is_within = key.path[0] == "final" and key.path[-1] != table
        return dg.TableColumnDep(key, f"{table}.{column}" if is_within else column)


def _with_origin(column: dg.TableColumn, origin: Sequence[dg.TableColumnDep]) -> dg.TableColumn:
    if not origin:
        return column
    named = ", ".join(f"`{made_of.asset_key.path[-1]}.{made_of.column_name}`" for made_of in origin[:_SHOWN])
    more = f" and {len(origin) - _SHOWN} more" if len(origin) > _SHOWN else ""
    return dg.TableColumn(
        column.name,
        column.type,
        f"{column.description or ''}\n\n← {named}{more}",
        column.constraints,
        column.tags,
    )
