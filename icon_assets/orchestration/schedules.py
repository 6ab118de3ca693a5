"""The schedules: what happens at a time of day (UTC), whether or not anything has arrived."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import chain

import dagster as dg

from icon_assets.database import Database
from icon_assets.finalize.dirty import dirty_days, ranges
from icon_assets.orchestration.assets.final import failed_days
from icon_assets.orchestration.housekeeping import HOUSEKEEPING
from icon_assets.orchestration.jobs import FINALIZE, PURGE, QUALITY, RECONCILE
from icon_assets.orchestration.partitions import range_tags, termination_days
from icon_assets.orchestration.runs import WHY
from icon_assets.settings import Settings


def nightly_ranges(left: Iterable[date], now: datetime, first_day: date) -> list[tuple[date, date]]:
    """What is left to do, and yesterday: it is over, and must show as done even where nothing ended."""
    yesterday = now.date() - timedelta(days=1)
    days = {day for day in (*left, yesterday) if first_day <= day <= yesterday}
    return ranges(days)


@dg.schedule(
    job_name=FINALIZE,
    cron_schedule="15 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Finalizes yesterday, what is dirty still and what a run failed on, in few runs over ranges.",
)
def nightly_finalize(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
) -> Iterator[dg.RunRequest]:
    """One run a range, of campaigns and chains together."""
    now = context.scheduled_execution_time
    dirty = dirty_days(database.operator)
    failed = failed_days(context.instance, termination_days(settings.first_day))
    left = chain(*dirty.values(), *failed.values())
    for first, last in nightly_ranges(left, now, settings.first_day):
        # Within one night a range is asked for once, however often the tick is tried.
        why = {WHY: f"nightly: {first} to {last}"}
        yield dg.RunRequest(run_key=f"{now:%Y-%m-%d}:{first}:{last}", tags={**range_tags(first, last), **why})


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

nightly_housekeeping = dg.ScheduleDefinition(
    name="nightly_housekeeping",
    job_name=HOUSEKEEPING,
    cron_schedule="45 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes old runs, and what else grows and is asked for no more.",
)


@dg.schedule(
    job_name=PURGE,
    cron_schedule="15 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes from `idb` what is final and old, where ICON_KEEP_DAYS says so.",
)
def nightly_purge(settings: dg.ResourceParam[Settings]) -> dg.RunRequest | dg.SkipReason:
    """Nothing goes unless somebody has said how long it is to be kept."""
    if settings.keep_days is None:
        return dg.SkipReason("ICON_KEEP_DAYS is not set: idb keeps everything.")
    return dg.RunRequest()


all_schedules = [nightly_finalize, nightly_quality, weekly_reconcile, nightly_housekeeping, nightly_purge]
