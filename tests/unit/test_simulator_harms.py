"""Harms: the lossless ones lose and invent nothing, the others list exactly what is gone."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_simulator_reader import inflated

from icon_assets.contract.decode import Decoder
from icon_assets.contract.reader import Batch
from icon_assets.simulator import Scenario, harmed, resize, scenarios, simulate
from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.disturbance import Harm

LOSSLESS: list[Harm] = [
    plans.Reorder(batches=3),
    plans.Delay(percent=8, batches=3),
    plans.LateSource(source="tserver"),
    plans.Split(largest=37),
    plans.DuplicateLines(percent=5),
    plans.DuplicateBatches(percent=20),
    plans.BadLines(percent=3),
    plans.Conflicts(percent=3),
    plans.AlteredBatches(percent=20),
]


def small(name: str = "predictive", chains: int = 12) -> Scenario:
    """A scenario of a few chains in small batches."""
    return msgspec.structs.replace(resize(scenarios()[name], chains), batch_events=150)


def lines(folder: Path) -> Counter[bytes]:
    """Every event line of files that are not altered copies, with how often it is there."""
    found: Counter[bytes] = Counter()
    for name, content in inflated(folder):
        if "_altered" not in name and "_again" not in name:
            found.update(content.split(b"\n")[1:-1])
    return found


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Counter[bytes]:
    folder = tmp_path_factory.mktemp("good")
    simulate(harmed(small()), 3, str(folder))
    return lines(folder)


@pytest.mark.parametrize("harm", LOSSLESS, ids=lambda harm: type(harm).__name__)
def test_a_lossless_harm_loses_nothing_and_lists_what_it_adds(
    harm: Harm, good: Counter[bytes], tmp_path: Path
) -> None:
    truth = simulate(harmed(small(), harm), 3, str(tmp_path))
    found = lines(tmp_path)
    added = sum((found - good).values())
    assert not good - found
    assert truth["harms"]["lossless"]
    assert truth["harms"]["done"]
    expected = truth["harms"]["expected"]
    assert added == expected.get("known", 0) + expected.get("quarantined", 0)
    assert not truth["lost"]["lines"]


def test_unknown_fields_change_nothing_else(good: Counter[bytes], tmp_path: Path) -> None:
    truth = simulate(harmed(small(), plans.UnknownFields(percent=5)), 3, str(tmp_path))
    found = lines(tmp_path)
    longer = b',"vendor_extra":{"build":[8,1,5]}'
    assert Counter(line.replace(longer, b"") for line in found.elements()) == good
    assert sum(longer in line for line in found) == truth["harms"]["expected"]["unknown_fields"]


@pytest.mark.parametrize("harm", [plans.LoseLines(percent=5), plans.LoseBatches(percent=30)])
def test_what_is_lost_is_listed(harm: Harm, good: Counter[bytes], tmp_path: Path) -> None:
    truth = simulate(harmed(small(), harm), 3, str(tmp_path))
    gone = good - lines(tmp_path)
    assert not lines(tmp_path) - good
    assert gone
    assert not truth["harms"]["lossless"]
    assert sum(truth["lost"]["lines"].values()) == gone.total()
    listed = [number for entry in truth["harms"]["done"] for number in entry["dsseqs"] if number]
    assert sorted(listed) == sorted(
        msgspec.json.decode(line).get("dsseq", 0) for line in gone if b"dsseq" in line
    )
    chains = {msgspec.json.decode(line).get("chainguid") for line in gone} - {None}
    assert chains <= set(truth["lost"]["chains"])


def test_what_one_of_two_icons_heard_is_not_lost(tmp_path: Path) -> None:
    scenario = harmed(small("redundant_icons"), plans.LoseLines(percent=5))
    truth = simulate(scenario, 3, str(tmp_path))
    gone = sum(entry["lines"] for entry in truth["harms"]["done"])
    assert 0 < sum(truth["lost"]["lines"].values()) < gone / 5


def test_a_wrong_clock_moves_times_only(tmp_path: Path) -> None:
    right = simulate(harmed(small()), 3, str(tmp_path / "right"))
    wrong = simulate(harmed(small(), plans.Skew(source="tserver", ms=90_000)), 3, str(tmp_path / "wrong"))
    for figure in ("chains", "attempts", "talk_ms", "attempts_by_result", "agents"):
        assert right[figure] == wrong[figure]
    assert not wrong["harms"]["lossless"]


def rejected(content: bytes) -> int:
    """How many lines of a batch the loader's decoder refuses."""
    decoder = Decoder(Batch(io.BytesIO(content).read), datetime.now(UTC))
    return sum(len(chunk.rejected) for chunk in decoder.chunks())


@pytest.mark.parametrize("name", ["predictive", "push_preview", "long_values", "switchover", "old_ocs"])
def test_the_loader_takes_every_line(name: str, tmp_path: Path) -> None:
    simulate(harmed(small(name)), 3, str(tmp_path))
    assert sum(rejected(content) for _, content in inflated(tmp_path)) == 0


def test_the_loader_refuses_exactly_the_bad_lines(tmp_path: Path) -> None:
    truth = simulate(harmed(small(chains=40), plans.BadLines(percent=10)), 3, str(tmp_path))
    kinds: Counter[str] = Counter()
    for entry in truth["harms"]["done"]:
        kinds.update(entry["kinds"])
    assert len(kinds) == 17
    refused = sum(rejected(content) for _, content in inflated(tmp_path))
    assert refused == truth["harms"]["expected"]["quarantined"]


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(
        ["predictive", "preview", "push_preview", "switchover", "split_by_site", "shared_list"]
    ),
    harms=st.lists(st.sampled_from(LOSSLESS), max_size=4, unique_by=lambda harm: type(harm).__name__),
    seed=st.integers(0, 2**31),
)
def test_any_harms_together_lose_nothing(
    name: str, harms: list[Harm], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("harmed")
    good = simulate(harmed(small(name, 6)), seed, str(folder / "good"))
    truth = simulate(harmed(small(name, 6), *harms), seed, str(folder / "harmed"))
    assert truth["harms"]["lossless"]
    assert not lines(folder / "good") - lines(folder / "harmed")
    assert {**truth, "harms": 0, "batches": 0} == {**good, "harms": 0, "batches": 0}
