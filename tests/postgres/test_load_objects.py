"""Configuration: the newest notice of each object, whatever the order in which the notices come."""

from __future__ import annotations

import pytest

from tests.batches import DAY, T0, call, obj, party
from tests.loading import Loader

KINDS = {
    "tenant": "gc_tenant", "switch": "gc_switch", "campaign": "gc_campaign", "group": "gc_group",
    "calling_list": "gc_calling_list", "field": "gc_field", "format": "gc_format", "agent": "gc_agent",
    "application": "gc_application",
}  # fmt: skip
ASSOCIATIONS = {
    "campaign_list": ("gcx_camplist_info", {"campaignid": 1, "callinglistid": 3}),
    "campaign_group": ("gcx_campgroup_info", {"campaignid": 1, "groupid": 2}),
    "format_field": ("gcx_format_field", {"formatid": 5, "fieldid": 8001}),
}


def test_each_kind_of_object_and_association_has_its_table(load: Loader) -> None:
    load.config(
        *(obj(kind, dbid=7, tenantid=1) for kind in KINDS),
        *(obj(kind, **key) for kind, (_, key) in ASSOCIATIONS.items()),
    )
    for table in KINDS.values():
        assert load.rows(f"select id, status, deleted from idb.{table}") == [(7, 1, None)], table
    for table, key in ASSOCIATIONS.values():
        row = load.one(f"select * from idb.{table}")
        assert row[:2] == tuple(key.values())


@pytest.mark.parametrize("reverse", [False, True])
def test_the_newest_notice_counts_and_a_deleted_object_stays(load: Loader, reverse: bool) -> None:
    notices = [
        obj("agent", T0 - DAY, dbid=7, employeeid="E7"),
        {**obj("agent", T0, dbid=7, employeeid="E8"), "name": "renamed"},
        {**obj("agent", T0 + DAY, dbid=7, employeeid="E8"), "name": "renamed", "status": "deleted"},
    ]
    for line in notices[:: -1 if reverse else 1]:
        load.config(line)
    assert load.one(
        "select username, employeeid, status, deleted - created, lastchange - created from idb.gc_agent"
    )[:3] == ("renamed", "E8", 2)
    assert load.one("select deleted_ts - created_ts, lastchange_ts - created_ts from idb.gc_agent") == (
        172_800,
        172_800,
    )


def test_what_an_association_does_not_need_is_no_part_of_its_key(load: Loader) -> None:
    line = obj("campaign_list", campaignid=1, callinglistid=3, groupid=9, dbid=77)
    load.config(line)
    assert load.rows("select campaignid, listid from idb.gcx_camplist_info") == [(1, 3)]


def test_calls_and_parties_keep_what_was_told_last(load: Loader) -> None:
    lines = [
        call("C1", 1, irid="I1", calltype=3),
        call("C2", 1, irid="I1", ts=T0 + 60_000),
        call("C1", 5, "merged", irid="I2", mergecallid="C2"),
        party("P1", 1, "ringing", role="queue", endpointdn="zz"),
        party("P1", 2, "connected", role="agent", endpointdn="aa", agentid=5),
        party("P1", 3, "released"),
    ]
    for line in reversed(lines):
        load.tserver(line)
    assert load.one("select irid, calltype, mergecallid from idb.g_call where callid = 'C1'") == (
        "I2",
        3,
        "C2",
    )
    assert load.rows("select irid, rootcallid from idb.g_ir order by 1") == [("I1", "C2"), ("I2", "C1")]
    assert load.one("select prole, state, prevstate, endpointdn, agentid, ccevent from idb.g_party") == (
        1, 7, 4, "aa", 5, None,
    )  # fmt: skip
