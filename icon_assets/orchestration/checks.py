"""Asset checks: what must hold of each stage, and what to do where it does not; dbt has the marts'."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from icon_assets.database import Database
from icon_assets.finalize.dirty import ranges, unfinalized
from icon_assets.finalize.reconcile import reconcile
from icon_assets.idb.upkeep import neglected
from icon_assets.ingest import quarantine
from icon_assets.orchestration.assets.cti import CTI_DATABASE
from icon_assets.orchestration.assets.final import FINAL_DAY, failed_days
from icon_assets.orchestration.assets.landing import EVENT_BATCHES
from icon_assets.orchestration.assets.raw import LEDGER
from icon_assets.orchestration.partitions import termination_days
from icon_assets.settings import Settings

_ROWS_SHOWN = 20

_FILES = """
    select path, coalesce(reason, '') as reason, coalesce(detail, '') as detail, first_seen::text
    from ops.landing_file
    where status = :status
    order by first_seen desc
"""
_UNACCOUNTED = """
    select b.batch_id, b.batch, b.quarantined, count(q.batch_id) as quarantine_rows
    from ops.batch as b
    left join ops.quarantine as q on q.batch_id = b.batch_id
    group by b.batch_id
    having b.quarantined <> count(q.batch_id) or b.events <> b.new + b.known + b.filtered + b.quarantined
    order by b.batch_id desc
"""
_DIRTY = """
    select entity, day::text, string_agg(distinct reason, ', ') as reasons, min(marked_at)::text as since
    from ops.dirty_day
    where finalized_at is null
    group by entity, day
    order by entity, day
"""

_WHOLE = dg.AssetCheckSpec(
    "files_whole",
    asset=EVENT_BATCHES,
    description=(
        "No file waits to become whole. One that does is cut short: its writer still writes under the final "
        "name, or died. It loads by itself when it is complete, and is refused when it has waited too long."
    ),
)
_ACCEPTED = dg.AssetCheckSpec(
    "files_accepted",
    asset=EVENT_BATCHES,
    description=(
        "No file is refused. One that is says why below: the same batch with other content, a header that "
        "cannot be right, or a file that never became whole. Mend or remove it: a changed one is read again, "
        "one that is gone is forgotten at night."
    ),
)
_ACCOUNTED = dg.AssetCheckSpec(
    "lines_accounted_for",
    asset=LEDGER,
    description="Each line of a batch is new, known, filtered or quarantined, and a quarantined one is kept.",
)
_QUARANTINE = dg.AssetCheckSpec(
    "quarantine_share",
    asset=LEDGER,
    description=(
        f"In the last seven days no batch had more than {quarantine.STORM:.0%} of its lines quarantined (a "
        f"storm: its bridge does not work), and at most {quarantine.SHARE:.0%} of all lines wait. See "
        "`icon-assets quarantine list` for each line with its reason; mend the source, then replay the lines."
    ),
)
_FINALIZED = dg.AssetCheckSpec(
    "no_dirty_days",
    asset=FINAL_DAY,
    description="No day waits to be finalized. One that does goes with the next refresh, or materialize it.",
)


@dg.multi_asset_check(
    name="refresh_checks",
    specs=[_WHOLE, _ACCEPTED, _ACCOUNTED, _QUARANTINE, _FINALIZED],
    can_subset=True,
)
def refresh_checks(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[Database]
) -> Iterator[dg.AssetCheckResult]:
    """All of them in one step: a step of its own costs each 100 ms."""
    with database.operator.connect() as connection:

        def rows(query: str, **values: object) -> Sequence[sa.RowMapping]:
            return connection.execute(sa.text(query), values).mappings().all()

        warn = dg.AssetCheckSeverity.WARN
        evaluate: dict[dg.AssetCheckKey, Callable[[], dg.AssetCheckResult]] = {
            _WHOLE.key: lambda: _none(_WHOLE, rows(_FILES, status="waiting"), warn),
            _ACCEPTED.key: lambda: _none(_ACCEPTED, rows(_FILES, status="refused")),
            _ACCOUNTED.key: lambda: _none(_ACCOUNTED, rows(_UNACCOUNTED)),
            _QUARANTINE.key: lambda: _quarantine(quarantine.last_week(connection)),
            _FINALIZED.key: lambda: _none(_FINALIZED, rows(_DIRTY), warn),
        }
        for key in context.selected_asset_check_keys:
            yield evaluate[key]()


@dg.asset_check(
    asset=FINAL_DAY,
    description=(
        "Yesterday and every day before it are final. Where not: is a run failing, or waiting for another? "
        "Mend that, and the next refresh finalizes them."
    ),
)
def yesterday_final(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """For the deadline of the night, after the nightly pass."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return _days(unfinalized(database.operator, yesterday))


