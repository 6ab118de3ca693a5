"""What lines may mean: section C of the list of threats, one test a row, each with its id."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from icon_assets.idb import quality
from tests import batches
from tests.batches import DAY, T0, call, campaign, chain, chain_call, field, metric, record
from tests.loading import Loader

MIDNIGHT = (T0 // DAY + 1) * DAY


def broken(load: Loader, rule: str) -> list[dict[str, object]]:
    """What a rule of the data's quality finds."""
    with load.database.engine.connect() as connection:
        return quality.find(connection, quality.RULES[rule]).examples


def test_e1_an_exact_duplicate_in_the_file_is_known(load: Loader) -> None:
    line = chain("A", 1)[0]
    drained = load([line, line, line])
    assert (drained.new, drained.known, drained.quarantined) == (1, 2, 0)
    assert load.count("idb.go_chainrec_hist") == 1


def test_e2_an_exact_duplicate_in_another_file_is_known(load: Loader) -> None:
    load(chain("A", 1))
    assert load(chain("A", 1)).known == 1
    assert load.count("idb.go_chainrec_hist") == 1


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (chain("A", 1)[0], {"state": 2}),
        (chain("A", 1)[0], {"ts": T0}),
        (chain("A", 1)[0], {"cause": 1}),
        (record("A", 1), {"callresult": 33}),
        (field("A", 1, "x"), {"newvalue": "y"}),
        (field("A", 1, None), {"newvalue": ""}),
        (campaign("S1", 1)[0], {"state": 2}),
        (campaign("S1", 1, dialmode=1)[0], {"dialmode": 2}),
        (campaign("S1", 1, optimvalue=1)[0], {"optimvalue": None}),
        (campaign("S1", 1)[0], {"optimmode": 3}),
        ({"type": "campaign_property", "ts": T0, "sessid": "S1", "seq": 1, "dialmode": 1}, {"dialmode": 2}),
        (
            {"type": "campaign_property", "ts": T0, "sessid": "S1", "seq": 1, "dialmode": 1},
            {"prevdmts": T0 - 1},
        ),
        (chain_call("A", "C1"), {"ts": T0 + 1}),
        (metric("records_total", 1), {"value": 2}),
    ],
    ids=str,
)
@pytest.mark.parametrize("together", [True, False])
def test_e3_the_same_key_with_other_content_is_a_conflict(
    load: Loader, first: dict[str, object], other: dict[str, object], together: bool
) -> None:
    """Quarantined with its raw line and number; the first one stays."""
    lines = [first, {**first, **other}, first]
    for events in [lines] if together else [[line] for line in lines]:
        load(events)
    assert load.quarantine() == [(3 if together else 2, first["type"], "conflict")]
    assert load.one("select sum(new), sum(known), sum(quarantined) from ops.batch") == (1, 1, 1)
    before = load.tables()
    load.clear()
    load([first])
    assert load.tables() == before


@pytest.mark.parametrize("together", [True, False])
def test_e3_a_state_and_a_property_notice_share_one_numbering(load: Loader, together: bool) -> None:
    lines = [
        {"type": "campaign_property", "ts": T0, "sessid": "S1", "seq": 1, "dialmode": 1},
        campaign("S1", 1)[0],
        {"type": "campaign_property", "ts": T0, "sessid": "S1", "seq": 1, "dialmode": 1},
    ]
    for events in [lines] if together else [[line] for line in lines]:
        load(events)
    assert [found[1:] for found in load.quarantine()] == [("campaign", "conflict")]
    assert load.rows("select isproperty from idb.go_campaignhistory") == [(1,)]


def test_e4_out_of_order_in_the_file_the_highest_seq_is_the_state(load: Loader) -> None:
    load(chain("A", 1, 2, 3)[::-1])
    assert load.one("select state, lastseq from idb.go_chain") == (3, 3)


def test_e5_an_older_event_in_a_later_file_goes_to_history_only(load: Loader) -> None:
    lines = [*chain("A", 1, 2, 3), record("A", 3, callresult=33)]
    load(lines[1:])
    before = load.one("select state, lastseq, lastchange from idb.go_chain")
    load([lines[0], record("A", 1)])
    assert load.one("select state, lastseq, lastchange from idb.go_chain") == before
    assert load.one("select chainseq, callresult from idb.go_record") == (3, 33)
    assert (load.count("idb.go_chainrec_hist"), load.count("idb.go_record_hist")) == (3, 2)


