"""Valid events of every type, and short ways from lines to what the reader and the decoder make of them."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from icon_assets.contract.decode import Decoder, Rejected
from icon_assets.contract.events import Event
from icon_assets.contract.reader import Batch

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TS = "2026-11-22T09:20:00.123Z"
TS_MS = 1_795_339_200_123
GUID = "FVRAHHVF5OCU1MQDE67SPT5GA3VQVOKP"
ATTEMPT = "0ME0Q7H2J64KMTQNTV569NGQ0QKVPKGU"
CALL = "PS6S3B1H5SQ5IM8FJ3MC29IOQJQG1POR"

# source, and every field of the type with a good value: required, then optional.
EVENTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "connection": ("ocs", {"dsconn_type": 1, "state": "connected"}, {}),
    "campaign": (
        "ocs",
        {"sessid": GUID, "campaignid": 5001, "groupid": 5101, "seq": 1, "state": 1},
        {"prevstate": 0, "prevts": TS, "cause": 1, "dialmode": 1, "optimmode": 2, "optimvalue": 3},
    ),
    "campaign_property": (
        "ocs",
        {"sessid": GUID, "seq": 2},
        {
            "dialmode": 1, "prevdialmode": 3, "prevdmts": TS, "optimmode": 2, "optimvalue": 3,
            "prevoptimmode": 1, "prevoptimvalue": 80,
        },
    ),
    "chain": (
        "ocs",
        {
            "chainguid": GUID, "sessid": ATTEMPT, "campaignid": 1, "groupid": 2, "callinglistid": 3, "seq": 3,
            "state": 2,
        },
        {
            "switchid": 7, "prevstate": 1, "prevts": TS, "cause": 257, "recordhandle": 139,
            "callattid": ATTEMPT, "cpdresult": 33, "agentresult": 9,
        },
    ),
    "record": (
        "ocs",
        {
            "chainguid": GUID, "recordhandle": 139, "chainseq": 1, "recordid": 12, "chainid": 12, "chainn": 0,
            "recordtype": 2, "recordstatus": 1, "contactinfo": "+351900000139", "contactinfotype": 4,
            "callresult": 28, "attempt": 0,
        },
        {
            "switchid": 7, "dialschedtime": 0, "calltime": 1795339200, "dailyfrom": 28800, "dailytill": 75600,
            "tzname": "Europe/Lisbon", "agentid": 9001,
        },
    ),
    "field": (
        "ocs",
        {"chainguid": GUID, "recordhandle": 139, "fieldid": 8001, "seq": 1, "chainhistseq": 1},
        {"switchid": 7, "callattid": ATTEMPT, "oldvalue": "", "newvalue": "blue collar", "prevts": TS},
    ),
    "chain_call": ("ocs", {"chainguid": GUID, "callattid": ATTEMPT}, {"switchid": 7, "callid": CALL}),
    "metric": (
        "ocs",
        {"metric": "dialing_time_ms", "value": 5000},
        {
            "switchid": 7, "campaignid": 1, "groupid": 2, "callinglistid": 3, "callattid": ATTEMPT,
            "callid": CALL,
        },
    ),
    "call": (
        "tserver",
        {"callid": CALL, "cseq": 1, "change": "created", "switchid": 7},
        {
            "calltype": 3, "connid": "006f0189ae1b5001", "irid": GUID, "parentcallid": GUID,
            "mergecallid": ATTEMPT, "media": "voice",
        },
    ),
    "party": (
        "tserver",
        {
            "partyid": GUID, "callid": CALL, "pseq": 1, "cseq": 3, "change": "created", "partytype": 2,
            "state": "dialing",
        },
        {"role": "destination", "endpointdn": "sip:+351900000139@host", "agentid": 9001},
    ),
    "userdata": (
        "tserver",
        {"callid": CALL, "cseq": 2, "change": "added", "keyname": "GSW_CALL_ATTEMPT_GUID"},
        {"partyid": GUID, "value": ATTEMPT, "secure": False},
    ),
    "object": (
        "config",
        {"kind": "agent", "status": "active", "dbid": 9001, "name": "agent9001"},
        {"tenantid": 1, "employeeid": "A9001", "firstname": "Ana", "lastname": "Conceição"},
    ),
}  # fmt: skip


def event(type_: str, *, optional: bool = True, **changes: Any) -> dict[str, Any]:
    """A good event of the type as a dict, with all its fields or only the required ones, and changes."""
    _, required, more = EVENTS[type_]
    return {"type": type_, "ts": TS, **required, **({"dsseq": 42, **more} if optional else {}), **changes}


def line(value: Any, *, spaces: bool = False) -> bytes:
    """One line, as a writer would write it, without its LF."""
    separators = (", ", ": ") if spaces else (",", ":")
    return json.dumps(value, separators=separators, ensure_ascii=False).encode()


def header(count: int, source: str = "ocs", **changes: Any) -> bytes:
    head = {
        "type": "batch", "contract": "ocs-events/1", "batch": "b/1", "source": source, "dbid": 101,
        "release": "8.1.5", "sent": "2026-11-22T09:20:00.000Z", "events": count, "first_dsseq": 1,
        "last_dsseq": 9,
    }  # fmt: skip
    return line(head | changes)


def batch(lines: list[bytes], source: str = "ocs", **changes: Any) -> bytes:
    """The text of a batch that holds the lines."""
    return b"".join(text + b"\n" for text in (header(len(lines), source, **changes), *lines))


def opened(stored: bytes) -> Batch:
    return Batch(io.BytesIO(stored).read)


def read(stored: bytes) -> tuple[list[tuple[int, Event]], list[Rejected], Counter[str]]:
    """Events, rejected lines and unknown fields of a stored batch."""
    decoder = Decoder(opened(stored), NOW)
    events: list[tuple[int, Event]] = []
    rejected: list[Rejected] = []
    for chunk in decoder.chunks():
        events += chunk.events
        rejected += chunk.rejected
    return events, rejected, decoder.unknown_fields


def judged(text: bytes, source: str = "ocs") -> Event | Rejected:
    """What becomes of one line: it stands between two good ones, which must come through."""
    good = line(event({"ocs": "chain", "tserver": "call", "ixn": "call", "config": "object"}[source]))
    events, rejected, _ = read(batch([good, text, good], source))
    assert [number for number, _ in events if number != 3] == [2, 4]
    if rejected:
        assert [bad.line for bad in rejected] == [3]
        assert rejected[0].raw == text[: 2**20]
        return rejected[0]
    return events[1][1]
