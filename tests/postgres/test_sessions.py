"""Data source sessions, holes in sequences, and what two redundant ICONs saw between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from icon_assets.ingest.deployment import Deployment, Icon
from tests import batches
from tests.batches import T0, campaign, chain, connection
from tests.loading import Events, Loader

START = datetime.fromtimestamp(T0 / 1000, UTC).replace(tzinfo=None)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def numbered(first: int, events: Events) -> tuple[Events, dict[str, Any]]:
    """Events with the source's sequence on each line and in the header."""
    lines = [{**line, "dsseq": n} for n, line in enumerate(events, first)]
    return lines, {"first_dsseq": first, "last_dsseq": first + len(events) - 1}


def send(load: Loader, first: int, events: Events, **header: Any) -> None:
    lines, sequence = numbered(first, events)
    load(lines, **sequence, **header)


def observed(load: Loader) -> list[tuple[Any, ...]]:
    return load.rows(
        "select feed, reliability, from_ts, to_ts from ops.source_observed order by feed nulls first, from_ts"
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_sessions_come_from_connects_and_disconnects(load: Loader, reverse: bool) -> None:
    lines = [
        connection(T0, dsconn_type=1),
        connection(T0 + 10_000, "disconnected", dsconn_type=1),
        connection(T0 + 20_000, dsconn_type=2),
        connection(T0 + 30_000, dsconn_type=3),  # its end before that was not told
        connection(T0 + 40_000, dsconn_type=5),
    ]
    for line in lines[:: -1 if reverse else 1]:
        load([line])
    load.config(batches.obj("application", dbid=101, role="ocs", primary=100))
    found = load.rows(
        "select ds_dbid, ds_dbid_prim, ds_type, dsconn_type, icon_stime, dsconn_stime, dsconn_etime "
        "from idb.g_dss_gos_provider order by dsconn_stime"
    )
    assert found == [
        (101, 100, 3, 1, at(0), at(0), at(10)),
        (101, 100, 3, 2, at(0), at(20), None),
        (101, 100, 3, 3, at(0), at(30), None),
        (101, 100, 3, 5, at(0), at(40), None),
    ]


def test_sessions_know_their_first_and_last_event_and_rows_their_session(load: Loader) -> None:
    send(load, 1, [connection(T0), *chain("A", 1, 2)])
    send(load, 4, chain("A", 1, 2, 3)[2:])
    send(load, 1, [connection(T0 + 60_000, dsconn_type=3), *chain("B", 1, start=T0 + 60_000)])
    assert load.rows(
        "select fevent_dsseq, fevent_dstime, levent_dsseq, levent_dstime, fevent_itime is not null "
        "from idb.g_dss_gos_provider order by dsconn_stime"
    ) == [("1", at(0), "4", at(3), True), ("1", at(60), "2", at(61), True)]
    assert load.rows(
        "select h.chainguid, h.seq, p.dsconn_type from idb.go_chainrec_hist as h "
        "inner join idb.g_dss_gos_provider as p on p.dss_id = h.gsys_domain order by 1, 2"
    ) == [("A", 1, 1), ("A", 2, 1), ("A", 3, 1), ("B", 1, 3)]


def test_calls_have_sessions_of_both_roles(load: Loader) -> None:
    load.config(batches.obj("application", dbid=201, role="tserver", switchid=7))
    load.tserver(connection(T0))
    for table in ("g_dss_gcc_provider", "g_dss_gud_provider"):
        assert load.rows(f"select ds_type, ds_dbid, ds2_dbid from idb.{table}") == [(1, 201, 7)]
    assert load.count("idb.g_dss_gos_provider") == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_hole_in_the_sequence_shows_until_it_is_filled(load: Loader, late: bool) -> None:
    send(load, 1, [connection(T0), *chain("A", 1)])
    send(load, 9, chain("B", 1, start=T0 + 50_000))
    assert load.rows("select first_dsseq, last_dsseq, events from ops.sequence_hole") == [(3, 8, 6)]
    assert [row[1] for row in observed(load)] == ["good", "lost", "good"]
    if late:
        send(load, 3, chain("D", 1, 2, 3, 0, 0, 0, start=T0 + 10_000))
        assert load.rows("select * from ops.sequence_hole") == []
        assert observed(load) == [(None, "good", at(0), at(51))]


def holes(load: Loader) -> list[tuple[Any, ...]]:
    return load.rows(
        "select first_dsseq, last_dsseq, from_ts, to_ts from ops.source_holes('-infinity', 'infinity')"
    )


def test_numbers_decide_not_how_lines_were_spread(load: Loader) -> None:
    lines, _ = numbered(1, [connection(T0), *chain("A", 1, 2, 3, 0, 0, 0)])
    load([lines[0], lines[5], lines[2]], first_dsseq=1, last_dsseq=6)
    load([lines[1], lines[4], lines[6], lines[4]], first_dsseq=2, last_dsseq=7)
    assert load.rows("select first_dsseq, last_dsseq from ops.sequence_hole") == [(4, 4)]
    load([lines[3]], first_dsseq=4, last_dsseq=4)
    assert load.rows("select * from ops.sequence_hole") == []


def test_what_one_of_two_feeds_has_is_no_loss(load: Loader) -> None:
    lines, _ = numbered(1, [connection(T0), *chain("A", *[1, 2, 3] * 4)])
    lines[0].pop("dsseq")
    for feed, lost in ((301, {3, 4, 5, 9}), (302, {5, 6, 11})):
        load([line for line in lines if line.get("dsseq") not in lost], feed=feed)
    assert load.count("ops.sequence_hole") == 4
    at_5 = datetime.fromtimestamp(T0 / 1000 + 3, UTC), datetime.fromtimestamp(T0 / 1000 + 5, UTC)
    assert holes(load) == [(5, 5, *at_5)]


def test_what_was_said_while_the_link_was_down_is_no_hole(load: Loader) -> None:
    send(load, 1, [*chain("A", 1, 2, start=T0 + 1_000)])
    load([connection(T0), connection(T0 + 5_000, "disconnected"), connection(T0 + 10_000, dsconn_type=2)])
    send(load, 9, [*chain("B", 1, 2, start=T0 + 20_000)])
    assert holes(load) == []
    send(load, 14, [*chain("D", 1, 2, start=T0 + 30_000)])
    assert [hole[:2] for hole in holes(load)] == [(11, 13)]


def test_a_run_of_numbers_may_outlive_a_connection(load: Loader) -> None:
    load([connection(T0), connection(T0 + 5_000, "disconnected"), connection(T0 + 10_000, dsconn_type=2)])
    send(load, 1, [*chain("A", 1, 2), *chain("B", 1, start=T0 + 20_000)])
    send(load, 6, [*chain("D", 1, start=T0 + 30_000)])
    assert [hole[:2] for hole in holes(load)] == [(4, 5)]


def test_lines_that_nobody_takes_and_bad_ones_are_told_apart(load: Loader) -> None:
    load.deployment = Deployment((Icon(301, frozenset({"gos"}), frozenset({101}), {201: 7}),))
    lines, sequence = numbered(1, [connection(T0), *chain("A", 1, 2, 3, 0)])
    lines[2] |= {"switchid": 8}
    lines[3] |= {"state": "two"}
    load(lines, **sequence)
    assert [hole[:2] for hole in holes(load)] == [(4, 4)]


def test_a_restarted_source_counts_anew(load: Loader) -> None:
    send(load, 100, [connection(T0), *chain("A", 1)])
    send(load, 1, [connection(T0 + 60_000, dsconn_type=3), *chain("B", 1, start=T0 + 60_000)])
    assert load.rows("select * from ops.sequence_hole") == []


def test_without_the_monitor_there_are_no_sessions_and_reliability_is_unknown(load: Loader) -> None:
    load.deployment = Deployment((Icon(301, frozenset({"gos"}), frozenset({101}), dss_monitor=False),))
    load([connection(T0), *chain("A", 1, 2, 3, 0)], feed=301)
    assert load.count("idb.g_dss_gos_provider") == 0
    assert observed(load) == [(301, "unknown", at(0), at(4))]
    assert load.one("select state, terminated is not null, gsys_domain from idb.go_chain") == (0, True, None)


# Everything that happened, told over six batches; each ICON of the pair loses some of them.
STORY = [
    [connection(T0), *campaign("S1", 1)],
    chain("A", 1, 2, start=T0 + 100_000),
    chain("A", 1, 2, 3, start=T0 + 100_000)[2:],
    [*chain("B", 1, 2, 3, 0, start=T0 + 200_000), *batches.chain("A", 1, 2, 3, 0, start=T0 + 100_000)[3:]],
    chain("D", 1, 2, start=T0 + 300_000),
    chain("D", 1, 2, 3, 0, start=T0 + 300_000)[2:],
]


def run(load: Loader, feeds: dict[int, set[int]]) -> dict[str, Any]:
    """Loads the batches that each feed did not lose; returns the tables but for who was connected."""
    load.clear()
    first = 1
    for number, events in enumerate(STORY):
        for feed, lost in feeds.items():
            if number not in lost:
                send(load, first, events, feed=feed, batch=f"{feed}-{number}")
        first += len(events)
    tables = load.tables(without=("icon_dbid",))
    return {name: rows for name, rows in tables.items() if not name.startswith("g_dss")}


def test_two_feeds_with_different_gaps_give_the_tables_of_a_run_without(load: Loader) -> None:
    whole = run(load, {301: set()})
    assert run(load, {301: {1, 3}, 302: {2, 5}}) == whole
    assert run(load, {301: {3, 1}, 302: set()}) == whole
    assert run(load, {301: set(), 302: set()}) == whole
    assert load.rows("select * from ops.source_blind") == []


def test_where_both_were_blind_the_period_is_marked_and_nothing_is_invented(load: Loader) -> None:
    run(load, {301: {1, 2, 3}, 302: {2, 3, 4}})
    (blind,) = load.rows("select source, dbid, from_ts, to_ts from ops.source_blind")
    assert blind == ("ocs", 101, at(102), at(301))
    assert load.count("idb.go_chain", "chainguid = 'B'") == 0
    assert load.one("select state, terminated from idb.go_chain where chainguid = 'A'") == (2, None)
