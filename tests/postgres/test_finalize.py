"""Days of final: whole, rebuilt only when they change, and never half-way to a reader."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.finalize.reconcile import reconcile
from icon_assets.ingest.drain import drain
from icon_assets.ingest.retries import LoadError
from icon_assets.marts.window import close_window, due, open_window
from tests.batches import DAY, T0, call, campaign, chain, field, metric, party, record, userdata
from tests.finals import FIELDS, TABLES, TODAY, Site, day


@pytest.fixture
def site(database: Database, landing: Path) -> Site:
    return Site(database, landing)


def whole(guid: str, start: int = T0) -> list[dict[str, Any]]:
    """A chain with rows in all chain tables."""
    return [
        *chain(guid, 1, 2, 3, 0, start=start),
        record(guid, 1, ts=start),
        record(guid, 3, ts=start, callresult=33),
        field(guid, 1, "a", ts=start),
        field(guid, 2, "b", ts=start),
        field(guid, 1, "s", fieldid=8002, ts=start),
        chain_call(guid, f"{guid}-1", callid=f"K{guid}", ts=start + 2500),
    ]


def chain_call(guid: str, callattid: str, **more: Any) -> dict[str, Any]:
    return {"type": "chain_call", "ts": T0 + DAY, "chainguid": guid, "callattid": callattid, **more}


def test_a_connection_that_finalized_keeps_no_turn_and_no_setting(site: Site) -> None:
    site.load(*whole("A"))
    with site.database.finalizer.connect() as connection:
        before = connection.exec_driver_sql("show jit").scalar_one()
    site.finalize()
    with site.database.finalizer.connect() as connection:
        assert connection.exec_driver_sql("show jit").scalar_one() == before
        assert connection.exec_driver_sql("show idle_session_timeout").scalar_one() == "0"
    held = """
        select count(*) from pg_locks as l inner join pg_database as d on d.oid = l.database
        where l.locktype = 'advisory' and d.datname = current_database()
    """
    assert site.rows(held) == [(0,)]


def test_a_terminated_chain_has_its_rows_in_all_chain_tables(site: Site) -> None:
    site.config(*FIELDS)
    site.load(*whole("A"), *whole("B", T0 + DAY), *chain("C", 1, 2))
    done = site.finalize()
    assert [(d.entity, d.day, d.changed, d.objects) for d in done] == [
        ("chain", day(0), True, 1), ("chain", day(1), True, 1),
    ]  # fmt: skip
    expected = dict.fromkeys((t for t, entity in TABLES.items() if entity == "chain"), 1)
    expected |= {"go_chainrec_hist": 4, "go_record_hist": 2, "go_fieldhist": 2}
    for table, n in expected.items():
        assert site.days_of(table) == {day(0): n, day(1): n}
    assert done[0].rows == expected
    assert {x for (x,) in site.rows("select distinct xmin::text from final.go_chain")} == {
        x for (x,) in site.rows("select distinct xmin::text from final.go_fieldhist")
    }


def test_campaigns_and_chains_are_finalized_independently(site: Site) -> None:
    site.load(
        *campaign("S1", 1, 2), *chain("A", 1, 2, 0), *campaign("S2", 1, 2, 0), *chain("B", 1, 2, sessid="S2")
    )
    site.finalize()
    assert site.rows("select chainguid from final.go_chain") == [("A",)]
    assert site.rows("select sessid from final.go_campaign") == [("S2",)]


@pytest.mark.threat("R17")
def test_a_rebuild_of_an_unchanged_day_writes_no_row_and_says_so(site: Site) -> None:
    site.config(*FIELDS)
    site.load(*whole("A"), *whole("B", T0 + DAY), *campaign("S1", 1, 2, 0, dialmode=1))
    site.finalize()
    before, versions = site.stored(), site.versions()
    for entity in ("campaign", "chain"):
        again = finalize(site.database.finalizer, entity, day(0), day(1))
        assert [(d.day, d.changed) for d in again] == [(day(0), False), (day(1), False)]
    assert site.stored() == before
    assert site.versions() == versions
    assert again[0].objects == 1
    assert again[0].rows["go_fieldhist"] == 2


def test_days_without_anything_ended_cost_no_partition_and_no_row(site: Site) -> None:
    done = finalize(site.database.finalizer, "chain", date(2000, 1, 1), date(2003, 12, 31))
    assert len(done) == 1461
    assert not any(d.changed for d in done)
    assert site.one("select count(*) from ops.final_day") == 0
    assert site.one("select count(*) from pg_inherits where inhparent = 'final.go_chain'::regclass") == 0


LATE: dict[str, Callable[[Site], None]] = {
    "chain": lambda s: s.load(chain("B", 1, 2, 3, 0, 0, start=T0 + DAY, agentresult=33)[4]),
    "record": lambda s: s.load(record("B", 4, ts=T0 + DAY)),
    "field": lambda s: s.load(field("B", 3, "late", ts=T0 + DAY)),
    "chain_call": lambda s: s.load(chain_call("B", "B-9")),
    "metric": lambda s: s.load(metric("dialing_time_ms", 5, callattid="B-1")),
    "metric of a call": lambda s: s.load(metric("dialing_time_ms", 5, callid="KB")),
    "metric of a call that names its attempt": lambda s: s.load(metric("dialing_time_ms", 5, callid="KU")),
    "call": lambda s: s.calls(call("KB", 1)),
    "call that names its attempt": lambda s: s.calls(call("KU", 2, "terminated")),
    "call: its party": lambda s: s.calls(party("PB", 1, "ringing", callid="KB")),
    "call: its user data": lambda s: s.calls(userdata("K9", 1, "B-1")),
    "call: its secure user data": lambda s: s.calls(userdata("K9", 1, "B-1", secure=True)),
}


@pytest.mark.parametrize("what", LATE)
def test_something_late_marks_its_day_and_rebuilds_only_that(site: Site, what: str) -> None:
    site.config(*FIELDS)
    site.load(*whole("A"), *whole("B", T0 + DAY), *whole("C", T0 + 2 * DAY))
    site.calls(userdata("KU", 1, "B-1"))
    site.finalize()
    versions = site.versions()
    LATE[what](site)
    reason = re.split("[: ]", what)[0]
    assert site.reasons() == {("chain", day(1), reason)}
    (done,) = site.finalize()
    assert (done.day, done.changed, done.reasons) == (day(1), True, (reason,))
    changed = {d for (_, d), version in site.versions().items() if version != versions["chain", d]}
    assert changed == {day(1)}
    assert not any(site.dirty().values())
    assert reconcile(site.database.finalizer, day(0), day(2)) == {"campaign": [], "chain": []}


@pytest.mark.parametrize(
    "late",
    [
        {"type": "campaign_property", "ts": T0 + 150_000, "sessid": "S1", "seq": 4, "dialmode": 2},
        {**campaign("S1", 0)[0], "ts": T0 + 240_000, "seq": 5},
    ],
    ids=["property", "notice"],
)
def test_something_late_of_a_session_marks_its_day(site: Site, late: dict[str, Any]) -> None:
    site.load(*campaign("S1", 1, 2, 0), *campaign("S2", 1, 2, 0, start=T0 + DAY), *chain("A", 1, 2, 0))
    site.finalize()
    site.load(late)
    assert site.reasons() == {("campaign", day(0), "campaign")}
    (done,) = site.finalize()
    assert (done.entity, done.day, done.changed) == ("campaign", day(0), True)


def test_the_marks_of_a_batch_are_there_with_it_or_not_at_all(site: Site) -> None:
    """In its own transaction: what keeps the mark out keeps the batch out."""
    site.load(*chain("A", 1, 2, 0))
    site.finalize()
    before = site.rows("select count(*) from ops.batch"), site.rows("select count(*) from idb.go_record")
    site.run("alter table ops.dirty_day add constraint no check (reason <> 'record')")
    with pytest.raises(LoadError, match="SQLSTATE 23514"):
        site.load(record("A", 3))
    assert before == (
        site.rows("select count(*) from ops.batch"),
        site.rows("select count(*) from idb.go_record"),
    )
    site.run("alter table ops.dirty_day drop constraint no")
    assert drain(site.database.loader, Landing(str(site.landing))).new == 1
    assert site.reasons() == {("chain", TODAY, "record")}


def test_a_chain_that_moves_to_another_day_marks_both(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0), *chain("B", 1, 2, 0))
    site.finalize()
    late = chain("A", 1, 2, 0, 2, 0, start=T0)[3:]
    late[1]["ts"] += DAY
    site.load(*late)
    assert site.dirty()["chain"] == [day(0), day(1)]
    done = site.finalize()
    assert [(d.objects, d.changed) for d in done] == [(1, True), (1, True)]
    assert sorted(site.rows("select chainguid, final_day from final.go_chain")) == [
        ("A", day(1)),
        ("B", day(0)),
    ]
    assert set(site.days_of("go_chainrec_hist").items()) == {(day(0), 3), (day(1), 5)}


def test_a_chain_that_moved_is_never_on_two_days(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0), *chain("B", 1, 2, 0, start=T0 + DAY))
    site.finalize()
    earlier = chain("B", 1, 2, 0, 0, start=T0 + DAY)[3]
    site.load({**earlier, "seq": 4, "state": 2}, {**earlier, "ts": T0, "seq": 5})  # its clock went back
    (done,) = finalize(site.database.finalizer, "chain", day(0), day(0))
    assert (done.day, done.objects) == (day(0), 2)
    assert sorted(site.rows("select chainguid, final_day from final.go_chain")) == [
        ("A", day(0)),
        ("B", day(0)),
    ]
    assert not any(site.dirty().values())


def test_a_day_that_loses_its_last_chain_becomes_empty_and_the_marts_are_told(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0))
    site.finalize()
    close_window(site.database.builder, open_window(site.database.builder))
    version = site.versions()["chain", TODAY]
    assert not due(site.database.builder)
    site.load(chain("A", 1, 2, 0, 2)[3])
    (done,) = site.finalize()
    assert (done.day, done.objects, done.changed, done.rows) == (TODAY, 0, True, {})
    assert site.days_of("go_chain") == {}
    assert site.days_of("go_chainrec_hist") == {}
    assert site.rows("select objects, rows from ops.final_day") == [(0, {})]
    assert site.versions()["chain", TODAY] > version
    assert open_window(site.database.builder).days == {"chain": [TODAY]}
    assert finalize(site.database.finalizer, "chain", TODAY, TODAY)[0].changed is False


def test_readers_see_whole_days_and_never_wait(site: Site) -> None:
    """After each statement of a rebuild that adds a month, another connection counts every table."""
    site.config(*FIELDS)
    site.load(*whole("A"))
    site.finalize()
    site.load(*whole("B"), *whole("C", T0 + 31 * DAY))
    seen: set[tuple[int, ...]] = set()
    reader = site.database.connect(autocommit=True)
    reader.execute("set lock_timeout = '2s'")

    def look(*_: Any) -> None:
        counts = [
            reader.execute(f"select count(distinct chainguid) from final.{table}").fetchall()[0][0]
            for table, entity in TABLES.items()
            if entity == "chain"
        ]
        seen.add(tuple(counts))

    sa.event.listen(site.database.finalizer, "after_cursor_execute", look)
    finalize(site.database.finalizer, "chain", day(0), day(31))
    sa.event.remove(site.database.finalizer, "after_cursor_execute", look)
    look()
    reader.close()
    assert seen == {(1,) * 9, (3,) * 9}


@pytest.mark.threat("R24")
def test_a_month_is_added_beside_a_long_read(site: Site) -> None:
    """A run of the marts reads for minutes in one transaction; neither waits for the other."""
    site.load(*chain("A", 1, 2, 0))
    site.finalize()
    with site.database.connect() as reader:
        assert reader.execute("select count(*) from final.go_chain").fetchone() == (1,)
        site.load(*chain("B", 1, 2, 0, start=T0 + 31 * DAY), *chain("C", 1, 2, 0))
        site.run(f"alter database {site.database.name} set lock_timeout = '5s'")
        site.database.dispose()
        assert [d.changed for d in site.finalize()] == [True, True]
        assert reader.execute("select count(*) from final.go_chain").fetchone() == (3,)


def test_two_finalizers_at_once(site: Site) -> None:
    site.load(*(line for n in range(40) for line in chain(f"A{n}", 1, 2, 0, start=T0 + n % 4 * DAY)))
    results: list[Any] = []

    def work() -> None:
        results.append(finalize(site.database.finalizer, "chain", day(0), day(3)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted([d.changed for d in r] for r in results) == [[False] * 4, [False] * 4, [True] * 4]
    assert site.days_of("go_chain") == {day(n): 10 for n in range(4)}


@pytest.mark.threat("R25")
def test_a_batch_that_commits_while_its_day_is_rebuilt_leaves_its_mark(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0))
    loaded: list[bool] = []

    def late(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "final.swap('go_chain'" in statement and not loaded:
            loaded.append(True)
            thread = threading.Thread(target=site.load, args=chain("B", 1, 2, 0))
            thread.start()
            thread.join(60)

    sa.event.listen(site.database.finalizer, "before_cursor_execute", late)
    (done,) = site.finalize()
    sa.event.remove(site.database.finalizer, "before_cursor_execute", late)
    assert loaded
    assert done.objects == 1
    assert site.days_of("go_chain") == site.days_of("go_chain") == {TODAY: 1}
    assert site.dirty()["chain"] == [TODAY]
    (done,) = site.finalize()
    assert done.objects == 2


def test_a_rebuild_that_fails_leaves_the_day_and_its_marks_as_they_were(site: Site) -> None:
    site.load(*chain("A", 1, 2, 0))
    site.finalize()
    before = site.final()
    site.load(*chain("B", 1, 2, 0))

    def fail(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "into ops.final_day" in statement:
            raise RuntimeError

    sa.event.listen(site.database.finalizer, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError):
        site.finalize()
    sa.event.remove(site.database.finalizer, "before_cursor_execute", fail)
    assert site.final() == before
    assert site.dirty()["chain"] == [TODAY]
    (done,) = site.finalize()
    assert done.objects == 2


def test_day_by_day_at_once_or_in_any_order_with_a_kill_final_is_the_same(
    site: Site, new_database: Any, tmp_path: Path
) -> None:
    one_call = Site(new_database(), tmp_path / "one")
    disordered = Site(new_database(), tmp_path / "disordered")
    for other in (site, one_call, disordered):
        other.landing.mkdir(exist_ok=True)
        other.config(*FIELDS)
        for n in range(0, 40, 3):
            other.load(*whole(f"A{n}", T0 + n * DAY), *campaign(f"S{n}", 1, 2, 0, start=T0 + n * DAY))
    for entity in ("campaign", "chain"):
        for n in range(40):
            finalize(site.database.finalizer, entity, day(n), day(n))
        finalize(one_call.engine, entity, day(0), day(39))

    def kill(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "final.swap('go_record'" in statement:
            raise KeyboardInterrupt

    sa.event.listen(disordered.engine, "after_cursor_execute", kill)
    with pytest.raises(KeyboardInterrupt):
        finalize(disordered.engine, "chain", day(10), day(30))
    sa.event.remove(disordered.engine, "after_cursor_execute", kill)
    for first, last in ((30, 39), (0, 5), (4, 31)):
        for entity in ("chain", "campaign"):
            finalize(disordered.engine, entity, day(first), day(last))
    assert site.final() == one_call.final() == disordered.final()
    assert site.days_of("go_chain") == {day(n): 1 for n in range(0, 40, 3)}
    assert not any(disordered.dirty().values())


def test_a_transaction_takes_whole_days_up_to_a_number_of_objects(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icon_assets.finalize.days._OBJECTS_AT_ONCE", 5)
    site.load(*(line for n in range(12) for line in chain(f"A{n}", 1, 0, start=T0 + n // 3 * DAY)))
    done = finalize(site.database.finalizer, "chain", day(0), day(3))
    assert [(d.day, d.objects) for d in done] == [(day(n), 3) for n in range(4)]
    assert len(site.rows("select distinct xmin::text from final.go_chain")) == 4


def test_previous_states_and_durations_are_derived_where_the_source_told_none(site: Site) -> None:
    lines = chain("A", 1, 2, 3, 0)
    lines[2] |= {"prevstate": 1, "prevts": T0}
    site.load(*lines, field("A", 1, "a"), field("A", 2, "b"))
    site.finalize()
    history = site.rows(
        "select seq, prevstate, prevsenter_ts, duration_ms, derived from final.go_chainrec_hist order by seq"
    )
    start = T0 // 1000
    assert history == [
        (1, None, None, 1000, 3),
        (2, 1, start + 1, 1000, 3),
        (3, 1, start, 1000, 0),
        (4, 3, start + 3, None, 3),
    ]
    assert site.rows("select seq, preventer_ts, derived from final.go_sec_fieldhist order by seq") == [
        (1, None, 2),
        (2, start + 1, 2),
    ]


def test_a_property_row_has_the_state_of_its_session(site: Site) -> None:
    site.load(
        *campaign("S1", 1, 2, dialmode=1),
        {"type": "campaign_property", "ts": T0 + 150_000, "sessid": "S1", "seq": 3, "dialmode": 2},
        {**campaign("S1", 1, 2, 3, 0)[3], "ts": T0 + 300_000},
    )
    site.finalize()
    assert site.rows(
        "select seq, isproperty, state, prevstate, duration_ms from final.go_campaignhistory order by seq"
    ) == [(1, 0, 1, None, 60_000), (2, 0, 2, 1, 30_000), (3, 1, 2, 2, 150_000), (4, 0, 0, 2, None)]
    assert site.rows("select seq, dialmode, prevdialmode from final.go_campprop_hist order by seq") == [
        (1, 1, None),
        (3, 2, 1),
    ]


def test_reconcile_finds_and_marks_exactly_the_days_that_differ(site: Site) -> None:
    site.config(*FIELDS)
    site.load(*(line for n in range(4) for line in whole(f"A{n}", T0 + n * DAY)), *campaign("S1", 1, 2, 0))
    site.finalize()
    before = site.final()
    assert reconcile(site.database.finalizer, day(0), day(3)) == {"campaign": [], "chain": []}
    site.run(
        "update final.go_fieldhist set newvalue = 'other' where chainguid = 'A1' and seq = 1",
        "delete from final.gox_chain_call where chainguid = 'A2'",
        "delete from final.go_campaignhistory where seq = 1",
    )
    assert reconcile(site.database.finalizer, day(0), day(3)) == {
        "campaign": [day(0)],
        "chain": [day(1), day(2)],
    }
    assert reconcile(site.database.finalizer, day(0), day(3)) == {
        "campaign": [],
        "chain": [],
    }  # they wait already
    assert {d.reasons for d in site.finalize()} == {("reconcile",)}
    assert site.final() == before
