"""The simulator as a whole: the same bytes everywhere, flat memory, its scenarios, its command."""

from __future__ import annotations

import gc
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_simulator_reader import inflated
from typer import Typer
from typer.testing import CliRunner

from icon_assets.commands.simulate import simulate as command
from icon_assets.errors import UserError
from icon_assets.ingest.deployment import read_deployment
from icon_assets.simulator import resize, scenarios, simulate
from icon_assets.simulator.randomness import Guids, Stream, Weights
from icon_assets.simulator.scenario import Campaign, Scenario

MODES = {
    "predictive", "progressive", "preview", "progressive_seizing", "predictive_seizing", "power",
    "power_seizing", "push_preview", "progressive_gvp", "predictive_gvp", "power_gvp",
}  # fmt: skip


def digest(folder: Path) -> str:
    """Of the inflated batches and the truth."""
    found = hashlib.sha256()
    for name, content in inflated(folder):
        found.update(name.encode() + content)
    found.update((folder / "truth.json").read_bytes())
    return found.hexdigest()


@pytest.mark.parametrize("name", ["many_sessions", "switchover", "disorder", "repetition", "spoilage"])
def test_the_same_seed_gives_the_same_bytes_in_any_process(name: str, tmp_path: Path) -> None:
    script = (
        "import sys; from icon_assets.simulator import *\n"
        "simulate(resize(scenarios()[sys.argv[1]], 15), 5, sys.argv[2])"
    )
    for hashseed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", script, name, str(tmp_path / hashseed)],
            env={"PYTHONHASHSEED": hashseed, "LC_ALL": "C", "TZ": f"UTC{hashseed}"},
            check=True,
        )
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_another_seed_gives_other_events(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate(resize(scenarios()["predictive"], 10), seed, str(tmp_path / str(seed)))
    assert digest(tmp_path / "1") != digest(tmp_path / "2")


def test_the_bytes_of_a_known_run_are_known(tmp_path: Path) -> None:
    """On every machine; a change of the simulation changes this digest, and should be meant."""
    simulate(resize(scenarios()["predictive"], 10), 1, str(tmp_path))
    assert digest(tmp_path) == "c7c991939059caa81b32f76a052874ce3e0f8ea244e1896a0f44dd95e6669604"


def most_objects(scenario: Scenario, folder: Path) -> int:
    """How many objects of the simulation lived at most, counted every simulated hour."""
    counts: list[int] = []

    def count(now: int, events: int) -> None:
        gc.collect()
        counts.append(len(gc.get_objects()))

    gc.collect()
    gc.freeze()  # what was there before does not count
    simulate(scenario, 1, str(folder), count)
    gc.unfreeze()
    return max(counts)


def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    campaign = Campaign(chains=150, agents=10, fresh_list=True)
    day = Scenario(about="", campaigns=(campaign,), batch_events=500)
    short = most_objects(day, tmp_path / "short")
    long = most_objects(msgspec.structs.replace(day, days=4), tmp_path / "long")
    assert 1000 < long < 1.1 * short


def test_a_list_of_millions_costs_nothing_until_it_is_dialled(tmp_path: Path) -> None:
    campaign = Campaign(chains=3_000_000, agents=1)
    truth = simulate(Scenario(about="", campaigns=(campaign,)), 1, str(tmp_path))
    assert truth["lists"]["6001"]["last_chains_total"] == 3_000_000


def test_scenarios_cover_modes_deployments_and_faults() -> None:
    found = scenarios()
    assert len(found) >= 25
    assert set(found) >= MODES
    assert {campaign.mode for plan in found.values() for campaign in plan.campaigns} == MODES
    assert all(plan.about.endswith(".") for plan in found.values())
    faults = {type(fault).__name__ for plan in found.values() for fault in plan.faults}
    assert len(faults) == 10
    harms = {type(harm).__name__ for plan in found.values() for harm in plan.harms}
    assert len(harms) == 13


def test_an_unknown_word_in_a_scenario_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="agentz"):
        msgspec.convert({"about": "x", "campaigns": [{"agentz": 3}]}, Scenario)


def truth_of(name: str, tmp_path: Path) -> dict[str, Any]:
    return simulate(scenarios()[name], 1, str(tmp_path))