def test_e6_a_gap_in_seq_is_flagged_until_it_is_filled(load: Loader) -> None:
    lines = chain("A", 1, 2, 3, 0)
    load([lines[0], lines[3]])
    assert broken(load, "sequence_gap") == [
        {"object": "chain", "ocsid": 101, "guid": "A", "notices": 2, "last_seq": 4}
    ]
    load(lines[1:3])
    assert broken(load, "sequence_gap") == []


def test_e7_a_seq_that_restarts_is_known_if_equal_else_a_conflict(load: Loader) -> None:
    load(campaign("S1", 1, 2))
    again = load([campaign("S1", 1)[0], campaign("S1", 1, 3)[1]])
    assert (again.known, again.quarantined) == (1, 1)
    taken_over = load(campaign("S1", 2, 0, start=T0 + 500_000), dbid=102)
    assert (taken_over.new, taken_over.quarantined) == (2, 0)


def test_e8_an_event_of_an_unknown_chain_or_session_is_loaded_and_flagged(load: Loader) -> None:
    load([record("X", 1), chain("A", 2)[0]])
    assert load.count("idb.go_record") == 1
    assert load.one("select state, created is null from idb.go_chain") == (2, True)
    assert broken(load, "orphan") == [
        {"object": "record", "ocsid": 101, "chainguid": "X", "recordhandle": 7},
    ]
    assert broken(load, "unknown_session") == [{"ocsid": 101, "sessid": "S1", "chains": 1}]
    load([*chain("X", 1), *campaign("S1", 1)])
    assert (broken(load, "orphan"), broken(load, "unknown_session")) == ([], [])


@pytest.mark.parametrize("threat", ["E9", "E24"])
def test_e9_e24_an_event_after_the_end_marks_its_day_again(load: Loader, threat: str) -> None:
    load(chain("A", 1, 2, 3, 0))
    with load.database.connect(autocommit=True) as connection:
        connection.execute("update ops.dirty_day set finalized_at = now()")
    load([{**chain("A", 1, 2, 3, 0, 0)[-1], "agentresult": 51, "callattid": "A-1"}])
    assert load.rows("select entity, day, reason from ops.dirty_day where finalized_at is null") == [
        ("chain", date(2025, 11, 22), "chain")
    ]
    assert load.one("select agentresult from idb.go_chain") == 51


def test_e10_a_chain_guid_with_another_session_or_list_is_a_conflict(load: Loader) -> None:
    one, two, three = chain("A", 1, 2, 3)
    load([one, {**two, "sessid": "S2"}])
    load([{**three, "callinglistid": 4}, two])
    assert [found[1:] for found in load.quarantine()] == [("chain", "conflict")] * 2
    assert load.one("select sessid, callinglistid, lastseq from idb.go_chain") == ("S1", 3, 2)


def test_e11_a_chain_guid_of_two_ocs_is_kept_apart_and_flagged(load: Loader) -> None:
    load(chain("A", 1, 2))
    load(chain("A", 1, sessid="S2"), dbid=102)
    assert load.rows("select ocsid, state, sessid from idb.go_chain order by 1") == [
        (101, 2, "S1"),
        (102, 1, "S2"),
    ]
    assert broken(load, "shared_chain") == [{"chainguid": "A", "ocsids": "101, 102"}]


def test_e12_an_impossible_transition_is_loaded_and_flagged(load: Loader) -> None:
    load([*chain("A", 3), *chain("B", 1, 2, 3, 0), *chain("D", 1, 3)])
    assert load.count("idb.go_chain") == 3
    found = {(row["guid"], row["from_state"], row["to_state"]) for row in broken(load, "chain_transition")}
    assert found == {("A", 0, 3), ("D", 1, 3)}


def test_e12_a_repeated_state_is_flagged_unless_it_brings_a_result(load: Loader) -> None:
    load([*chain("A", 1, 2, 3, 3, agentresult=9), *chain("B", 1, 2, 3, 3), *chain("D", 1, 1)])
    assert {(row["guid"], row["seq"]) for row in broken(load, "repeated_state")} == {("B", 4), ("D", 2)}


