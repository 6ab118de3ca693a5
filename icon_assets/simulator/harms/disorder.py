"""Harms to the order: lines and batches that come mixed, late or cut at other places."""

from __future__ import annotations

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.feed import Batch, Feed
from icon_assets.simulator.harms.harming import Harming, divide


class Reorder(Harming[plans.Reorder]):
    """Keeps some batches back and deals their lines out anew, into as many batches."""

    def harm(self, batch: Batch) -> list[Batch]:
        """Nothing, until enough batches are there."""
        kept = self.kept.setdefault(batch.feed.name, [])
        kept.append(batch)
        return self.finish(batch.feed) if len(kept) == self.plan.batches else []

    def finish(self, feed: Feed) -> list[Batch]:
        """What was kept, mixed."""
        kept = self.kept.pop(feed.name, [])
        lines = [line for batch in kept for line in batch.lines]
        self.luck(feed).shuffle(lines)
        self.log.add("reorder", feed, lines, batches=len(kept))
        mixed = []
        for batch in kept:
            mine, lines = lines[: len(batch.lines)], lines[len(batch.lines) :]
            mixed.append(batch._replace(lines=mine, sent=kept[-1].sent))
        return mixed


class Delay(Harming[plans.Delay]):
    """Sends some lines some batches later, in batches of their own."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The punctual lines, and late ones of before."""
        late, punctual = divide(batch.lines, self.plan.percent, self.luck(batch.feed))
        self.log.add("delay", batch.feed, late)
        kept = self.kept.setdefault(batch.feed.name, [])
        kept.append(batch._replace(lines=late))
        done = [batch._replace(lines=punctual)]
        if len(kept) > self.plan.batches:
            done.append(kept.pop(0)._replace(sent=batch.sent))
        return done


class LateSource(Harming[plans.LateSource]):
    """Puts whole batches aside, to be delivered after all others."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch, late."""
        self.log.add("late_source", batch.feed, batch.lines)
        return [batch._replace(late=True)]


class Split(Harming[plans.Split]):
    """Cuts at other places."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The pieces, in order."""
        pieces, lines = [], batch.lines
        while lines:
            size = 1 + self.luck(batch.feed).below(self.plan.largest)
            pieces.append(batch._replace(lines=lines[:size]))
            lines = lines[size:]
        self.log.add("split", batch.feed, batch.lines, pieces=len(pieces))
        return pieces
