"""Quarantine as a place to work: what is there, a line's text for whoever may see it, and its replay.

A mended line comes back as a batch of its own, under a new identity: the ledger, its checks and the keys
hold for it as for any other. The row that it mends stays and names that batch. A line that is bad again
is a new row of that batch, so nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import class_row

from icon_assets.contract.header import CONTRACT
from icon_assets.contract.reader import Batch
from icon_assets.contract.reasons import FileProblem, Reason
from icon_assets.errors import UserError
from icon_assets.ingest.deployment import EVERYTHING, Deployment
from icon_assets.ingest.ledger import Loaded, Source
from icon_assets.ingest.load import load

# A feed's lines are right or its bridge is wrong: one in a hundred is far beyond a stray fault.
SHARE = 0.01
# One line in five of a single batch means that its bridge does not work.
STORM = 0.2
_MEANING = {str(reason): reason.text for reason in Reason}


@dataclass(frozen=True)
class Entry:
    """One quarantined line without its text. replayed_by: the batch that brought it back, mended by `who`."""

    quarantine_id: int
    batch_id: int
    batch: str
    line: int
    type: str | None
    reason: str
    detail: str | None
    quarantined_at: datetime
    replayed_by: int | None
    replayed_who: str | None

    @property
    def meaning(self) -> str:
        """What the reason's code means."""
        return _MEANING[self.reason]


@dataclass(frozen=True)
class Storm:
    """A batch of which more than STORM was quarantined, and some of it waits. reasons: of what waits."""

    batch_id: int
    batch: str
    source: str
    events: int
    quarantined: int
    reasons: str


@dataclass(frozen=True)
class Week:
    """The last seven days: event lines that came, those of them that wait in quarantine by reason, storms."""

    events: int
    waiting: dict[str, int]
    storms: list[Storm]

    @property
    def lines(self) -> int:
        """How many lines wait."""
        return sum(self.waiting.values())

    @property
    def share(self) -> float:
        """Of all lines that came."""
        return self.lines / self.events if self.events else 0.0

    @property
    def is_calm(self) -> bool:
        """Whether both limits hold, SHARE and STORM."""
        return self.share <= SHARE and not self.storms


_ENTRIES = """
    select
        q.quarantine_id, q.batch_id, b.batch, q.line, q.type, q.reason, q.detail, q.quarantined_at,
        q.replayed_by, q.replayed_who
    from ops.quarantine as q
    inner join ops.batch as b on b.batch_id = q.batch_id
"""
# The last batches are enough, and found by their key; the ledger grows for ever.
_EVENTS = """
    select coalesce(sum(events), 0)::bigint from ops.batch
    where loaded_at > now() - interval '7 days' and batch_id > (select max(batch_id) - 10000 from ops.batch)
"""
_WAITING_THIS_WEEK = (
    "from ops.quarantine as q where q.replayed_by is null and q.quarantined_at > now() - interval '7 days'"
)
_REASONS = f"select q.reason, count(*) {_WAITING_THIS_WEEK} group by q.reason order by 2 desc, 1"
_STORMS = f"""
    select b.batch_id, b.batch, b.source, b.events, b.quarantined, q.reasons
    from (
        select q.batch_id, string_agg(distinct q.reason, ', ' order by q.reason) as reasons
        {_WAITING_THIS_WEEK}
        group by q.batch_id
    ) as q
    inner join ops.batch as b on b.batch_id = q.batch_id
    where b.quarantined > b.events * cast(:limit as numeric)
    order by b.batch_id desc
"""


def entries(
    engine: sa.Engine, *, batch_id: int | None = None, reason: Reason | None = None, replayed: bool = False
) -> list[Entry]:
    """Lines that wait in quarantine, in the order of batch and line; with `replayed` the others too."""
    query = f"""{_ENTRIES}
        where
            (cast(:batch_id as bigint) is null or q.batch_id = :batch_id)
            and (cast(:reason as text) is null or q.reason = :reason)
            and (:replayed or q.replayed_by is null)
        order by q.batch_id, q.line"""
    with engine.connect() as connection:
        found = connection.execute(
            sa.text(query), {"batch_id": batch_id, "reason": reason, "replayed": replayed}
        )
        return [Entry(*row) for row in found]


