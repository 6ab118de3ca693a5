"""From a line to a batch: a source says a line once, each feed that hears it collects it into batches."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from simpy import Environment

from icon_assets.simulator import times
from icon_assets.simulator.codes import Connected


class Line(NamedTuple):
    """One event line: the source's time (ms), its sequence, the JSON text."""

    ts: int
    dsseq: int
    text: str


class Batch(NamedTuple):
    """Lines of one feed, ready to be written; `sent` in ms."""

    feed: Feed
    sent: int
    lines: list[Line]


class Sink(Protocol):
    """Whatever takes finished batches."""

    def take(self, batch: Batch) -> None: ...


class Feed:
    """What one ICON hears of one source, cut into batches of at most `limit` lines.

    Attributes: source, dbid, release as in the header; icon: the feed of the header, or None.
    """

    def __init__(self, source: Source, icon: int | None, limit: int, sink: Sink) -> None:
        self.source = source
        self.icon = icon
        self.connected = False
        self._limit = limit
        self._sink = sink
        self._lines: list[Line] = []

    @property
    def name(self) -> str:
        """`ocs-101`, or `ocs-101-icon-301` where the header names the ICON."""
        suffix = f"-icon-{self.icon}" if self.icon is not None else ""
        return f"{self.source.kind}-{self.source.dbid}{suffix}"

    def add(self, line: Line) -> None:
        self._lines.append(line)
        if len(self._lines) >= self._limit:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            self._sink.take(Batch(self, lines[-1].ts + 1_000, lines))


class Source:
    """A server that reports: its clock, its sequence and the feeds connected to it.

    OCS writes times as text and the others as numbers, so that both forms of the contract are in use.
    """

    def __init__(self, env: Environment, kind: str, dbid: int, release: str) -> None:
        self.env = env
        self.kind = kind
        self.dbid = dbid
        self.release = release
        self.feeds: list[Feed] = []
        self.skew_ms = 0
        self.lines = 0
        self._dsseq = 0
        self._textual = kind == "ocs"

    def clock(self) -> int:
        """Now, in ms, by this server's own clock."""
        return int(self.env.now) + self.skew_ms

    def stamp(self, ms: int) -> str:
        """A time as JSON."""
        return f'"{times.rfc3339(ms)}"' if self._textual else str(ms)

    def emit(self, type_: str, body: str) -> None:
        """Says one line to every connected feed; `body` is its fields as JSON text."""
        self._dsseq += 1
        ts = self.clock()
        line = Line(
            ts, self._dsseq, f'{{"type":"{type_}","ts":{self.stamp(ts)},"dsseq":{self._dsseq},{body}}}'
        )
        for feed in self.feeds:
            if feed.connected:
                self.lines += 1
                feed.add(line)

    def connect(self, feed: Feed, why: Connected) -> None:
        feed.connected = True
        self._tell(feed, f'"dsconn_type":{why.value},"state":"connected"')

    def disconnect(self, feed: Feed) -> None:
        self._tell(feed, '"dsconn_type":2,"state":"disconnected"')
        feed.connected = False

    def _tell(self, feed: Feed, body: str) -> None:
        """A connection line concerns one feed alone and takes no number of the source's sequence."""
        ts = self.clock()
        self.lines += 1
        feed.add(Line(ts, 0, f'{{"type":"connection","ts":{self.stamp(ts)},{body}}}'))
