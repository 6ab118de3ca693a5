"""Purge of idb: only what is final and in the marts goes, and comes back when it is spoken of again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.finalize.days import finalize
from icon_assets.finalize.purge import purge
from icon_assets.finalize.reconcile import reconcile
from icon_assets.marts.window import close_window, open_window
from tests.batches import DAY, T0, campaign, chain, field, record, tracked
from tests.finals import FIELDS, TABLES, Site, day

CHAIN_TABLES = [table for table, entity in TABLES.items() if entity == "chain"]


@pytest.fixture
def site(database: Database, landing: Path) -> Site:
    return Site(database, landing)


def whole(guid: str, start: int = T0) -> list[dict[str, Any]]:
    """An ended chain in all chain tables; its third notice is left out; the last tells its past."""
    lines = chain(guid, 1, 2, 3, 1, 0, start=start)
    lines[4] |= {"prevstate": 1, "prevts": start + 4000}
    return [
        *lines[:2], *lines[3:],
        record(guid, 1, ts=start),
        *(field(guid, n, f"v{n}", ts=start) for n in (1, 2)), field(guid, 1, "s", fieldid=8002, ts=start),
        chain_call(guid, f"{guid}-1", f"K{guid}", start),
    ]  # fmt: skip


def chain_call(guid: str, callattid: str, callid: str, ts: int) -> dict[str, Any]:
    return {"type": "chain_call", "ts": ts, "chainguid": guid, "callattid": callattid, "callid": callid}


def build_marts(site: Site) -> None:
    close_window(site.database.builder, open_window(site.database.builder))


def ended(site: Site) -> Site:
    """Two ended chains on two days and an open one, final and in the marts, then thirty days of silence."""
    site.config(*FIELDS)
    site.load(*campaign("S1", 1, 2, 0), *whole("A"), *whole("B", T0 + DAY), *chain("C", 1, 2))
    site.load({"type": "metric", "ts": T0 + 30 * DAY, "metric": "ports_busy", "value": 1, "groupid": 2})
    site.finalize()
    build_marts(site)
    return site


def chains(site: Site) -> list[str]:
    return [guid for (guid,) in site.rows("select chainguid from idb.go_chain order by 1")]


def told(site: Site, guid: str) -> dict[str, list[Any]]:
    """What idb holds of a chain, but for ids and the system block."""
    return {
        table: sorted(
            site.rows(
                f"select (to_jsonb(h) - 'id' - 'gsys_domain' - 'gsys_seq' - 'gsys_useq')::text "
                f"from idb.{table} as h where chainguid = :guid",
                guid=guid,
            )
        )
        for table in CHAIN_TABLES
    }


def test_what_is_final_in_the_marts_and_old_goes(site: Site) -> None:
    ended(site)
    final = site.final()
    purged = purge(site.database.finalizer, 29)
    assert (purged.days, purged.chains) == ([day(0)], 1)
    assert chains(site) == ["B", "C"]
    assert all(told(site, "A")[table] == [] for table in CHAIN_TABLES)
    assert purged.rows == 4 + 1 + 1 + 1 + 1 + 2 + 1 + 1 + 1
    assert site.final() == final
    assert site.rows("select sessid from idb.go_campaign") == [("S1",)]
    assert purge(site.database.finalizer, 29).days == []


def test_what_is_unfinished_dirty_not_in_the_marts_or_set_aside_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(site)
    site.load(record("A", 2))  # dirty
    assert purge(site.database.finalizer, 1).days == [day(1)]
    site.finalize()
    assert purge(site.database.finalizer, 1).days == []  # not in the marts
    build_marts(site)
    site.run("update final.go_record set callresult = 9")  # final is not what idb says
    assert purge(site.database.finalizer, 1).days == []
    assert site.reasons() == {("chain", day(0), "reconcile")}
    site.finalize()
    monkeypatch.setattr("icon_assets.finalize.ended.LONGEST_HISTORY", 3)
    finalize(site.database.finalizer, "chain", day(0), day(0))
    build_marts(site)
    assert purge(site.database.finalizer, 1).days == []  # set aside: not in final
    assert chains(site) == ["A", "C"]


def test_chains_of_a_session_without_a_real_end_stay(site: Site) -> None:
    site.load(*campaign("S1", 1, 2), *whole("A"), *campaign("S2", 1), *chain("B", 1, 2, sessid="S2"))
    site.load({"type": "metric", "ts": T0 + 30 * DAY, "metric": "ports_busy", "value": 1, "groupid": 2})
    site.close()
    site.finalize()
    build_marts(site)
    assert purge(site.database.finalizer, 1).days == []


def test_final_is_the_truth_of_what_was_purged(site: Site) -> None:
    ended(site)
    site.load(*chain("D", 1, 2, 0))
    site.finalize()
    build_marts(site)
    final, versions = site.final(), site.versions()
    assert purge(site.database.finalizer, 1).chains == 3
    assert reconcile(site.database.finalizer, day(-1), day(31)) == {"campaign": [], "chain": []}
    again = finalize(site.database.finalizer, "chain", day(0), day(1))
    assert [(d.changed, d.objects) for d in again] == [(False, 2), (False, 1)]
    site.load(*chain("E", 1, 2, 0))
    (done,) = site.finalize()
    assert (done.objects, done.rows["go_chain"], done.changed) == (3, 3, True)
    assert site.versions()["chain", day(1)] == versions["chain", day(1)]
    after = site.final()
    assert all(set(rows) <= set(after[table]) for table, rows in final.items())


LATE: dict[str, Callable[[Site], None]] = {
    "chain": lambda s: s.load(chain("A", 1, 2, 3)[2]),  # the one that was missing
    "record": lambda s: s.load(record("A", 2)),
    "field": lambda s: s.load(field("A", 3, "v3")),
    "chain_call": lambda s: s.load({"type": "chain_call", "ts": T0, "chainguid": "A", "callattid": "A-2"}),
    "metric": lambda s: s.load(
        {"type": "metric", "ts": T0 + DAY, "metric": "dialing_time_ms", "value": 5, "callattid": "A-1"}
    ),
    "call": lambda s: s.calls(
        {"type": "call", "ts": T0 + DAY, "callid": "KA", "cseq": 1, "change": "created", "switchid": 1}
    ),
    "userdata": lambda s: s.calls(
        {"type": "userdata", "ts": T0, "callid": "K2", "cseq": 1, "change": "added",
         "keyname": "GSW_CALL_ATTEMPT_GUID", "value": "A-1"}
    ),
    "metric of a call": lambda s: s.load(
        {"type": "metric", "ts": T0 + DAY, "metric": "dialing_time_ms", "value": 5, "callid": "KA"}
    ),
    "party": lambda s: s.calls(
        {"type": "party", "ts": T0, "partyid": "PA", "callid": "KA", "pseq": 1, "cseq": 1,
         "change": "created", "partytype": 2, "state": "ringing"}
    ),
    # The same chain by two of its keys.
    "two metrics": lambda s: s.load(*(
        {"type": "metric", "ts": T0 + DAY, "metric": metric, "value": 5, "callattid": attempt}
        for metric, attempt in (("dialing_time_ms", "A-1"), ("talk_time_ms", "A-1"))
    )),
    "call and user data": lambda s: s.calls(
        {"type": "call", "ts": T0 + DAY, "callid": "KA", "cseq": 1, "change": "created", "switchid": 1},
        {"type": "userdata", "ts": T0, "callid": "KA", "cseq": 2, "change": "added",
         "keyname": "GSW_CALL_ATTEMPT_GUID", "value": "A-1"},
    ),
    "reopened": lambda s: s.load({**chain("A", 1, 2, 3, 1, 0, 2)[5], "ts": T0 + 3 * DAY}),
}  # fmt: skip


@pytest.mark.parametrize("late", LATE)
def test_a_late_event_of_a_purged_chain_ends_as_if_nothing_had_been_purged(
    site: Site, late: str, new_database: Any, tmp_path: Path
) -> None:
    other = Site(new_database(), tmp_path / "other")
    other.landing.mkdir()
    for one in (site, other):
        ended(one)
    assert purge(site.database.finalizer, 1).chains == 2
    assert chains(site) == ["C"]
    for one in (site, other):
        LATE[late](one)
    assert chains(site) == ["A", "C"]
    assert told(site, "A") == told(other, "A")
    assert site.reasons() == other.reasons() != set()
    assert [(d.day, d.changed) for d in site.finalize()] == [(d.day, d.changed) for d in other.finalize()]
    assert site.final() == other.final()
    assert site.rows("select chainguid from ops.purged_chain") == [("B",)]
    assert reconcile(site.database.finalizer, day(-1), day(31)) == {"campaign": [], "chain": []}


def test_a_batch_seen_again_in_parts_is_known_although_its_chains_were_purged(site: Site) -> None:
    ended(site)
    purge(site.database.finalizer, 1)
    site.load(*whole("A"))
    assert site.rows("select new, known from ops.batch order by batch_id desc limit 1") == [(0, 9)]
    assert not any(site.dirty().values())


def test_values_of_a_chain_that_was_purged_and_came_back_move_as_any_others_do(site: Site) -> None:
    """Where they came from is not known any more, but where the field's object places them is."""
    site.config(*FIELDS)
    site.load(*campaign("S1", 1, 2, 0), *whole("A"), field("A", 1, "later", fieldid=8003))
    site.load({"type": "metric", "ts": T0 + 30 * DAY, "metric": "ports_busy", "value": 1, "groupid": 2})
    site.finalize()
    build_marts(site)
    assert purge(site.database.finalizer, 7).chains == 1
    site.load(record("A", 2))
    site.config(tracked(8003, 1))
    assert site.rows("select value from idb.go_custom_fields where fieldid = 8003") == [("later",)]
    assert site.rows("select from idb.go_sec_fieldhist where fieldid = 8003") == []
    site.config(tracked(8003, 2, T0 - 2 * DAY))
    assert site.rows("select value from idb.go_secure_fields where fieldid = 8003") == [("later",)]


def test_an_artificial_end_survives_the_purge(site: Site) -> None:
    site.load(*campaign("S1", 1, 2, 0), *chain("A", 1, 2))
    site.load({"type": "metric", "ts": T0 + 30 * DAY, "metric": "ports_busy", "value": 1, "groupid": 2})
    site.close()
    site.finalize()
    build_marts(site)
    assert purge(site.database.finalizer, 1).chains == 1
    closed = site.close()
    assert (closed.chains, closed.undone) == (0, 0)
    site.load(record("A", 1))
    assert site.rows("select terminated from idb.go_chain") == [(None,)]
    site.close()
    site.finalize()
    assert site.rows("select synthetic_close from final.go_chain") == [("silence",)]
    assert site.days_of("go_record") == {day(0): 1}