def test_e13_a_chain_that_never_ends_stays_open(load: Loader) -> None:
    load(chain("A", 1, 2))
    load(chain("B", 1, start=T0 + 30 * DAY))
    assert load.count("idb.go_chain", "terminated is not null") == 0
    assert load.count("ops.dirty_day") == 0


def test_e14_unknown_codes_are_loaded_as_they_came_and_flagged(load: Loader) -> None:
    drained = load(
        [*chain("A", 1, 9, cause=65_000, cpdresult=777), record("A", 1, recordtype=44), *campaign("S1", 7)]
    )
    assert (drained.new, drained.quarantined) == (4, 0)
    assert load.one("select state, cause, cpdresult from idb.go_chain") == (9, 65_000, 777)
    assert [(row["column"], row["code"]) for row in broken(load, "unknown_code")] == [
        ("go_campaignhistory.state", 7),
        ("go_chainrec_hist.cpdresult", 777),
        ("go_chainrec_hist.state", 9),
        ("go_record_hist.recordtype", 44),
    ]


def test_e15_many_events_of_one_time_are_ordered_by_seq(load: Loader) -> None:
    load([{**line, "ts": T0} for line in chain("A", 1, 2, 3, 0)][::-1])
    assert load.one("select state, created = terminated, lastseq from idb.go_chain") == (0, True, 4)


def test_e16_a_time_that_goes_back_while_seq_grows_is_flagged(load: Loader) -> None:
    one, two, three = chain("A", 1, 2, 3)
    load([one, two, {**three, "ts": T0}])
    assert load.one("select state, lastchange from idb.go_chain") == (3, datetime(2025, 11, 22, 8, 26, 40))
    (found,) = broken(load, "clock_back")
    assert (found["guid"], found["seq"], found["seconds"]) == ("A", 3, 2)


