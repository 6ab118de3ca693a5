"""Batches of the simulator against the contract, by a checker that shares no code with the simulator."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from icon_assets.simulator import resize, scenarios, simulate

Event = dict[str, Any]
GUID = re.compile(r"[!-~]{1,64}\Z")
REQUIRED = {
    "connection": "dsconn_type state",
    "campaign": "sessid campaignid groupid seq state",
    "campaign_property": "sessid seq",
    "chain": "chainguid sessid campaignid groupid callinglistid seq state",
    "record": "chainguid recordhandle chainseq recordid chainid chainn recordtype recordstatus contactinfo contactinfotype"
    " callresult attempt",
    "field": "chainguid recordhandle fieldid seq chainhistseq",
    "chain_call": "chainguid callattid",
    "metric": "metric value",
    "call": "callid cseq change switchid",
    "party": "partyid callid pseq cseq change partytype state",
    "userdata": "callid cseq change keyname",
    "object": "kind status",
}
OPTIONAL = {
    "campaign": "prevstate prevts cause dialmode optimmode optimvalue",
    "campaign_property": "dialmode prevdialmode prevdmts optimmode optimvalue prevoptimmode prevoptimvalue",
    "chain": "switchid prevstate prevts cause recordhandle callattid cpdresult agentresult",
    "record": "dialschedtime calltime dailyfrom dailytill tzname agentid switchid",
    "field": "callattid oldvalue newvalue prevts switchid",
    "chain_call": "callid switchid",
    "metric": "campaignid groupid callinglistid callattid callid switchid",
    "call": "calltype connid irid parentcallid mergecallid media",
    "party": "role endpointdn agentid",
    "userdata": "partyid value secure",
    "object": "dbid name tenantid icon_attribute formatid switchid role primary employeeid firstname lastname"
    " campaignid callinglistid groupid fieldid",
}
KEYS = {
    "campaign": "sessid seq", "campaign_property": "sessid seq", "chain": "chainguid seq",
    "record": "chainguid recordhandle chainseq", "field": "chainguid recordhandle fieldid seq",
    "chain_call": "chainguid callattid callid",
    "metric": "metric campaignid groupid callinglistid callattid callid ts", "call": "callid cseq",
    "party": "partyid pseq", "userdata": "callid cseq keyname", "connection": "ts state",
    "object": "kind dbid campaignid groupid callinglistid formatid fieldid ts",
}  # fmt: skip
OF_SOURCE = {
    "ocs": {
        "connection",
        "campaign",
        "campaign_property",
        "chain",
        "record",
        "field",
        "chain_call",
        "metric",
    },
    "tserver": {"connection", "call", "party", "userdata"},
    "ixn": {"connection", "call", "party", "userdata"},
    "config": {"connection", "object"},
}
CHAIN_MOVES = {(0, 1), (1, 2), (2, 3), (3, 1), (3, 2), (3, 0), (1, 0), (2, 0)}
CAMPAIGN_MOVES = {(0, 1), (1, 2), (2, 1), (1, 3), (2, 3), (3, 0), (1, 0), (2, 0)}


def batches(folder: Path) -> Iterator[tuple[Event, list[Event]]]:
    """Header and events of each file, the header checked."""
    seen = set()
    for path in sorted(folder.rglob("*.jsonl.gz")):
        header, *events = [
            json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()
        ]
        assert header["type"] == "batch" and header["contract"] == "ocs-events/1"
        assert header["events"] == len(events)
        identity = (header["source"], header["dbid"], header.get("feed"), header["batch"])
        assert identity not in seen
        seen.add(identity)
        numbers = [event["dsseq"] for event in events if "dsseq" in event]
        if numbers:
            assert (header["first_dsseq"], header["last_dsseq"]) == (min(numbers), max(numbers))
        yield header, events


def milliseconds(value: str | int) -> int:
    if isinstance(value, int):
        return value
    from datetime import datetime

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value)
    return round(datetime.fromisoformat(value).timestamp() * 1000)


def check_shape(event: Event) -> None:
    kind = event["type"]
    required = REQUIRED[kind].split()
    allowed = {"type", "ts", "dsseq", *required, *OPTIONAL.get(kind, "").split()}
    assert set(event) <= allowed, f"unknown fields in {event}"
    assert all(event.get(name) is not None for name in required), event
    milliseconds(event["ts"])
    for name, value in event.items():
        if name.endswith("guid") or name in ("sessid", "callid", "callattid", "partyid", "irid"):
            assert GUID.match(value)
        if isinstance(value, int) and name not in ("ts", "value", "dialschedtime", "calltime", "dsseq"):
            assert 0 <= value < 2**31


def check_keys(everything: list[tuple[Event, Event]]) -> None:
    """No key twice within one feed."""
    seen = set()
    for header, event in everything:
        family = "campaign" if event["type"] == "campaign_property" else event["type"]
        values = tuple(event.get(name) for name in KEYS[event["type"]].split())
        key = (header["source"], header["dbid"], header.get("feed"), family, values)
        assert key not in seen, key
        seen.add(key)


def check_history(events: list[Event], moves: set[tuple[int, int]]) -> None:
    """One object's notices: seq without holes, legal moves, prev fields that say the truth, time that grows."""
    events.sort(key=lambda event: event["seq"])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    state, entered = 0, None
    for event in events:
        assert entered is None or milliseconds(event["ts"]) >= entered
        if "state" not in event:
            continue
        if event["seq"] > 1:
            assert (
                (event["prevstate"] == state
                and milliseconds(event["prevts"]) == entered)
                or "prevts" not in event
            )
        late = event["state"] == state and "agentresult" in event and "callattid" in event
        assert late or (state, event["state"]) in moves, (state, event)
        state, entered = event["state"], milliseconds(event["ts"])


