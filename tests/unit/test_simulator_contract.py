"""Every scenario obeys the contract and agrees with its truth, as an independent reader counts it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from test_simulator_reader import Event, check_histories, read, recount

from icon_assets.simulator import harmed, resize, scenarios, simulate

Run = tuple[dict[str, Any], list[tuple[Event, Event]]]
SMALL = [name for name in scenarios() if name != "benchmark"]
LOSSY = {"both_blind", "ocs_disconnect", "tserver_disconnect", "late_icon"}
SUMS = ("chains", "attempts", "linked_by_chain_call", "overdialed", "late_results")


@pytest.fixture(scope="module", params=SMALL)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A scenario without the harms to its batches: truth and events."""
    folder = tmp_path_factory.mktemp(request.param)
    scenario = resize(harmed(scenarios()[request.param]), 50)
    truth = simulate(scenario, 7, str(folder))
    assert truth == json.loads((folder / "truth.json").read_text())
    return {"name": request.param, **truth}, read(folder)


def test_histories_are_whole_and_legal(run: Run) -> None:
    truth, everything = run
    lost = set(truth["lost"]["chains"])
    if truth["name"] in LOSSY:
        assert lost
        everything = [pair for pair in everything if pair[0]["source"] == "ocs"]
        everything = [
            pair for pair in everything if "chainguid" in pair[1] and pair[1]["chainguid"] not in lost
        ]
    else:
        assert not lost
    check_histories(everything, steady=truth["name"] != "clock_step")


def test_truth_agrees_with_the_events(run: Run) -> None:
    truth, everything = run
    if truth["name"] in LOSSY:
        return
    counted = recount(everything)
    for figure in SUMS:
        apart = truth["filtered"][figure] + truth["set_aside"][figure]
        assert truth[figure] + apart == counted[figure], figure
    assert len(truth["open_chains"]) == counted["open"]
    for figure in ("chains", "attempts"):
        days = {day: tally[figure] for day, tally in truth["days"].items() if tally[figure]}
        if not truth["filtered"]["attempts"] and not truth["set_aside"]["attempts"]:
            assert days == counted[f"{figure}_by_day"]
            assert truth["attempts_by_result"] == counted["attempts_by_result"]
            assert truth["talk_ms"] == counted["talk_ms"]


def test_truth_without_the_lost_chains_agrees_with_the_other_events(run: Run) -> None:
    truth, everything = run
    if truth["name"] not in LOSSY:
        return
    lost = set(truth["lost"]["chains"])
    outbound = [pair for pair in everything if pair[0]["source"] == "ocs"]
    counted = recount([pair for pair in outbound if pair[1].get("chainguid") not in lost])
    for figure in ("chains", "attempts", "linked_by_chain_call", "late_results"):
        assert truth[figure] - truth["lost"]["tally"][figure] == counted[figure], figure


def test_scopes_of_the_truth_add_up(run: Run) -> None:
    truth, _ = run
    for scope in ("days", "campaigns", "groups", "lists", "switches"):
        tallies = truth[scope].values()
        for figure in ("chains", "attempts", "talk_ms", "abandoned", "linked_by_user_data", "calls"):
            assert sum(tally[figure] for tally in tallies) == truth[figure], (scope, figure)
    assert sum(truth["attempts_by_result"].values()) == truth["attempts"]
    assert sum(truth["chains_by_cause"].values()) == truth["chains"]
    assert (
        sum(day.get("campaign_sessions", 0) for day in truth["days"].values()) == truth["campaign_sessions"]
    )
    for figure in ("talk_ms", "hold_ms", "wrap_ms", "consult_ms", "engaged_ms"):
        of_agents = sum(agent.get(figure, 0) for agent in truth["agents"].values())
        assert of_agents == truth[figure], figure


def test_every_line_of_a_run_has_its_number(run: Run) -> None:
    """dsseq: one more a line, holes only where a feed did not hear."""
    truth, everything = run
    numbers: dict[object, list[int]] = {}
    for header, event in everything:
        if "dsseq" in event:
            numbers.setdefault((header["source"], header["dbid"]), []).append(event["dsseq"])
    holes = sum(max(found) - len(set(found)) for found in numbers.values())
    assert holes == sum(truth["lost"]["lines"].values())