@pytest.mark.parametrize("ts", [T0 // 1000, T0 * 1000, T0 * 1_000_000], ids=["s", "us", "ns"])
def test_e17_another_unit_of_time_is_quarantined(load: Loader, ts: int) -> None:
    assert load([{**chain("A", 1)[0], "ts": ts}]).quarantined == 1
    assert load.quarantine()[0][2] in ("bad_time", "out_of_range")


@pytest.mark.parametrize(
    "ts", ["2025-11-22T08:26:40.000", "2025-11-22T08:26:40Z", "2025-11-22 08:26:40.000Z"]
)
def test_e18_a_time_without_zone_or_milliseconds_is_quarantined(load: Loader, ts: str) -> None:
    assert load([{**chain("A", 1)[0], "ts": ts}]).quarantined == 1
    assert load.quarantine() == [(2, "chain", "bad_time")]


@pytest.mark.parametrize("year", ["1970", "2200", "9999", "-100"])
def test_e19_a_year_that_cannot_be_is_quarantined(load: Loader, year: str) -> None:
    assert load([{**chain("A", 1)[0], "ts": f"{year}-01-01T00:00:00.000Z"}]).quarantined == 1


def test_e19_more_than_a_day_ahead_is_quarantined(load: Loader) -> None:
    soon, late = (int((datetime.now() + timedelta(hours=h)).timestamp() * 1000) for h in (23, 26))
    drained = load([{**chain("A", 1)[0], "ts": soon}, {**chain("B", 1)[0], "ts": late}])
    assert (drained.new, drained.quarantined) == (1, 1)


def test_e20_daylight_saving_and_leap_seconds_do_not_touch_utc(load: Loader) -> None:
    """Europe went back at 01:00 UTC on 26 October 2025: both hours are there, in order."""
    lines = chain("A", 1, 2, 3, 0)
    stamps = ["2025-10-26T00:30:00.000Z", "2025-10-26T01:30:00.000Z", "2025-10-26T02:30:00.000Z"]
    drained = load([{**line, "ts": ts} for line, ts in zip(lines, stamps, strict=False)])
    load([{**chain("B", 1)[0], "ts": "2016-12-31T23:59:60.000Z"}])
    assert drained.new == 3
    assert load.one("select created from idb.go_chain where chainguid = 'B'") == datetime(2017, 1, 1)
    seconds = load.rows(
        "select added_ts - lag(added_ts) over (order by seq) from idb.go_chainrec_hist where chainguid = 'A'"
    )
    assert seconds == [(None,), (3600,), (3600,)]


def test_e21_midnight_belongs_to_the_new_day(load: Loader) -> None:
    load([{**line, "ts": MIDNIGHT - 3000 + 1000 * line["seq"]} for line in chain("A", 1, 2, 0)])
    load([{**line, "ts": MIDNIGHT - 3001 + 1000 * line["seq"]} for line in chain("B", 1, 2, 0)])
    assert load.rows("select day from ops.dirty_day order by batch_id") == [
        (date(2025, 11, 23),),
        (date(2025, 11, 22),),
    ]
    assert load.rows("select gsys_partition from idb.go_chainrec_hist where chainguid = 'A' and seq = 3") == [
        (20251123,)
    ]


def test_e22_the_clocks_of_two_ocs_are_never_compared_for_a_chain(load: Loader) -> None:
    load(chain("A", 1, 2, 3, 0))
    load(chain("A", 1, 2, start=T0 - DAY), dbid=102)
    assert load.rows("select ocsid, state from idb.go_chain order by 1") == [(101, 0), (102, 2)]


def test_e23_both_members_of_a_redundant_pair_report_one_event_once(load: Loader) -> None:
    load([*chain("A", 1, 2), metric("records_total", 1)], feed=301)
    again = load([*chain("A", 1, 2), metric("records_total", 1)], feed=302)
    assert (again.new, again.known) == (0, 3)


def test_e25_an_unconfigured_field_is_secure(load: Loader) -> None:
    load([field("A", 1, "+351900000001")])
    assert (load.count("idb.go_fieldhist"), load.count("idb.go_sec_fieldhist")) == (0, 1)


def test_e26_both_values_of_a_secure_field_are_secure(load: Loader) -> None:
    load.config(batches.tracked(8002, 2))
    load([field("A", 2, "new", oldvalue="old", fieldid=8002)])
    assert load.one("select oldvalue, newvalue from idb.go_sec_fieldhist") == ("old", "new")
    assert (load.count("idb.go_fieldhist"), load.count("idb.go_custom_fields")) == (0, 0)


def test_e27_a_metric_is_known_by_object_metric_and_time(load: Loader) -> None:
    drained = load(
        [
            metric("records_total", 5),
            metric("records_total", 5),
            metric("chains_total", 5),
            metric("records_total", 5, T0 + 1),
            metric("records_total", 5, callinglistid=3),
            metric("records_total", 5, groupid=2),
        ]
    )
    assert (drained.new, drained.known) == (5, 1)


def test_e28_a_field_of_a_record_never_seen_is_flagged(load: Loader) -> None:
    load([*chain("A", 1), field("A", 1, "x")])
    assert broken(load, "orphan") == [{"object": "field", "ocsid": 101, "chainguid": "A", "recordhandle": 7}]
    load([record("A", 1)])
    assert broken(load, "orphan") == []


def test_e29_a_preview_attempt_has_no_call_guid_and_is_joined_by_its_attempt(load: Loader) -> None:
    load([*chain("A", 1, 2, 3), chain_call("A", None)])
    load.tserver(call("C1", 1), batches.userdata("C1", 2, " A-1 "))
    assert load.one("select callid from idb.gox_chain_call") is None
    assert load.one(
        "select distinct h.chainguid, u.callid from idb.g_userdata_history as u "
        "inner join idb.go_chainrec_hist as h on h.callattid = btrim(u.value)"
    ) == ("A", "C1")


def test_e30_a_chain_of_very_many_events_loads_in_linear_time(load: Loader) -> None:
    states = [1, *[2, 3] * 10_000]
    drained = load(chain("A", *states))
    assert drained.new == 20_001
    assert load.one("select lastseq, state from idb.go_chain") == (20_001, 3)


def test_e31_an_attempt_of_two_chains_is_flagged(load: Loader) -> None:
    load([*chain("A", 1, 2), {**chain("B", 1, 2)[1], "callattid": "A-1"}])
    assert broken(load, "shared_attempt") == [{"callattid": "A-1", "chains": "A, B"}]
