"""Lines to checked events: what msgspec's typed decoding leaves unchecked is checked here, quickly.

msgspec lets duplicate and unknown keys pass. But every key is followed by one colon and every time in a
string holds two, so a line has at least as many colons as keys plus twice its string times. If it has exactly
as many as the event has fields that are not None, plus twice its string times, then each key gave one field:
none is a duplicate, none unknown, none null. That is two counts instead of a parse. On any other line the
*shape*, its keys in their order, is looked up among those seen; a line of a new shape is examined in full.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import astuple, force_setattr

from icon_assets.contract.events import (
    ALLOWED,
    GUID_FIELDS,
    REQUIRED_BY_KIND,
    REQUIRED_OF_OBJECTS,
    TIME_FIELDS,
    TYPES,
    Connection,
    Event,
    Object,
)
from icon_assets.contract.examine import LineError, examine, explain
from icon_assets.contract.reader import MAX_LINE, Batch
from icon_assets.contract.reasons import Incomplete, Reason, Refused
from icon_assets.contract.times import DAY_MS, TimeError, epoch_ms

_MAX_UNKNOWN = 1_000  # distinct unknown names counted one by one in a batch; the rest goes under `type.*`
_SHAPES_KEPT = 4_096
_GUID = re.compile(r"[!-~]+")
_ZERO_GUID = re.compile(r"[0-]+|\{[0-]+\}")
# No _ZERO_GUID lies between this and "{".
_ZEROS = "0" * 65

# The shape of a line without backslashes: each key by its name, each string value as b"".
_TOKENS = re.compile(rb'"([^"]++)"[ \t\r]*+:|"[^"]*+"')
_EMPTY_KEY = re.compile(rb'""[ \t\r]*:')
# Numbers that the exact check may refuse, in fields that msgspec skips.
_ODD_NUMBER = re.compile(rb":[ \t\r]*-?(?:[0-9.]{40}|[0-9.]+[eE])")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not taken. line counts from 1, the header's; raw: the line without its LF."""

    line: int
    type: str | None
    reason: Reason
    detail: str
    raw: bytes


