"""Everything that waits in the landing zone, one batch after the other; the ledger decides what is new."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa

from icon_assets.contract.landing import Landing, LandingFile
from icon_assets.contract.reasons import FileProblem, Incomplete, Reason, Unreadable
from icon_assets.ingest.deployment import EVERYTHING, Deployment
from icon_assets.ingest.load import Loaded, OpenBatch, load

# What goes away by itself: lost or refused connections, shutdown, locks, deadlocks, serialization, read-only,
# and the limits of a loader that was stopped for a while.
_TRANSIENT = ("08", "40", "55P03", "57", "53300", "25006", "25P03", "25P04")
_ATTEMPTS = 5
# One loader decodes and stages while the other's batch is merged; merges take turns: a third gains nothing.
_LOADERS = 2
# Faults on the way to a file: worth another look, as an incomplete file is not until it changes.
_FAULTS = {Reason.GONE, Reason.REPLACED, Reason.OS_ERROR, Reason.STALLED}
# Asking a storage that does not answer takes minutes, in which nothing that comes anew is loaded.
_STALL_PAUSE = timedelta(minutes=15)


class LoadError(Exception):
    """The database refused a batch. The message has the SQLSTATE only: PostgreSQL's own quotes values."""


@dataclass(frozen=True)
class Refusal:
    """A file that is kept out, and why."""

    path: str
    reason: str
    detail: str


@dataclass
class Backlog:
    """What the landing zone holds that the ledger does not: `ready` files; how many wait to become whole."""

    ready: list[LandingFile] = field(default_factory=list)
    waiting: int = 0
    expired: list[Refusal] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.ready or self.expired)


@dataclass
class Drained:
    """What one drain did, added up over its batches; `rows` are new rows by IDB table."""

    batches: int = 0
    known_batches: int = 0
    waiting: int = 0
    refused: list[Refusal] = field(default_factory=list)
    events: int = 0
    new: int = 0
    known: int = 0
    filtered: int = 0
    quarantined: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    last_ts: datetime | None = None

    def add(self, loaded: Loaded) -> None:
        """Adds what one batch left behind."""
        self.batches += 1
        self.events += loaded.events
        self.new += loaded.new
        self.known += loaded.known
        self.filtered += loaded.filtered
        self.quarantined += loaded.quarantined
        self.rows.update(loaded.rows)
        self.last_ts = max(filter(None, (self.last_ts, loaded.last_ts)), default=None)


_SEEN = sa.text(
    "select path, version, status, reason, detail, unchanged_since, checked_at from ops.landing_file"
)
_REMEMBER = sa.text(
    """
    insert into ops.landing_file (path, version, status, reason, detail, batch_id)
    values (:path, :version, :status, :reason, :detail, :batch_id)
    on conflict (path) do update set
    version = excluded.version,
    status = excluded.status,
    reason = excluded.reason,
    detail = excluded.detail,
    batch_id = excluded.batch_id,
    unchanged_since = case
        when landing_file.version = excluded.version then landing_file.unchanged_since else clock_timestamp()
    end,
    checked_at = clock_timestamp()
    """
)


def backlog(
    engine: sa.Engine, landing: Landing, *, wait: timedelta = timedelta(hours=1), now: datetime | None = None
) -> Backlog:
    """Compares the landing zone with what was seen of it. A file waits at most `wait` without change."""
    now = now or datetime.now(UTC)
    with engine.connect() as connection:
        seen = {row.path: row for row in connection.execute(_SEEN)}
    found = Backlog()
    for file in landing.list():
        before = seen.get(file.path)
        if before and before.reason == Reason.STALLED and now - before.checked_at < _STALL_PAUSE:
            found.waiting += 1
        elif before is None or before.version != file.version or before.reason in _FAULTS:
            found.ready.append(file)
        elif before.status == "waiting" and now - before.unchanged_since >= wait:
            found.expired.append(Refusal(file.path, before.reason, before.detail or ""))
        elif before.status == "waiting":
            found.waiting += 1
    return found


