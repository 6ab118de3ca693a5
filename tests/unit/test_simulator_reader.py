"""An independent reading of simulated batches: the contract's rules, and the main figures counted anew.

It shares no code with the simulator or the loader, so that one's error is not the other's proof.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

Event = dict[str, Any]
GUID = re.compile(r"[!-~]{1,64}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
REQUIRED = {
    "connection": "dsconn_type state",
    "campaign": "sessid campaignid groupid seq state",
    "campaign_property": "sessid seq",
    "chain": "chainguid sessid campaignid groupid callinglistid seq state",
    "record": "chainguid recordhandle chainseq recordid chainid chainn recordtype recordstatus contactinfo "
    "contactinfotype callresult attempt",
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
    "object": "dbid name tenantid icon_attribute formatid switchid role primary employeeid firstname "
    "lastname campaignid callinglistid groupid fieldid",
}
KEYS = {
    "campaign": "sessid seq",
    "campaign_property": "sessid seq",
    "chain": "chainguid seq",
    "record": "chainguid recordhandle chainseq",
    "field": "chainguid recordhandle fieldid seq",
    "chain_call": "chainguid callattid callid",
    "metric": "metric campaignid groupid callinglistid callattid callid ts",
    "call": "callid cseq",
    "party": "partyid pseq",
    "userdata": "callid cseq keyname",
    "connection": "ts state",
    "object": "kind dbid campaignid groupid callinglistid formatid fieldid ts",
}
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
    "config": {"object"},
}
METRICS = {
    "records_total", "chains_total", "records_not_processed", "chains_not_processed", "ports_busy",
    "ports_engaged", "overdialed", "dialing_time_ms", "transfer_time_ms", "cpd_time_ms",
}  # fmt: skip
CHAIN_MOVES = {(0, 1), (1, 2), (2, 3), (3, 1), (3, 2), (3, 0), (1, 0), (2, 0)}
CAMPAIGN_MOVES = {(0, 1), (1, 2), (2, 1), (1, 3), (2, 3), (3, 0), (1, 0), (2, 0)}


def inflated(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and inflated content of each batch file, in the order of the names."""
    for path in sorted(folder.rglob("*.jsonl.gz")):
        yield str(path.relative_to(folder)), gzip.decompress(path.read_bytes())


def batches(folder: Path) -> Iterator[tuple[Event, list[bytes]]]:
    """Header and event lines of each file, the header checked."""
    seen = set()
    for _, content in inflated(folder):
        first, *lines = content.split(b"\n")[:-1]
        header = json.loads(first)
        assert (header["type"], header["contract"]) == ("batch", "ocs-events/1")
        assert header["events"] == len(lines)
        identity = (header["source"], header["dbid"], header.get("feed"), header["batch"])
        assert identity not in seen
        seen.add(identity)
        yield header, lines


def read(folder: Path) -> list[tuple[Event, Event]]:
    """(header, event) of everything, each event checked by itself; what two feeds tell is there once."""
    everything: dict[object, tuple[Event, Event]] = {}
    seen = set()
    for header, lines in batches(folder):
        events = [json.loads(line) for line in lines]
        numbers = [event["dsseq"] for event in events if "dsseq" in event]
        assert not numbers or (header["first_dsseq"], header["last_dsseq"]) == (min(numbers), max(numbers))
        for event in events:
            check_shape(header, event)
            key = key_of(header, event)
            assert (header.get("feed"), key) not in seen, key
            seen.add((header.get("feed"), key))
            if event["type"] == "connection":
                key = (header.get("feed"), key)
            assert key not in everything or everything[key][1] == event
            everything[key] = (header, event)
    return list(everything.values())


def key_of(header: Event, event: Event) -> tuple[object, ...]:
    """The contract's key, with dsseq for metrics (repeats are lines of their own)."""
    kind = event["type"]
    family = "campaign" if kind == "campaign_property" else kind
    repeat = event.get("dsseq") if kind == "metric" else None
    return (
        header["source"],
        header["dbid"],
        family,
        repeat,
        *(event.get(name) for name in KEYS[kind].split()),
    )


def milliseconds(value: str | int) -> int:
    """A time of the contract."""
    if isinstance(value, int):
        return value
    assert TIME.match(value)
    return round(datetime.fromisoformat(value).timestamp() * 1000)


def check_shape(header: Event, event: Event) -> None:
    """Fields and values of one event."""
    kind = event["type"]
    assert kind in OF_SOURCE[header["source"]]
    required = REQUIRED[kind].split()
    assert set(event) <= {"type", "ts", "dsseq", *required, *OPTIONAL.get(kind, "").split()}, event
    assert all(event.get(name) is not None for name in required), event
    milliseconds(event["ts"])
    for name, value in event.items():
        if name.endswith("guid") or name in ("sessid", "callid", "callattid", "partyid", "irid"):
            assert GUID.match(value)
        if isinstance(value, int) and name not in ("ts", "prevts", "value", "dialschedtime", "calltime"):
            assert 0 <= value < 2**31
    assert kind != "metric" or event["metric"] in METRICS


