"""What the software must do, by number: the requirements that are about loading and the IDB."""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path

import pytest

import icon_assets
from icon_assets.contract.events import Metric
from icon_assets.idb import quality
from icon_assets.idb.catalogue import catalogue
from icon_assets.ingest.deployment import ROLES, Deployment, Icon, parse_role
from tests.batches import (
    T0,
    call,
    campaign,
    chain,
    chain_call,
    connection,
    field,
    metric,
    obj,
    record,
    tracked,
)
from tests.loading import Events, Loader

GOS = frozenset({"gos"})
DAY_OF_A_CHAIN: Events = [
    *campaign("S1", 1, 2, 0, dialmode=1),
    *chain("A", 1, 2, 3, 0, cpdresult=33),
    record("A", 1),
    field("A", 1, "x"),
    chain_call("A", "C1"),
    metric("records_total", 5),
]


def broken(load: Loader, rule: str) -> list[dict[str, object]]:
    with load.database.engine.connect() as connected:
        return quality.find(connected, quality.RULES[rule]).examples


def test_requirement_03_codes_0_to_3_and_others_raw_and_flagged(load: Loader) -> None:
    drained = load([*chain("A", 0, 1, 2, 3), *chain("B", 1, 4), *campaign("S1", 0, 1, 2, 3, 5)])
    assert drained.quarantined == 0
    assert load.one("select state from idb.go_chain where chainguid = 'B'") == 4
    assert load.rows("select guid, to_state from ops.unusual_transition where kind = 'state' order by 1") == [
        ("B", 4),
        ("S1", 5),
    ]
    assert [row["code"] for row in broken(load, "unknown_code")] == [5, 4]


def test_requirement_04_unusual_transitions_are_stored_and_counted(load: Loader) -> None:
    usual = [(1, 2, 3, 0), (1, 0), (0, 1, 2, 3, 1, 2, 3, 0)]
    unusual = {(0, 2): (2,), (0, 3): (3,), (2, 0): (1, 2, 0), (3, 2): (1, 2, 3, 2), (1, 3): (1, 3)}
    events = [line for n, states in enumerate(usual) for line in chain(f"U{n}", *states)]
    events += [line for n, states in enumerate(unusual.values()) for line in chain(f"X{n}", *states)]
    events += [*chain("R", 1, 2, 3, 3), *chain("N", 1, 2, 3, 3, agentresult=9)]
    assert load(events).new == len(events)
    found = load.rows(
        "select from_state, to_state from ops.unusual_transition where kind = 'transition' order by guid"
    )
    assert found == list(unusual)
    assert load.rows("select guid from ops.unusual_transition where kind = 'repeated'") == [("R",)]
    with load.database.engine.connect() as connected:
        assert quality.find(connected, quality.RULES["chain_transition"], examples=2).count == len(unusual)


def test_requirement_09_the_same_and_overlapping_batches_leave_equal_tables(load: Loader) -> None:
    load(DAY_OF_A_CHAIN)
    before = load.tables()
    load(DAY_OF_A_CHAIN)
    load([*DAY_OF_A_CHAIN[3:], *DAY_OF_A_CHAIN[:5]])
    assert load.tables() == before


def test_requirement_10_two_events_of_a_record_in_one_second_both_survive(load: Loader) -> None:
    two = [field("A", seq, "x", chainhistseq=1) | {"ts": T0} for seq in (1, 2)]
    assert load([*two, *two]).new == 2
    assert load.one("select count(*), count(distinct added_ts) from idb.go_sec_fieldhist") == (2, 1)
    for name in ("go_chainrec_hist", "go_record_hist", "go_fieldhist", "go_sec_fieldhist", "gox_chain_call"):
        assert {"chainguid", "ocsid"} < set(catalogue().tables[name].key)


@pytest.mark.parametrize("on", [False, True])
def test_requirement_11_metrics_are_known_by_metric_object_and_time(load: Loader, on: bool) -> None:
    load.deployment = Deployment((Icon(301, GOS, frozenset({101}), duplicate_metrics=on),))
    again = [{**metric("records_total", 5), "dsseq": n} for n in (7, 8)]
    load(
        [
            *again,
            metric("chains_total", 5),
            metric("records_total", 5, T0 + 1),
            metric("records_total", 5, groupid=3),
        ]
    )
    assert load.count("idb.go_metrics") == (5 if on else 4)


