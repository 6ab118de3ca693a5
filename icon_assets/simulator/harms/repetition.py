"""Harms by repetition: lines and batches that come twice."""

from __future__ import annotations

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.feed import Batch
from icon_assets.simulator.files import BatchFiles, Written
from icon_assets.simulator.harms.harming import Harming, HarmLog, divide
from icon_assets.simulator.randomness import Stream


class DuplicateLines(Harming[plans.DuplicateLines]):
    """Repeats some lines, half of them at the end of their batch and half in the next one."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch with repeated lines of its own and of the one before."""
        again, _ = divide(batch.lines, self.plan.percent, self.luck(batch.feed))
        now, later = divide(again, 50, self.luck(batch.feed))
        before = [line for kept in self.kept.pop(batch.feed.name, []) for line in kept.lines]
        self.kept[batch.feed.name] = [batch._replace(lines=later)]
        self.log.add("duplicate_lines", batch.feed, again)
        self.log.expect("known", len(again))
        return [batch._replace(lines=before + batch.lines + now)]


class DuplicateBatches(Harming[plans.DuplicateBatches]):
    """Sends some batches again under another identity."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch, once or twice."""
        if not self.luck(batch.feed).chance(self.plan.percent):
            return [batch]
        self.log.add("duplicate_batches", batch.feed, batch.lines)
        self.log.expect("known", len(batch.lines))
        return [batch, batch]


def copy_files(plan: plans.DuplicateBatches, seed: int, log: HarmLog) -> Written:
    """Some files again under another name."""
    luck = Stream(seed, "copy_files")

    def copy(name: str, files: BatchFiles, batch: Batch) -> None:
        if plan.source in (None, batch.feed.source.kind) and luck.chance(plan.percent):
            files.write(f"{name}_again", name, batch, batch.lines)
            log.add("same_file", batch.feed, batch.lines, batch=name)
            log.expect("same_file", 1)

    return copy
