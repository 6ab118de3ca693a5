"""What ops need not keep for ever: memory of files that are gone, and the details of work long done.

The ledger, the quarantine, artificial closes and what was purged stay: other rows are what they are because
of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from icon_assets.contract.landing import Landing

# A loaded file that is gone stays in the ledger, with its path. Its row here only saves a look at it if it
# comes back, as after a folder that was not mounted. Of one that was kept out nothing is left to mend.
_FILES = """
    delete from ops.landing_file as f
    where
        not f.path = any(:there)
        and (f.status not in ('loaded', 'known') or f.checked_at < :before)
"""
# Each batch marks its days; the day's reasons are what is asked for later, not each batch.
_MARKS = """
    with folding as (
        delete from ops.dirty_day as d
        using (
            select entity, day, reason
            from ops.dirty_day
            where finalized_at < :before
            group by entity, day, reason
            having count(*) > 1
        ) as f
        where
            d.finalized_at < :before
            and (d.entity, d.day, d.reason) = (f.entity, f.day, f.reason)
        returning d.*
    ),
    folded as (
        insert into ops.dirty_day (entity, day, reason, objects, marked_at, finalized_at)
        select entity, day, reason, sum(objects), min(marked_at), max(finalized_at)
        from folding
        group by entity, day, reason
        returning 1
    )
    select (select count(*) from folding) - (select count(*) from folded)
"""
# The newest finished build says how current the marts are.
_BUILDS = """
    delete from ops.marts_run
    where
        started_at < :before
        and marts_run_id < (select max(marts_run_id) from ops.marts_run where finished_at is not null)
"""


@dataclass(frozen=True)
class Trimmed:
    """How many rows went: of files that are gone, of answered marks of days, of builds of the marts."""

    files: int
    marks: int
    builds: int


def trim(engine: sa.Engine, landing: Landing, before: datetime) -> Trimmed:
    """Removes what is older than `before`. Raises LandingError where the landing zone cannot be listed."""
    there = [file.path for file in landing.list()]
    with engine.begin() as connection:
        return Trimmed(
            files=connection.execute(sa.text(_FILES), {"there": there, "before": before}).rowcount,
            marks=connection.execute(sa.text(_MARKS), {"before": before}).scalar_one(),
            builds=connection.execute(sa.text(_BUILDS), {"before": before}).rowcount,
        )
