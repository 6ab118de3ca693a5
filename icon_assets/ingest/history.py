"""The set-based statements that put the lines of one event type into a history table, once.

One statement inserts the lines as if all were new, in the order of the key: mostly they are. Where one
is not, nothing of it stays, and another inserts those whose key is not there yet. Only when that inserts
fewer lines than were staged is the stage compared with the table: the rest are known (same content) or
in conflict (same key, other content), and leave the stage, which then holds exactly what is new.

`offset 0` makes each look-up in a large table one by index, a staged row at a time. Left to itself
the planner at times read the whole history (1.2 s instead of 1 ms on 0.1 million metrics).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from icon_assets.idb.catalogue import Table, catalogue
from icon_assets.idb.schema import NULLABLE_KEYS

_TIMES = {"added": "ts", "prevsenter": "prevts", "preventer": "prevts", "prevdmenter": "prevdmts"}
# The system block, and what follows from another column.
_NO_CONTENT = ("_tcode", "gsys_domain", "gsys_partition", "gsys_seq", "gsys_useq")
CREATE = """
    create function pg_temp.inserted(statement text) returns bigint language plpgsql as $$
    declare
        lines bigint;
    begin
        execute statement;
        get diagnostics lines = row_count;
        return lines;
    exception
        when others then
            return null;
    end
    $$
"""
"""Rows that an insert makes; null, and none, where it fails, and no error for the server's log.

Mostly because a key is there. Another fault may be a known line's (of a check that somebody added since): the
statement that inserts new lines only shows whether it stands.
"""

BATCH_ID = "(%(batch_ids)s::bigint[])[s.batch]"
"""SQL: the ledger's number of the batch that stage row `s` is of."""

_SYSTEM = {
    "gsys_domain": "(%(domains)s::integer[])[s.batch]",
    "gsys_partition": "case when %(partition_seconds)s then s.ts_s else s.ts_ymd end",
    "gsys_seq": BATCH_ID,
    "gsys_useq": BATCH_ID,
}


