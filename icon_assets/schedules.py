"""The schedules: what happens at a time of day (UTC), whether or not anything has arrived."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from icon_assets.database import Database
from icon_assets.finalize.dirty import dirty_days, ranges
from icon_assets.jobs import FINALIZE, QUALITY, RECONCILE
from icon_assets.partitions import range_tags
from icon_assets.settings import Settings


def nightly_ranges(dirty: Sequence[date], now: datetime, first_day: date) -> list[tuple[date, date]]:
    """What is dirty still, and yesterday: it is over, and must show as done even where nothing ended."""
    yesterday = now.date() - timedelta(days=1)
    days = {day for day in (*dirty, yesterday) if first_day <= day <= yesterday}
    return ranges(days)


@dg.schedule(
    job_name=FINALIZE,
    cron_schedule="15 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Finalizes yesterday and whatever is still dirty, as few runs over ranges of days.",
)
def nightly_finalize(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest]:
    """One run a range, of campaigns and chains together."""
    now = context.scheduled_execution_time
    dirty = [day for days in dirty_days(database.monitor).values() for day in days]
    for first, last in nightly_ranges(dirty, now, settings.first_day):
        # Within one night a range is asked for once, however often the tick is tried.
        yield dg.RunRequest(run_key=f"{now:%Y-%m-%d}:{first}:{last}", tags=range_tags(first, last))


nightly_quality = dg.ScheduleDefinition(
    name="nightly_quality",
    job_name=QUALITY,
    cron_schedule="15 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Tests the marts, asks whether yesterday is final, and writes docs and campaign report anew.",
)

weekly_reconcile = dg.ScheduleDefinition(
    name="weekly_reconcile",
    job_name=RECONCILE,
    cron_schedule="15 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Compares what is final with what it was made of.",
)
