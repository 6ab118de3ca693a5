"""The batches that every fault is tried on, and the whole state of a database in a form to compare."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from tests import batches
from tests.batches import T0, call, campaign, chain, chain_call, field, metric, party, record, userdata, write
from tests.tables import fingerprints

OUTBOUND = [
    batches.connection(T0 - 5000),
    *campaign("S1", 1, 2, 3, 0, dialmode=1, optimmode=2, optimvalue=80),
    {"type": "campaign_property", "ts": T0 + 290_000, "sessid": "S1", "seq": 5, "dialmode": 2},
    *chain("A", 1, 2, 3, 0, cpdresult=33),
    *chain("B", 0, 1, 2, 3, 1, 2, 3),
    *chain("D", 1, 0, 1, 0, 0),
    record("A", 1),
    record("A", 3, callresult=33, attempt=1),
    *(field("A", seq, f"v{seq}") for seq in (1, 2)),
    field("A", 1, "secret", fieldid=8002),
    field("B", 1, "", fieldid=8003),
    chain_call("A", "C1"),
    metric("dialing_time_ms", 4000, callattid="A-1", callid="C1"),
    {"type": "chain", "ts": 0},
]
CALLS = [
    batches.connection(T0 - 5000),
    call("C1", 1, calltype=3, irid="I1"),
    call("C1", 9, "terminated"),
    party("P1", 1, "ringing", agentid=5),
    userdata("C1", 2, "A-1"),
    userdata("C1", 3, "x", keyname="PIN", secure=True),
]
OBJECTS = [
    batches.tracked(8001, 1),
    batches.tracked(8002, 2),
    batches.obj("application", dbid=101, role="ocs", primary=100),
]
# Late notices: known lines, a conflict, an end that changes, and a field that was open all the time.
LATE = [*chain("A", 1, 2, 3, 0, cpdresult=33), *chain("B", 5), *chain("D", 1, 0, 1, 0, 0, 1, 0)]
FIELD = [batches.tracked(8003, 1)]


WRITE: dict[str, Callable[[Path], object]] = {
    "1-ocs": lambda landing: write(landing, "1-ocs", OUTBOUND),
    "2-calls": lambda landing: write(landing, "2-calls", CALLS, source="tserver", dbid=batches.TSERVER),
    "3-objects": lambda landing: write(landing, "3-objects", OBJECTS, source="config", dbid=batches.CONFIG),
    "4-late": lambda landing: write(landing, "4-late", LATE),
    "5-field": lambda landing: write(landing, "5-field", FIELD, source="config", dbid=batches.CONFIG),
}
"""Writes each batch, in the order in which they load."""

FINISHED_AFTER = "3-objects"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def write_oddities(landing: Path) -> None:
    """What seldom comes, for a database that had all of the above, finalized, in the marts, and purged."""
    later = T0 + 40 * batches.DAY
    more = [party("P1", 2, "released", agentid=5)]  # of A, which was purged, as D was
    write(landing, "o0-calls", more, source="tserver", dbid=batches.TSERVER)
    write(landing, "o1-late", [
        *chain("D", 1, 0, 1, 0, 0, 1, 0, 1, 0)[7:],
        *chain("E", 1, 2, 0, start=later),  # a month that final has not
        *chain("L", 1, 2, 3, 1, 2, 3, 1, 0),  # too long a history
        *chain("Z", 1, 2),  # loses its end
        *campaign("S2", 1, 2),
        {"type": "campaign_property", "ts": T0 + 60_000, "sessid": "S2", "seq": 1, "dialmode": 2},
        campaign("S1", 1)[0] | {"dialmode": 1, "optimmode": 2, "optimvalue": 80},  # known
    ])  # fmt: skip
    write(landing, "o2-numbered", [line | {"dsseq": n} for n, line in enumerate(chain("N", 1, 2, 0), 1)])
    write(landing, "o3-holes", [line | {"dsseq": 2 * n} for n, line in enumerate(chain("H", 1, 2, 0), 5)])
    lines = [*chain("C", 1, 2, 3, 0), {"type": "nonsense"}, record("C", 1)] * 50
    whole = batches.batch("o4-cut", [line | {"dsseq": 2 * n} for n, line in enumerate(lines, 20)])
    (landing / "o4-cut.jsonl.gz").write_bytes(gzip.compress(whole, mtime=0)[:-20])
    calls = [userdata("C1", 4, "E-1"), call("C2", 1, ts=later), party("P2", 1, "ringing", callid="C2")]
    write(landing, "o5-calls", calls, source="tserver", dbid=batches.TSERVER)
    lists = [batches.obj("campaign_list", campaignid=1, callinglistid=3)]
    write(landing, "o6-lists", lists, source="config", dbid=batches.CONFIG)


def fill(landing: Path) -> None:
    """Writes all batches."""
    for write_one in WRITE.values():
        write_one(landing)


# What of ops differs from load to load by its nature, numbers and clocks, is left out; the links stay.
_OPS = {
    "batch": """
        select source, dbid, feed, batch, release, sent, content_sha256, events, new, known, filtered,
            quarantined, filtered_by, by_type, unknown_fields, first_dsseq, last_dsseq, first_ts, last_ts,
            path
        from ops.batch""",
    "quarantine": """
        select b.batch, q.line, q.type, q.reason, q.detail, q.raw
        from ops.quarantine as q inner join ops.batch as b on b.batch_id = q.batch_id""",
    "dirty_day": """
        select d.entity, d.day, d.reason, d.objects, b.batch, d.finalized_at is null
        from ops.dirty_day as d left join ops.batch as b on b.batch_id = d.batch_id""",
    "final_day": "select entity, day, objects, rows from ops.final_day",
    "synthetic_close": "select entity, guid, ocsid, reason, ended, lastseq from ops.synthetic_close",
}


State = dict[str, object]


def state(engine: sa.Engine) -> State:
    """Everything that the database holds, table by table."""
    found: State = dict(fingerprints(engine, ["idb", "final"]))
    with engine.connect() as connection:
        for table, query in _OPS.items():
            rows = connection.execute(sa.text(query)).all()
            found[f"ops.{table}"] = sorted(repr(tuple(row)) for row in rows)
    return found
