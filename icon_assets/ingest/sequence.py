"""Which numbers of its source's sequence a batch brought: ops.sequence_run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from icon_assets.contract.header import Header

_RUNS = """
    insert into ops.sequence_run (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
    select
        %(batch_id)s,
        min(dsseq),
        max(dsseq),
        min(ts) at time zone 'UTC',
        max(ts) at time zone 'UTC'
    from (
        select dsseq, ts, dsseq - dense_rank() over (order by dsseq) as run
        from ({lines}) as l
    ) as n
    group by run
"""
_HEADER = """
    insert into ops.sequence_run (batch_id, first_dsseq, last_dsseq, first_ts, last_ts)
    select
        %(batch_id)s,
        %(first_dsseq)s,
        %(last_dsseq)s,
        min(ts) at time zone 'UTC',
        max(ts) at time zone 'UTC'
    from ({lines}) as l
    having min(ts) is not null
"""


def record_runs(
    cursor: psycopg.Cursor[Any], staged: dict[str, int], header: Header, parameters: dict[str, Any]
) -> None:
    """Notes the runs of numbers of all staged lines, whether or not anything takes them.

    Where lines have no numbers the header speaks for all; a connection is ICON's own and may have none. A
    line in quarantine is a hole until mended.
    """
    if not staged:
        return
    has_ends = None not in (header.first_dsseq, header.last_dsseq)
    if not (has_ends and _any_without(cursor, staged)):
        runs = cursor.execute(_RUNS.format(lines=_lines(staged, "where dsseq is not null")), parameters)
        if runs.rowcount or not has_ends:
            return
    ends = {"first_dsseq": header.first_dsseq, "last_dsseq": header.last_dsseq}
    cursor.execute(_HEADER.format(lines=_lines(staged)), parameters | ends)


def _any_without(cursor: psycopg.Cursor[Any], staged: dict[str, int]) -> bool:
    """Whether a line of the source itself has no number."""
    told = _lines([type_ for type_ in staged if type_ != "connection"], "where dsseq is null")
    return bool(told and cursor.execute(f"select from ({told}) as l limit 1").rowcount)


def _lines(types: Iterable[str], where: str = "") -> str:
    return " union all ".join(f"select dsseq, ts from stage_{type_} {where}" for type_ in types)
