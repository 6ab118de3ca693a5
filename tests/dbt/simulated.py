"""A contact centre with every dial mode, late results, transfers and callbacks; its marts, and its truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icon_assets.simulator.run import simulate
from icon_assets.simulator.scenario import Campaign, Run, Scenario

if TYPE_CHECKING:
    from tests.dbt.conftest import Marts

UNRULY = "<script>document.title = 'taken'</script> & \"sip\""
SCENARIO = Scenario(
    about="A little of everything.",
    days=2,
    campaigns=(
        Campaign(name="late and transferred", chains=80, agents=4, late=30, transfer=25, consult=25),
        Campaign(name=UNRULY, mode="progressive", target="none", value=0, cpd="sip", chains=30),
        Campaign(name="no clock", mode="predictive", cpd="none", chains=30),
        Campaign(name="preview", mode="preview", target="none", value=0, cpd="none", cancel=15, chains=40),
        Campaign(
            name="pushed", mode="push_preview", target="none", value=0, cpd="none", cancel=20, chains=40
        ),
        Campaign(name="seizing", mode="predictive_seizing", target="distribution_time", chains=40),
        Campaign(name="voice ports", mode="power_gvp", target="none", value=0, rate=5, chains=30),
        Campaign(
            name="twice a day",
            chains=30,
            runs=(
                Run(load="08:30", start="09:00", stop="12:00"),
                Run(load="13:00", start="13:30", stop="17:00"),
            ),
        ),
    ),
)


@dataclass(frozen=True)
class Simulated:
    """The marts of SCENARIO, and what they must show."""

    marts: Marts
    truth: dict[str, Any]


def build(marts: Marts, source: Path, *, tested: bool = True) -> Simulated:
    """Simulates into `source`, loads, finalizes and builds once, with dbt's tests of the data or without."""
    truth = simulate(SCENARIO, 11, str(source))
    marts.load(sorted(source.rglob("*.jsonl.gz")))
    marts.build(tested=tested)
    return Simulated(marts, truth)