def check_histories(everything: list[tuple[Event, Event]], *, steady: bool = True) -> None:
    """Numbers without holes, legal moves, prev fields that say the truth, references that lead somewhere.

    `steady`: no clock was set, so times grow with the numbers.
    """
    histories: dict[tuple[Any, ...], list[Event]] = defaultdict(list)
    fields: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    references = set()
    for header, event in everything:
        kind = event["type"]
        if kind in ("campaign", "campaign_property"):
            histories["campaign", header["dbid"], event["sessid"]].append(event)
        elif kind == "chain":
            histories["chain", header["dbid"], event["chainguid"]].append(event)
        elif kind == "record":
            references.add((header["dbid"], event["chainguid"], event["chainseq"]))
        elif kind == "field":
            references.add((header["dbid"], event["chainguid"], event["chainhistseq"]))
            fields[event["chainguid"], event["recordhandle"], event["fieldid"]].append(event["seq"])
    for (kind, *_), events in histories.items():
        _check_history(events, CHAIN_MOVES if kind == "chain" else CAMPAIGN_MOVES, steady=steady)
    chains = {
        (dbid, guid, event["seq"])
        for (kind, dbid, guid), events in histories.items()
        for event in events
        if kind == "chain"
    }
    assert references <= chains
    for numbers in fields.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
    _check_calls(event for _, event in everything)


def _check_history(events: list[Event], moves: set[tuple[int, int]], *, steady: bool) -> None:
    events.sort(key=lambda event: event["seq"])
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    first = events[0]
    # A standby that takes a session over begins with the state in which it found it.
    state, entered = (0, None) if (0, first["state"]) in moves else (-1, None)
    for event in events:
        assert not steady or entered is None or milliseconds(event["ts"]) >= entered
        if "state" not in event:
            continue
        if "prevts" in event:
            assert (event["prevstate"], milliseconds(event["prevts"])) == (state, entered)
        late = event["state"] == state and "agentresult" in event and "callattid" in event
        assert late or state == -1 or (state, event["state"]) in moves, (state, event)
        state, entered = event["state"], milliseconds(event["ts"])


def _check_calls(events: Iterable[Event]) -> None:
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
        assert (party[0]["change"], party[-1]["change"]) == ("created", "terminated")
        assert party[-1]["state"] == "released"


def recount(everything: list[tuple[Event, Event]]) -> dict[str, Any]:
    """The main figures once more, from the events alone."""
    ended: dict[object, str] = {}
    starts: dict[str, str] = {}
    results: dict[str, Event] = defaultdict(dict)
    state: dict[object, int] = {}
    chain_events = [(header["dbid"], event) for header, event in everything if event["type"] == "chain"]
    for dbid, event in sorted(chain_events, key=lambda pair: (pair[0], pair[1]["chainguid"], pair[1]["seq"])):
        chain, day = (dbid, event["chainguid"]), event["ts"][:10]
        if event["state"] == 0 and state.get(chain, 0) != 0:
            ended[chain] = day
        state[chain] = event["state"]
        if attempt := event.get("callattid"):
            starts.setdefault(attempt, day)
            results[attempt] |= {name: event[name] for name in ("cpdresult", "agentresult") if name in event}
    effective = [results[each].get("agentresult", results[each].get("cpdresult", "none")) for each in starts]
    events = [event for _, event in everything]
    return {
        "chains": len(ended),
        "open": len(state) - len(ended),
        "attempts": len(starts),
        "chains_by_day": Counter(ended.values()),
        "attempts_by_day": Counter(starts.values()),
        "attempts_by_result": Counter(str(result) for result in effective),
        "linked_by_chain_call": len(
            {e["callattid"] for e in events if e["type"] == "chain_call" and "callid" in e}
        ),
        "overdialed": len({e["callattid"] for e in events if e.get("metric") == "overdialed"}),
        "late_results": sum(_is_late(event) for event in events),
        "talk_ms": talk(events, of=_matched(events)),
    }


def _matched(events: list[Event]) -> set[str]:
    """Calls that OCS or the user data gives to an attempt; nothing does so with the calls of an OCS 7.2."""
    return {
        event["callid"]
        for event in events
        if "callid" in event
        and (event["type"] == "chain_call" or event.get("keyname", "").upper() == "GSW_CALL_ATTEMPT_GUID")
    }


def _is_late(event: Event) -> bool:
    return event["type"] == "chain" and event["state"] == event.get("prevstate")


def talk(events: Iterable[Event], of: Collection[str]) -> int:
    """Time in which an agent and the customer are both connected, on calls `of`, but no consultations."""
    calls: dict[str, Event] = {}
    parties: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event["type"] == "call" and event["change"] == "created":
            calls[event["callid"]] = event
        elif event["type"] == "party":
            parties[event["callid"]].append(event)
    total = 0
    for callid, notices in parties.items():
        if calls[callid]["calltype"] == 4 or calls[callid]["media"] != "voice" or callid not in of:
            continue
        answered = [n["ts"] for n in notices if n["role"] == "destination" and n["state"] == "connected"]
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


CHAIN = {"type": "chain", "chainguid": "C", "sessid": "S", "campaignid": 1, "groupid": 2, "callinglistid": 3}
HEADER = {"source": "ocs", "dbid": 101}


def history(*states: int) -> list[tuple[Event, Event]]:
    """A chain that goes through these states."""
    return [
        (HEADER, CHAIN | {"ts": 1_740_981_600_000 + seq, "seq": seq, "state": state})
        for seq, state in enumerate(states, 1)
    ]


def test_the_reader_takes_a_good_history() -> None:
    check_histories(history(1, 2, 3, 1, 2, 3, 0))


def test_the_reader_refuses_an_illegal_move() -> None:
    with pytest.raises(AssertionError):
        check_histories(history(1, 3, 0))


def test_the_reader_refuses_a_hole() -> None:
    whole = history(1, 2, 3, 0)
    with pytest.raises(AssertionError):
        check_histories(whole[:1] + whole[2:])


def test_the_reader_refuses_unknown_and_missing_fields() -> None:
    good = history(1)[0][1]
    check_shape(HEADER, good)
    for bad in (good | {"colour": 1}, {key: value for key, value in good.items() if key != "sessid"}):
        with pytest.raises(AssertionError):
            check_shape(HEADER, bad)
