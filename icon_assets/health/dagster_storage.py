"""What Dagster's storage says of its runs and checks, by SQL: to import Dagster for it takes 1.5 s."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from icon_assets.database import Database
from icon_assets.idb.roles import DAGSTER


@dataclass(frozen=True)
class LastRun:
    """How the newest ended run of a job ended, and how many ended so, one after the other, up to it."""

    job: str
    status: str
    ended: datetime
    in_a_row: int


@dataclass(frozen=True)
class FailedCheck:
    """A check whose newest evaluation failed. severity: ERROR or WARN."""

    asset: str
    name: str
    severity: str


@dataclass(frozen=True)
class Orchestrated:
    """All of it. daemon: when the daemon last said that it lives, none where it never ran."""

    runs: tuple[LastRun, ...] = ()
    checks: tuple[FailedCheck, ...] = ()
    daemon: datetime | None = None


_RUNS = """
    with ended as (
        select pipeline_name as job, status, to_timestamp(end_time) as ended, id
        from runs
        where
            status in ('SUCCESS', 'FAILURE', 'CANCELED')
            and end_time > extract(epoch from now() - interval '8 days')
    ),

    latest as (
        select distinct on (job) job, status, ended
        from ended
        order by job, ended desc
    )

    select
        l.job,
        l.status,
        l.ended,
        (
            select count(*)::int
            from ended as e
            where e.job = l.job and e.ended > all (
                select o.ended from ended as o where o.job = l.job and o.status <> l.status
            )
        ) as in_a_row
    from latest as l
    where l.job not like '\\_\\_%'
    order by l.job
"""
# A week and a day: what the weekly job found stands until it looks again; a check that is no more fades.
_CHECKS = """
    with latest as (
        select distinct on (asset_key, check_name) *
        from asset_check_executions
        where execution_status in ('SUCCEEDED', 'FAILED') and create_timestamp > now() - interval '8 days'
        order by asset_key, check_name, id desc
    )

    select
        array_to_string(array(select jsonb_array_elements_text(asset_key::jsonb)), '/') as asset,
        check_name as name,
        split_part(
            evaluation_event::jsonb #>> '{dagster_event,event_specific_data,severity,__enum__}', '.', 2
        ) as severity
    from latest
    where execution_status = 'FAILED'
    order by 1, 2
"""
_DAEMON = "select max(timestamp) from daemon_heartbeats where daemon_type = 'SENSOR'"


def orchestrated(database: Database) -> Orchestrated:
    """Asks the storage of the pinned Dagster; one that was never used has nothing to say."""
    try:
        with psycopg.connect(make_conninfo(**database.login(DAGSTER))) as connection:
            runs = connection.cursor(row_factory=class_row(LastRun)).execute(_RUNS).fetchall()
            checks = connection.cursor(row_factory=class_row(FailedCheck)).execute(_CHECKS).fetchall()
            beat = connection.execute(_DAEMON).fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return Orchestrated()
    # Dagster keeps UTC without saying so.
    daemon = beat[0].replace(tzinfo=UTC) if beat and beat[0] else None
    return Orchestrated(tuple(runs), tuple(checks), daemon)
