"""Loading: nothing twice, nothing lost, the same tables whatever the order, one transaction a batch."""

from __future__ import annotations

import itertools
import json
import random
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icon_assets.contract.landing import Landing
from icon_assets.ingest.drain import drain
from icon_assets.ingest.retries import LoadError
from tests import batches
from tests.batches import T0, call, campaign, chain, chain_call, field, metric, party, record, userdata, write
from tests.loading import Events, Loader

OUTBOUND: Events = [
    batches.connection(T0 - 5000),
    *campaign("S1", 1, 2, 3, 0, dialmode=1, optimmode=2, optimvalue=80),
    {"type": "campaign_property", "ts": T0 + 290_000, "sessid": "S1", "seq": 5, "dialmode": 2},
    *chain("A", 1, 2, 3, 0, cpdresult=33),
    {**chain("A", 1, 2, 3, 0, 0, agentresult=51)[-1], "callattid": "A-1"},
    *chain("B", 0, 1, 2, 3, 1, 2, 3),
    *chain("D", 1, 0, 1, 0, 0),
    record("A", 1),
    record("A", 3, callresult=33, attempt=1),
    record("B", 2),
    *(field("A", seq, f"v{seq}", oldvalue=None if seq == 1 else f"v{seq - 1}") for seq in (1, 2, 3)),
    field("A", 1, "secret", fieldid=8002),
    field("B", 1, "", fieldid=8003),
    chain_call("A", "C1"),
    chain_call("B", None),
    metric("records_total", 100),
    metric("records_total", 90, T0 + 600_000),
    metric("dialing_time_ms", 4000, callattid="A-1", callid="C1"),
]
CALLS: Events = [
    batches.connection(T0 - 5000),
    call("C1", 1, calltype=3, irid="I1"),
    call("C1", 9, "terminated"),
    call("C2", 1, parentcallid="C1", irid="I1"),
    *(
        party("P1", seq, state, agentid=5)
        for seq, state in enumerate(("ringing", "connected", "released"), 1)
    ),
    party("P2", 1, "dialing", endpointdn="9001"),
    userdata("C1", 2, "A-1"),
    userdata("C1", 3, "x", keyname="PIN", secure=True),
]
OBJECTS: Events = [
    batches.tracked(8001, 1),
    batches.tracked(8002, 2),
    batches.obj("campaign", dbid=1),
    {**batches.obj("campaign", T0, dbid=1), "name": "renamed"},
    batches.obj("campaign_group", campaignid=1, groupid=2),
    batches.obj("application", dbid=101, role="ocs", primary=100),
]  # fmt: skip
FEEDS = [
    (OUTBOUND, {}),
    (CALLS, {"source": "tserver", "dbid": batches.TSERVER}),
    (OBJECTS, {"source": "config", "dbid": batches.CONFIG}),
]


def test_the_same_batch_again_changes_nothing(load: Loader, tmp_path: Path) -> None:
    first = load(OUTBOUND, "one")
    before = load.tables()
    (load.landing / "copy.jsonl").write_bytes(batches.batch("one", OUTBOUND))
    again = load.drain()
    assert (first.batches, first.new, again.batches, again.known_batches) == (1, len(OUTBOUND), 0, 1)
    assert load.tables() == before
    assert load.count("ops.batch") == 1


def test_the_same_lines_in_another_batch_are_known(load: Loader) -> None:
    load(OUTBOUND)
    before = load.tables()
    again = load(OUTBOUND)
    assert load.quarantine() == []
    assert (again.new, again.known) == (0, len(OUTBOUND))
    assert load.tables() == before


def test_the_same_batch_with_other_content_is_refused_whole(load: Loader) -> None:
    load(chain("A", 1, 2), "one")
    load.landing.joinpath("one.jsonl.gz").unlink()
    write(load.landing, "one", chain("B", 1, 2))
    refused = load.drain().refused
    assert [refusal.reason for refusal in refused] == ["other_content"]
    assert load.rows("select chainguid from idb.go_chain") == [("A",)]
    assert load.drain().refused == []  # said once


def test_batches_of_other_feeds_may_have_the_same_identity(load: Loader) -> None:
    load(chain("A", 1), "one")
    load(chain("B", 1), "two", batch="one", feed=301)
    load(chain("C", 1), "three", batch="one", dbid=102)
    assert load.count("idb.go_chain") == 3


