"""One look at every stage, in some 30 ms: what is found there, a topic a function."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.contract.reasons import LandingError
from icon_assets.database import Database
from icon_assets.health.dagster_storage import orchestrated
from icon_assets.health.findings import Finding, Health, Level
from icon_assets.ingest.drain import backlog
from icon_assets.ingest.quarantine import last_week
from icon_assets.marts.dbt_code import marts_are_outdated
from icon_assets.marts.window import due
from icon_assets.settings import Settings

# What a refresh does within the hour, where one can run at all.
_LATE = timedelta(hours=1)
_SILENT = timedelta(hours=24)
# The daemon says every 30 s that it lives.
_ALIVE = timedelta(minutes=2)
_DISK_LOW, _DISK_SHARE_LOW = 2 * 10**9, 0.05
# Checks that say, as of the last refresh, what is asked anew here.
_ASKED_HERE = {"files_whole", "files_accepted", "quarantine_share", "no_dirty_days", "well"}


@dataclass
class _Look:
    """What every topic looks at, and the figures that it leaves."""

    database: Database
    settings: Settings
    connection: sa.Connection
    landing: Landing | None
    now: datetime
    numbers: dict[str, float] = field(default_factory=dict)

    def one(self, query: str, **values: object) -> sa.Row[Any]:
        return self.connection.execute(sa.text(query), values).one()

    def rows(self, query: str, **values: object) -> list[sa.Row[Any]]:
        return list(self.connection.execute(sa.text(query), values))


def health(
    database: Database, settings: Settings, landing: Landing | None = None, now: datetime | None = None
) -> Health:
    """Looks at every stage; the files of `landing` are listed, too, where it is given."""
    with database.operator.connect() as connection:
        look = _Look(database, settings, connection, landing, now or datetime.now(UTC))
        findings = tuple(found for topic in _TOPICS for found in topic(look))
    return Health(look.now, findings, look.numbers)


def _server(look: _Look) -> Iterator[Finding]:
    version, size = look.one("select current_setting('server_version'), pg_database_size(current_database())")
    look.numbers["database (bytes)"] = size
    yield Finding(
        "database", Level.OK, f"PostgreSQL {version.split()[0]} at {look.database.place}, {_bytes(size)}."
    )


def _disk(look: _Look) -> Iterator[Finding]:
    """Of our own files; a served database's disk cannot be seen from here."""
    there = next(path for path in (look.settings.var, *look.settings.var.parents) if path.exists())
    found = shutil.disk_usage(there)
    look.numbers["disk free (bytes)"] = found.free
    said = f"{_bytes(found.free)} of {_bytes(found.total)} free under ICON_VAR."
    if found.free < _DISK_LOW or found.free < _DISK_SHARE_LOW * found.total:
        yield Finding(
            "disk", Level.ATTENTION, said, "Free space, or set ICON_KEEP_DAYS so that idb is purged."
        )
    else:
        yield Finding("disk", Level.OK, said)


def _landing(look: _Look) -> Iterator[Finding]:
    counts: dict[str, int] = dict.fromkeys(("waiting", "refused"), 0)
    reasons: dict[str, str] = {}
    for status, files, reason in look.rows(
        "select status, count(*), mode() within group (order by reason) from ops.landing_file"
        " where status in ('waiting', 'refused') group by status"
    ):
        counts[status], reasons[status] = files, reason
    look.numbers |= {f"files {status}": number for status, number in counts.items()}
    ready = 0
    if look.landing:
        try:
            ready = len(backlog(look.database.operator, look.landing).ready)
        except LandingError as error:
            yield Finding("landing", Level.ATTENTION, "The landing zone cannot be read.", str(error))
            return
        look.numbers["files ready"] = ready
    said = ", ".join(
        f"{number:,} {status}{f' (most: {reasons[status]})' if reasons.get(status) else ''}"
        for status, number in {"ready": ready, **counts}.items()
        if number
    )
    if counts["refused"]:
        what = "Mend or remove the files; see ops.landing_file, or the check files_accepted."
        yield Finding("landing", Level.ATTENTION, f"Files: {said}.", what)
    else:
        level = Level.NOTE if counts["waiting"] else Level.OK
        what = "A waiting file loads by itself once it is whole." if counts["waiting"] else ""
        yield Finding("landing", level, f"Files: {said}." if said else "No file waits.", what)


def _quarantine(look: _Look) -> Iterator[Finding]:
    waiting, reason = look.one(
        "select count(*), mode() within group (order by reason) from ops.quarantine where replayed_by is null"
    )
    look.numbers["quarantined lines"] = waiting
    if not waiting:
        yield Finding("quarantine", Level.OK, "No line waits.")
        return
    week = last_week(look.connection)
    said = f"{waiting:,} line{'s' if waiting > 1 else ''} (most: {reason}), {week.share:.2%} of the week's."
    if week.storms:
        said += f" Storms: {len(week.storms):,} batches, the last of {week.storms[0].source}."
    level = Level.NOTE if week.is_calm else Level.ATTENTION
    yield Finding(
        "quarantine", level, said, "Mend the source, then replay: icon-assets quarantine list, replay."
    )


def _days(look: _Look) -> Iterator[Finding]:
    dirty, since = look.one(
        "select count(distinct (entity, day)), min(marked_at) from ops.dirty_day where finalized_at is null"
    )
    final, last = look.one("select count(distinct day), max(day) from ops.final_day")
    look.numbers["dirty days"] = dirty
    if dirty:
        late = look.now - since > _LATE
        what = "Is a run failing? Else: icon-assets process." if late else "The next refresh finalizes them."
        said = f"To be finalized: {dirty:,}, the oldest for {_ago(look.now - since)}."
        yield Finding("days", Level.ATTENTION if late else Level.NOTE, said, what)
    else:
        said = f"{final:,} days final, the last {last}." if final else "None has ended yet."
        yield Finding("days", Level.OK, said)


