"""The sensors: when a refresh is due, by the state of the database; and how everything is."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from icon_assets.contract.landing import Landing
from icon_assets.contract.patience import within
from icon_assets.contract.reasons import Unreadable
from icon_assets.database import Database
from icon_assets.finalize.dirty import are_collecting, dirty_days
from icon_assets.health.findings import Health
from icon_assets.health.look import health
from icon_assets.ingest.cti import why_copy
from icon_assets.ingest.drain import backlog
from icon_assets.marts.dbt_code import marts_are_outdated
from icon_assets.marts.window import due
from icon_assets.orchestration.assets.health import HEALTH, WELL, health_check, health_metadata
from icon_assets.orchestration.assets.landing import EVENT_BATCHES
from icon_assets.orchestration.jobs import CATCH_UP, REFRESH
from icon_assets.orchestration.runs import ENDED, UNDER_WAY, WHY, is_by_hand
from icon_assets.settings import Settings

# Files a refresh takes at most: some minutes of loading, after which the marts show them.
_FILES_A_RUN = 500
# A tick may take 180 s; a store with very many files takes longer to list than is left for the rest.
_LISTING_SECONDS = 60
_FIRST_WAIT = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(minutes=30)
# After so many failures the wait has reached its longest.
_FAILURES_COUNTED = 8


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: what cannot work must not keep the machine busy."""
    return min(_FIRST_WAIT * 2**failures, _LONGEST_WAIT) if failures else timedelta(0)


def reason_to_hold(instance: dg.DagsterInstance, job: str, now: datetime) -> str | None:
    """Why no run of `job` is asked for at this moment, if so."""
    for either in (REFRESH, CATCH_UP):
        under_way = instance.get_runs(dg.RunsFilter(job_name=either, statuses=UNDER_WAY))
        if not all(map(is_by_hand, under_way)):
            return f"A run of {either} is under way."
    ended = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ENDED), limit=_FAILURES_COUNTED)
    failures = 0
    for record in ended:
        if record.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
            break
        failures += 1
    if failures:
        last = datetime.fromtimestamp(ended[0].end_time or ended[0].update_timestamp.timestamp(), UTC)
        until = last + wait_after(failures)
        if now < until:
            return f"The last runs of {job} failed ({failures}); the next is tried at {until:%H:%M:%S} UTC."
    return None


@dg.sensor(
    job_name=REFRESH,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Wakes one refresh for all the files that are ready in the landing zone.",
)
def landing_files(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
    landing: dg.ResourceParam[Landing],
) -> dg.SensorResult | dg.SkipReason:
    """Files that the ledger does not know, in; one run request, out."""
    if hold := reason_to_hold(context.instance, REFRESH, datetime.now(UTC)):
        return dg.SkipReason(hold)
    try:
        found = within(_LISTING_SECONDS, lambda: backlog(database.operator, landing, wait=settings.wait))
    except Unreadable:
        return dg.SensorResult([_drain("a landing zone too large to list in a tick")])
    if not found:
        return dg.SkipReason(f"Nothing new; {found.waiting} files wait to become whole.")
    seen = dg.AssetObservation(
        EVENT_BATCHES,
        metadata={
            "files ready": len(found.ready),
            "bytes ready": sum(file.size for file in found.ready),
            "files waiting": found.waiting,
        },
    )
    return dg.SensorResult([_drain(f"files: {len(found.ready)}")], asset_events=[seen])


def _drain(why: str) -> dg.RunRequest:
    # No run key: it would stand for ever, and a drain that failed could not be asked for again.
    return dg.RunRequest(tags={WHY: why}, run_config={"ops": {"idb": {"config": {"limit": _FILES_A_RUN}}}})


# A job of its own: where a drain cannot work, what was loaded before it is finalized all the same.
@dg.sensor(
    job_name=CATCH_UP,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Finalizes days that are dirty, and brings what is final to the marts, where no file has done it: "
        "after a backfill, a failed run, a purge, an upgrade."
    ),
)
def changed_days(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
) -> dg.RunRequest | dg.SkipReason:
    """Days left to do, in; one run request, out."""
    if hold := reason_to_hold(context.instance, CATCH_UP, datetime.now(UTC)):
        return dg.SkipReason(hold)
    if dirty := sum(map(len, dirty_days(database.operator, delay=settings.finalize_delay).values())):
        return dg.RunRequest(tags={WHY: f"dirty days: {dirty}"})
    if are_collecting(database.operator, settings.finalize_delay):
        return dg.SkipReason(f"Days are dirty for less than {settings.finalize_delay} (ICON_FINALIZE_DELAY).")
    if due(database.operator):
        return dg.RunRequest(tags={WHY: "marts behind final"})
    if marts_are_outdated(database.operator):
        return dg.RunRequest(tags={WHY: "marts of other code"})
    return dg.SkipReason("Every day is finalized and in the marts.")


# Without a run: the news that a run failed must not wait for one that succeeds, and a run costs 4 s.
@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at everything each minute; `ops/health` is told what has changed, and all hourly.",
)
def health_changes(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
) -> dg.SensorResult | dg.SkipReason:
    """What was found last is the cursor; a repetition is no event."""
    found = health(database, settings)
    if (now := fingerprint(found)) == context.cursor:
        return dg.SkipReason(f"Nothing has changed. {found.headline}")
    checked = health_check(found)
    return dg.SensorResult(
        cursor=now,
        asset_events=[
            dg.AssetMaterialization(HEALTH, metadata=health_metadata(found)),
            dg.AssetCheckEvaluation(
                asset_key=HEALTH,
                check_name=WELL.name,
                passed=checked.passed,
                severity=checked.severity,
                description=checked.description,
                metadata=checked.metadata,
            ),
        ],
    )


def fingerprint(found: Health) -> str:
    """What of it is news: levels, advice and counts, and each hour anew; not ages and sizes."""
    counts = {name: n for name, n in found.numbers.items() if not name.endswith(")")}
    levels = [(finding.topic, finding.level.value, finding.next) for finding in found.findings]
    return hashlib.sha256(repr((f"{found.at:%Y-%m-%d %H}", levels, counts)).encode()).hexdigest()[:16]


def cti_sensors(settings: Settings) -> Sequence[dg.SensorDefinition]:
    """The sensor of the other database of calls, where there is one."""
    return [copied_calls] if settings.cti_database_url else []


@dg.sensor(
    job_name=CATCH_UP,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Wakes a run when the other database has calls to copy, or is lost, or comes back.",
)
def copied_calls(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    database: dg.ResourceParam[Database],
) -> dg.RunRequest | dg.SkipReason:
    """What its ledger has and ours has not, in; one run request, out."""
    assert settings.cti_database_url
    if hold := reason_to_hold(context.instance, CATCH_UP, datetime.now(UTC)):
        return dg.SkipReason(hold)
    if why := why_copy(database.operator, settings.cti_database_url):
        return dg.RunRequest(tags={WHY: why})
    return dg.SkipReason("No calls to copy.")
