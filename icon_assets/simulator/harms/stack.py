"""The harms of a scenario, put between the feeds and the files in the order in which they are listed."""

from __future__ import annotations

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.feed import LossBook, Sink
from icon_assets.simulator.files import BatchFiles, Written
from icon_assets.simulator.harms.disorder import Delay, LateSource, Reorder, Split
from icon_assets.simulator.harms.harming import HarmLog
from icon_assets.simulator.harms.loss import LoseBatches, LoseLines
from icon_assets.simulator.harms.repetition import DuplicateBatches, DuplicateLines, copy_files
from icon_assets.simulator.harms.spoilage import BadLines, Conflicts, UnknownFields, altered_files


def harmed_files(
    url: str, harms: tuple[plans.Harm, ...], seed: int, log: HarmLog, losses: LossBook
) -> tuple[Sink, BatchFiles]:
    """Where feeds hand their batches, and the files behind it."""
    files = BatchFiles(url, _done_to_files(harms, seed, log))
    sink: Sink = files
    for harm in reversed(harms):
        sink = _before(sink, harm, seed, log, losses)
    return sink, files


def _before(sink: Sink, harm: plans.Harm, seed: int, log: HarmLog, losses: LossBook) -> Sink:
    """The sink with one harm in front of it."""
    match harm:
        case plans.Reorder():
            return Reorder(harm, seed, log, sink)
        case plans.Delay():
            return Delay(harm, seed, log, sink)
        case plans.LateSource():
            return LateSource(harm, seed, log, sink)
        case plans.Split():
            return Split(harm, seed, log, sink)
        case plans.DuplicateLines():
            return DuplicateLines(harm, seed, log, sink)
        case plans.DuplicateBatches():
            return DuplicateBatches(harm, seed, log, sink)
        case plans.UnknownFields():
            return UnknownFields(harm, seed, log, sink)
        case plans.BadLines():
            return BadLines(harm, seed, log, sink)
        case plans.Conflicts():
            return Conflicts(harm, seed, log, sink)
        case plans.LoseLines():
            return LoseLines(harm, seed, log, sink, losses)
        case plans.LoseBatches():
            return LoseBatches(harm, seed, log, sink, losses)
        case _:  # a wrong clock is the servers' own, altered batches are done to files
            return sink


def _done_to_files(harms: tuple[plans.Harm, ...], seed: int, log: HarmLog) -> tuple[Written, ...]:
    done: list[Written] = []
    for harm in harms:
        if isinstance(harm, plans.DuplicateBatches):
            done.append(copy_files(harm, seed, log))
        elif isinstance(harm, plans.AlteredBatches):
            done.append(altered_files(harm, seed, log))
    return tuple(done)
