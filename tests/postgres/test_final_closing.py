"""Lost ends: closed by silence, told apart by reason, undone by a real notice; and chains set aside."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.finalize import ended
from icon_assets.finalize.days import finalize
from icon_assets.finalize.reconcile import reconcile
from tests.batches import DAY, OCS, T0, campaign, chain, field, record
from tests.finals import FIELDS, TODAY, Site, day

HOUR = 3_600_000
NOTHING = (0, 0, 0)


@pytest.fixture
def site(database: Database, landing: Path) -> Site:
    return Site(database, landing)


def clock(site: Site, ts: int, *, dbid: int = 201) -> None:
    """Another source says something: the newest event is at `ts`."""
    site.load(
        {"type": "connection", "ts": ts, "dsconn_type": 1, "state": "connected"}, source="tserver", dbid=dbid
    )


def connection(ts: int, dsconn_type: int) -> dict[str, Any]:
    return {"type": "connection", "ts": ts, "dsconn_type": dsconn_type, "state": "connected"}


def counts(site: Site, **limits: Any) -> tuple[int, int, int]:
    closed = site.close(**limits)
    return closed.chains, closed.sessions, closed.undone


def test_a_chain_silent_for_longer_than_the_limit_ends_at_its_last_notice(site: Site) -> None:
    site.load(*chain("A", 1, 2), *chain("B", 1, 2, start=T0 + 5000), *chain("N", 0), *chain("E", 1, 2, 0))
    site.finalize()
    clock(site, T0 + 8 * HOUR + 4000)
    closed = site.close()
    assert (closed.chains, closed.sessions, closed.undone, closed.days) == (1, 0, 0, {"chain": [TODAY]})
    site.finalize()
    assert site.rows("select chainguid, synthetic_close, state from final.go_chain order by 1") == [
        ("A", "silence", 2),
        ("E", None, 0),
    ]
    assert site.rows(
        "select terminated = lastchange, terminated_ts = lastchange_ts, terminated_tcode = lastchange_tcode "
        "from final.go_chain where chainguid = 'A'"
    ) == [(True, True, True)]
    assert site.days_of("go_chainrec_hist") == {TODAY: 5}
    assert site.rows("select chainguid from ops.open_chain order by 1") == [("B",), ("N",)]


def test_closing_is_idempotent(site: Site) -> None:
    site.load(*chain("A", 1, 2), *campaign("S1", 1, 2))
    clock(site, T0 + 25 * HOUR)
    assert counts(site) == (1, 1, 0)
    assert counts(site) == NOTHING
    assert site.one("select count(*) from ops.dirty_day where reason = 'closed'") == 2
    site.finalize()
    assert counts(site) == NOTHING
    assert not any(site.dirty().values())
    assert site.rows("select count(*), count(undone_at) from ops.synthetic_close") == [(2, 0)]


def test_silence_is_counted_to_the_newest_event_and_never_to_the_wall_clock(site: Site) -> None:
    site.load(*chain("A", 1, 2))  # long before today's date
    assert counts(site) == NOTHING
    clock(site, T0 + 8 * HOUR)
    assert counts(site) == NOTHING
    assert counts(site, chain_silence=timedelta(hours=7)) == (1, 0, 0)
    assert counts(site) == (0, 0, 1)  # a longer limit opens it again


def test_a_real_notice_undoes_a_close_and_keeps_its_row(site: Site) -> None:
    site.load(*chain("A", 1, 2))
    clock(site, T0 + DAY)
    site.close()
    site.finalize()
    assert site.days_of("go_chain") == {day(0): 1}
    late = chain("A", 1, 2, 3, 0)[2:]
    for line in late:
        line["ts"] += DAY
    site.load(late[0])
    assert site.reasons() == {("chain", day(0), "moved")}
    assert site.rows("select chainguid from ops.open_chain") == [("A",)]
    assert counts(site) == (0, 0, 1)
    site.finalize()
    assert site.days_of("go_chain") == {}
    assert site.rows("select reason, undone_at is null from ops.synthetic_close") == [("silence", False)]
    site.load(late[1])
    site.finalize()
    assert site.rows("select final_day, synthetic_close from final.go_chain") == [(day(1), None)]


def test_a_real_end_that_comes_late_moves_the_chain_to_its_day(site: Site) -> None:
    site.load(*chain("A", 1, 2))
    clock(site, T0 + DAY)
    site.close()
    site.finalize()
    late = chain("A", 1, 2, 0)[2]
    late["ts"] += DAY
    site.load(late)
    assert site.dirty()["chain"] == [day(0), day(1)]
    site.finalize()
    assert site.rows("select final_day, synthetic_close from final.go_chain") == [(day(1), None)]
    assert counts(site) == (0, 0, 1)


def test_a_late_notice_of_before_the_end_leaves_the_close_and_rebuilds_its_day(site: Site) -> None:
    lines = chain("A", 1, 2, 3)
    site.load(lines[0], lines[2])
    clock(site, T0 + DAY)
    site.close()
    site.finalize()
    site.load(lines[1])
    assert site.reasons() == {("chain", TODAY, "chain")}
    assert counts(site) == NOTHING
    site.finalize()
    assert site.rows("select synthetic_close from final.go_chain") == [("silence",)]
    assert site.days_of("go_chainrec_hist") == {TODAY: 3}


def test_late_things_of_a_closed_chain_mark_its_day(site: Site) -> None:
    site.config(*FIELDS)
    site.load(*chain("A", 1, 2))
    clock(site, T0 + DAY)
    site.close()
    site.finalize()
    site.load(record("A", 2), field("A", 1, "x"))
    assert site.reasons() == {("chain", TODAY, "record"), ("chain", TODAY, "field")}
    assert counts(site) == NOTHING
    site.finalize()
    assert site.days_of("go_record") == site.days_of("go_fieldhist") == {TODAY: 1}


@pytest.mark.parametrize(
    ("dsconn_type", "reason"),
    [(1, "silence"), (2, "silence"), (3, "restart"), (4, "silence"), (5, "switchover")],
)
def test_the_reason_is_what_came_after_the_last_notice(site: Site, dsconn_type: int, reason: str) -> None:
    site.load(connection(T0 - HOUR, 3), *chain("A", 1, 2), connection(T0 + HOUR, dsconn_type))
    clock(site, T0 + DAY)
    assert counts(site) == (1, 0, 0)
    assert site.rows("select reason from ops.synthetic_close") == [(reason,)]


def test_another_ocs_restarting_is_no_reason_but_a_backup_taking_over_is(site: Site) -> None:
    site.load(*chain("A", 1, 2))
    site.load(connection(T0 + HOUR, 3), dbid=333)
    clock(site, T0 + DAY)
    site.close()
    assert site.rows("select reason from ops.synthetic_close") == [("silence",)]
    site.config(
        *({"type": "object", "ts": T0 - DAY, "kind": "application", "dbid": dbid, "name": f"ocs{dbid}",
           "status": "active", "primary": OCS} for dbid in (OCS, 102))
    )  # fmt: skip
    site.load(connection(T0 + 2 * HOUR, 5), dbid=102)
    assert counts(site) == (1, 0, 1)
    assert site.rows("select reason from ops.synthetic_close where undone_at is null") == [("switchover",)]


def test_a_session_is_silent_when_its_chains_are_and_ends_with_their_last_notice(site: Site) -> None:
    site.load(*campaign("S1", 1, 2), *campaign("S2", 1, 2), *chain("A", 1, 2, 0, start=T0 + DAY, sessid="S2"))
    clock(site, T0 + DAY + 2 * HOUR)
    assert counts(site) == (0, 1, 0)
    assert site.rows("select sessid from ops.open_session") == [("S2",)]
    clock(site, T0 + 3 * DAY)
    closed = site.close()
    assert (closed.sessions, closed.days) == (1, {"campaign": [day(1)]})
    site.finalize()
    assert site.rows("select sessid, final_day, synthetic_close from final.go_campaign order by 1") == [
        ("S1", day(0), "silence"),
        ("S2", day(1), "silence"),
    ]
    site.load({**campaign("S1", 1, 2, 0)[2], "ts": T0 + 4 * DAY})
    assert site.dirty()["campaign"] == [day(0), day(4)]
    assert counts(site) == (0, 0, 1)
    site.finalize()
    assert site.rows("select final_day, synthetic_close from final.go_campaign order by 1") == [
        (day(1), "silence"),
        (day(4), None),
    ]


def test_the_order_of_batches_and_passes_makes_no_difference(
    site: Site, new_database: Any, tmp_path: Path
) -> None:
    other = Site(new_database(), tmp_path / "other")
    other.landing.mkdir()
    first, second = chain("A", 1, 2, 3), [*chain("B", 1, 2), connection(T0 + HOUR, 3)]
    for one, batches in ((site, (first[:1], second, first[1:])), (other, (second[:1], first, second[1:]))):
        for events in batches:
            one.load(*events)
            one.close()
            one.finalize()
        clock(one, T0 + DAY, dbid=201)
        one.close()
        one.finalize()
    assert site.final() == other.final()
    assert len(site.final()["go_chain"]) == 2


def test_a_close_is_reconciled_like_any_end(site: Site) -> None:
    site.load(*chain("A", 1, 2), *campaign("S1", 1))
    clock(site, T0 + 2 * DAY)
    site.close()
    site.finalize()
    assert reconcile(site.database.finalizer, day(-1), day(2)) == {"campaign": [], "chain": []}


def test_a_chain_with_too_long_a_history_is_set_aside_and_fails_no_run(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ended, "LONGEST_HISTORY", 5)
    site.config(*FIELDS)
    site.load(
        *chain("FIVE", 1, 2, 3, 1, 0), *chain("SIX", 1, 2, 3, 1, 2, 0),
        *chain("FIELDS", 1, 2, 0), *(field("FIELDS", n, "x") for n in range(1, 7)),
    )  # fmt: skip
    (done,) = site.finalize()
    assert (done.objects, done.set_aside) == (1, 2)
    assert site.rows("select chainguid from final.go_chain") == [("FIVE",)]
    assert site.days_of("go_chainrec_hist") == {TODAY: 5}
    assert site.rows("select final_day, chainguid, rows from ops.set_aside order by 2") == [
        (TODAY, "FIELDS", 6),
        (TODAY, "SIX", 6),
    ]
    assert "SIX" in caplog.text
    assert reconcile(site.database.finalizer, TODAY, TODAY)["chain"] == []
    (again,) = finalize(site.database.finalizer, "chain", TODAY, TODAY)
    assert (again.changed, again.set_aside) == (False, 2)
    site.load(chain("SIX", *range(1, 7), 2)[6])  # reopened: nobody's day any more
    site.finalize()
    assert site.rows("select chainguid from ops.set_aside") == [("FIELDS",)]