def test_requirement_12_no_query_uses_gsys_seq_or_useq_as_a_key() -> None:
    """They are ledger ids here. Nothing joins on them alone, orders by them, or reads what is above one."""
    package = Path(icon_assets.__file__).parent
    texts = [
        *package.rglob("*.sql"),
        *package.rglob("*.py"),
        *(package.parent / "dbt_project").rglob("*.sql"),
    ]
    assert len(texts) > 50
    for path in texts:
        for wrong in re.findall(r"(?:order by|[<>]=?) *\w*\.?gsys_u?seq|gsys_u?seq *[<>]", path.read_text()):
            pytest.fail(f"{path.name}: {wrong}")
    assert not any("gsys" in name for table in catalogue().tables.values() for name in table.key)


def test_requirement_14_ts_is_the_floor_and_seq_the_order(load: Loader) -> None:
    lines = [{**line, "ts": T0 + 999 - line["seq"]} for line in chain("A", 1, 2, 3)]
    load([*lines[::-1], *campaign("S1", 1)])
    load.tserver(call("C1", 1))
    for table in ("go_chainrec_hist", "go_campaignhistory", "g_call_history"):
        wrong = "added_ts <> floor(extract(epoch from added)) or added_tcode <> added_ts / 300 * 300"
        assert load.count(f"idb.{table}", wrong) == 0
        assert load.count(f"idb.{table}", "added_tcode not in (select id from idb.g_timecode)") == 0
    assert load.one("select state, lastchange_ts, lastseq from idb.go_chain") == (3, T0 // 1000, 3)


def test_requirement_16_dialling_times_are_kept_in_their_own_clocks(load: Loader) -> None:
    """Dialschedtime is wall time of the record's zone, calltime UTC, the window seconds since midnight."""
    times = {
        "dialschedtime": 1_763_830_800,
        "calltime": 1_763_800_000,
        "dailyfrom": 28_800,
        "dailytill": 75_600,
    }
    load([record("A", 1, tzname="Europe/Lisbon", **times), record("B", 1, dialschedtime=0)])
    row = load.one(
        "select dialschedtime, calltime, dailyfrom, dailytill, tzname "
        "from idb.go_record where chainguid = 'A'"
    )
    assert row == (*times.values(), "Europe/Lisbon")
    assert load.one("select dialschedtime, calltime from idb.go_record where chainguid = 'B'") == (0, None)


def test_requirement_17_two_feeds_with_gaps_merge_or_the_period_is_marked(load: Loader) -> None:
    """In full in tests/postgres/test_sessions.py."""
    parts = [[connection(T0)], chain("A", 1, 2), chain("A", 1, 2, 3, 0)[2:], chain("B", 1, start=T0 + 60_000)]

    def run(*lost: set[int]) -> int:
        load.clear()
        first = 1
        for number, events in enumerate(parts):
            for feed in range(len(lost)):
                if number not in lost[feed]:
                    load(events, feed=feed, first_dsseq=first, last_dsseq=first + len(events) - 1)
            first += len(events)
        return load.count("ops.source_blind")

    assert run({1}, {2}) == 0
    assert load.one("select state, terminated is not null from idb.go_chain where chainguid = 'A'") == (
        0,
        True,
    )
    assert run({1, 2}, {2}) == 1
    assert load.one("select state, terminated from idb.go_chain where chainguid = 'A'") == (2, None)


def test_requirement_18_without_sessions_processing_runs_and_reliability_is_unknown(load: Loader) -> None:
    load.deployment = Deployment((Icon(301, GOS, frozenset({101}), dss_monitor=False),))
    load([connection(T0), *DAY_OF_A_CHAIN])
    assert load.count("idb.g_dss_gos_provider") == 0
    assert load.count("idb.go_chain", "terminated is not null") == 1
    assert load.rows("select distinct reliability from ops.source_observed") == [("unknown",)]


@pytest.mark.parametrize("new_session", [False, True])
def test_requirement_21_a_switchover_with_the_same_or_a_new_session(load: Loader, new_session: bool) -> None:
    load([*campaign("S1", 1, 2, dialmode=1), *chain("A", 1, 2)])
    session = "S2" if new_session else "S1"
    load(
        [connection(T0 + 200_000, dsconn_type=5), *campaign(session, 2, 0, start=T0 + 300_000)],
        dbid=102,
    )
    found = load.rows("select sessid, ocsid, state, terminated is not null from idb.go_campaign order by 1")
    assert found == ([("S1", 101, 2, False), ("S2", 102, 0, True)] if new_session else [("S1", 102, 0, True)])
    assert load.rows("select ocsid, terminated from idb.go_chain") == [(101, None)]


@pytest.mark.parametrize("state", [2, 3])
def test_requirement_22_a_chain_first_seen_at_work_has_no_known_start(load: Loader, state: int) -> None:
    load([{**chain("A", state)[0], "seq": 4}, *chain("B", state)])
    assert load.rows("select created, state from idb.go_chain") == [(None, state)] * 2
    assert len(broken(load, "start_not_seen")) == 2


@pytest.mark.parametrize("seed", range(3))
def test_requirement_23_any_permutation_of_batches_gives_the_same_tables(load: Loader, seed: int) -> None:
    """With every event type in tests/postgres/test_load.py."""
    batches = [[line] for line in DAY_OF_A_CHAIN]
    load(DAY_OF_A_CHAIN)
    expected = load.tables()
    load.clear()
    for events in random.Random(seed).sample(batches, len(batches)):
        load(events)
    assert load.tables() == expected


def test_requirement_24_roles(caplog: pytest.LogCaptureFixture) -> None:
    assert parse_role("gos") == GOS
    assert parse_role("all") == ROLES
    assert parse_role("~cfg") == ROLES - {"cfg"}
    assert parse_role("gcc,gud") == {"gcc", "gud"}
    assert not caplog.records
    assert parse_role("GOS") == ROLES
    assert [record_.levelno for record_ in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize(
    ("icon", "stored"),
    [
        (Icon(301, GOS, frozenset({101})), {"A", "B", "N"}),
        (Icon(301, GOS, frozenset({101}), {201: 1}), {"A", "N"}),
        (Icon(301, GOS, frozenset(), {201: 1}), set()),
    ],
    ids=["none", "one", "no OCS"],
)
def test_requirement_25_switch_filter(load: Loader, icon: Icon, stored: set[str]) -> None:
    load.deployment = Deployment((icon,))
    load([*({**line, "switchid": n} for n, g in enumerate("AB", 1) for line in chain(g, 1)), *chain("N", 1)])
    assert {guid for (guid,) in load.rows("select chainguid from idb.go_chain")} == stored


def test_requirement_26_icon_attribute(load: Loader) -> None:
    load.config(*(tracked(8000 + n, n) for n in range(3)), obj("field", dbid=8003))
    load([field("A", 1, f"of {n}", fieldid=8000 + n) for n in range(4)])
    assert load.rows("select newvalue from idb.go_fieldhist") == [("of 1",)]
    assert load.rows("select newvalue from idb.go_sec_fieldhist") == [("of 2",)]
    load.config(tracked(8001, 2, T0 + 5000))
    load([field("A", 10, "before the restart", fieldid=8001)])
    load([connection(T0 + 15_000), field("A", 20, "after it", fieldid=8001)])
    assert load.rows("select newvalue from idb.go_fieldhist order by seq") == [
        ("of 1",),
        ("before the restart",),
    ]
    assert ("after it",) in load.rows("select newvalue from idb.go_sec_fieldhist")


@pytest.mark.parametrize(("length", "cut"), [(255, 0), (4000, 0), (4001, 1)])
def test_requirement_27_long_field_values(load: Loader, length: int, cut: int) -> None:
    load.config(tracked(8001, 1))
    load([*chain("A", 1), field("A", 1, "x" * length)])
    assert load.one("select length(value), valuecut from idb.go_custom_fields") == (min(length, 4000), cut)
    assert len(broken(load, "value_cut")) == cut


def test_requirement_28_the_same_guid_and_handle_of_two_ocs_never_merge(load: Loader) -> None:
    lines = [*chain("A", 1, 2), record("A", 1), field("A", 1, "x"), chain_call("A", "C1")]
    for ocsid in (101, 102):
        assert load(lines, dbid=ocsid).new == len(lines)
    for table in ("go_chain", "go_record", "go_secure_fields", "go_sec_fieldhist", "gox_chain_call"):
        assert load.rows(f"select ocsid from idb.{table} order by 1") == [(101,), (102,)], table


@pytest.mark.parametrize("reverse", [False, True])
def test_requirement_29_two_results_side_by_side(load: Loader, reverse: bool) -> None:
    lines = chain("A", 1, 2, 3, 0, 0, agentresult=51)
    lines[2]["cpdresult"] = 33
    for line in lines[:: -1 if reverse else 1]:
        load([line])
    assert load.one("select cpdresult, agentresult from idb.go_chain") == (33, 51)
    assert load.rows("select cpdresult, agentresult from idb.go_chainrec_hist order by seq")[2:] == [
        (33, None),
        (None, None),
        (None, 51),
    ]


def test_requirement_30_every_code_resolves_and_unknown_numbers_stay(load: Loader) -> None:
    counts = {"CALL_RESULT": 54, "RECORD_TYPE": 8, "RECORD_STATUS": 10, "DIAL_MODE": 12}
    found = dict(load.rows("select type, count(*)::integer from idb.g_dictionary group by type"))
    assert counts.items() <= found.items()
    assert found["CONTACT_INFO_TYPE"] in (11, 12)  # instant messaging: one source only
    load([record("A", 1, callresult=99, recordtype=98, contactinfotype=97)])
    assert load.one("select callresult, recordtype, contactinfotype from idb.go_record") == (99, 98, 97)


def test_requirement_31_an_absent_time_is_absent(load: Loader) -> None:
    load([metric("dialing_time_ms", 0, callattid="A-1"), metric("dialing_time_ms", 2**31, callattid="B-1")])
    assert load.rows("select value from idb.go_metrics order by value") == [(0,), (2**31,)]
    assert load.count("idb.go_metrics", "metric in ('transfer_time_ms', 'cpd_time_ms')") == 0


def test_requirement_32_records_and_chains_not_processed_are_metrics_of_their_own(load: Loader) -> None:
    load([metric(f"{what}_not_processed", n) for n, what in enumerate(("records", "chains"))])
    assert load.rows("select metric, value from idb.go_metrics order by value") == [
        ("records_not_processed", 0),
        ("chains_not_processed", 1),
    ]
    types, statuses = (catalogue().enumerations[name] for name in ("RECORD_TYPE", "RECORD_STATUS"))
    assert (types[2], statuses[1]) == ("General", "Ready")


def test_requirement_33_a_missing_packet_is_reported_and_overdialled_is_none(load: Loader) -> None:
    ten = 600_000
    load(
        [
            *campaign("S1", 1, 2),
            metric("records_total", 5, T0 + ten),
            metric("records_total", 5, T0 + 3 * ten),
        ]
    )
    load([metric("overdialed", 1, T0 + 2 * ten, groupid=2, callattid="A-1")])
    assert [row["packets"] for row in broken(load, "missing_packet")] == [1]
    load([metric("records_total", 5, T0 + 2 * ten)])
    assert broken(load, "missing_packet") == []


def test_requirement_34_no_engaged_ports_are_no_error(load: Loader) -> None:
    load([*campaign("S1", 1, 2), metric("ports_busy", 1, T0 + 600_000)])
    assert load.count("idb.go_metrics", "metric = 'ports_engaged'") == 0
    assert broken(load, "missing_packet") == []
    assert "metric" in Metric.__struct_fields__


def test_requirement_46_the_vendors_two_names_and_widths(load: Loader) -> None:
    """The guide's GO_CHAIN_CALL is GOX_CHAIN_CALL, a page's GO_ChainRec is GO_CHAINREC_HIST."""
    assert {"gox_chain_call", "go_chainrec_hist"} <= catalogue().tables.keys()
    assert not {"go_chain_call", "go_chainrec"} & catalogue().tables.keys()
    widths = {
        (row[0], row[1])
        for row in load.rows(
            "select table_name, character_maximum_length from information_schema.columns "
            "where table_schema = 'idb' and column_name = 'callattid'"
        )
    }
    assert {("go_fieldhist", 50), ("gox_chain_call", 64), ("go_chainrec_hist", 64)} <= widths
    attempt = "A" * 64
    load.config(tracked(8001, 1))
    load([{**chain("A", 2)[0], "callattid": attempt}, field("A", 1, "x", callattid=attempt)])
    load([chain_call("A", "C1", callattid=attempt)])
    assert load.one(
        "select count(*) from idb.gox_chain_call as x inner join idb.go_fieldhist as f "
        "on left(x.callattid, 50) = left(f.callattid, 50)"
    ) == 1  # fmt: skip


def test_requirement_42_a_chain_of_5000_rows_and_one_beyond_load(load: Loader) -> None:
    """What finalization does with the longer one is its own test."""
    for guid, rows in (("A", 5000), ("B", 5001)):
        load(chain(guid, 1, *([2, 3] * rows))[:rows])
    assert load.rows("select lastseq from idb.go_chain order by 1") == [(5000,), (5001,)]
