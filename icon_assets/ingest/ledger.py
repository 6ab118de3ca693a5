"""The ledger, ops.batch: which batch is in it, with what content, and the row that a loaded one gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from icon_assets.contract.header import Header
from icon_assets.contract.reader import Batch
from icon_assets.contract.reasons import FileProblem, Reason
from icon_assets.ingest.merge import Merged
from icon_assets.ingest.stage import Told

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Conflict(FileProblem):
    """The batch's identity is in the ledger with other content."""


@dataclass(frozen=True)
class Source:
    """Where a batch comes from: what the ledger names it by, and how to open it, once more if need be."""

    path: str
    open: Callable[[], AbstractContextManager[Batch]]


@dataclass(frozen=True)
class Loaded:
    """What a batch left behind. Lines: events = new + known + filtered + quarantined."""

    batch_id: int
    events: int
    new: int = 0
    known: int = 0
    filtered: int = 0
    quarantined: int = 0
    last_ts: datetime | None = None


@dataclass
class Member:
    """A staged batch, and its place among the outcomes. number: its own in the stage, from 1 on."""

    place: int
    number: int
    source: Source
    header: Header
    sha256: bytes
    told: Told
    rejected: int
    unknown_fields: Counter[str]

    @property
    def span(self) -> tuple[datetime, ...] | None:
        """Earliest and latest source time of the lines that were not left out."""
        return self.told.span and tuple(_EPOCH + timedelta(milliseconds=ms) for ms in self.told.span)


def origin(header: Header) -> tuple[str, int, int | None]:
    """Source, DBID and feed: who numbers the batch."""
    return header.source, header.dbid, header.feed


def known_content(cursor: psycopg.Cursor[Any], header: Header) -> bytes | None:
    """Hash of the content that the ledger has for the batch's identity, if any."""
    row = cursor.execute(
        "select content_sha256 from ops.batch "
        "where source = %s and dbid = %s and feed is not distinct from %s and batch = %s",
        (*origin(header), header.batch),
    ).fetchone()
    return row[0] if row else None


def judged(sha256: bytes, known: bytes) -> Conflict | None:
    """The outcome of a batch whose identity is known with this content."""
    if sha256 == known:
        return None
    return Conflict(Reason.OTHER_CONTENT, "a batch of this identity was loaded with other content")


def record(cursor: psycopg.Cursor[Any], member: Member, merged: Merged, parameters: dict[str, Any]) -> Loaded:
    """The ledger row of a batch."""
    header, number = member.header, member.number
    new = {type_: lines - merged.left[number, type_] for type_, lines in member.told.staged.items()}
    lines, filtered = Counter(member.told.staged), Counter(merged.filtered[number])
    for (type_, reason), n in member.told.left_out.items():
        lines[type_] += n
        filtered[reason] += n
    by_type = {type_: {"lines": n, "new": new.get(type_, 0)} for type_, n in lines.items()}
    first_ts, last_ts = member.span or (None, None)
    loaded = Loaded(
        batch_id=parameters["batch_ids"][number - 1],
        events=header.events,
        new=sum(new.values()),
        known=merged.known[number],
        filtered=filtered.total(),
        quarantined=member.rejected,
        last_ts=last_ts,
    )
    cursor.execute(
        """
        insert into ops.batch (
            batch_id, source, dbid, feed, batch, release, sent, content_sha256,
            events, new, known, filtered, quarantined, filtered_by, by_type, unknown_fields,
            first_dsseq, last_dsseq, first_ts, last_ts, path
        )
        overriding system value
        values (
            %s, %s, %s, %s, %s, %s, to_timestamp(%s), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
        )
        """,
        (
            loaded.batch_id, header.source, header.dbid, header.feed, header.batch, header.release,
            None if header.sent is None else header.sent / 1000, member.sha256,
            loaded.events, loaded.new, loaded.known, loaded.filtered, loaded.quarantined,
            Jsonb(dict(filtered)), Jsonb(by_type), Jsonb(dict(member.unknown_fields)),
            header.first_dsseq, header.last_dsseq, first_ts, last_ts, member.source.path,
        ),
    )  # fmt: skip
    return loaded