@pytest.mark.parametrize("seed", range(3))
def test_any_order_and_any_split_leave_the_same_tables(load: Loader, seed: int) -> None:
    for events, header in FEEDS:
        load(events, **header)
    expected = load.tables()
    load.clear()
    chance = random.Random(seed)
    pieces = []
    for events, header in FEEDS:
        lines = chance.sample(events, len(events))
        size = chance.choice((2, 5, 9))
        pieces += [(lines[at : at + size], header) for at in range(0, len(lines), size)]
    for events, header in chance.sample(pieces, len(pieces)):
        load(events + chance.sample(events, len(events) // 2), **header)
    assert load.quarantine() == []
    found = load.tables()
    assert {name: rows for name, rows in found.items() if rows != expected[name]} == {}


HISTORY: Events = [
    *chain("A", 0, 1, 2, 3, 0, 0),
    *campaign("S1", 1, 2, 0),
    *campaign("S1", 2, 0, start=T0 + 150_000),
]
CURRENT = (
    "select state, recordhandle, cpdresult, agentresult, created, terminated, lastchange, firstseq, lastseq"
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(chain("A", 0, 1, 2, 3, 0, 0, agentresult=51)), st.integers(1, 6))
def test_a_chain_is_a_function_of_its_history(load: Loader, lines: Events, cut: int) -> None:
    load.clear()
    for part in (lines[:cut], lines[cut:]):
        if part:
            load(part)
    (state, handle, cpd, agent, created, terminated, changed, first, last) = load.one(
        f"{CURRENT} from idb.go_chain"
    )
    assert (state, handle, cpd, agent, first, last) == (0, 7, None, 51, 1, 6)
    seconds = [(time - created).total_seconds() for time in (terminated, changed)]
    assert seconds == [4, 5]  # the first and the last notice of the closing run


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(7)))
def test_a_session_of_two_ocs_is_a_function_of_its_histories(load: Loader, order: list[int]) -> None:
    """The primary told three states and died; the backup goes on under another OCSID (requirement 21)."""
    load.clear()
    told = [(101, line) for line in campaign("S1", 1, 2, 2, dialmode=1)]
    told += [(102, line) for line in campaign("S1", 2, 3, 0, 0, start=T0 + 600_000, dialmode=4)]
    for number in order:
        ocsid, line = told[number]
        load([line], dbid=ocsid)
    found = load.one(
        "select state, ocsid, dialmode, lastseq, terminated - created, lastchange - created "
        "from idb.go_campaign"
    )
    assert found == (0, 102, 4, 4, timedelta(minutes=12), timedelta(minutes=13))


