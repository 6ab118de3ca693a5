"""From the filled stage to the tables: what is left out, known or refused; history; current state."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from icon_assets.contract.events import TYPES
from icon_assets.ingest import dirty, fields, history, objects, sessions
from icon_assets.ingest.deployment import Scope
from icon_assets.ingest.history import History, remove_moved
from icon_assets.ingest.targets import histories

CREATE = f"{history.CREATE}; {dirty.CREATE}; {fields.CREATE}"

# Without a row in G_IR no call of the history names one.
_ANY_IR = "(select from idb.g_ir limit 1) union all (select from stage_call where irid is not null limit 1)"

# What is only told again, or contradicted, is not touched; nor is it by a batch that does no more.
_TOUCHED = """
    delete from {touched} where {key} not in (select s.{key} from ({lines}) as s);
    update {touched} as t set first_batch = s.first_batch, batch = s.batch
    from (
        select {key}, min(batch) as first_batch, max(batch) as batch from ({lines}) as l group by {key}
    ) as s
    where t.{key} = s.{key} and (t.first_batch, t.batch) is distinct from (s.first_batch, s.batch)
"""
_TOUCHED_CHAINS = _TOUCHED.format(
    touched="touched_chain", key="chainguid", lines="select chainguid, batch from stage_chain"
)
_TOUCHED_SESSIONS = _TOUCHED.format(
    touched="touched_session",
    key="sessid",
    lines="select sessid, batch from stage_campaign union all "
    "select sessid, batch from stage_campaign_property",
)


@cache
def _sql(name: str) -> str:
    return (files(__package__) / "sql" / f"{name}.sql").read_text()


Lines = Counter[tuple[int, str]]
"""How many lines, by the number of their batch and their type."""


def of_type(lines: Lines, type_: str) -> Counter[int]:
    """The lines of one type, by batch."""
    return Counter({batch: n for (batch, its_type), n in lines.items() if its_type == type_})


@dataclass
class Merged:
    """What became of the staged lines; by batch, where it is not said otherwise.

    left: lines that left the stage; known, filtered (by reason), conflicts (line to type): why they did.
    rows: new rows by history table, of all batches.
    """

    staged: Lines
    left: Lines = field(default_factory=Counter)
    known: Counter[int] = field(default_factory=Counter)
    filtered: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    conflicts: defaultdict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    rows: Counter[str] = field(default_factory=Counter)

    @property
    def types(self) -> list[str]:
        """Types that the stage still has lines of: at the end, of new ones."""
        return [type_ for type_ in TYPES if self.new(type_).total()]

    def new(self, type_: str) -> Counter[int]:
        """Lines of a type that the stage still has."""
        return of_type(self.staged, type_) - of_type(self.left, type_)

    def leave(self, type_: str, lines: list[tuple[int, int, bool]]) -> None:
        """Counts lines, (batch, line, whether in conflict), that left the stage as known or in conflict."""
        for batch, line, conflict in lines:
            self.left[batch, type_] += 1
            if conflict:
                self.conflicts[batch][line] = type_
            else:
                self.known[batch] += 1

    def leave_out(self, type_: str, lines: Counter[int], reason: str) -> None:
        """Counts lines that left the stage because nobody is to store them."""
        for batch, n in lines.items():
            self.left[batch, type_] += n
            self.filtered[batch][reason] += n


def merge(cursor: psycopg.Cursor[Any], staged: Lines, scope: Scope, parameters: dict[str, Any]) -> Merged:
    """Brings the staged lines into the IDB; the stage keeps only what is new.

    parameters: batch_ids and last_times in the order of their numbers, batch_id (the last of them), source,
    dbid, feed, first_ts, last_ts and scope's options; domains are added. Raises psycopg errors only.
    """
    merged = Merged(staged)
    types = merged.types
    changes_routes = "object" in types or ("connection" in types and parameters["source"] == "ocs")
    if changes_routes:
        fields.remember_routes(cursor)
    _before(cursor, types, merged, parameters)
    if "connection" in types:
        _insert(cursor, "connection", merged, parameters)
    parameters["domains"] = sessions.domains(cursor, parameters)
    for type_ in types:
        if type_ != "connection":
            _insert(cursor, type_, merged, parameters)
    left = {type_ for (_, type_), lines in merged.left.items() if lines}
    if "chain" in left:
        cursor.execute(_TOUCHED_CHAINS)
    if left & {"campaign", "campaign_property"}:
        cursor.execute(_TOUCHED_SESSIONS)
    for type_ in merged.types:
        _update_current(cursor, type_, scope, parameters)
    if changes_routes:
        fields.reroute(cursor, parameters)
    return merged


def _before(
    cursor: psycopg.Cursor[Any], types: list[str], merged: Merged, parameters: dict[str, Any]
) -> None:
    """Notes what the objects of the stage were; takes out lines that contradict more than their own row."""
    if "chain" in types:
        cursor.execute(_sql("before_chain"), parameters)
        merged.leave("chain", cursor.execute(_sql("misplaced_chain")).fetchall())
    if {"campaign", "campaign_property"}.issubset(types):
        for batch, line, type_ in cursor.execute(_sql("one_notice_per_seq"), parameters).fetchall():
            cursor.execute(f"delete from stage_{type_} where batch = %s and line = %s", (batch, line))
            merged.leave(type_, [(batch, line, True)])
    if {"campaign", "campaign_property"}.intersection(types):
        cursor.execute(_sql("before_campaign"))


def _insert(cursor: psycopg.Cursor[Any], type_: str, merged: Merged, parameters: dict[str, Any]) -> None:
    targets = histories()[type_]
    if type_ == "field":
        merged.leave_out(type_, fields.route(cursor, parameters), "icon_attribute")
    if type_ == "userdata" or (type_ == "field" and fields.any_ambiguous(cursor)):
        merged.leave(type_, cursor.execute(remove_moved(*targets), parameters).fetchall())
    new = 0
    for target in targets:
        inserted = _insert_lines(cursor, target, parameters)
        merged.rows[target.table] += inserted
        new += inserted
    if also := targets[0].also:
        merged.rows[also.table] += cursor.execute(targets[0].insert_also(), parameters).rowcount
    if new < merged.new(type_).total():
        for target in targets:
            merged.leave(type_, cursor.execute(target.remove_known(), parameters).fetchall())


def _insert_lines(cursor: psycopg.Cursor[Any], target: History, parameters: dict[str, Any]) -> int:
    """Inserts the staged lines that are not known: looks for the keys only where one is there."""
    statement = psycopg.ClientCursor(cursor.connection).mogrify(target.insert_all(), parameters)
    found: tuple[int | None] | None = cursor.execute("select pg_temp.inserted(%s)", [statement]).fetchone()
    if found and found[0] is not None:
        return found[0]
    return cursor.execute(target.insert_new(), parameters).rowcount


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