def drain(
    engine: sa.Engine,
    landing: Landing,
    *,
    wait: timedelta = timedelta(hours=1),
    limit: int | None = None,
    deployment: Deployment = EVERYTHING,
    progress: Callable[[int, int, Drained], None] | None = None,
) -> Drained:
    """Loads every ready file, at most `limit`, each in its own transaction.

    progress is called after each file with (files done, files in all, the sum so far). Raises
    LandingError where the zone cannot be read and LoadError where the database refuses.
    """
    found = backlog(engine, landing, wait=wait)
    drained = Drained(waiting=found.waiting)
    for refusal in found.expired:
        _remember(engine, refusal.path, None, "refused", refusal.reason, refusal.detail)
        drained.refused.append(refusal)
    ready = found.ready[:limit]
    loaders = ThreadPoolExecutor(_LOADERS, "loader")
    try:
        loading = [
            loaders.submit(load_with_retries, engine, partial(landing.open, file), file.path, deployment)
            for file in ready
        ]
        for done, (file, load_of_file) in enumerate(zip(ready, loading, strict=True), 1):
            if load_of_file.cancelled():
                continue
            if _note(engine, file, load_of_file, drained) == Reason.STALLED:
                # Where all files stall, each would take its minutes; those not begun are for the next drain.
                for not_begun in loading:
                    not_begun.cancel()
            if progress:
                progress(done, len(ready), drained)
    finally:
        loaders.shutdown(cancel_futures=True)
    return drained


def _note(
    engine: sa.Engine, file: LandingFile, loading: Future[Loaded | None], drained: Drained
) -> Reason | None:
    """Waits for the load of one file, and notes what became of it; returns why it could not be read."""
    try:
        loaded = loading.result()
    except (Incomplete, Unreadable) as problem:
        _remember(engine, file.path, file.version, "waiting", problem.reason, problem.detail)
        drained.waiting += 1
        return problem.reason
    except FileProblem as problem:
        _remember(engine, file.path, file.version, "refused", problem.reason, problem.detail)
        drained.refused.append(Refusal(file.path, problem.reason, problem.detail))
        return problem.reason
    else:
        status = "loaded" if loaded else "known"
        _remember(engine, file.path, file.version, status, batch_id=loaded.batch_id if loaded else None)
        if loaded:
            drained.add(loaded)
        else:
            drained.known_batches += 1
        return None


def load_with_retries(
    engine: sa.Engine, open_batch: OpenBatch, path: str, deployment: Deployment
) -> Loaded | None:
    """Loads one batch; after a fault the outcome may be unknown: the next attempt asks the ledger first.

    Raises what opening and reading it does, and LoadError where the database refuses.
    """
    for attempt in range(_ATTEMPTS):
        try:
            with _driver_connection(engine) as connection:
                return load(connection, open_batch, path=path, deployment=deployment)
        except (psycopg.Error, sa.exc.DBAPIError) as error:
            cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
            state = getattr(cause, "sqlstate", None)
            lost = state is None and isinstance(cause, psycopg.OperationalError)
            if attempt == _ATTEMPTS - 1 or not (lost or (state or "").startswith(_TRANSIENT)):
                # `from None`: the original quotes rows.
                raise LoadError(f"{path!r}: {type(cause).__name__}, SQLSTATE {state}") from None
            time.sleep(0.5 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def _driver_connection(engine: sa.Engine) -> Iterator[psycopg.Connection[Any]]:
    """The driver's own connection, for COPY; its transactions begin and end where the code says."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        yield driver


def _remember(
    engine: sa.Engine,
    path: str,
    version: str | None,
    status: str,
    reason: str | None = None,
    detail: str | None = None,
    *,
    batch_id: int | None = None,
) -> None:
    with engine.begin() as connection:
        if version is None:
            connection.execute(
                sa.text("update ops.landing_file set status = :status where path = :path"),
                {"status": status, "path": path},
            )
            return
        connection.execute(
            _REMEMBER,
            {
                "path": path,
                "version": version,
                "status": status,
                "reason": None if reason is None else str(reason),
                "detail": detail,
                "batch_id": batch_id,
            },
        )