@dataclass(frozen=True)
class History:
    """Where the lines of one event type go; `columns` are SQL expressions over the stage row `s`.

    same: columns that have the name of their field. also: the second table that a line has a row in.
    may_move: whether the line's key may stand in the other table of its type. moved_differs: whether a
    line whose key stands there differs from that row by its place alone.
    """

    table: str
    type: str
    columns: dict[str, str] = field(default_factory=dict)
    same: str = ""
    join: str = ""
    where: str = "true"
    also: History | None = None
    may_move: str = "false"
    moved_differs: bool = False

    @property
    def catalogued(self) -> Table:
        """The table's entry in the catalogue."""
        return catalogue().tables[self.table]

    @cached_property
    def expressions(self) -> dict[str, str]:
        """Column name to SQL expression, for every column that the insert fills."""
        found: dict[str, str] = {}
        same = self.same.split()
        for column in self.catalogued.columns:
            base = column.name.removesuffix("_ts").removesuffix("_tcode")
            if column.name in self.columns:
                found[column.name] = self.columns[column.name]
            elif column.name in same:
                found[column.name] = f"s.{column.name}"
            elif column.name in _SYSTEM:
                found[column.name] = _SYSTEM[column.name]
            elif base in _TIMES:
                time = _TIMES[base]
                found[column.name] = {
                    "": f"s.{time}",
                    "_ts": f"s.{time}_s",
                    "_tcode": f"s.{time}_s / 300 * 300",
                }[column.name.removeprefix(base)]
        return found

    def row(self, alias: str) -> str:
        """The row `alias` that has the key of stage row `s`, by index; equality first, so that it serves."""
        nullable = NULLABLE_KEYS.get(self.table, ())
        expressions = self.expressions
        match = " and ".join(
            f"{alias}.{name} {'is not distinct from' if name in nullable else '='} {expressions[name]}"
            for name in self.catalogued.key
        )
        return f"from idb.{self.table} as {alias} where {match} offset 0"

    def differs(self, alias: str, *, without: tuple[str, ...] = ()) -> str:
        """SQL: whether the stage row `s` has other content than row `alias`, which has its key."""
        expressions = self.expressions
        content = [
            name
            for name in expressions
            if name not in (*self.catalogued.key, *without) and not name.endswith(_NO_CONTENT)
        ]
        lines = ", ".join(expressions[name] for name in content)
        return f"({lines}) is distinct from ({', '.join(f'{alias}.{name}' for name in content)})"

    @property
    def stage_key(self) -> str:
        """The key as far as it is the line's; a constant would be read as the number of a column."""
        expressions = self.expressions
        return ", ".join(expressions[k] for k in self.catalogued.key if not expressions[k].startswith("%("))

    def insert_all(self) -> str:
        """Inserts the staged lines, for `inserted`: none where a key is known or told twice."""
        return f"""
            insert into idb.{self.table} ({", ".join(self.expressions)})
            select {", ".join(self.expressions.values())}
            from stage_{self.type} as s {self.join}
            where {self.where}
            order by {self.stage_key}
        """

    def insert_new(self) -> str:
        """Inserts the staged lines whose key is not known; of lines that share a key, the first."""
        expressions = self.expressions
        return f"""
            insert into idb.{self.table} ({", ".join(expressions)})
            select distinct on ({self.stage_key}) {", ".join(expressions.values())}
            from stage_{self.type} as s {self.join}
            where {self.where} and not exists (select {self.row("h")})
            order by {self.stage_key}, s.batch, s.line
        """

    def insert_also(self) -> str:
        """Inserts what the lines just inserted have for their second table."""
        assert self.also
        expressions = self.also.expressions
        return f"""
            insert into idb.{self.also.table} ({", ".join(expressions)})
            select {", ".join(expressions.values())}
            from (
                select distinct on ({self.stage_key}) s.*
                from stage_{self.type} as s
                order by {self.stage_key}, s.batch, s.line
            ) as s
            cross join lateral (select h.gsys_seq {self.row("h")}) as h
            where {self.also.where} and h.gsys_seq = {BATCH_ID}
        """

    def remove_known(self) -> str:
        """Takes the lines not inserted out of the stage; returns batch, line, whether in conflict."""
        differs, beside = self.differs("h"), ""
        if self.also:
            # Without a row there: nulls, as those of a line that has nothing to put there.
            differs = f"{differs} or {self.also.differs('p', without=('added', 'added_ts'))}"
            beside = f"left join lateral (select * {self.also.row('p')}) as p on true"
        return f"""
            with inserted as (
                select distinct on ({self.stage_key}) s.batch, s.line
                from stage_{self.type} as s {self.join}
                where {self.where}
                order by {self.stage_key}, s.batch, s.line
            ),
            known as (
                select s.batch, s.line, {differs} as conflict
                from stage_{self.type} as s {self.join}
                cross join lateral (select * {self.row("h")}) as h {beside}
                where
                    {self.where}
                    and not (
                        h.gsys_seq = {BATCH_ID}
                        and (s.batch, s.line) in (select i.batch, i.line from inserted as i)
                    )
            )
            delete from stage_{self.type} as s using known as k
            where s.batch = k.batch and s.line = k.line
            returning k.batch, k.line, k.conflict
        """


def remove_moved(one: History, other: History) -> str:
    """Takes the lines out of the stage whose key stands in, or came first for, the other of two tables.

    Returns batch, line, whether in conflict: the first stays where it is, whatever the later line says.
    """
    return f"""
        with placed as materialized (
            select
                s.batch,
                s.line,
                ({one.where}) is true as is_one,
                first_value(({one.where}) is true)
                    over (partition by {one.stage_key} order by s.batch, s.line) as first_is_one,
                (select {one.differs("h")} {one.row("h")}) as differs_from_one,
                (select {other.differs("h")} {other.row("h")}) as differs_from_other
            from stage_{one.type} as s {one.join}
            where {one.may_move}
        ),
        found as (
            select
                batch,
                line,
                case when is_one then differs_from_other else differs_from_one end as differs,
                is_one <> first_is_one
                and case when is_one then differs_from_one else differs_from_other end is null as came_second
            from placed
        )
        delete from stage_{one.type} as s using found as f
        where s.batch = f.batch and s.line = f.line and (f.differs is not null or f.came_second)
        returning s.batch, s.line, {one.moved_differs} or coalesce(f.differs, true)
    """
