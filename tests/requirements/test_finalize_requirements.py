"""The numbered requirements that finalization answers: what ended means, late data, lost ends, purge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.finalize.purge import purge
from icon_assets.marts.window import close_window, open_window
from tests.batches import DAY, T0, campaign, chain, field, record
from tests.finals import FIELDS, TABLES, TODAY, Site, day

HOUR = 3_600_000


@pytest.fixture
def site(database: Database, landing: Path) -> Site:
    return Site(database, landing)


def later(site: Site, ts: int) -> None:
    """Another source says something: the newest event is at `ts`."""
    site.calls({"type": "connection", "ts": ts, "dsconn_type": 1, "state": "connected"})


def test_requirement_01_a_session_ends_with_state_null_as_with_0(site: Site) -> None:
    """No line of the contract can say NULL; an IDB that ICON filled may hold it."""
    for sessid in ("S1", "S2"):
        site.load(*campaign(sessid, 1, 2, 0))
    site.run("update idb.go_campaignhistory set state = null where sessid = 'S2' and seq = 3")
    site.load(*(campaign(sessid, 1, 2, 0, 0)[3] for sessid in ("S1", "S2")))
    site.finalize()
    one, other = site.rows("select final_day, state, terminated from final.go_campaign order by sessid")
    assert one == other
    assert one[:2] == (TODAY, 0)
    history = (
        "select seq, state, prevstate, duration_ms from final.go_campaignhistory where sessid = :s order by 1"
    )
    assert site.rows(history, s="S1") == site.rows(history, s="S2")


def test_requirement_02_a_chain_whose_only_state_is_0_has_not_started(site: Site) -> None:
    site.load(*chain("STARTED", 0, 1, 0), *chain("NOT", 0), *chain("TWICE", 0, 0))
    later(site, T0 + 3 * DAY)
    site.close()
    site.finalize()
    assert site.rows("select chainguid from final.go_chain") == [("STARTED",)]
    assert site.rows("select chainguid from ops.open_chain order by 1") == [("NOT",), ("TWICE",)]


def test_requirement_05_a_property_change_adds_no_state_interval(site: Site) -> None:
    site.load(
        *campaign("S1", 1, 2, dialmode=1),
        {"type": "campaign_property", "ts": T0 + 150_000, "sessid": "S1", "seq": 3, "dialmode": 2},
        {**campaign("S1", 1, 2, 2, 0)[3], "ts": T0 + 300_000},
    )
    site.finalize()
    intervals = "select seq, state, prevstate from final.go_campaignhistory where isproperty = 0 order by 1"
    assert site.rows(intervals) == [(1, 1, None), (2, 2, 1), (4, 0, 2)]
    properties = "select seq, dialmode, prevdialmode from final.go_campprop_hist order by 1"
    assert site.rows(properties) == [(1, 1, None), (3, 2, 1)]


def test_requirement_06_unload_and_reload_are_two_sessions_without_a_shared_interval(site: Site) -> None:
    site.load(*campaign("S1", 1, 2, 0), *campaign("S2", 1, 2, 0, start=T0 + 2 * HOUR))
    site.finalize()
    assert site.rows(
        "select sessid, sum(duration_ms), count(*) from final.go_campaignhistory group by 1 order by 1"
    ) == [("S1", 120_000, 3), ("S2", 120_000, 3)]


def test_requirement_07_all_tables_of_a_chain_are_final_in_one_transaction(site: Site) -> None:
    site.config(*FIELDS)
    site.load(*campaign("S1", 1, 2), *chain("A", 1, 2, 0), record("A", 1), chain_call("A", None))
    site.load(field("A", 1, "x"), field("A", 1, "y", fieldid=8002))
    site.finalize()
    tables = [table for table, entity in TABLES.items() if entity == "chain"]
    assert len({site.one(f"select distinct xmin::text from final.{table}") for table in tables}) == 1
    site.load(campaign("S1", 1, 2, 0)[2])
    (done,) = site.finalize()
    assert (done.entity, done.rows) == ("campaign", {"go_campaign": 1, "go_campaignhistory": 3})


def chain_call(guid: str, callid: str | None) -> dict[str, Any]:
    return {"type": "chain_call", "ts": T0, "chainguid": guid, "callattid": f"{guid}-1", "callid": callid}


def test_requirement_08_neither_waits_for_the_other(site: Site) -> None:
    site.load(*campaign("S1", 1, 2, 0), *chain("OPEN", 1, 2))
    site.load(*campaign("S2", 1, 2), *chain("ENDED", 1, 0, sessid="S2"))
    site.finalize()
    assert site.rows("select sessid from final.go_campaign") == [("S1",)]
    assert site.rows("select chainguid, sessid from final.go_chain") == [("ENDED", "S2")]


def test_requirement_10_the_record_identifier_is_unique_with_seq_and_not_without(site: Site) -> None:
    site.config(*FIELDS)
    same_second = chain("A", 1, 2, 3, 3, 0)
    for line in same_second[2:4]:
        line |= {"ts": T0 + 3000, "callattid": "A-1"}
    site.load(*same_second, *campaign("S1", 1, 2, 0, dialmode=1), *chain("B", 1, 2, 0))
    site.load(record("A", 1), record("A", 2, ts=T0 - 1000), chain_call("A", "K1"), chain_call("A", "K2"))
    site.load(field("A", 1, "x"), field("A", 1, "y", fieldid=8002))
    site.load(*chain("A", 1, 2, 0), dbid=102)  # another OCS with a chain of that name
    site.finalize()
    parts = "sessid, ocsid, callinglistid, recordhandle, chainguid, type, callattid, added_ts"
    repeated = (
        "select count(*) from (select from final.record_identifier group by {} having count(*) > 1) as r"
    )
    assert site.one(repeated.format(parts)) > 0
    assert site.one(repeated.format(f"{parts}, seq")) == 0
    histories = [table for table in TABLES if "hist" in table or table == "gox_chain_call"]
    rows = sum(site.one(f"select count(*) from final.{table}") for table in histories)
    assert site.one("select count(*) from final.record_identifier") == rows


def test_requirement_13_a_late_result_rebuilds_only_its_day(site: Site) -> None:
    site.load(*chain("A", 1, 2, 3, 0), *chain("B", 1, 2, 3, 0, start=T0 + DAY))
    site.finalize()
    stored = site.rows(
        "select ctid::text, xmin::text from final.go_chainrec_hist where final_day <> :d", d=TODAY
    )
    site.load({**chain("A", 1, 2, 3, 0, 0, agentresult=33)[4], "ts": T0 + 5 * DAY})
    (done,) = site.finalize()
    assert (done.day, done.changed, done.reasons) == (TODAY, True, ("chain",))
    assert site.rows("select agentresult, final_day from final.go_chain where chainguid = 'A'") == [
        (33, TODAY)
    ]
    assert stored == site.rows(
        "select ctid::text, xmin::text from final.go_chainrec_hist where final_day <> :d", d=TODAY
    )


def test_requirement_15_the_day_is_the_source_s_and_the_same_on_replay(
    site: Site, new_database: Any, tmp_path: Path
) -> None:
    events = [*chain("A", 1, 2, 0), *chain("B", 1, 2, 0, start=T0 + DAY)]
    site.load(*events)
    site.finalize()
    other = Site(new_database(), tmp_path / "other")
    other.landing.mkdir()
    other.load(*events[3:])
    other.finalize()
    other.load(*events)
    other.finalize()
    assert other.final() == site.final()
    assert site.days_of("go_chain") == {day(0): 1, day(1): 1}
    assert site.one("select min(loaded_at)::date > :d from ops.batch", d=day(1)) is True


@pytest.mark.parametrize(
    ("dsconn_type", "reason"),
    [(1, "silence"), (2, "silence"), (3, "restart"), (4, "silence"), (5, "switchover")],
)
def test_requirement_19_each_kind_of_connection(site: Site, dsconn_type: int, reason: str) -> None:
    site.load(
        *chain("A", 1, 2), *campaign("S1", 1, 2),
        {"type": "connection", "ts": T0 + HOUR, "dsconn_type": dsconn_type, "state": "connected"},
        *chain("B", 1, 2, start=T0 + 2 * HOUR, sessid="S2"),
    )  # fmt: skip
    later(site, T0 + 2 * DAY)
    site.close()
    assert site.rows("select guid, reason from ops.synthetic_close order by 1") == [
        ("A", reason), ("B", "silence"), ("S1", reason),
    ]  # fmt: skip


def test_requirement_20_lost_ends_are_closed_labelled_undone_and_idempotent(site: Site) -> None:
    site.load(*chain("A", 1, 2, sessid="S9"), *campaign("S1", 1, 2))
    assert site.close().days == {}  # nothing newer is known, whatever the clock on the wall says
    later(site, T0 + 8 * HOUR)
    assert site.close().days == {}
    later(site, T0 + 9 * HOUR)
    assert site.close().days == {"chain": [TODAY]}
    later(site, T0 + 25 * HOUR)
    assert site.close().days == {"campaign": [TODAY]}
    assert site.close().days == {}
    site.finalize()
    assert site.rows("select synthetic_close from final.go_chain") == [("silence",)]
    assert site.rows("select synthetic_close from final.go_campaign") == [("silence",)]
    site.load({**chain("A", 1, 2, 0, sessid="S9")[2], "ts": T0 + DAY})
    assert site.close().undone == 1
    site.finalize()
    assert site.rows("select final_day, synthetic_close from final.go_chain") == [(day(1), None)]


@pytest.mark.slow
def test_requirement_42_5000_history_rows_pass_and_5001_are_set_aside(site: Site) -> None:
    notices = {guid: chain(guid, *[1, 2] * 2499, 1, 0) for guid in ("PASSES", "LONG")}
    notices["LONG"][4999:] = chain("LONG", *[1, 2] * 2500, 0)[4999:]
    assert [len(lines) for lines in notices.values()] == [5000, 5001]
    site.load(*notices["PASSES"], *notices["LONG"], *chain("OTHER", 1, 2, 0))
    done = site.finalize()
    assert [(d.objects, d.set_aside) for d in done if d.objects] == [(2, 1)]
    assert site.rows("select chainguid, count(*) from final.go_chainrec_hist group by 1 order by 1") == [
        ("OTHER", 3), ("PASSES", 5000),
    ]  # fmt: skip
    assert site.rows("select chainguid, rows from ops.set_aside") == [("LONG", 5001)]


def test_requirement_44_purge_takes_nothing_unfinished_and_nothing_not_yet_extracted(site: Site) -> None:
    site.load(
        *campaign("S1", 1, 2, 0), *chain("OLD", 1, 2, 0), *chain("OPEN", 1, 2),
        *campaign("S2", 1, 2), *chain("ENDED", 1, 2, 0, sessid="S2"),
    )  # fmt: skip
    later(site, T0 + 30 * DAY)
    kept = {table: site.one(f"select count(*) from idb.{table}") for table in TABLES}
    assert purge(site.database.finalizer, 7).rows == 0  # not final
    site.finalize()
    assert purge(site.database.finalizer, 7).rows == 0  # not in the marts
    close_window(site.database.builder, open_window(site.database.builder))
    assert purge(site.database.finalizer, 30).rows == 0  # too young
    assert {table: site.one(f"select count(*) from idb.{table}") for table in TABLES} == kept
    assert purge(site.database.finalizer, 7).chains == 1
    assert site.rows("select chainguid from idb.go_chain order by 1") == [("ENDED",), ("OPEN",)]
    assert site.rows("select sessid from idb.go_campaign order by 1") == [("S1",), ("S2",)]
    assert site.rows("select chainguid from final.go_chain order by 1") == [("ENDED",), ("OLD",)]
