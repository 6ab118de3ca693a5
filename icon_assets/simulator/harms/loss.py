"""Harms that lose data: lines and batches that never come."""

from __future__ import annotations

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.feed import Batch, Feed, Line, LossBook, Sink
from icon_assets.simulator.harms.harming import Harming, HarmLog, Plan, divide
from icon_assets.simulator.times import rfc3339


class _Losing(Harming[Plan]):
    def __init__(self, plan: Plan, seed: int, log: HarmLog, sink: Sink, losses: LossBook) -> None:
        super().__init__(plan, seed, log, sink)
        self._losses = losses

    def lose(self, harm: str, feed: Feed, lines: list[Line]) -> None:
        """Lists the lines, and tells the book of losses of those that no other feed has."""
        if not lines:
            return
        ends = {"from": rfc3339(lines[0].ts), "to": rfc3339(lines[-1].ts)}
        self.log.add(harm, feed, lines, dsseqs=[line.dsseq for line in lines], **ends)
        for line in lines:
            line.copies -= 1
            if not line.copies:
                self._losses.lost(line, feed.source.dbid)


class LoseLines(_Losing[plans.LoseLines]):
    """Loses single lines."""

    def harm(self, batch: Batch) -> list[Batch]:
        """What is left."""
        gone, left = divide(batch.lines, self.plan.percent, self.luck(batch.feed))
        self.lose("lose_lines", batch.feed, gone)
        return [batch._replace(lines=left)]


class LoseBatches(_Losing[plans.LoseBatches]):
    """Loses whole batches."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch, or nothing."""
        if not self.luck(batch.feed).chance(self.plan.percent):
            return [batch]
        self.lose("lose_batches", batch.feed, batch.lines)
        return []