def check(folder: Path) -> list[tuple[Event, Event]]:
    """All rules; returns (header, event) of everything."""
    everything = [(header, event) for header, events in batches(folder) for event in events]
    for header, event in everything:
        assert event["type"] in OF_SOURCE[header["source"]]
        check_shape(event)
    check_keys(everything)
    histories: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    chain_seqs, references = set(), []
    for header, event in everything:
        if event["type"] in ("campaign", "campaign_property"):
            histories["campaign", header["dbid"], event["sessid"]].append(event)
        elif event["type"] == "chain":
            histories["chain", header["dbid"], event["chainguid"]].append(event)
            chain_seqs.add((header["dbid"], event["chainguid"], event["seq"]))
        elif event["type"] == "record":
            references.append((header["dbid"], event["chainguid"], event["chainseq"]))
        elif event["type"] == "field":
            references.append((header["dbid"], event["chainguid"], event["chainhistseq"]))
    for (kind, *_), events in histories.items():
        check_history(events, CHAIN_MOVES if kind == "chain" else CAMPAIGN_MOVES)
    assert set(references) <= chain_seqs
    check_calls(event for _, event in everything)
    return everything


def check_calls(events: Iterator[Event]) -> None:
    """Cseq of a call and pseq of a party without holes; each created first and ended last."""
    calls: dict[str, list[int]] = defaultdict(list)
    parties: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["type"] in ("call", "party", "userdata"):
            calls[event["callid"]].append(event["cseq"])
        if event["type"] == "party":
            parties[event["partyid"]].append(event)
    for numbers in calls.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for party in parties.values():
        party.sort(key=lambda event: event["pseq"])
        assert [event["pseq"] for event in party] == list(range(1, len(party) + 1))
        assert party[0]["change"] == "created" and party[-1]["change"] == "terminated"
        assert party[-1]["state"] == "released"


def recount(everything: list[tuple[Event, Event]]) -> dict[str, Any]:
    """The main figures once more, from the events alone."""
    ended: dict[str, str] = {}
    starts: dict[str, str] = {}
    results: dict[str, dict[str, int]] = defaultdict(dict)
    was: dict[str, int] = {}
    for _, event in sorted(
        ((header, event) for header, event in everything if event["type"] == "chain"),
        key=lambda pair: (pair[1]["chainguid"], pair[1]["seq"]),
    ):
        guid, day = event["chainguid"], event["ts"][:10]
        if event["state"] == 0 and was.get(guid, 0) != 0:
            ended[guid] = day
        was[guid] = event["state"]
        if attempt := event.get("callattid"):
            starts.setdefault(attempt, day)
            results[attempt] |= {name: event[name] for name in ("cpdresult", "agentresult") if name in event}
    effective = [
        results[attempt].get("agentresult", results[attempt].get("cpdresult", "none")) for attempt in starts
    ]
    return {
        "chains": len(ended),
        "attempts": len(starts),
        "chains_by_day": Counter(ended.values()),
        "attempts_by_day": Counter(starts.values()),
        "attempts_by_result": Counter(str(result) for result in effective),
        "linked_by_chain_call": len(
            {event["callattid"] for _, event in everything if event["type"] == "chain_call"}
        ),
        "overdialed": sum(event.get("metric") == "overdialed" for _, event in everything),
        "talk_ms": talk(event for _, event in everything),
    }


def talk(events: Iterator[Event]) -> int:
    """Time in which an agent and the customer are both connected, on calls that are no consultations."""
    calls: dict[str, Event] = {}
    parties: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["type"] == "call" and event["change"] == "created":
            calls[event["callid"]] = event
        elif event["type"] == "party":
            parties[event["callid"]].append(event)
    total = 0
    for callid, notices in parties.items():
        if calls[callid]["calltype"] == 4 or calls[callid]["media"] != "voice":
            continue
        answered = [n["ts"] for n in notices if n.get("role") == "destination" and n["state"] == "connected"]
        since: dict[str, int] = {}
        for notice in sorted(notices, key=lambda notice: notice["cseq"]):
            if notice["role"] != "agent":
                continue
            begun = since.pop(notice["partyid"], None)
            if begun is not None and answered:
                total += notice["ts"] - max(begun, answered[0])
            if notice["state"] == "connected":
                since[notice["partyid"]] = notice["ts"]
    return total


@pytest.mark.parametrize("name", scenarios())
def test_every_scenario_keeps_the_contract_and_its_truth(name: str, tmp_path: Path) -> None:
    truth = simulate(resize(scenarios()[name], 40), 7, str(tmp_path))
    counted = recount(check(tmp_path))
    assert truth == json.loads((tmp_path / "truth.json").read_text())
    for figure in ("chains", "attempts", "linked_by_chain_call", "overdialed", "talk_ms"):
        assert truth[figure] == counted[figure], figure
    assert truth["attempts_by_result"] == counted["attempts_by_result"]
    for figure in ("chains", "attempts"):
        days = {day: tally[figure] for day, tally in truth["days"].items() if tally[figure]}
        assert days == counted[f"{figure}_by_day"]
