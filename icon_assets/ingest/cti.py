"""Calls that another database holds (ICON_CTI_DATABASE_URL): copied here batch by batch, through the merge.

The other database belongs to a second instance of this project, which stands for the ICON of the T-Servers.
It writes each batch that it loaded from a T-Server or Interaction Server as text of the contract, and that
text goes the way of every batch: ledger, merge, quarantine, dirty days. So a call that was copied differs in
nothing from one that came by file, and what was copied twice is known.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from icon_assets.contract.reader import Batch
from icon_assets.contract.reasons import FileProblem
from icon_assets.ingest.deployment import EVERYTHING
from icon_assets.ingest.drain import Drained, Refusal
from icon_assets.ingest.ledger import Source
from icon_assets.ingest.retell import retell
from icon_assets.ingest.retries import load_with_retries

# A database that does not answer must not hold up what does not need it.
_CONNECTION = {
    "application_name": "icon-assets",
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "keepalives_idle": "10",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "options": "-c default_transaction_read_only=on -c statement_timeout=10min -c timezone=UTC",
}
_BATCHES_AT_ONCE = 500


class CtiError(Exception):
    """The other database cannot be read; the message says why, without its password."""


@dataclass
class Copied:
    """What one copy did. fault: why it could not be read to the end; days: marked because that changed."""

    place: str
    fault: str | None = None
    loaded: Drained = field(default_factory=Drained)
    days: int = 0
    through_ts: datetime | None = None


@dataclass(frozen=True)
class _Known:
    """What ops.cti_database says."""

    is_missing: bool = False
    through_batch: int = 0
    through_loaded_at: datetime | None = None
    through_ts: datetime | None = None


def copy_calls(engine: sa.Engine, url: str, *, progress: Callable[[int, int], None] | None = None) -> Copied:
    """Copies every batch of calls that the database of `url` has loaded since it was last read.

    Where it cannot be read, nothing is raised: the days whose calls are missing are marked, then and when it
    can be read again, so that their attempts say so. Raises LoadError where our own database refuses.
    """
    copied = Copied(_place(url))
    try:
        with _open(engine, url) as cti:
            since = _since(cti, _known(engine))
            total = _count(cti, since)
            while batches := _waiting(cti, since):
                for since, loaded_at, last_ts in batches:
                    _copy(engine, cti, copied, since)
                    _note_batch(engine, copied.place, since, loaded_at, last_ts)
                    if progress:
                        progress(copied.loaded.batches + copied.loaded.known_batches, total)
    except CtiError as fault:
        copied.fault = str(fault)
    copied.days = _note_reach(engine, copied.place, copied.fault)
    copied.through_ts = _known(engine).through_ts
    return copied


def why_copy(engine: sa.Engine, url: str) -> str | None:
    """What a copy would do at this moment; None where nothing."""
    known = _known(engine)
    try:
        with _open(engine, url) as cti:
            waiting = _count(cti, _since(cti, known))
    except CtiError:
        return None if known.is_missing else "the CTI database cannot be read"
    if waiting:
        return f"batches of calls: {waiting}"
    return "the CTI database can be read again" if known.is_missing else None


@contextmanager
def _asking() -> Iterator[None]:
    """Errors of the other database, and of it alone, become CtiError."""
    try:
        yield
    except psycopg.ProgrammingError as error:
        raise CtiError(
            f"It is no IDB of this release of icon-assets, or its role may not read it: {_said(error)}"
        ) from None
    except psycopg.Error as error:
        raise CtiError(_said(error)) from None


def _said(error: psycopg.Error) -> str:
    return " ".join((error.diag.message_primary or str(error)).split()) or type(error).__name__


def _place(url: str) -> str:
    conninfo = conninfo_to_dict(url)
    return f"{conninfo.get('host', 'localhost')}:{conninfo.get('port', 5432)}/{conninfo.get('dbname', '')}"


@contextmanager
def _open(engine: sa.Engine, url: str) -> Iterator[psycopg.Connection[Any]]:
    with _asking():
        conninfo: dict[str, Any] = {**_CONNECTION, **conninfo_to_dict(url)}
        cti = psycopg.connect(make_conninfo(**conninfo), autocommit=True)
    try:
        with _asking():
            (itself,) = cti.execute(_IDENTITY).fetchone() or (None,)
        with engine.connect() as connection:
            if connection.execute(sa.text(_IDENTITY)).scalar_one() == itself:
                raise CtiError("It is this project's own database. Name another one, or unset it.")
        yield cti
    finally:
        cti.close()


_IDENTITY = """
    select s.system_identifier || '/' || d.oid
    from pg_control_system() as s, pg_database as d
    where d.datname = current_database()
