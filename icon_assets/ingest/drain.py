"""Everything that waits in the landing zone, small batches together; the ledger decides what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import TypeVar

import sqlalchemy as sa

from icon_assets.contract.landing import Landing, LandingFile
from icon_assets.contract.reasons import FileProblem, Incomplete, Reason, Unreadable
from icon_assets.ingest.deployment import EVERYTHING, Deployment
from icon_assets.ingest.ledger import Loaded, Source
from icon_assets.ingest.load import Loads
from icon_assets.ingest.retries import LoadError, load_with_retries

# Two merge, calls and outbound data, while one decodes: two cores are busy then.
_LOADERS = 3
# A merge costs 20 ms before its first line and 15 us for each: small batches are merged together, some
# 50,000 lines of text, which gzip makes 15 times smaller, and no more files than statements can well number.
_TOGETHER = 16 * 2**20
_INFLATED = 15
_FILES_TOGETHER = 100
# Faults on the way to a file: worth another look, as an incomplete file is not until it changes.
_FAULTS = {Reason.GONE, Reason.REPLACED, Reason.OS_ERROR, Reason.STALLED}
# Asking a storage that does not answer takes minutes, in which nothing that comes anew is loaded.
_STALL_PAUSE = timedelta(minutes=15)

_T = TypeVar("_T")


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

    def add(self, loaded: Loaded | None) -> None:
        """Adds what one batch left behind; None where it was known."""
        if loaded is None:
            self.known_batches += 1
            return
        self.batches += 1
        self.events += loaded.events
        self.new += loaded.new
        self.known += loaded.known
        self.filtered += loaded.filtered
        self.quarantined += loaded.quarantined
        self.last_ts = max(filter(None, (self.last_ts, loaded.last_ts)), default=None)


_SEEN = sa.text(
    "select path, version, status, reason, detail, unchanged_since, checked_at from ops.landing_file"
)
_REFUSE = sa.text("update ops.landing_file set status = 'refused' where path = :path")
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
    """Loads every ready file, at most `limit`; small ones share a transaction.

    progress is called after some files with (files done, files in all, the sum so far). Raises
    LandingError where the zone cannot be read and LoadError where the database refuses.
    """
    found = backlog(engine, landing, wait=wait)
    drained = Drained(waiting=found.waiting)
    for refusal in found.expired:
        with engine.begin() as connection:
            connection.execute(_REFUSE, {"path": refusal.path})
        drained.refused.append(refusal)
    ready = _side_by_side(_by_folder(found.ready).values())[:limit]
    loaders = ThreadPoolExecutor(_LOADERS, "loader")
    try:
        loading = [
            (files, loaders.submit(_load_all, engine, landing, files, deployment))
            for files in _side_by_side([_portions(folder) for folder in _by_folder(ready).values()])
        ]
        done = 0
        for files, load_of_files in loading:
            if load_of_files.cancelled():
                continue
            loads, failure = load_of_files.result()
            _note(engine, files, loads, drained)
            if failure:
                raise failure
            done += len(files)
            if _has_stalled(loads):
                # Where all files stall, each would take its minutes; those not begun are for the next drain.
                for _, not_begun in loading:
                    not_begun.cancel()
            if progress:
                progress(done, len(ready), drained)
    finally:
        loaders.shutdown(cancel_futures=True)
    return drained


def _by_folder(files: Iterable[LandingFile]) -> dict[str, list[LandingFile]]:
    found: dict[str, list[LandingFile]] = {}
    for file in files:
        found.setdefault(file.path.rpartition("/")[0], []).append(file)
    return found


def _side_by_side(folders: Iterable[Sequence[_T]]) -> list[_T]:
    """What all folders hold, each in its order: calls and outbound data, mostly apart, come together."""
    placed = [(number / len(folder), one) for folder in folders for number, one in enumerate(folder)]
    return [one for _, one in sorted(placed, key=itemgetter(0))]


def _portions(files: list[LandingFile]) -> list[list[LandingFile]]:
    """Files of one folder to load together: one large or many small ones."""
    portions: list[list[LandingFile]] = []
    room = 0
    for file in files:
        room -= _text_bytes(file)
        if not portions or room < 0 or len(portions[-1]) == _FILES_TOGETHER:
            portions.append([])
            room = _TOGETHER - _text_bytes(file)
        portions[-1].append(file)
    return portions


def _text_bytes(file: LandingFile) -> int:
    return file.size * (1 if file.path.endswith(".jsonl") else _INFLATED)


def _load_all(
    engine: sa.Engine, landing: Landing, files: list[LandingFile], deployment: Deployment
) -> tuple[Loads, LoadError | None]:
    """Loads files in their order, in as few transactions as may be; not those after one that stalls.

    Where the database refuses one: what was loaded before it, and the refusal.
    """
    sources = [Source(file.path, partial(landing.open, file)) for file in files]
    loads = Loads()
    while (done := len(loads.outcomes)) < len(sources):
        try:
            more = load_with_retries(engine, sources[done:], deployment)
        except LoadError as failure:
            return loads, failure
        loads.outcomes += more.outcomes
        loads.rows += more.rows
        if _has_stalled(more):
            break
    return loads, None


def _has_stalled(loads: Loads) -> bool:
    return any(isinstance(o, FileProblem) and o.reason == Reason.STALLED for o in loads.outcomes)


def _note(engine: sa.Engine, files: list[LandingFile], loads: Loads, drained: Drained) -> None:
    """Notes what became of each file."""
    drained.rows += loads.rows
    with engine.begin() as connection:
        for file, outcome in zip(files, loads.outcomes, strict=False):
            status, batch_id = "known", None
            problem = outcome if isinstance(outcome, FileProblem) else None
            if isinstance(outcome, Incomplete | Unreadable):
                status = "waiting"
                drained.waiting += 1
            elif isinstance(outcome, FileProblem):
                status = "refused"
                drained.refused.append(Refusal(file.path, outcome.reason, outcome.detail))
            else:
                drained.add(outcome)
                if outcome:
                    status, batch_id = "loaded", outcome.batch_id
            connection.execute(
                _REMEMBER,
                {
                    "path": file.path,
                    "version": file.version,
                    "status": status,
                    "reason": str(problem.reason) if problem else None,
                    "detail": problem.detail if problem else None,
                    "batch_id": batch_id,
                },
            )
