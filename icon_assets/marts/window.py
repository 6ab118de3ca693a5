"""Which finalized days the marts have yet to take in. The models themselves are dbt's, in dbt_project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from icon_assets.idb import locks


@dataclass(frozen=True)
class Window:
    """What one build of the marts takes in: `days` by entity, and the ledger up to `through_batch`."""

    marts_run_id: int
    days: dict[str, list[date]]
    through_batch: int


_STALE_DAYS = """
    select f.entity, f.day, f.version
    from ops.final_day as f
    left join ops.marts_day as m on m.entity = f.entity and m.day = f.day
    where m.version is distinct from f.version
"""
# Two merges are under way at once: a batch may come to the ledger after one with a higher number.
_UNDER_WAY = 100_000


def due(engine: sa.Engine) -> bool:
    """Whether a finalized day or a batch is newer than the last finished build of the marts."""
    with engine.connect() as connection:
        return bool(
            connection.execute(
                sa.text(
                    f"""
                    with last as materialized (
                        select through_batch, started_at from ops.marts_run
                        where finished_at is not null order by marts_run_id desc limit 1
                    )
                    select exists ({_STALE_DAYS}) or exists (
                        select from ops.batch as b
                        where
                            b.batch_id > coalesce((select through_batch from last), 0) - {_UNDER_WAY}
                            and (
                                b.batch_id > coalesce((select through_batch from last), 0)
                                or b.loaded_at > (select started_at from last)
                            )
                    )
                    """
                )
            ).scalar_one()
        )


def open_window(engine: sa.Engine) -> Window:
    """Fixes what the next build takes in, in ops.marts_window; what comes later is for the build after it."""
    with engine.begin() as connection:
        # What this transaction does not see comes to the ledger after it began.
        locks.take(connection.exec_driver_sql, locks.LEDGER)
        connection.execute(sa.text("delete from ops.marts_window"))
        connection.execute(sa.text(f"insert into ops.marts_window (entity, day, version) {_STALE_DAYS}"))
        run = connection.execute(
            sa.text(
                """
                insert into ops.marts_run (through_batch, data_through_ts)
                select coalesce(max(batch_id), 0), max(last_ts) from ops.batch
                returning marts_run_id, through_batch
                """
            )
        ).one()
        days: dict[str, list[date]] = {}
        for entity, day in connection.execute(
            sa.text("select entity, day from ops.marts_window order by 1, 2")
        ):
            days.setdefault(entity, []).append(day)
    return Window(run.marts_run_id, days, run.through_batch)


def close_window(engine: sa.Engine, window: Window) -> None:
    """Records that the marts hold what the window said; call it only after the build succeeded."""
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                """
                insert into ops.marts_day (entity, day, version)
                select entity, day, version from ops.marts_window
                on conflict (entity, day) do update set
                version = excluded.version,
                built_at = clock_timestamp()
                """
            )
        )
        connection.execute(sa.text("delete from ops.marts_window"))
        connection.execute(
            sa.text("update ops.marts_run set finished_at = clock_timestamp() where marts_run_id = :id"),
            {"id": window.marts_run_id},
        )