"""
# What it copied itself is not handed on: two databases that copy each other would do so for ever.
_BATCHES = """
    from ops.batch as b
    where b.source in ('tserver', 'ixn') and not starts_with(b.path, 'postgresql://') and b.batch_id > %s
"""


def _since(cti: psycopg.Connection[Any], known: _Known) -> int:
    """The last batch that was copied; 0 where it is not there any more: an older database was restored."""
    with _asking():
        row = cti.execute(
            "select loaded_at from ops.batch where batch_id = %s", [known.through_batch]
        ).fetchone()
    return known.through_batch if row == (known.through_loaded_at,) else 0


def _count(cti: psycopg.Connection[Any], since: int) -> int:
    with _asking():
        row = cti.execute(f"select count(*) {_BATCHES}", [since]).fetchone()
    assert row is not None
    return int(row[0])


def _waiting(cti: psycopg.Connection[Any], since: int) -> list[tuple[int, datetime, datetime | None]]:
    with _asking():
        return cti.execute(
            f"select b.batch_id, b.loaded_at, b.last_ts {_BATCHES} order by b.batch_id limit %s",
            [since, _BATCHES_AT_ONCE],
        ).fetchall()


def _copy(engine: sa.Engine, cti: psycopg.Connection[Any], copied: Copied, batch_id: int) -> None:
    path = f"postgresql://{copied.place}#{batch_id}"
    # Whether an ICON takes it was decided where it was loaded.
    loads = load_with_retries(engine, [Source(path, partial(_batch, cti, batch_id))], EVERYTHING)
    (outcome,) = loads.outcomes
    if isinstance(outcome, FileProblem):
        copied.loaded.refused.append(Refusal(path, outcome.reason, outcome.detail))
    else:
        copied.loaded.add(outcome)
        copied.loaded.rows += loads.rows


@contextmanager
def _batch(cti: psycopg.Connection[Any], batch_id: int) -> Iterator[Batch]:
    """One batch of the other ledger, as its own server writes it."""
    lines = _lines(cti, batch_id)

    def read(size: int) -> bytes:
        piece = bytearray()
        for line in lines:
            piece += line
            if len(piece) >= size:
                break
        return bytes(piece)

    try:
        yield Batch(read)
    finally:
        lines.close()


def _lines(cti: psycopg.Connection[Any], batch_id: int) -> Generator[bytes, None, None]:
    with _asking(), cti.cursor() as cursor, cursor.copy(retell(batch_id)) as copy:
        yield from map(bytes, copy)


def _known(engine: sa.Engine) -> _Known:
    with engine.connect() as connection:
        row = connection.execute(
            sa.text(
                "select missing_since is not null, coalesce(through_batch, 0), through_loaded_at, through_ts "
                "from ops.cti_database"
            )
        ).one_or_none()
    return _Known(*row) if row else _Known()


def _note_batch(
    engine: sa.Engine, place: str, batch_id: int, loaded_at: datetime, last_ts: datetime | None
) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                """
                insert into ops.cti_database (place, through_batch, through_loaded_at, through_ts)
                values (:place, :batch_id, :loaded_at, :last_ts)
                on conflict (id) do update set
                place = excluded.place,
                through_batch = excluded.through_batch,
                through_loaded_at = excluded.through_loaded_at,
                through_ts = greatest(cti_database.through_ts, excluded.through_ts)
                """
            ),
            {"place": place, "batch_id": batch_id, "loaded_at": loaded_at, "last_ts": last_ts},
        )


# Attempts since the newest call that was copied: of chains that ended on that day or later.
_MARK = """
    insert into ops.dirty_day (entity, day, reason, objects)
    select f.entity, f.day, 'call', f.objects
    from ops.final_day as f
    inner join ops.cti_database as c on f.day >= (c.missing_since at time zone 'UTC')::date
    where f.entity = 'chain'
"""
_REACH = """
    insert into ops.cti_database (place, fault, missing_since)
    values (:place, :fault, case when cast(:fault as text) is not null then timestamptz '-infinity' end)
    on conflict (id) do update set
    place = excluded.place,
    fault = excluded.fault,
    checked_at = clock_timestamp(),
    missing_since = case
        when excluded.fault is not null
            then coalesce(cti_database.missing_since, cti_database.through_ts, '-infinity')
    end
"""


def _note_reach(engine: sa.Engine, place: str, fault: str | None) -> int:
    """Notes whether it could be read; returns how many days were marked, where that has changed."""
    with engine.begin() as connection:
        was_missing = connection.execute(
            sa.text("select missing_since is not null from ops.cti_database for update")
        ).scalar_one_or_none()
        lost, found = bool(fault) and not was_missing, was_missing and not fault
        days = connection.execute(sa.text(_MARK)).rowcount if found else 0
        connection.execute(sa.text(_REACH), {"place": place, "fault": fault})
        return connection.execute(sa.text(_MARK)).rowcount if lost else days
