"""Batches for tests: a few lines of Python become a file in a landing zone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

T0 = 1_763_800_000_000  # 2025-11-22T08:26:40Z
DAY = 86_400_000
OCS, TSERVER, CONFIG = 101, 201, 99


def batch(name: str, events: list[dict[str, Any]], **header: Any) -> bytes:
    """The text of a batch of source ocs, unless the header says otherwise."""
    head = {
        "type": "batch",
        "contract": "ocs-events/1",
        "batch": name,
        "source": "ocs",
        "dbid": OCS,
        "release": "8.1.5",
        "events": len(events),
        **header,
    }
    return "".join(json.dumps(line) + "\n" for line in (head, *events)).encode()


def write(landing: Path, name: str, events: list[dict[str, Any]], **header: Any) -> Path:
    """Writes a batch as gzip under its name."""
    path = landing / f"{name}.jsonl.gz"
    path.write_bytes(gzip.compress(batch(name, events, **header), mtime=0))
    return path


def chain(guid: str, *states: int, start: int = T0, sessid: str = "S1", **last: Any) -> list[dict[str, Any]]:
    """Notices of one chain, a second apart, seq from 1; states 2 and 3 carry the attempt GUID-N.

    `last` adds fields to the last notice.
    """
    lines: list[dict[str, Any]] = []
    attempt = 0
    for seq, state in enumerate(states, 1):
        attempt += state == 2
        line = {
            "type": "chain",
            "ts": start + 1000 * seq,
            "chainguid": guid,
            "sessid": sessid,
            "campaignid": 1,
            "groupid": 2,
            "callinglistid": 3,
            "seq": seq,
            "state": state,
            "recordhandle": 7,
        }
        if state in (2, 3):
            line["callattid"] = f"{guid}-{attempt}"
        lines.append(line)
    lines[-1] |= last
    return lines


def record(guid: str, chainseq: int, *, handle: int = 7, ts: int = T0, **more: Any) -> dict[str, Any]:
    return {
        "type": "record", "ts": ts + 1000 * chainseq, "chainguid": guid, "recordhandle": handle,
        "chainseq": chainseq, "recordid": 1, "chainid": 1, "chainn": 0, "recordtype": 2, "recordstatus": 1,
        "contactinfo": "+351900000001", "contactinfotype": 4, "callresult": 28, "attempt": 0, **more,
    }  # fmt: skip


def field(
    guid: str, seq: int, value: str | None, *, fieldid: int = 8001, ts: int = T0, **more: Any
) -> dict[str, Any]:
    return {
        "type": "field", "ts": ts + 1000 * seq, "chainguid": guid, "recordhandle": 7, "fieldid": fieldid,
        "seq": seq, "chainhistseq": seq, "newvalue": value, **more,
    }  # fmt: skip


def campaign(sessid: str, *states: int, start: int = T0, **first: Any) -> list[dict[str, Any]]:
    """Notices of one session, a minute apart, seq from 1; `first` adds fields to the first."""
    lines: list[dict[str, Any]] = [
        {
            "type": "campaign",
            "ts": start + 60_000 * seq,
            "sessid": sessid,
            "campaignid": 1,
            "groupid": 2,
            "seq": seq,
            "state": state,
        }
        for seq, state in enumerate(states, 1)
    ]
    lines[0] |= first
    return lines


def connection(ts: int, state: str = "connected", dsconn_type: int = 1, **more: Any) -> dict[str, Any]:
    return {"type": "connection", "ts": ts, "dsconn_type": dsconn_type, "state": state, **more}


def metric(name: str, value: int, ts: int = T0, **of: Any) -> dict[str, Any]:
    """A figure; without more, of campaign 1 and group 2."""
    return {
        "type": "metric",
        "ts": ts,
        "metric": name,
        "value": value,
        **(of or {"campaignid": 1, "groupid": 2}),
    }


def chain_call(guid: str, callid: str | None, *, ts: int = T0, **more: Any) -> dict[str, Any]:
    line = {"type": "chain_call", "ts": ts, "chainguid": guid, "callattid": f"{guid}-1", **more}
    return line if callid is None else {**line, "callid": callid}


def call(callid: str, cseq: int, change: str = "created", *, ts: int = T0, **more: Any) -> dict[str, Any]:
    return {
        "type": "call", "ts": ts + 1000 * cseq, "callid": callid, "cseq": cseq, "change": change,
        "switchid": 1, **more,
    }  # fmt: skip


def party(
    partyid: str, pseq: int, state: str, *, callid: str = "C1", ts: int = T0, **more: Any
) -> dict[str, Any]:
    change = "created" if pseq == 1 else "terminated" if state == "released" else "changed"
    return {
        "type": "party", "ts": ts + 1000 * pseq, "partyid": partyid, "callid": callid, "pseq": pseq,
        "cseq": pseq, "change": change, "partytype": 2, "state": state, **more,
    }  # fmt: skip


def userdata(callid: str, cseq: int, value: str | None, *, ts: int = T0, **more: Any) -> dict[str, Any]:
    return {
        "type": "userdata", "ts": ts + 1000 * cseq, "callid": callid, "cseq": cseq, "change": "added",
        "keyname": "GSW_CALL_ATTEMPT_GUID", "value": value, **more,
    }  # fmt: skip


def obj(kind: str, ts: int = T0 - DAY, **more: Any) -> dict[str, Any]:
    """A configuration object; of an association, `more` holds both DBIDs."""
    name = {"name": kind} if "dbid" in more else {}
    return {"type": "object", "ts": ts, "kind": kind, "status": "active", **name, **more}


def tracked(fieldid: int, icon_attribute: int, ts: int = T0 - DAY) -> dict[str, Any]:
    """A Field with its icon_attribute: 0 not stored, 1 open, 2 secure."""
    return obj("field", ts, dbid=fieldid, icon_attribute=icon_attribute)