def _marts(look: _Look) -> Iterator[Finding]:
    built, through = look.one(
        "select max(finished_at), max(data_through_ts) from ops.marts_run where finished_at is not null"
    )
    if built is None:
        yield Finding("marts", Level.NOTE, "Not built yet.", "Build them: icon-assets process, or dev.")
        return
    look.numbers["marts age (s)"] = round((look.now - built).total_seconds())
    said = f"Built {_ago(look.now - built)} ago, of data to {_time(through)}."
    engine = look.database.operator
    if not due(engine) and not marts_are_outdated(engine):
        yield Finding("marts", Level.OK, said)
        return
    (since,) = look.one("select min(loaded_at) from ops.batch where loaded_at > :built", built=built)
    late = look.now - (since or look.now) > _LATE
    what = "Is a run failing? Else: icon-assets process." if late else "The next refresh brings the rest."
    yield Finding("marts", Level.ATTENTION if late else Level.NOTE, f"Behind. {said}", what)


_GAPS = """
    with newest as (select max(report_day) as day from marts.mart_data_completeness)

    select
        c.source || ' ' || c.source_dbid as source,
        count(*) as quarters,
        count(*) filter (where c.completeness in ('partial', 'dark')) as gaps,
        (array_agg(c.link_state order by c.slot_start desc))[1] as link,
        max(c.slot_start) as newest
    from marts.mart_data_completeness as c, newest
    where c.report_day > newest.day - 7
    group by 1
    order by gaps desc, source
"""


def _sources(look: _Look) -> Iterator[Finding]:
    heard = look.rows(
        """
        select source || ' ' || dbid as source, max(loaded_at) as loaded, max(last_ts) as newest
        from ops.batch
        where batch_id > (select max(batch_id) - 10000 from ops.batch)
        group by 1
        order by loaded
        """
    )
    if not heard:
        what = "Write batches to the landing zone (docs/contract.md), or try icon-assets demo."
        yield Finding("sources", Level.NOTE, "No batch has come yet.", what)
        return
    newest = max((row.newest for row in heard if row.newest), default=None)
    look.numbers["data lag (s)"] = round((look.now - newest).total_seconds()) if newest else 0
    (built,) = look.one("select to_regclass('marts.mart_data_completeness') is not null")
    gaps = look.rows(_GAPS) if built else []
    incomplete = sum(row.gaps for row in gaps)
    look.numbers["incomplete quarter hours"] = incomplete
    said = f"{len(heard)} heard, to {_time(newest)}; last batch {_ago(look.now - heard[-1].loaded)} ago."
    lost = [row.source for row in gaps if row.link == "down" and look.now - row.newest < _SILENT]
    silent = [row.source for row in heard if look.now - row.loaded > _SILENT]
    if lost:
        what = "Restore the connection of its bridge; what happens meanwhile is lost."
        yield Finding("sources", Level.ATTENTION, f"Lost: {', '.join(lost)}. {said}", what)
    elif silent:
        what = "Ask its bridge, unless the centre was closed."
        yield Finding("sources", Level.NOTE, f"Silent for a day: {', '.join(silent)}. {said}", what)
    elif incomplete:
        said = f"{len(heard)} heard, to {_time(newest)}; {incomplete:,} quarter hours with gaps."
        what = f"Which of the last 7 days: marts.mart_data_completeness. Most are of {gaps[0].source}."
        yield Finding("sources", Level.NOTE, said, what)
    else:
        yield Finding("sources", Level.OK, said)


def _runs(look: _Look) -> Iterator[Finding]:
    found = orchestrated(look.database)
    failed = [run for run in found.runs if run.status == "FAILURE"]
    look.numbers["failed jobs"] = len(failed)
    alive = found.daemon is not None and look.now - found.daemon < _ALIVE
    daemon = "Dagster runs" if alive else "Dagster does not run"
    if failed:
        said = "; ".join(
            f"{run.job} failed {run.in_a_row} times in a row, last {_ago(look.now - run.ended)} ago"
            for run in failed
        )
        what = "Open the run in Dagster (icon-assets dev): its log says why."
        yield Finding("runs", Level.ATTENTION, f"{daemon}; {said}.", what)
        return
    last = max(found.runs, key=lambda run: run.ended, default=None)
    said = f"{daemon}; {last.job} done {_ago(look.now - last.ended)} ago." if last else f"{daemon}."
    what = "" if alive else "Batches wait for icon-assets dev, or icon-assets process."
    yield Finding("runs", Level.OK if alive else Level.NOTE, said, what)


def _checks(look: _Look) -> Iterator[Finding]:
    failed = [check for check in orchestrated(look.database).checks if check.name not in _ASKED_HERE]
    look.numbers["failed checks"] = len(failed)
    if not failed:
        yield Finding("checks", Level.OK, "None failed when last run.")
        return
    first = sorted(failed, key=lambda check: check.severity)
    names = ", ".join(f"{check.name} of {check.asset}" for check in first[:3])
    more = f" and {len(first) - 3} more" if len(first) > 3 else ""
    errors = sum(check.severity == "ERROR" for check in failed)
    what = "Each says what to do: the asset's Checks tab in Dagster."
    yield Finding("checks", Level.ATTENTION if errors else Level.NOTE, f"{names}{more} failed.", what)


_TOPICS = (_server, _disk, _landing, _quarantine, _days, _marts, _sources, _runs, _checks)


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "unknown"


def _ago(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