@pytest.mark.parametrize(
    ("states", "terminated"),
    [
        ((0,), None),  # not started
        ((0, 0), None),
        ((0, 1, 0), 3),
        ((1, 2, 3, 0, 0, 0), 4),  # at the first notice of the closing run
        ((1, 0, 1, 0, 0), 4),  # reopened in between
        ((1, 0, 1), None),
        ((1, 2, 3), None),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_when_a_chain_or_a_session_has_ended(
    load: Loader, states: tuple[int, ...], terminated: int | None, reverse: bool
) -> None:
    for line in [*chain("A", *states), *campaign("S1", *states)][:: -1 if reverse else 1]:
        load([line])
    assert load.one(
        "select extract(epoch from terminated)::bigint - :t0 from idb.go_chain", t0=T0 // 1000
    ) == (terminated)
    assert load.one(
        "select extract(epoch from terminated)::bigint - :t0 from idb.go_campaign", t0=T0 // 1000
    ) == (None if terminated is None else terminated * 60)


def test_a_first_notice_of_zero_with_a_higher_seq_is_an_end(load: Loader) -> None:
    """What came before was not seen, but it was something: SEQ says so."""
    load([chain("A", 1, 2, 3, 0)[-1], campaign("S1", 1, 2, 0)[-1]])
    assert load.one("select created is null, terminated is not null from idb.go_chain") == (True, True)
    assert load.one("select created is null, terminated is not null from idb.go_campaign") == (True, True)


def test_a_truncated_batch_waits_until_it_is_whole(load: Loader) -> None:
    whole = batches.batch("one", chain("A", 1, 2, 3))
    path = load.landing / "one.jsonl"
    path.write_bytes(whole[:-40])
    assert (load.drain().waiting, load.count("ops.batch")) == (1, 0)
    path.write_bytes(whole)
    assert load.drain().batches == 1
    assert load.count("idb.go_chainrec_hist") == 3


@pytest.mark.threat("F1", "F8", "F9")
def test_a_truncated_batch_expires_after_its_wait(load: Loader) -> None:
    (load.landing / "one.jsonl").write_bytes(batches.batch("one", chain("A", 1, 2, 3))[:-40])
    load.drain()
    assert load.drain(wait=timedelta(hours=1)).refused == []
    expired = load.drain(wait=timedelta(0)).refused
    assert [(refusal.path, refusal.reason) for refusal in expired] == [("one.jsonl", "cut_line")]
    assert load.one("select status from ops.landing_file") == "refused"
    assert load.count("idb.go_chain") == 0


def test_bad_lines_are_kept_with_their_reason_and_the_good_ones_load(load: Loader) -> None:
    good = chain("A", 1, 2)
    text = batches.batch("one", [good[0], {"type": "chain"}, {"type": "nonsense"}, good[1], {"bad": 1}])
    load.landing.joinpath("one.jsonl").write_bytes(text.replace(b'{"bad": 1}', b"{not json"))
    drained = load.drain()
    assert (drained.new, drained.quarantined) == (2, 3)
    assert load.rows("select line, type, reason, raw from ops.quarantine order by line") == [
        (3, "chain", "missing_field", b'{"type": "chain"}'),
        (4, None, "unknown_type", b'{"type": "nonsense"}'),
        (6, None, "not_json", b"{not json"),
    ]


@pytest.mark.threat("R7", "S4")
def test_what_the_database_refuses_leaves_nothing_and_quotes_nothing(
    load: Loader,
) -> None:
    with load.database.connect(autocommit=True) as connection:
        connection.execute(
            "alter table idb.go_record add constraint test check (contactinfo <> '+351900000001')"
        )
        try:
            with pytest.raises(LoadError) as failed:
                load([*chain("A", 1, 2), record("A", 1)])
        finally:
            connection.execute("alter table idb.go_record drop constraint test")
    assert "23514" in str(failed.value)
    assert "351900" not in str(failed.value)
    assert (load.count("ops.batch"), load.count("idb.go_chainrec_hist")) == (0, 0)


def test_a_line_that_is_known_is_not_held_against_a_rule_of_later(load: Loader) -> None:
    load([record("A", 1)])
    table = "idb.go_record_hist"
    with load.database.connect(autocommit=True) as connection:
        connection.execute(
            f"alter table {table} add constraint test check (contactinfo <> '+351900000001') not valid"
        )
        try:
            drained = load([record("A", 1), record("B", 1, contactinfo="+351900000002")])
        finally:
            connection.execute(f"alter table {table} drop constraint test")
    assert (drained.new, drained.known) == (1, 1)


def test_a_lost_connection_is_tried_again(load: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    from icon_assets.ingest import retries as module

    calls = itertools.count()
    real = module.load

    def flaky(*args: object, **kwargs: object) -> object:
        if next(calls) == 0:
            raise psycopg.errors.AdminShutdown
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "load", flaky)
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    assert load(chain("A", 1)).batches == 1


def test_a_fault_on_the_way_to_a_file_is_looked_at_again(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    from icon_assets.contract.reasons import Reason, Unreadable

    write(load.landing, "one", chain("A", 1))

    def broken(*_: object) -> object:
        raise Unreadable(Reason.OS_ERROR)

    with monkeypatch.context() as patch:
        patch.setattr(Landing, "open", broken)
        assert load.drain().waiting == 1
    assert load.drain().batches == 1


def test_every_line_is_accounted_for_by_type_and_reason(load: Loader) -> None:
    load.config(batches.tracked(8001, 0))
    lines = [*chain("A", 1, 2), field("A", 1, "x"), {**chain("A", 1)[0], "state": 3}, chain("A", 1)[0]]
    load([*lines, {**chain("A", 1, 2, 3)[2], "surprise": 1}])
    found = load.one(
        "select events, new, known, filtered, quarantined, filtered_by, by_type, unknown_fields "
        "from ops.batch where source = 'ocs'"
    )
    assert found == (
        6, 3, 1, 1, 1, {"icon_attribute": 1},
        {"chain": {"lines": 5, "new": 3}, "field": {"lines": 1, "new": 0}}, {"chain.surprise": 1},
    )  # fmt: skip


def test_time_codes_exist_for_every_day_that_a_batch_touches(load: Loader) -> None:
    """288 five-minute marks a day; of PREVTS as well, and only once."""
    late = {**chain("A", 1, 2)[1], "prevts": T0 - 3 * batches.DAY}
    load([chain("A", 1)[0], late])
    load(chain("B", 1))
    assert load.count("idb.g_timecode") == 2 * 288
    for column in ("added", "prevsenter"):
        assert load.count("idb.go_chainrec_hist", f"{column}_tcode is null and {column} is not null") == 0
        unresolved = load.rows(
            "select from idb.go_chainrec_hist as h "
            f"left join idb.g_timecode as t on t.id = h.{column}_tcode "
            f"where h.{column} is not null and t.id is null"
        )
        assert unresolved == []


def test_the_raw_line_of_a_conflict_is_kept_as_it_came(load: Loader) -> None:
    line = json.dumps({**chain("A", 1)[0], "state": 3}).encode()
    load([chain("A", 1)[0], json.loads(line)])
    assert load.one("select line, raw from ops.quarantine") == (3, line)


def test_drain_loads_at_most_so_many(load: Loader) -> None:
    for name in "abc":
        write(load.landing, name, chain(name.upper(), 1))
    seen = []
    drained = drain(
        load.database.engine, Landing(str(load.landing)), limit=2, progress=lambda *at: seen.append(at[:2])
    )
    assert (drained.batches, seen) == (2, [(2, 2)])
