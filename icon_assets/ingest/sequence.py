"""Which numbers of its source's sequence each batch brought: ops.sequence_run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

_FOUND = """
    select
        batch,
        min(dsseq),
        max(dsseq),
        min(ts) filter (where dsseq is not null),
        max(ts) filter (where dsseq is not null),
        min(ts),
        max(ts),
        count(distinct dsseq),
        bool_or(is_told and dsseq is null)
    from ({lines}) as l
    group by batch
"""
_INSERT = """
    insert into ops.sequence_run (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
    select batch_id, first_dsseq, last_dsseq, first_ts at time zone 'UTC', last_ts at time zone 'UTC'
    from
        unnest(%s::bigint[], %s::integer[], %s::integer[], %s::timestamp[], %s::timestamp[])
            as r (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
"""
# One number sorts faster than two: the batch's before the line's.
_RUNS = """
    insert into ops.sequence_run (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
    select
        (%(batch_ids)s::bigint[])[batch],
        min(dsseq),
        max(dsseq),
        min(ts) at time zone 'UTC',
        max(ts) at time zone 'UTC'
    from (
        select batch, dsseq, ts, n.key - dense_rank() over (order by n.key) as run
        from (
            select batch, dsseq, ts, batch::bigint << 32 | dsseq as key
            from ({lines}) as l
            where dsseq is not null and batch = any(%(broken)s)
        ) as n
    ) as r
    group by batch, run
"""


def record_runs(cursor: psycopg.Cursor[Any], types: Iterable[str], parameters: dict[str, Any]) -> None:
    """Notes the runs of numbers of all staged lines, whether or not anything takes them.

    Where lines have no numbers the header speaks for all; a connection is ICON's own and may have none. A
    line in quarantine is a hole until mended.
    """
    lines = " union all ".join(
        f"select batch, dsseq, ts, {type_ != 'connection'} as is_told from stage_{type_}" for type_ in types
    )
    if not lines:
        return
    whole, broken = [], []
    for batch, *run, from_ts, to_ts, numbers, is_silent in cursor.execute(
        _FOUND.format(lines=lines)
    ).fetchall():
        told = parameters["first_dsseqs"][batch - 1], parameters["last_dsseqs"][batch - 1]
        if None not in told and (is_silent or not numbers):
            whole.append((parameters["batch_ids"][batch - 1], *told, from_ts, to_ts))
        elif numbers and numbers == run[1] - run[0] + 1:
            whole.append((parameters["batch_ids"][batch - 1], *run))
        elif numbers:
            broken.append(batch)
    if whole:
        cursor.execute(_INSERT, [list(column) for column in zip(*whole, strict=True)])
    if broken:
        cursor.execute(_RUNS.format(lines=lines), {**parameters, "broken": broken})
