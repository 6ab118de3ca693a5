"""From the filled stage to the tables: history, current state, and what was known or in conflict."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from icon_assets.ingest import dirty, fields, objects
from icon_assets.ingest.history import History, histories, properties

# DS_TYPE of G_DSS_*_PROVIDER and the tables that hold the sessions of each source.
_PROVIDERS = {
    "ocs": (3, ("g_dss_gos_provider",)),
    "tserver": (1, ("g_dss_gcc_provider", "g_dss_gud_provider")),
    "ixn": (2, ("g_dss_gcc_provider", "g_dss_gud_provider")),
}


@cache
def _sql(name: str) -> str:
    return (files(__package__) / "sql" / f"{name}.sql").read_text()


@dataclass
class Merged:
    """What became of the staged lines. `rows`: new rows by history table; lines by their numbers."""

    new: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    known: int = 0
    filtered: dict[str, int] = field(default_factory=dict)
    conflicts: dict[int, str] = field(default_factory=dict)

    def leave(self, type_: str, lines: list[tuple[int, bool]]) -> None:
        """Counts lines that left the stage as known, or in conflict."""
        conflicts = {line: type_ for line, conflict in lines if conflict}
        self.conflicts |= conflicts
        self.known += len(lines) - len(conflicts)


def prepare(cursor: psycopg.Cursor[Any]) -> None:
    """Creates the work tables of a loading session."""
    cursor.execute(f"{dirty.CREATE}; {fields.CREATE}")


def merge(cursor: psycopg.Cursor[Any], staged: dict[str, int], parameters: dict[str, Any]) -> Merged:
    """Brings the staged lines (event type: count) into the IDB; the stage keeps only what is new.

    parameters: batch_id, dbid, feed, source, domain, duplicate_metrics. Raises psycopg errors only.
    """
    merged = Merged()
    changes_routes = staged.keys() & {"object", "connection"}
    if changes_routes:
        fields.remember_routes(cursor)
    if "chain" in staged:
        cursor.execute(_sql("before_chain"), parameters)
        merged.leave("chain", cursor.execute(_sql("misplaced_chain")).fetchall())
    if staged.keys() & {"campaign", "campaign_property"}:
        cursor.execute(_sql("before_campaign"))
    for type_, lines in staged.items():
        _insert(cursor, type_, lines, merged, parameters)
    for type_ in [type_ for type_ in staged if merged.new[type_]]:
        _update_current(cursor, type_, parameters)
    if changes_routes:
        fields.reroute(cursor, parameters)
    return merged


def _insert(
    cursor: psycopg.Cursor[Any], type_: str, lines: int, merged: Merged, parameters: dict[str, Any]
) -> None:
    remaining = lines - sum(1 for conflict_type in merged.conflicts.values() if conflict_type == type_)
    if type_ == "field":
        not_stored = fields.route(cursor, parameters)
        if not_stored:
            merged.filtered["icon_attribute"] = not_stored
        remaining -= not_stored
    new = 0
    for history in histories()[type_]:
        inserted = cursor.execute(history.insert(), parameters).rowcount
        merged.rows[history.table] = merged.rows.get(history.table, 0) + inserted
        new += inserted
    merged.new[type_] = new
    if new < remaining:
        _remove_known(cursor, histories()[type_], merged, parameters)
    if type_ in properties():
        history = properties()[type_]
        inserted = cursor.execute(history.insert(), parameters).rowcount
        merged.rows[history.table] = merged.rows.get(history.table, 0) + inserted


def _remove_known(
    cursor: psycopg.Cursor[Any], targets: tuple[History, ...], merged: Merged, parameters: dict[str, Any]
) -> None:
    for history in targets:
        merged.leave(history.type, cursor.execute(history.remove_known(), parameters).fetchall())


def _update_current(cursor: psycopg.Cursor[Any], type_: str, parameters: dict[str, Any]) -> None:
    match type_:
        case "chain" | "record" | "party":
            cursor.execute(_sql(f"current_{type_}"), parameters)
        case "call":
            cursor.execute(_sql("current_call"), parameters)
            cursor.execute(_sql("current_ir"), parameters)
        case "campaign" | "campaign_property":
            cursor.execute(_sql("current_campaign"), parameters)
        case "field":
            fields.update_current(cursor, parameters)
        case "object":
            objects.update_current(cursor, parameters)
        case "connection" if parameters["source"] in _PROVIDERS:
            ds_type, tables = _PROVIDERS[parameters["source"]]
            for table in tables:
                statement = _sql("current_connection").format(table=table)
                cursor.execute(statement, {**parameters, "ds_type": ds_type})
