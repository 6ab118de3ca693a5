"""A contact centre in a box: batches of events whose truth is known.

What happens, from the outside in: `run` (simulate) makes a `world` of a `scenario`, and `days` and `faults`
drive it. A `session` of a campaign group loads customers of `lists` as chains (`chain`); `dialling`, at the
pace of `pacing`, makes attempts of them: `placed` by OCS or dialled from a `preview`, with `outcomes`, then
a `conversation` with one of the `agents`, and what follows by `treatment`. `ocs`, `calls` and
`configuration` say all this to their `feed`s; `files` writes the batches. `books` count, from the same
objects, what reports must show of it. `harms` stand between feeds and files. `disturbance` says which
faults and harms there are.
"""

from icon_assets.simulator.run import simulate
from icon_assets.simulator.scenario import Scenario, harmed, resize, scenarios

__all__ = ["Scenario", "harmed", "resize", "scenarios", "simulate"]
