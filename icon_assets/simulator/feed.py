"""From a line to a batch: a source says a line once, each feed that hears it collects it into batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from simpy import Environment

from icon_assets.simulator import times
from icon_assets.simulator.codes import Connected


class Line:
    """One event line: the source's time (ms), its sequence (0: none), the JSON text.

    `owner`: the chain or session it tells of, or None; `copies`: in how many feeds it still is.
    """

    __slots__ = ("copies", "dsseq", "owner", "text", "ts")

    def __init__(self, ts: int, dsseq: int, text: str, owner: object = None, copies: int = 1) -> None:
        self.ts = ts
        self.dsseq = dsseq
        self.text = text
        self.owner = owner
        self.copies = copies


class Batch(NamedTuple):
    """Lines of one feed, ready to be written; `sent` in ms; `late`: to be delivered after all others."""

    feed: Feed
    sent: int
    lines: list[Line]
    late: bool = False


class Sink(Protocol):
    """Whatever takes finished batches."""

    def take(self, batch: Batch) -> None:
        """Takes one batch."""

    def close(self) -> None:
        """No batch comes any more."""


class LossBook(Protocol):
    """Whoever keeps account of what nobody heard."""

    def lost(self, line: Line, dbid: int) -> None:
        """No feed has the line of this source."""


@dataclass(slots=True)
class Outage:
    """A time in which a feed did not hear its source, by the source's clock (ms); `end` None: to the end."""

    begin: int
    end: int | None = None
    lines: int = 0


class Feed:
    """What one ICON hears of one source, cut into batches of at most `limit` lines.

    `icon`: its DBID if the header names it, else None; `outages`: when it was not connected; `switches`: of
    which it takes outbound data, None for all.
    """

    def __init__(self, source: Source, icon: int | None, limit: int, sink: Sink) -> None:
        self.source = source
        self.icon = icon
        self.connected = False
        self.outages: list[Outage] = []
        self.switches: frozenset[int] | None = None
        self._why = Connected.FIRST
        self._limit = limit
        self._sink = sink
        self._lines: list[Line] = []
        suffix = f"-icon-{icon}" if icon is not None else ""
        self.name = f"{source.kind}-{source.dbid}{suffix}"

    def add(self, line: Line) -> None:
        """Takes a line; hands a full batch on."""
        self._lines.append(line)
        if len(self._lines) >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Hands on what has been collected."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._sink.take(Batch(self, lines[-1].ts + 1_000, lines))

    def connect(self, why: Connected) -> None:
        """From now on it hears its source."""
        self.connected = True
        self._why = why
        if self.outages:
            self.outages[-1].end = self.source.clock()
        self._tell("connected")

    def disconnect(self) -> None:
        """It hears nothing until connected again."""
        if self.connected:
            self._tell("disconnected")
        self.mark_outage()

    def mark_outage(self) -> None:
        """It does not hear its source, and says nothing of it."""
        self.connected = False
        self.outages.append(Outage(self.source.clock()))

    def _tell(self, state: str) -> None:
        """A connection line concerns one feed alone, so it takes no number of the source's sequence.

        The configuration has no such lines (contract: source config sends objects only).
        """
        if self.source.kind != "config":
            ts = self.source.clock()
            body = f'"ts":{self.source.stamp(ts)},"dsconn_type":{self._why.value},"state":"{state}"'
            self.source.lines += 1
            self.add(Line(ts, 0, f'{{"type":"connection",{body}}}'))


class Source:
    """A server that reports: its clock, its sequence and the feeds connected to it.

    OCS writes times as text and the others as numbers, so that both forms of the contract are in use.
    `skew_ms`: how far its clock is ahead; `lines`: lines written to all feeds.
    """

    def __init__(
        self, env: Environment, kind: str, dbid: int, losses: LossBook, release: str = "8.1.5"
    ) -> None:
        self.env = env
        self.kind = kind
        self.dbid = dbid
        self.release = release
        self.feeds: list[Feed] = []
        self.skew_ms = 0
        self.lines = 0
        self._losses = losses
        self._dsseq = 0
        self._textual = kind == "ocs"

    def clock(self) -> int:
        """Now, in ms, by this server's own clock."""
        return int(self.env.now) + self.skew_ms

    def stamp(self, ms: int) -> str:
        """A time as JSON."""
        return f'"{times.rfc3339(ms)}"' if self._textual else str(ms)

    def emit(self, type_: str, body: str, owner: object = None) -> None:
        """Says one line to every connected feed; `body` is its fields as JSON text."""
        if not self.feeds:
            return
        self._dsseq += 1
        ts = self.clock()
        text = f'{{"type":"{type_}","ts":{self.stamp(ts)},"dsseq":{self._dsseq},{body}}}'
        hearing = [feed for feed in self.feeds if feed.connected]
        line = Line(ts, self._dsseq, text, owner, len(hearing))
        self.lines += len(hearing)
        if not hearing:
            self._losses.lost(line, self.dbid)
        for feed in self.feeds:
            if feed.connected:
                feed.add(line)
            elif feed.outages:
                feed.outages[-1].lines += 1
