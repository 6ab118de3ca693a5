"""Simulated batches, harmed: lossless harms leave the same tables, the others exactly their holes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from icon_assets.contract.landing import Landing
from icon_assets.ingest.deployment import read_deployment
from icon_assets.ingest.drain import Drained, drain
from icon_assets.simulator import Scenario, harmed, resize, scenarios, simulate
from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.disturbance import Harm
from tests.loading import Loader
from tests.unit.test_simulator_reader import inflated

pytestmark = pytest.mark.slow

# Each kind of source, of deployment and of a session's end is in one of them.
NAMES = ["predictive", "push_preview", "switchover", "split_by_site", "old_ocs", "field_reconfigured"]
LOSSLESS: list[Harm] = [
    plans.Reorder(batches=3),
    plans.Delay(percent=8, batches=2),
    plans.LateSource(source="tserver"),
    plans.LateSource(source="config"),
    plans.Split(largest=90),
    plans.DuplicateLines(percent=5),
    plans.DuplicateBatches(percent=20),
    plans.UnknownFields(percent=3),
    plans.BadLines(percent=3),
    plans.Conflicts(percent=3),
    plans.AlteredBatches(percent=20),
]
LOSING: list[Harm] = [
    plans.LoseLines(percent=3),
    plans.LoseLines(source="tserver", percent=20),
    plans.LoseBatches(percent=20),
    plans.LoseBatches(source="ocs", percent=30),
]
# A load takes seconds: a few examples a run, others each time, and none made smaller.
few = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def lossless(draw: st.DrawFn, at_least: int = 0) -> list[Harm]:
    """Some harms in any order, but for contradictions: those stay behind the lines that they contradict."""
    kinds = st.sampled_from(LOSSLESS)
    harms = draw(st.lists(kinds, min_size=at_least, max_size=3, unique_by=lambda harm: type(harm).__name__))
    return sorted(harms, key=lambda harm: isinstance(harm, plans.Conflicts))


def small(name: str) -> Scenario:
    """A scenario of a few chains in some ten batches a feed."""
    return msgspec.structs.replace(resize(scenarios()[name], 5), batch_events=90, batch_minutes=24 * 60)


def loaded(load: Loader, folder: Path) -> list[Drained]:
    """Loads a simulation into the emptied database by its own deployment; altered copies come last."""
    load.clear()
    deployment = read_deployment(folder / "deployment.yaml")
    copies = folder.with_name("copies")
    for file in sorted(folder.rglob("*_altered*")):
        (copies / file.parent.name).mkdir(parents=True, exist_ok=True)
        file.rename(copies / file.parent.name / file.name)
    landings = [Landing(str(each)) for each in (folder, copies) if each.exists()]
    return [drain(load.database.loader, landing, deployment=deployment) for landing in landings]


@few
@given(name=st.sampled_from(NAMES), harms=lossless(1), seed=st.integers(0, 2**31))
def test_nothing_is_lost_and_nothing_invented(
    name: str, harms: list[Harm], seed: int, load: Loader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("harmed")
    simulate(harmed(small(name)), seed, str(folder / "good"))
    truth = simulate(harmed(small(name), *harms), seed, str(folder / "harmed"))
    assert truth["harms"]["lossless"]
    loaded(load, folder / "good")
    tables, holes = load.tables(), holes_found(load)
    found = loaded(load, folder / "harmed")
    assert load.tables() == tables
    assert holes_found(load) == holes == {}
    expected = truth["harms"]["expected"]
    assert sum(each.quarantined for each in found) == expected.get("quarantined", 0)
    assert sum(len(each.refused) for each in found) == expected.get("refused", 0)


@few
@given(
    name=st.sampled_from(NAMES), losing=st.sampled_from(LOSING), others=lossless(), seed=st.integers(0, 2**31)
)
def test_what_is_lost_leaves_exactly_its_holes(
    name: str,
    losing: Harm,
    others: list[Harm],
    seed: int,
    load: Loader,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("harmed")
    simulate(harmed(small(name)), seed, str(folder / "good"))
    truth = simulate(harmed(small(name), losing, *others), seed, str(folder / "harmed"))
    loaded(load, folder / "harmed")
    assert holes_found(load) == holes_expected(folder, truth)


Holes = dict[str, set[tuple[int, int, datetime, datetime]]]


def holes_found(load: Loader) -> Holes:
    """By feed, of each hole within a connection the first and last number, and the times around it."""
    found: Holes = {}
    for source, dbid, feed, *hole in load.rows(
        "select source, dbid, feed, first_dsseq, last_dsseq, from_ts, to_ts "
        "from ops.sequence_hole where source <> 'config'"
    ):
        name = f"{source}-{dbid}" + (f"-icon-{feed}" if feed else "")
        found.setdefault(name, set()).add((hole[0], hole[1], hole[2], hole[3]))
    return found


def holes_expected(folder: Path, truth: dict[str, Any]) -> Holes:
    """The numbers that the harm took, between others that came by the same connection."""
    lost: dict[str, set[int]] = {}
    for entry in truth["harms"]["done"]:
        if entry["harm"].startswith("lose"):
            lost.setdefault(entry["feed"], set()).update(entry["dsseqs"])
    came = {(feed, line) for feed, lines in said(folder / "harmed").items() for line in lines}
    found: Holes = {}
    for feed, lines in said(folder / "good").items():
        before: tuple[int, datetime] | None = None
        for line in lines:
            if line.startswith(b'{"type":"connection"'):
                before = None if (feed, line) in came else before
                continue
            number, ts = numbered(line)
            if number not in lost.get(feed, ()):
                if before is not None and number > before[0] + 1:
                    found.setdefault(feed, set()).add((before[0] + 1, number - 1, before[1], ts))
                before = number, ts
    return found


def numbered(line: bytes) -> tuple[int, datetime]:
    """The number and the time of a line."""
    event = json.loads(line)
    ts = event["ts"]
    return event["dsseq"], (
        datetime.fromisoformat(ts) if isinstance(ts, str) else datetime.fromtimestamp(ts / 1000, UTC)
    )


def said(folder: Path) -> dict[str, list[bytes]]:
    """The lines of each feed but for the configuration's, in the order of the files."""
    found: dict[str, list[bytes]] = {}
    for name, content in inflated(folder):
        feed = Path(name).parent.name
        if not feed.startswith("config"):
            found.setdefault(feed, []).extend(content.split(b"\n")[1:-1])
    return found