@dataclass(slots=True)
class Chunk:
    """Some thousands of lines: events as (line, event) in the order of the file, with times in epoch ms."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class _Plan:
    """What has to be done with the events of one type."""

    def __init__(self, cls: type[Event]) -> None:
        names = cls.__struct_fields__
        self.type = str(cls.__struct_config__.tag)
        self.keys = len(names) + 1  # and `type`
        self.known = frozenset(names) | {"type"}
        self.guids = tuple((place, name) for place, name in enumerate(names) if name in GUID_FIELDS)
        self.times = tuple((place, name) for place, name in enumerate(names) if name in TIME_FIELDS)
        self.shapes: dict[tuple[bytes, ...], tuple[str, ...]] = {}

    def unknown(self, names: Iterable[str]) -> tuple[str, ...]:
        """`type.name` of each name unknown to this type. LineError where one differs in case only."""
        unknown = [name for name in names if name not in self.known]
        for name in unknown:
            if name.lower() in self.known:
                raise LineError(Reason.MISNAMED_FIELD, f"`{name.lower()}`")
        return tuple(f"{self.type}.{name}" for name in unknown)


_PLANS = {cls: _Plan(cls) for cls in TYPES.values()}


class _Plans(dict[type[Event], _Plan]):
    """The plans of the types that a source may send."""

    def __missing__(self, cls: type[Event]) -> _Plan:
        raise LineError(Reason.TYPE_NOT_OF_SOURCE)


@functools.cache
def _decoder(source: str) -> msgspec.json.Decoder[Event]:
    # Of a single type msgspec would take a line that does not name it: two at least, one in vain.
    union: Any = functools.reduce(operator.or_, (*ALLOWED[source], Connection))
    return msgspec.json.Decoder(union)


class Decoder:
    """Decodes the event lines of an opened batch. now: the loader's clock, aware, for the horizon of one day.

    unknown_fields: how many lines had each `type.field` that the contract does not know; complete at the end.
    """

    def __init__(self, batch: Batch, now: datetime) -> None:
        self.unknown_fields: Counter[str] = Counter()
        self._batch = batch
        self._horizon = int(now.timestamp() * 1000) + DAY_MS
        self._decoder = _decoder(batch.header.source)
        self._plans = _Plans((cls, _PLANS[cls]) for cls in ALLOWED[batch.header.source])

    def chunks(self) -> Iterator[Chunk]:
        """All event lines in order, in chunks of a block of text.

        Raises what the reader raises, Refused where there are more lines than the header's `events`,
        Incomplete where there are fewer or the last one of an uncompressed file is half written.
        """
        events = self._batch.header.events
        total = last = 0
        half: Rejected | None = None
        for first, block in self._batch.blocks():
            lines = block.split(b"\n")
            last = first + len(lines) - 1
            chunk = self._chunk(first, block, lines)
            total += len(chunk.events) + len(chunk.rejected)
            if total > events:
                self._batch.unchanged()
                raise Refused(Reason.MORE_EVENTS, f"more than {events}")
            half = chunk.rejected[-1] if chunk.rejected else None
            yield chunk
        if (
            self._batch.cut
            and half
            and half.line == last
            and half.reason in (Reason.NOT_JSON, Reason.NOT_UTF8)
        ):
            raise Incomplete(Reason.CUT_LINE, f"line {last}")
        if total < events:
            raise Incomplete(Reason.FEWER_EVENTS, f"{total} of {events}")

    def _chunk(self, first: int, block: bytes, lines: list[bytes]) -> Chunk:
        chunk = Chunk()
        decode, keep, horizon = self._decoder.decode, chunk.events.append, self._horizon
        plans = self._plans
        all_plain = max(map(len, lines)) <= MAX_LINE and _plain(block)
        for number, line in enumerate(lines, first):
            try:
                event = decode(line)
                plan = plans[event.__class__]
                values = astuple(event)
                colons = plan.keys - values.count(None)
                for place, name in plan.times:
                    if (time := values[place]) is not None:
                        if time.__class__ is str:
                            colons += 2
                        ms = epoch_ms(time, name)
                        if ms > horizon:
                            raise LineError(Reason.TIME_IN_FUTURE, f"`{name}`")
                        force_setattr(event, name, ms)
                plain = all_plain or (len(line) <= MAX_LINE and _plain(line))
                if line.count(b":") != colons or not plain:
                    self._check_keys(line, plan, colons)
                for place, name in plan.guids:
                    if (guid := values[place]) is not None and not (plain and _ZEROS < guid < "{"):
                        _check_guid(guid, name)
                if event.__class__ is Object:  # isinstance would cost 0.16 us of some 3
                    _check_object(event)
            except (ValueError, RecursionError, LineError) as error:
                if line and not line.isspace():
                    chunk.rejected.append(self._reject(number, line, error))
                continue
            keep((number, event))
        return chunk

    def _check_keys(self, line: bytes, plan: _Plan, colons: int) -> None:
        """Finds duplicate and unknown keys of a line that msgspec could decode; counts the unknown ones."""
        if len(line) > MAX_LINE:
            raise LineError(Reason.LINE_TOO_LONG, f"limit {MAX_LINE} bytes")
        if b"\\u0000" not in line and line.count(b":") == colons:
            return
        line.decode()  # msgspec does not look into strings that it skips
        shape = _shape(line)
        unknown = plan.shapes.get(shape) if shape else None
        if unknown is None or (unknown and _ODD_NUMBER.search(line)):
            unknown = plan.unknown(examine(line))
            if shape:
                if len(plan.shapes) >= _SHAPES_KEPT:
                    plan.shapes.clear()
                plan.shapes[shape] = unknown
        self._count(unknown)

    def _count(self, unknown: tuple[str, ...]) -> None:
        for name in unknown:
            if name not in self.unknown_fields and len(self.unknown_fields) >= _MAX_UNKNOWN:
                name = name.partition(".")[0] + ".*"
            self.unknown_fields[name] += 1

    def _reject(self, number: int, line: bytes, error: Exception) -> Rejected:
        """Says what is wrong with a line: first as JSON, then as an event, then in its fields."""
        type_: str | None = None
        try:
            if len(line) > MAX_LINE:
                raise LineError(Reason.LINE_TOO_LONG, f"limit {MAX_LINE} bytes")
            fields = examine(line)
            named = fields.get("type")
            type_ = named if isinstance(named, str) and named in TYPES else None
            if named == "batch":
                raise LineError(Reason.HEADER_REPEATED)
            if type_ is None:
                raise LineError(Reason.UNKNOWN_TYPE)
            if TYPES[type_] not in ALLOWED[self._batch.header.source]:
                raise LineError(Reason.TYPE_NOT_OF_SOURCE, f"{type_} of {self._batch.header.source}")
            if isinstance(error, msgspec.ValidationError):  # else they are counted already
                self._count(_PLANS[TYPES[type_]].unknown(fields))
            raise error
        except LineError as found:
            reason, detail = found.reason, found.detail
        except msgspec.ValidationError as found:
            reason, detail = explain(str(found))
        except TimeError as found:
            reason, detail = Reason.BAD_TIME, str(found)
        except (ValueError, RecursionError):
            reason, detail = Reason.NOT_JSON, ""
        finally:
            del error  # its traceback leads to this frame: a circle that would keep the block in memory
        return Rejected(number, type_, reason, detail, line[:MAX_LINE])


def _plain(text: bytes) -> bool:
    """Whether `text` is ASCII without spaces, escapes and DEL, so that its strings hold no such thing."""
    return text.isascii() and not (b" " in text or b"\\" in text or b"\x7f" in text)


def _shape(line: bytes) -> tuple[bytes, ...] | None:
    """The keys of a line in their order; None where only a parse can tell or judge it."""
    if b"\\" in line or b"[" in line or line.count(b"{") != 1:
        return None
    if b'""' in line and _EMPTY_KEY.search(line):
        return None
    return tuple(_TOKENS.findall(line))


def _check_guid(guid: str, name: str) -> None:
    if not _GUID.fullmatch(guid) or _ZERO_GUID.fullmatch(guid):
        raise LineError(Reason.BAD_GUID, f"`{name}`: not printable ASCII without spaces, or only zeros")


def _check_object(event: Any) -> None:
    for name in REQUIRED_BY_KIND.get(event.kind, REQUIRED_OF_OBJECTS):
        if getattr(event, name) is None:
            raise LineError(Reason.MISSING_FIELD, f"`{name}` of kind {event.kind}")