def test_modes_are_linked_as_the_guide_says(tmp_path: Path) -> None:
    for name in sorted(MODES):
        truth = truth_of(name, tmp_path / name)
        hidden = name in ("preview", "push_preview", "power_gvp")
        assert truth["linked_by_chain_call" if hidden else "linked_by_user_data"] == 0, name
        assert truth["linked_by_user_data" if hidden else "linked_by_chain_call"] > 0, name
        assert (truth["engaged_ms"] > truth["talk_ms"] / 20) == name.endswith("seizing"), name
        assert (truth["ivr_ms"] > 0) == name.endswith("gvp"), name
        assert (truth["preview_ms"] > 0) == name.endswith("preview"), name


def test_pace_follows_the_target(tmp_path: Path) -> None:
    rates = []
    for value in (1, 30):
        campaign = Campaign(chains=400, agents=4, value=value)
        truth = simulate(Scenario(about="", campaigns=(campaign,)), 1, str(tmp_path / str(value)))
        rates.append(truth["overdialed"] / truth["attempts_by_cpd_result"]["33"])
    assert 2 * rates[0] < rates[1]


def test_detection_errs_as_often_as_told(tmp_path: Path) -> None:
    real = truth_of("bad_detection", tmp_path)["cpd_real"]
    for wrong, right in (
        (real["person"]["9"], real["person"]["33"]),
        (real["machine"]["33"], real["machine"]["9"]),
    ):
        assert 0.1 < wrong / (wrong + right) < 0.45


def test_what_no_icon_takes_counts_apart(tmp_path: Path) -> None:
    truth = truth_of("two_of_four_switches", tmp_path)
    assert set(truth["switches"]) == {"7", "8"}
    assert truth["filtered"]["chains"] == 80
    declared = {"dbid": 301, "role": "all", "ocs": [101], "t-servers": {"201": 7, "202": 8}}
    assert truth["icons"] == [declared]
    (icon,) = read_deployment(tmp_path / "deployment.yaml").icons
    assert icon.switches == {7, 8}


def test_a_runaway_chain_is_set_aside(tmp_path: Path) -> None:
    truth = truth_of("runaway", tmp_path)
    assert truth["set_aside"]["chains"] == 1
    assert truth["set_aside"]["attempts"] == 2499


def test_fields_go_where_icon_has_read_that_they_belong(tmp_path: Path) -> None:
    fields = truth_of("field_reconfigured", tmp_path)["fields"]
    assert fields["8001"]["open"] > 0
    assert fields["8001"]["secure"] > 0
    assert set(fields["8003"]) == {"name", "secure", "values"}
    assert set(fields["8004"]) == {"name", "not_stored", "values"}


def test_outages_are_listed(tmp_path: Path) -> None:
    outages = truth_of("redundant_icons", tmp_path)["outages"]
    assert [(outage["source"], outage["feed"], outage["from"], outage["to"]) for outage in outages] == [
        ("ocs", 301, "2025-03-03T10:00:00.000Z", "2025-03-03T10:30:00.000Z"),
        ("ocs", 302, "2025-03-03T14:00:00.000Z", "2025-03-03T14:30:00.000Z"),
        ("tserver", 302, "2025-03-03T11:00:00.000Z", "2025-03-03T11:20:00.000Z"),
    ]


def test_luck_is_the_published_generator() -> None:
    stream = Stream()
    stream._state = 1234567  # the reference values of SplitMix64
    assert [stream.bits() for _ in range(2)] == [6457827717110365317, 3203168211198807973]


def test_draws_are_fair() -> None:
    stream = Stream("fair")
    assert 2900 < sum(stream.chance(30) for _ in range(10_000)) < 3100
    assert {stream.pick(Weights({"a": 1, "b": 0, "c": 3})) for _ in range(100)} == {"a", "c"}
    values = [stream.spread((10, 20, 100)) for _ in range(10_000)]
    assert 10 <= min(values) <= max(values) <= 100
    assert 4800 < sum(value < 20 for value in values) < 5200


def test_guids_are_as_genesys_makes_them() -> None:
    guids = Guids(1)
    made = {guids.next() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(guid) == 32 and set(guid) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUV") for guid in made)


def test_the_command_writes_and_lists(tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    runner = CliRunner()
    assert "push_preview" in runner.invoke(app, ["--list"]).output
    written = runner.invoke(app, ["--scenario", "long_values", "--seed", "3", "--out", str(tmp_path)])
    assert written.exit_code == 0
    assert "30 chains" in written.output
    assert json.loads((tmp_path / "truth.json").read_text())["chains"] == 30
    for wrong, message in (
        (["--out", str(tmp_path)], "already"),
        (["--scenario", "x", "--out", "y"], "no scenario"),
    ):
        with pytest.raises(UserError, match=message):
            runner.invoke(app, wrong, catch_exceptions=False)
