"""What all harms have in common: they stand between the feeds and the files, and list what they did."""

from __future__ import annotations

from collections import Counter
from typing import Any, Generic, TypeVar

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.feed import Batch, Feed, Line, Sink
from icon_assets.simulator.randomness import Stream

Plan = TypeVar("Plan", bound=plans.Harm)


class HarmLog:
    """What was done, for `harms` of truth.json.

    `lossless`: the tables must come out as without the harms; `done`: one entry a harm and batch, with the
    feed, the number of lines and the ends of their sequence numbers; `expected`: how many lines must be
    `quarantined` or `known` already, carry `unknown_fields`, how many batches must be `refused` whole or are
    the `same_file` again.
    """

    def __init__(self, harms: tuple[plans.Harm, ...]) -> None:
        self._lossless = all(isinstance(harm, plans.LOSSLESS) for harm in harms)
        self._done: list[dict[str, object]] = []
        self._expected: Counter[str] = Counter()

    def add(self, harm: str, feed: Feed, lines: list[Line], **more: object) -> None:
        """These lines of a feed were harmed."""
        if not lines:
            return
        entry: dict[str, object] = {"harm": harm, "feed": feed.name, "lines": len(lines)}
        if numbers := [line.dsseq for line in lines if line.dsseq]:
            entry |= {"first_dsseq": min(numbers), "last_dsseq": max(numbers)}
        self._done.append(entry | more)

    def expect(self, answer: str, count: int) -> None:
        """So many lines or batches must be met with that answer."""
        self._expected[answer] += count

    def as_dict(self) -> dict[str, Any]:
        """As in truth.json."""
        return {
            "lossless": self._lossless,
            "done": self._done,
            "expected": dict(sorted(self._expected.items())),
        }


class Harming(Generic[Plan]):
    """Base of the harms: a sink before a sink."""

    def __init__(self, plan: Plan, seed: int, log: HarmLog, sink: Sink) -> None:
        self.plan = plan
        self.log = log
        self._seed = seed
        self._sink = sink
        self._streams: dict[str, Stream] = {}
        self._feeds: dict[str, Feed] = {}
        self.kept: dict[str, list[Batch]] = {}
        """By feed, what a harm keeps back."""

    def take(self, batch: Batch) -> None:
        """Does the harm, if it is for this source."""
        if self.plan.source not in (None, batch.feed.source.kind):
            self._sink.take(batch)
            return
        self._feeds[batch.feed.name] = batch.feed
        self._pass_on(self.harm(batch))

    def close(self) -> None:
        """Lets go of what was kept back, feed by feed."""
        for feed in self._feeds.values():
            self._pass_on(self.finish(feed))
        self._sink.close()

    def harm(self, batch: Batch) -> list[Batch]:
        """What becomes of a batch."""
        raise NotImplementedError

    def finish(self, feed: Feed) -> list[Batch]:
        """What was kept back of a feed."""
        return self.kept.pop(feed.name, [])

    def _pass_on(self, batches: list[Batch]) -> None:
        for batch in batches:
            if batch.lines:
                self._sink.take(batch)

    def luck(self, feed: Feed) -> Stream:
        """Each harm has its own luck with each feed."""
        if feed.name not in self._streams:
            self._streams[feed.name] = Stream(self._seed, type(self).__name__, feed.name)
        return self._streams[feed.name]


def divide(lines: list[Line], percent: float, luck: Stream) -> tuple[list[Line], list[Line]]:
    """The unlucky `percent` of lines, and the others, each in order."""
    unlucky: list[Line] = []
    others: list[Line] = []
    for line in lines:
        (unlucky if luck.chance(percent) else others).append(line)
    return unlucky, others
