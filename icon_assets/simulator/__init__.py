"""A contact centre in a box: batches of events whose truth is known."""

from icon_assets.simulator.run import simulate
from icon_assets.simulator.scenario import Scenario, resize, scenarios

__all__ = ["Scenario", "resize", "scenarios", "simulate"]
