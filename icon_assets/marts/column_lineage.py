"""Which columns each column of a model is made of, read out of the SQL that dbt compiled.

It changes with the code, not with the data: a build of new code writes it (1 s for 90 models), Dagster's
definitions read it (2 ms), and no run of a day pays for it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from icon_assets.files import write_private
from icon_assets.idb.schema import metadata
from icon_assets.instance import DBT_PROJECT, dbt_target
from icon_assets.marts.dbt_cli import manifest_path
from icon_assets.settings import Settings

Lineage = Mapping[str, Mapping[str, Sequence[Sequence[str]]]]
"""By dbt's unique id and column: the (unique id, column) of what it is made of, one step up."""

_DIALECT = "postgres"


def read_column_lineage(settings: Settings) -> Lineage:
    """What the last build of new code found; nothing before there was one."""
    try:
        found: Lineage = json.loads(_path(settings).read_text())
        return found
    except FileNotFoundError:
        return {}


def write_column_lineage(settings: Settings, target: Path) -> None:
    """Keeps the lineage of a whole build whose artifacts are in `target`."""
    manifest = json.loads(manifest_path(settings).read_text())
    compiled = {
        unique_id: sql.read_text()
        for unique_id, node in manifest["nodes"].items()
        # The views were compiled when they were made, by the command that prepared dbt.
        for sql in (_compiled(target, node), _compiled(dbt_target(settings), node))
        if node["resource_type"] == "model" and sql.exists()
    }
    write_private(_path(settings), json.dumps(column_lineage(manifest, compiled)))


def column_lineage(manifest: Mapping[str, Any], compiled: Mapping[str, str]) -> Lineage:
    """The lineage of every model in `compiled`: its SQL, by unique id."""
    relations = _Relations()
    for unique_id, source in manifest["sources"].items():
        named = f"{source['schema']}.{source['identifier']}"
        if named not in metadata.tables:
            # A view of `ops` has the columns of the table that it is a part of, and that its asset is.
            named = ".".join(source["meta"]["dagster"]["asset_key"])
        relations.add(unique_id, source, metadata.tables[named].columns.keys())
    nodes = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed")
    }
    parents = {unique_id: node["depends_on"].get("nodes", ()) for unique_id, node in nodes.items()}
    found = {}
    for unique_id in TopologicalSorter(parents).static_order():
        if unique_id in compiled:
            found[unique_id] = relations.columns_of(compiled[unique_id])
        if unique_id in nodes:
            columns = found.get(unique_id) or _documented(nodes[unique_id])
            relations.add(unique_id, nodes[unique_id], list(columns))
    return found


def _documented(node: Mapping[str, Any]) -> Collection[str]:
    """Of a seed the header of its file."""
    if node["resource_type"] == "seed":
        with (DBT_PROJECT / node["original_file_path"]).open(newline="") as file:
            return next(csv.reader(file))
    columns: Collection[str] = node["columns"]
    return columns


class _Relations:
    """The tables and views known so far, with their columns: what `select *` stands for."""

    def __init__(self) -> None:
        from sqlglot import MappingSchema

        self._schema = MappingSchema(dialect=_DIALECT)
        self._ids: dict[tuple[str, str], str] = {}

    def add(self, unique_id: str, node: Mapping[str, Any], columns: Sequence[str]) -> None:
        self._ids[node["schema"], node.get("identifier") or node["name"]] = unique_id
        self._schema.add_table(node["relation_name"], dict.fromkeys(columns, "text"), dialect=_DIALECT)

    def columns_of(self, sql: str) -> dict[str, list[tuple[str, str]]]:
        """What each column of a query is made of. Nothing where sqlglot cannot read it."""
        from sqlglot import exp, parse_one
        from sqlglot.errors import SqlglotError
        from sqlglot.lineage import lineage
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.optimizer.scope import build_scope

        try:
            query = qualify(
                parse_one(sql, dialect=_DIALECT),
                schema=self._schema,
                dialect=_DIALECT,
                validate_qualify_columns=False,
            )
            # Trimmed or copied, each column would cost a copy of the whole query: 10 s.
            trees = lineage(
                None, query, self._schema, scope=build_scope(query), trim_selects=False, copy=False
            )
        except SqlglotError:
            return {}
        return {
            column: sorted(
                {
                    (self._ids[leaf.db, leaf.name], node.name.split(".")[-1].strip('"'))
                    for node in tree.walk()
                    if isinstance(leaf := node.expression, exp.Table) and (leaf.db, leaf.name) in self._ids
                }
            )
            for column, tree in trees.items()
        }


def _path(settings: Settings) -> Path:
    return dbt_target(settings) / "column_lineage.json"


def _compiled(target: Path, node: Mapping[str, Any]) -> Path:
    return target / "compiled" / str(node["package_name"]) / str(node["original_file_path"])
