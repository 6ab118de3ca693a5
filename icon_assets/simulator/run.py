"""simulate(): one scenario, one seed, one landing zone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import yaml

from icon_assets.simulator.books.losses import Losses, outages
from icon_assets.simulator.days import Days
from icon_assets.simulator.harms.harming import HarmLog
from icon_assets.simulator.harms.stack import harmed_files
from icon_assets.simulator.scenario import Scenario, scenarios
from icon_assets.simulator.times import HOUR
from icon_assets.simulator.world import World

Progress = Callable[[int, int], None]
"""Called after each simulated hour: simulated time (ms since the epoch), events written so far."""


def simulate(
    scenario: Scenario | str, seed: int, out_url: str, progress: Progress | None = None
) -> dict[str, Any]:
    """Writes the batches of a scenario under `out_url` (any fsspec URL).

    Beside them it writes `truth.json`, and `deployment.yaml`, which tells the project of the ICONs.
    The same scenario and seed give the same inflated bytes on any machine. Returns the truth as it
    stands in truth.json, described in `books.truth`. Raises KeyError for a name that scenarios.yaml lacks.
    """
    plan = scenarios()[scenario] if isinstance(scenario, str) else scenario
    log, losses = HarmLog(plan.harms), Losses()
    sink, files = harmed_files(out_url, plan.harms, seed, log, losses)
    world = World(plan, seed, sink, losses)
    end = world.env.process(Days(world).run())
    while not end.processed:
        hour = world.env.timeout(HOUR)
        world.env.run(until=world.env.any_of([end, hour]))
        if progress is not None:
            progress(int(world.env.now), files.events)
    sink.close()
    truth = _whole_truth(world, log, losses)
    truth |= {"events": dict(_events(world)), "batches": files.batches}
    files.write_beside("deployment.yaml", yaml.safe_dump(world.deployment(), sort_keys=False))
    text = msgspec.json.format(msgspec.json.encode(truth)).decode()
    files.write_beside("truth.json", text)
    known: dict[str, Any] = msgspec.json.decode(text)
    return known


def _whole_truth(world: World, log: HarmLog, losses: Losses) -> dict[str, Any]:
    return world.truth.as_dict() | {
        **world.deployment(),
        "outages": outages(world.sources),
        "lost": losses.as_dict(),
        "harms": log.as_dict(),
    }


def _events(world: World) -> Counter[str]:
    """Lines that the sources wrote, by kind of source, before any harm."""
    events: Counter[str] = Counter()
    for source in world.sources:
        if source.lines:
            events[source.kind] += source.lines
    return events
