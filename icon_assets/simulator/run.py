"""simulate(): one scenario, one seed, one landing zone."""

from __future__ import annotations

from typing import Any

from icon_assets.simulator.files import BatchFiles
from icon_assets.simulator.scenario import Scenario, scenarios
from icon_assets.simulator.world import World


def simulate(scenario: Scenario | str, seed: int, out_url: str) -> dict[str, Any]:
    """Writes the batches of a scenario, and `truth.json` beside them, under `out_url` (any fsspec URL).

    The same scenario and seed give the same inflated bytes on any machine. Returns the truth, as described
    in `truth`. Raises KeyError for a scenario that is not in scenarios.yaml.
    """
    plan = scenarios()[scenario] if isinstance(scenario, str) else scenario
    files = BatchFiles(out_url)
    world = World(plan, seed, files)
    world.env.run(until=world.env.process(world.run()))
    truth = world.truth.as_dict()
    truth["events"] = {source.kind: 0 for source in world.sources if source.lines}
    for source in world.sources:
        if source.lines:
            truth["events"][source.kind] += source.lines
    truth["batches"] = files.batches
    files.write_json("truth.json", truth)
    return truth
