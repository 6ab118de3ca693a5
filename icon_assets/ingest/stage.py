"""The stage: one temporary table an event type, filled by binary COPY. Nothing here outlives a transaction.

A stage table has the fields of the event under their own names, after `line` (the line of the batch
file). Each time field T becomes T (timestamp, GMT) and T_s (epoch seconds, cut, as the vendor cuts
them); `ts` has also ts_ymd, the YYYYMMDD of GSYS_PARTITION. They are computed here because the
server is the bottleneck of a load.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import attrgetter
from time import gmtime
from typing import Any

import msgspec
import psycopg

from icon_assets.contract.events import TIME_FIELDS, TYPES, Event

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_length = struct.Struct(">i").pack
_int4 = struct.Struct(">ii").pack
_int8 = struct.Struct(">iq").pack
_time = struct.Struct(">iqii").pack
_time_ymd = struct.Struct(">iqiiii").pack
_PG_EPOCH_MS = 946_684_800_000  # 2000-01-01, where PostgreSQL's timestamps begin
_INT4_MAX = 2**31 - 1
_FLUSH_BYTES = 1 << 20  # a stage's buffer: big enough for COPY to stream, small enough for twelve of them


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


@lru_cache(1024)
def _yyyymmdd(epoch_day: int) -> int:
    day = gmtime(epoch_day * 86_400)
    return day.tm_year * 10_000 + day.tm_mon * 100 + day.tm_mday


def _encode_ts(value: int) -> bytes:
    return _time_ymd(8, (value - _PG_EPOCH_MS) * 1000, 4, value // 1000, 4, _yyyymmdd(value // 86_400_000))


def _column(name: str, type_: msgspec.inspect.Type) -> tuple[tuple[str, ...], Callable[[Any], bytes]]:
    """DDL of the column or columns that hold one event field, and what encodes it."""
    if name == "ts":
        return ("ts timestamp", "ts_s integer", "ts_ymd integer"), _encode_ts
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
    values: Callable[[Event], tuple[Any, ...]]
    encoders: tuple[Callable[[Any], bytes], ...]


@cache
def _layout(event: type[Event]) -> _Layout:
    info = msgspec.inspect.type_info(event)
    assert isinstance(info, msgspec.inspect.StructType)
    columns = [_column(field.name, field.type) for field in info.fields]
    return _Layout(
        ddl=("line integer", *(part for parts, _ in columns for part in parts)),
        values=attrgetter(*(field.name for field in info.fields)),
        encoders=tuple(encoder for _, encoder in columns),
    )


def create() -> str:
    """DDL of all stage tables, which live as long as the session."""
    return "; ".join(
        f"create temporary table stage_{type_} ({', '.join(_layout(event).ddl)}) on commit delete rows"
        for type_, event in TYPES.items()
    )


class Stage:
    """The stage table of one event type, and its buffer."""

    def __init__(self, type_: str, event: type[Event]) -> None:
        layout = _layout(event)
        self.type = type_
        self._prefix = struct.pack(">h", len(layout.ddl))
        self._values = layout.values
        self._encoders = layout.encoders
        self._copy = f"copy stage_{type_} from stdin (format binary)"
        self._buffer = bytearray()
        self.lines = 0

    def add(self, line: int, event: Event) -> None:
        """Takes one line into the buffer."""
        encoded = [encode(value) for encode, value in zip(self._encoders, self._values(event), strict=True)]
        self._buffer += self._prefix + _int4(4, line) + b"".join(encoded)
        self.lines += 1

    def flush(self, cursor: psycopg.Cursor[Any], *, at: int = 0) -> None:
        """Sends the buffer once it holds more than `at` bytes."""
        if len(self._buffer) <= at:
            return
        with cursor.copy(self._copy) as copy:
            copy.write(_HEADER + bytes(self._buffer) + _TRAILER)
        self._buffer.clear()


class Stages:
    """All stage tables of one loading transaction."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor
        self._by_class = {event: Stage(type_, event) for type_, event in TYPES.items()}

    def add(self, events: Iterable[tuple[int, Event]]) -> None:
        """Takes (line, event) and sends what has gathered; memory stays bounded by the buffers."""
        stages = self._by_class
        for line, event in events:
            stages[event.__class__].add(line, event)
        for stage in stages.values():
            stage.flush(self._cursor, at=_FLUSH_BYTES)

    def close(self) -> dict[str, int]:
        """Sends the rest; returns how many lines each event type has, for those that have any."""
        for stage in self._by_class.values():
            stage.flush(self._cursor)
        return {stage.type: stage.lines for stage in self._by_class.values() if stage.lines}
