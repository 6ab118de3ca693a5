"""From the filled stage to the tables: what is left out, known or refused; history; current state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from icon_assets.contract.events import TYPES
from icon_assets.ingest import clock, dirty, fields, objects, sessions
from icon_assets.ingest.deployment import Scope
from icon_assets.ingest.history import remove_moved
from icon_assets.ingest.targets import histories

_OF_SWITCH = [
    type_ for type_, event in TYPES.items() if type_ != "call" and "switchid" in event.__struct_fields__
]


CREATE = f"{dirty.CREATE}; {fields.CREATE}"

# Without a row in G_IR no call of the history names one.
_ANY_IR = "(select from idb.g_ir limit 1) union all (select from stage_call where irid is not null limit 1)"


@cache
def _sql(name: str) -> str:
    return (files(__package__) / "sql" / f"{name}.sql").read_text()


@dataclass
class Merged:
    """What became of the staged lines. new: lines by type; rows: new rows by history table.

    left: lines that left the stage, by type; conflicts: line number to type.
    """

    new: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    known: int = 0
    filtered: Counter[str] = field(default_factory=Counter)
    conflicts: dict[int, str] = field(default_factory=dict)

    def leave(self, type_: str, lines: list[tuple[int, bool]]) -> None:
        """Counts lines that left the stage as known, or in conflict."""
        conflicts = {line: type_ for line, conflict in lines if conflict}
        self.left[type_] += len(lines)
        self.known += len(lines) - len(conflicts)
        self.conflicts |= conflicts

    def leave_out(self, type_: str, lines: int, reason: str) -> None:
        """Counts lines that left the stage because nobody is to store them."""
        if lines:
            self.left[type_] += lines
            self.filtered[reason] += lines


def merge(
    cursor: psycopg.Cursor[Any], staged: dict[str, int], scope: Scope, parameters: dict[str, Any]
) -> Merged:
    """Brings the staged lines (event type: count) into the IDB; the stage keeps only what is new.

    parameters: batch_id, source, dbid, feed and scope's options; first_ts, last_ts and domain are added.
    Raises psycopg errors only.
    """
    merged = Merged()
    _filter(cursor, staged, scope, merged)
    staged = {type_: lines for type_, lines in staged.items() if lines > merged.left[type_]}
    parameters["first_ts"], parameters["last_ts"] = clock.span(cursor, staged)
    clock.fill_timecodes(cursor, staged)
    changes_routes = staged.keys() & {"object", "connection"}
    if changes_routes:
        fields.remember_routes(cursor)
    _before(cursor, staged, merged, parameters)
    if "connection" in staged:
        _insert(cursor, "connection", staged["connection"], merged, parameters)
    parameters["domain"] = sessions.domain(cursor, parameters)
    for type_, lines in staged.items():
        if type_ != "connection":
            _insert(cursor, type_, lines, merged, parameters)
    for type_ in [type_ for type_ in staged if merged.new[type_]]:
        _update_current(cursor, type_, scope, parameters)
    if changes_routes:
        fields.reroute(cursor, parameters)
    return merged


def _filter(cursor: psycopg.Cursor[Any], staged: dict[str, int], scope: Scope, merged: Merged) -> None:
    """Takes out what no ICON takes, by its role, its connections, or the line's switch."""
    for type_ in staged:
        if reason := scope.reason(type_):
            merged.leave_out(type_, cursor.execute(f"delete from stage_{type_}").rowcount, reason)
    if scope.switches is None:
        return
    for type_ in [type_ for type_ in _OF_SWITCH if type_ in staged]:
        # The figures of a group or list belong to no switch.
        only = "and coalesce(callattid, callid) is not null" if type_ == "metric" else ""
        deleted = cursor.execute(
            f"delete from stage_{type_} where switchid <> all(%s) {only}", (list(scope.switches),)
        )
        merged.leave_out(type_, deleted.rowcount, "switch")


def _before(
    cursor: psycopg.Cursor[Any], staged: dict[str, int], merged: Merged, parameters: dict[str, Any]
) -> None:
    """Notes what the objects of the batch were; takes out lines that contradict more than their own row."""
    if "chain" in staged:
        cursor.execute(_sql("before_chain"), parameters)
        merged.leave("chain", cursor.execute(_sql("misplaced_chain")).fetchall())
    if {"campaign", "campaign_property"} <= staged.keys():
        for line, type_ in cursor.execute(_sql("one_notice_per_seq"), parameters).fetchall():
            cursor.execute(f"delete from stage_{type_} where line = %s", (line,))
            merged.leave(type_, [(line, True)])
    if staged.keys() & {"campaign", "campaign_property"}:
        cursor.execute(_sql("before_campaign"))


def _insert(
    cursor: psycopg.Cursor[Any], type_: str, lines: int, merged: Merged, parameters: dict[str, Any]
) -> None:
    targets = histories()[type_]
    if type_ == "field":
        merged.leave_out(type_, fields.route(cursor, parameters), "icon_attribute")
    if type_ == "userdata" or (type_ == "field" and fields.any_ambiguous(cursor)):
        merged.leave(type_, cursor.execute(remove_moved(*targets), parameters).fetchall())
    for history in targets:
        inserted = cursor.execute(history.insert(), parameters).rowcount
        merged.rows[history.table] += inserted
        merged.new[type_] += inserted
    if also := targets[0].also:
        merged.rows[also.table] += cursor.execute(targets[0].insert_also(), parameters).rowcount
    if merged.new[type_] < lines - merged.left[type_]:
        for history in targets:
            merged.leave(type_, cursor.execute(history.remove_known(), parameters).fetchall())


def _update_current(
    cursor: psycopg.Cursor[Any], type_: str, scope: Scope, parameters: dict[str, Any]
) -> None:
    match type_:
        case "chain" | "record" | "party":
            cursor.execute(_sql(f"current_{type_}"), parameters)
        case "call":
            cursor.execute(_sql("current_call"), parameters)
            if cursor.execute(_ANY_IR).rowcount:
                cursor.execute(_sql("current_ir"), parameters)
                cursor.execute(_sql("left_ir"))
        case "campaign" | "campaign_property":
            cursor.execute(_sql("current_campaign"), parameters)
        case "field":
            fields.update_current(cursor, parameters)
        case "object":
            objects.update_current(cursor, parameters)
            sessions.update_applications(cursor, parameters)
        case "connection" if parameters["dss_monitor"]:
            sessions.update_sessions(cursor, scope.roles, parameters)