@dg.asset_check(
    asset=FINAL_DAY,
    description=(
        "No day was left by a run that failed. The next nightly pass finalizes such days; where that fails "
        "too, the run says why."
    ),
)
def no_failed_partition(
    context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.AssetCheckResult:
    """For the morning, after the nightly pass."""
    return _days(failed_days(context.instance, termination_days(settings.first_day)))


@dg.asset_check(
    asset=FINAL_DAY,
    description=(
        "Each day of `final` holds what `idb` says of it, by count and hash of every table. A day that "
        "differs is marked, and the next refresh finalizes it again; what changed it was no batch."
    ),
)
def final_equals_idb(
    settings: dg.ResourceParam[Settings], database: dg.ResourceParam[Database]
) -> dg.AssetCheckResult:
    """For the weekly pass: it reads everything."""
    return _days(reconcile(database.finalizer, settings.first_day, datetime.now(UTC).date()))


@dg.asset_check(
    asset=LEDGER,
    description=(
        "The server vacuums every table: dead rows are few, and no transaction number is so old that it may "
        "come round again (at 2,000 million the server refuses to write). Where not: switch autovacuum on; "
        "look for what keeps it from clearing (an old transaction in pg_stat_activity, pg_prepared_xacts, "
        "pg_replication_slots); then `vacuum (analyze)` the tables named below."
    ),
)
def tables_vacuumed(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """For the nightly pass: neither comes in a day."""
    with database.operator.connect() as connection:
        found = [asdict(table) for table in neglected(connection)]
    aged = any(table["aged"] for table in found)
    severity = dg.AssetCheckSeverity.ERROR if aged else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        passed=not found, severity=severity, metadata={"found": len(found), **_shown(found)}
    )


def cti_checks(settings: Settings) -> Sequence[dg.AssetChecksDefinition]:
    """The check of the other database of calls, where there is one."""
    return [reachable] if settings.cti_database_url else []


@dg.asset_check(
    asset=CTI_DATABASE,
    description=(
        "The other database of calls could be read. Where not, the fault says why; attempts since then have "
        "no calls, and `mart_unmatched_attempts` counts them as `cti_unreachable`. They are matched once it "
        "can be read again. Where it never will, unset ICON_CTI_DATABASE_URL and load the T-Servers' batches "
        "here."
    ),
)
def reachable(database: dg.ResourceParam[Database]) -> dg.AssetCheckResult:
    """A warning: what does not need it goes on."""
    query = "select place, fault, missing_since::text, checked_at::text from ops.cti_database"
    with database.operator.connect() as connection:
        found = connection.execute(sa.text(query)).mappings().one_or_none()
    return dg.AssetCheckResult(
        passed=found is not None and found["fault"] is None,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={name: value for name, value in (found or {}).items() if value is not None},
    )


def _days(found: Mapping[str, Sequence[date]]) -> dg.AssetCheckResult:
    """Passes where there are none; else names them."""
    spans = {
        entity: ", ".join(
            str(first) if first == last else f"{first} to {last}" for first, last in ranges(days, gap=0)
        )
        for entity, days in found.items()
        if days
    }
    return dg.AssetCheckResult(passed=not spans, metadata=spans)


def _none(
    spec: dg.AssetCheckSpec,
    found: Sequence[sa.RowMapping],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Passes where nothing was found; else shows the first of it."""
    return dg.AssetCheckResult(
        passed=not found,
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=severity,
        metadata={"found": len(found), **_shown(found)},
    )


def _quarantine(week: quarantine.Week) -> dg.AssetCheckResult:
    storms = [asdict(storm) for storm in week.storms]
    reasons = [{"reason": reason, "lines": lines} for reason, lines in week.waiting.items()]
    return dg.AssetCheckResult(
        passed=week.is_calm,
        asset_key=_QUARANTINE.asset_key,
        check_name=_QUARANTINE.name,
        severity=dg.AssetCheckSeverity.ERROR if storms else dg.AssetCheckSeverity.WARN,
        metadata={
            "quarantined": week.lines,
            "events": week.events,
            "share": week.share,
            **_shown(reasons),
            **_shown(storms, "storms"),
        },
    )


def _shown(found: Sequence[Mapping[Any, Any]], name: str = "rows") -> dict[str, Any]:
    if not found:
        return {}
    records = [dg.TableRecord(dict(row)) for row in found[:_ROWS_SHOWN]]
    return {name: dg.MetadataValue.table(records)}
