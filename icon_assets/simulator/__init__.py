"""A contact centre in a box: batches of events whose truth is known."""

from icon_assets.simulator.run import simulate
from icon_assets.simulator.scenario import Scenario, harmed, resize, scenarios

__all__ = ["Scenario", "harmed", "resize", "scenarios", "simulate"]
