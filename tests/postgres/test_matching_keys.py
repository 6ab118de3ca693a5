"""The keys by which outbound and CTI data of one interaction are matched, as the IDB holds them."""

from __future__ import annotations

from tests.batches import call, chain, chain_call, userdata
from tests.loading import Loader

BRIDGE = """
    select h.chainguid, u.callid
    from idb.go_chainrec_hist as h
    inner join (
        select callid, keyname, value from idb.g_userdata_history
        union all
        select callid, keyname, value from idb.g_secure_userdata_history
    ) as u on u.keyname = 'GSW_CALL_ATTEMPT_GUID' and u.value = h.callattid
    group by 1, 2
"""


def test_a_call_that_ocs_made_is_matched_by_its_attempt_in_gox_chain_call(load: Loader) -> None:
    load([*chain("A", 1, 2, 3), chain_call("A", "C1")])
    load.tserver(call("C1", 1))
    assert load.rows(
        "select h.chainguid, c.callid from idb.go_chainrec_hist as h "
        "inner join idb.gox_chain_call as x on x.callattid = h.callattid and x.chainguid = h.chainguid "
        "inner join idb.g_call as c on c.callid = x.callid group by 1, 2"
    ) == [("A", "C1")]


def test_without_a_call_guid_the_attempt_in_the_user_data_bridges_secure_or_not(load: Loader) -> None:
    load([*chain("A", 1, 2, 3), *chain("B", 1, 2, 3)])
    load.tserver(call("C1", 1), userdata("C1", 2, "A-1"))
    load.tserver(
        call("I1", 1, media="interaction"), userdata("I1", 2, "B-1", secure=True), source="ixn", dbid=401
    )
    assert load.count("idb.gox_chain_call") == 0
    assert sorted(load.rows(BRIDGE)) == [("A", "C1"), ("B", "I1")]


def test_the_release_of_each_source_is_in_the_ledger(load: Loader) -> None:
    """What OCS 7.2 sent cannot be matched: the marts read it there."""
    load(chain("A", 1), release="7.2.001.01")
    assert load.one(
        "select b.release from idb.go_chain as c inner join ops.batch as b on b.batch_id = c.gsys_seq"
    ) == "7.2.001.01"  # fmt: skip


def test_a_call_that_comes_before_or_after_its_chain_is_matched(load: Loader) -> None:
    load.tserver(call("C1", 1), userdata("C1", 2, "A-1"))
    load([*chain("A", 1, 2, 3, 0), chain_call("A", None)])
    load([chain_call("A", "C1")])
    assert load.rows(BRIDGE) == [("A", "C1")]
    assert load.rows("select callid from idb.gox_chain_call order by callid nulls first") == [
        (None,),
        ("C1",),
    ]