def raw_lines(engine: sa.Engine, quarantine_ids: Sequence[int]) -> dict[int, bytes]:
    """The lines as they came, by id: customers' values, secure ones too."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("select quarantine_id, raw from ops.quarantine where quarantine_id = any(:ids)"),
            {"ids": list(quarantine_ids)},
        )
        return {quarantine_id: bytes(raw) for quarantine_id, raw in found}


def last_week(connection: sa.Connection) -> Week:
    """What the limits are held against: a failing bridge is to be seen now, not for ever."""
    storms = connection.execute(sa.text(_STORMS), {"limit": STORM})
    return Week(
        connection.execute(sa.text(_EVENTS)).scalar_one(),
        dict(connection.execute(sa.text(_REASONS)).tuples().all()),
        [Storm(*row) for row in storms],
    )


@dataclass(frozen=True)
class _Waiting:
    """What replaying a line needs to know of it."""

    quarantine_id: int
    batch_id: int
    replayed_by: int | None
    source: str
    dbid: int
    feed: int | None
    release: str


# Locked: of two people who mend the same line the second is told so.
_WAITING = """
    select q.quarantine_id, q.batch_id, q.replayed_by, b.source, b.dbid, b.feed, b.release
    from ops.quarantine as q
    inner join ops.batch as b on b.batch_id = q.batch_id
    where q.quarantine_id = any(%s)
    order by q.quarantine_id
    for update of q
"""


def replay(
    engine: sa.Engine, mended: Mapping[int, bytes], who: str, *, deployment: Deployment = EVERYTHING
) -> list[Loaded]:
    """Loads mended lines, by quarantine id: one new batch for those of each batch, each one transaction.

    Raises UserError for what the caller can mend; then the batches before it are loaded.
    """
    for quarantine_id, line in mended.items():
        if not line.strip() or b"\n" in line:
            raise UserError(f"Line {quarantine_id} is blank or more than one line. Write one event.")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        try:
            return [_replay(driver, ids, mended, who, deployment) for ids in _by_batch(driver, mended)]
        except psycopg.Error as error:
            # `from None`: the original quotes rows.
            raise UserError(f"The replay was refused with SQLSTATE {error.sqlstate}. Try again.") from None


def _by_batch(connection: psycopg.Connection[Any], mended: Mapping[int, bytes]) -> list[list[int]]:
    """The ids, those of one batch together."""
    found = connection.execute(
        "select array_agg(quarantine_id) from ops.quarantine where quarantine_id = any(%s) "
        "group by batch_id order by batch_id",
        [list(mended)],
    ).fetchall()
    if unknown := mended.keys() - {quarantine_id for (ids,) in found for quarantine_id in ids}:
        raise UserError(f"There is no quarantined line {min(unknown)}. See icon-assets quarantine list.")
    return [ids for (ids,) in found]


def _replay(
    connection: psycopg.Connection[Any],
    ids: list[int],
    mended: Mapping[int, bytes],
    who: str,
    deployment: Deployment,
) -> Loaded:
    with connection.transaction():
        with connection.cursor(row_factory=class_row(_Waiting)) as cursor:
            lines = cursor.execute(_WAITING, [ids]).fetchall()
        for line in lines:
            if line.replayed_by is not None:
                raise UserError(
                    f"Line {line.quarantine_id} was replayed before, as batch {line.replayed_by}: leave it "
                    "out. If it was bad again, it has a new number: see icon-assets quarantine list."
                )
        text = _batch(lines, [mended[line.quarantine_id] for line in lines])
        source = Source("quarantine", lambda: nullcontext(Batch(io.BytesIO(text).read)))
        (loaded,) = load(connection, [source], deployment=deployment).outcomes
        if isinstance(loaded, FileProblem):
            raise UserError(f"The lines of batch {lines[0].batch_id} are no batch: {loaded.reason.text}")
        assert loaded  # its identity holds the ids of lines that were never replayed
        connection.execute(
            "update ops.quarantine set replayed_by = %s, replayed_who = %s where quarantine_id = any(%s)",
            (loaded.batch_id, who, ids),
        )
        return loaded


def _batch(lines: Sequence[_Waiting], texts: Sequence[bytes]) -> bytes:
    """The batch that a bridge would have sent: identity by the lines that it mends and by what they say."""
    first = lines[0]
    ids = ",".join(str(line.quarantine_id) for line in lines)
    digest = hashlib.sha256(b"\n".join((ids.encode(), *texts))).hexdigest()
    header = {
        "type": "batch",
        "contract": CONTRACT,
        "batch": f"quarantine/{first.batch_id}/{digest[:32]}",
        "source": first.source,
        "dbid": first.dbid,
        "feed": first.feed,
        "release": first.release,
        "events": len(lines),
    }
    # The last LF says that the last line is whole, however bad.
    return b"\n".join((json.dumps(header).encode(), *texts, b""))
