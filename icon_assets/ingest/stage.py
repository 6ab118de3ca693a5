"""The stage: one temporary table an event type, filled by binary COPY. Nothing here outlives a transaction.

Lines that nobody is to store are counted, and left out.

A stage table has the fields of the event under their own names, after `batch` (its number, from 1 on, among
those that are loaded together) and `line` (of its file). Each time field T becomes T (timestamp, GMT) and
T_s (epoch seconds, cut, as the vendor cuts them); `ts` has also ts_ymd, the YYYYMMDD of GSYS_PARTITION. They
are computed here because the server is the bottleneck of a load.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import getitem
from typing import Any

import msgspec
import psycopg
from msgspec.structs import astuple

from icon_assets.contract.events import TIME_FIELDS, TYPES, Event
from icon_assets.contract.header import Header
from icon_assets.contract.times import DAY_MS
from icon_assets.ingest import clock, sequence
from icon_assets.ingest.deployment import Scope

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_length = struct.Struct(">i").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_time = struct.Struct(">iqii").pack
# What each line has of its own, packed at once: line, ts, ts_s, ts_ymd; then dsseq.
_head = struct.Struct(">iiiqiiii").pack
_PG_EPOCH_MS = 946_684_800_000  # 2000-01-01, where PostgreSQL's timestamps begin
_INT4_MAX = 2**31 - 1
_FLUSH_BYTES = 1 << 20  # a stage's buffer: big enough for COPY to stream, small enough for twelve of them
_HEAD = ("batch integer", "line integer", "ts timestamp", "ts_s integer", "ts_ymd integer", "dsseq integer")
_KEPT = 10_000  # encoded values of each kind, none longer than a GUID with its length: 2 MB
_KEPT_BYTES = 68


def _encode_text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    raw = value.encode()
    return _length(len(raw)) + raw


def _encode_int4(value: int | None) -> bytes:
    return _NULL if value is None else _int4(4, value)


def _encode_int8(value: int | None) -> bytes:
    return _NULL if value is None else _int8(8, value)


def _encode_bool(value: bool | None) -> bytes:
    return _NULL if value is None else _length(1) + bytes((value,))


def _encode_time(value: int | None) -> bytes:
    if value is None:
        return _NULL + _NULL
    return _time(8, (value - _PG_EPOCH_MS) * 1000, 4, value // 1000)


def _column(name: str, type_: msgspec.inspect.Type) -> tuple[tuple[str, ...], Callable[[Any], bytes]]:
    """DDL of the column or columns that hold one event field, and what encodes it."""
    if name in TIME_FIELDS:
        return (f"{name} timestamp", f"{name}_s integer"), _encode_time
    options = type_.types if isinstance(type_, msgspec.inspect.UnionType) else (type_,)
    match next(option for option in options if not isinstance(option, msgspec.inspect.NoneType)):
        case msgspec.inspect.BoolType():
            return (f'"{name}" boolean',), _encode_bool
        case msgspec.inspect.IntType(le=le) if le is not None and le <= _INT4_MAX:
            return (f'"{name}" integer',), _encode_int4
        case msgspec.inspect.IntType():
            return (f'"{name}" bigint',), _encode_int8
        case _:
            return (f'"{name}" text collate "C"',), _encode_text


@dataclass(frozen=True)
class _Layout:
    """What the stage table of one event type looks like, worked out once a process."""

    ddl: tuple[str, ...]
    encoders: tuple[Callable[[Any], bytes], ...]


@cache
def _layout(event: type[Event]) -> _Layout:
    info = msgspec.inspect.type_info(event)
    assert isinstance(info, msgspec.inspect.StructType)
    columns = [_column(field.name, field.type) for field in info.fields if field.name not in ("ts", "dsseq")]
    return _Layout(
        ddl=(*_HEAD, *(part for parts, _ in columns for part in parts)),
        encoders=tuple(encoder for _, encoder in columns),
    )


def create() -> str:
    """DDL of all stage tables, which live as long as the session."""
    lines = (
        f"create temporary table stage_{type_} ({', '.join(_layout(event).ddl)}) on commit delete rows"
        for type_, event in TYPES.items()
    )
    return "; ".join((*lines, sequence.CREATE))


def removed(cursor: psycopg.Cursor[Any], type_: str, which: str) -> Counter[int]:
    """Takes lines of a type out of the stage, `which` being the rest of DELETE; how many, by batch."""
    gone = cursor.execute(
        f"with gone as (delete from stage_{type_} as s {which} returning s.batch) "
        "select batch, count(*) from gone group by batch"
    )
    return Counter(dict(gone.fetchall()))


class _Encoded(dict[Any, bytes]):
    """Values of one kind, encoded when first asked for: most come again, and a look-up costs a fifth."""

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, value: Any) -> bytes:
        encoded = self._encode(value)
        if len(encoded) <= _KEPT_BYTES:
            if len(self) >= _KEPT:
                self.clear()
            self[value] = encoded
        return encoded


class _ByEncoder(dict[Callable[[Any], bytes], _Encoded]):
    def __missing__(self, encode: Callable[[Any], bytes]) -> _Encoded:
        self[encode] = found = _Encoded(encode)
        return found


class _EncodedTimes(_Encoded):
    """Times, which leave their days in `days`."""

    def __init__(self, days: clock.Days) -> None:
        super().__init__(_encode_time)
        self._days = days

    def __missing__(self, value: Any) -> bytes:
        if value is not None:
            self._days[value // DAY_MS]
        return super().__missing__(value)


class Stage:
    """The stage table of one event type, and its buffer. encoded (by encoder) and days: of all stages."""

    def __init__(self, type_: str, event: type[Event], encoded: _ByEncoder, days: clock.Days) -> None:
        self._days = days
        layout = _layout(event)
        self.type = type_
        self._columns = struct.pack(">h", len(layout.ddl))
        self._encoded = tuple(encoded[encoder] for encoder in layout.encoders)
        self._copy = f"copy stage_{type_} from stdin (format binary)"
        self._buffer = bytearray()
        self.begin(0)

    def begin(self, batch: int) -> None:
        """What is added from now on is of batch number `batch`."""
        self.lines = 0
        self._batch = batch
        self._prefix = self._columns + _int4(4, batch)
        self._begin, self._is_sent = len(self._buffer), False

    def discard(self, cursor: psycopg.Cursor[Any]) -> None:
        """Takes the last batch out again."""
        if self._is_sent:
            cursor.execute(f"delete from stage_{self.type} where batch = %s", [self._batch])
        del self._buffer[0 if self._is_sent else self._begin :]

    def add(self, line: int, event: Event) -> None:
        """Takes one line into the buffer."""
        ts, dsseq, *others = astuple(event)
        ymd = self._days[ts // DAY_MS]
        head = _head(4, line, 8, (ts - _PG_EPOCH_MS) * 1000, 4, ts // 1000, 4, ymd) + _encode_int4(dsseq)
        self._buffer += self._prefix + head + b"".join(map(getitem, self._encoded, others))
        self.lines += 1

    def flush(self, cursor: psycopg.Cursor[Any], *, at: int = 0) -> None:
        """Sends the buffer once it holds more than `at` bytes."""
        if len(self._buffer) <= at:
            return
        with cursor.copy(self._copy) as copy:
            copy.write(_HEADER + bytes(self._buffer) + _TRAILER)
        self._buffer.clear()
        self._is_sent = True


@dataclass(frozen=True)
class Told:
    """What the lines of one batch tell of it: how many are staged, by type, and left out, by type and reason.

    span: from when to when the staged ones go. days: those that their times lie in, from 1970-01-01 on.
    """

    staged: dict[str, int]
    left_out: Counter[tuple[str, str]]
    span: clock.Span | None
    days: frozenset[int]


class Stages:
    """All stage tables of one loading transaction."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self._days = clock.Days()
        encoded = _ByEncoder()
        self._times = encoded[_encode_time] = _EncodedTimes(self._days)
        self._by_class = {event: Stage(type_, event, encoded, self._days) for type_, event in TYPES.items()}
        self._runs = sequence.Runs(cursor)

    def begin(self, batch: int) -> None:
        """What is added from now on is of batch number `batch`, counted from 1."""
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._span: clock.Span | None = None
        self._times.clear()
        self._days.clear()
        self._runs.begin(batch)
        for stage in self._by_class.values():
            stage.begin(batch)

    def add(self, events: Sequence[tuple[int, Event]], scope: Scope) -> None:
        """Takes (line, event) and sends what has gathered; memory stays bounded by the buffers."""
        self._runs.add(events)
        if scope.leaves_out:
            events = list(self._taken(events, scope))
        if not events:
            return
        self._span = clock.widened(self._span, [event.ts for _, event in events])
        stages = self._by_class
        for line, event in events:
            stages[event.__class__].add(line, event)
        for stage in stages.values():
            stage.flush(self._cursor, at=_FLUSH_BYTES)

    def end(self, header: Header) -> Told:
        """Ends the batch."""
        self._runs.end(header.first_dsseq, header.last_dsseq)
        staged = {stage.type: stage.lines for stage in self._by_class.values() if stage.lines}
        return Told(staged, self._left_out, self._span, frozenset(self._days))

    def discard(self) -> None:
        """Takes the last batch out again."""
        self._runs.discard()
        for stage in self._by_class.values():
            stage.discard(self._cursor)

    def close(self) -> None:
        """Sends the rest."""
        self._runs.flush()
        for stage in self._by_class.values():
            stage.flush(self._cursor)

    def _taken(self, events: Iterable[tuple[int, Event]], scope: Scope) -> Iterator[tuple[int, Event]]:
        for line, event in events:
            if reason := scope.reason(event):
                self._left_out[str(event.__struct_config__.tag), reason] += 1
            else:
                yield line, event
