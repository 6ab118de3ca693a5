"""Whose turn it is: the advisory locks of all processes, when the server ends who hangs, who is connected."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

import psycopg

from icon_assets.errors import UserError
from icon_assets.idb.migrate import SETUP_LOCK, head

# Serialize the merges of all loaders: of calls, and of outbound data, which share no table. Whoever needs
# several turns takes them in this order; configuration needs both, as it moves fields and names sources.
CALLS = 0x1C0F04
OUTBOUND = 0x1C0F00
# Serializes the ends of merges: a call and its chain, merged at once, could not see each other. Who comes
# second does, and marks the chain's day; and what enters the ledger has a time that tells the order.
LEDGER = 0x1C0F05
# Serializes finalizers of one entity, across all processes.
FINALIZE = {"campaign": 0x1C0F01, "chain": 0x1C0F02}
# Two builds of one incremental model at once meet in their temporary tables (dbt-core#2881). Dagster's pool
# knows the daemon's runs only; this knows every process.
MARTS = 0x1C0F03

# A process that is stopped (SIGSTOP, a suspended machine, storage that hangs) must not hold up the others
# for ever. The longest pause of honest work between two statements under a lock is the second reading of a
# batch for its lines in conflict: of the largest batch, 64 GiB of text, some 3 minutes (gzip at 660 MB/s,
# measured). The longest transaction is that batch's merge: 300 million lines, at 20,000 a second 4 hours.
IDLE = "30min"
LONGEST = "24h"


def merging(source: str) -> tuple[int, ...]:
    """The turns that a merge of what a source sends needs."""
    return {"ocs": (OUTBOUND,), "config": (CALLS, OUTBOUND)}.get(source, (CALLS,))


def connected(connection: psycopg.Connection, column: LiteralString, names: Sequence[str]) -> list[str]:
    """Users who are connected with one of `names` as `usename` or `datname`, and do not leave within 5 s.

    A session that its client has ended may take a moment to be gone.
    """
    found: list[str] = []
    for _ in range(50):
        connection.execute("select pg_stat_clear_snapshot()")
        users = connection.execute(
            f"select distinct usename::text from pg_stat_activity where {column} = any(%s)"
            " and usename is not null and pid <> pg_backend_pid() order by 1",  # autovacuum has no name
            [list(names)],
        )
        if not (found := [user for (user,) in users]):
            break
        time.sleep(0.1)
    return found


def _lock(session: bool) -> str:
    return "pg_advisory_lock" if session else "pg_advisory_xact_lock"


def take(execute: Callable[[str], Any], turn: int, *, session: bool = False) -> None:
    """Waits for one more turn; the next statement sees what those before us committed."""
    execute(f"select {_lock(session)}({turn})")


def hold(execute: Callable[[str], Any], *turns: int, session: bool = False) -> None:
    """Keeps migrations out and waits for `turns`, in this order, until the transaction or `session` ends.

    execute: of a psycopg cursor, or exec_driver_sql of a connection; it must read what others commit. Raises
    UserError where the schema is not, or no longer, the one that this program was made for.
    """
    execute(f"select {_lock(session)}_shared({SETUP_LOCK})")
    (found,) = execute("select version_num from ops.alembic_version").fetchone()
    if found != head():
        raise UserError(
            f"The database has schema {found} now, and this program was made for {head()}. Nothing was "
            "changed. End it, update icon-assets (git pull, make install), and start it again."
        )
    for turn in turns:
        take(execute, turn, session=session)
    # transaction_timeout is known from PostgreSQL 17 on; COPY from a client that stopped ends by it alone.
    execute(
        f"""
        select set_config(name, value, {not session})
        from (
            values
            ('jit', 'off'),  -- plans without statistics look dear: each would be compiled
            ('idle_in_transaction_session_timeout', '{IDLE}'),
            ('idle_session_timeout', '{IDLE if session else 0}'),
            ('transaction_timeout', '{LONGEST}')
        ) as l (name, value)
        where current_setting(name, true) is not null
        """
    )


def release(execute: Callable[[str], Any]) -> None:
    """Ends what `hold` keeps for a session, for the next user of its connection; after an error close it."""
    execute("select pg_advisory_unlock_all()")
    execute("reset all")
