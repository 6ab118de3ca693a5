"""Whether the server clears away what loading leaves behind: dead rows, old transaction numbers."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

# Autovacuum comes at a fifth of the rows, once a minute: beyond these it does not come, or may not clear.
DEAD_ROWS, DEAD_SHARE = 10_000, 0.5
# It must come when numbers are autovacuum_freeze_max_age old; at ten times the default nobody may write.
FREEZES_MISSED = 2


@dataclass(frozen=True)
class Neglected:
    """A table that is not vacuumed. age: transactions since its oldest number; aged: too many."""

    table: str
    rows: int
    dead_rows: int
    age: int
    aged: bool
    last_vacuum: str | None


_NEGLECTED = """
    select
        s.schemaname || '.' || s.relname as "table",
        s.n_live_tup as rows,
        s.n_dead_tup as dead_rows,
        age(c.relfrozenxid) as age,
        age(c.relfrozenxid) > :oldest as aged,
        greatest(s.last_autovacuum, s.last_vacuum)::text as last_vacuum
    from pg_stat_user_tables as s
    inner join pg_class as c on c.oid = s.relid
    where
        c.relkind in ('r', 'm')
        and (s.n_dead_tup > :rows + :share * s.n_live_tup or age(c.relfrozenxid) > :oldest)
    order by aged desc, s.n_dead_tup desc
"""


def neglected(connection: sa.Connection, *, oldest: int | None = None) -> list[Neglected]:
    """Tables that autovacuum should have vacuumed, worst first; `oldest` in place of the server's limit."""
    if oldest is None:
        limit = "select current_setting('autovacuum_freeze_max_age')::integer"
        oldest = FREEZES_MISSED * connection.execute(sa.text(limit)).scalar_one()
    values = {"oldest": oldest, "rows": DEAD_ROWS, "share": DEAD_SHARE}
    return [Neglected(*row) for row in connection.execute(sa.text(_NEGLECTED), values)]
