"""The deployments of the vendor's guide: which lines each stores, and how the rest is counted."""

from __future__ import annotations

from typing import Any

import pytest

from icon_assets.idb import quality
from icon_assets.ingest.deployment import ROLES, Deployment, Icon
from tests import batches
from tests.batches import (
    T0,
    call,
    campaign,
    chain,
    chain_call,
    connection,
    field,
    metric,
    party,
    record,
    userdata,
)
from tests.loading import Loader

SWITCHES = (1, 2, 3, 4)
CTI = frozenset({"gcc", "gud"})
GOS = frozenset({"gos"})

# G33-G36, and one ICON on two OCSs (G13).
SINGLE_SITE = Deployment((Icon(301, GOS, frozenset({101})), Icon(302, CTI, tservers={201: 1})))
ALL_SWITCHES = Deployment((Icon(301, GOS, frozenset({101})),))
TWO_OF_FOUR = Deployment((Icon(301, GOS, frozenset({101}), {201: 1, 202: 2}),))
BY_SITE = Deployment(
    (Icon(301, GOS | CTI, frozenset({101}), {201: 1}), Icon(302, GOS | CTI, frozenset({101}), {202: 2}))
)
TWO_OCS = Deployment((Icon(301, GOS, frozenset({101, 102})),))
WITHOUT_OCS = Deployment((Icon(301, ROLES, tservers={201: 1, 202: 2}),))


def site(load: Loader, deployment: Deployment) -> Loader:
    load.deployment = deployment
    return load


def of_switch(switchid: int | None) -> list[dict[str, Any]]:
    """Everything that OCS tells of one chain, with its switch on each line that may have one."""
    guid = f"A{switchid}"
    lines = [
        *chain(guid, 1, 2, 3, 0),
        record(guid, 1),
        field(guid, 1, "x"),
        chain_call(guid, f"C{switchid}"),
        metric("dialing_time_ms", 5, callattid=f"{guid}-1"),
    ]
    return lines if switchid is None else [{**line, "switchid": switchid} for line in lines]


OF_NO_SWITCH = [
    connection(T0 - 1000),
    *campaign("S1", 1, 2, 0),
    metric("records_total", 9),
    {**metric("chains_total", 9), "switchid": 4},
]


def outbound(load: Loader, **header: Any) -> None:
    load([*OF_NO_SWITCH, *(line for switch in (*SWITCHES, None) for line in of_switch(switch))], **header)


def calls(load: Loader, tserver: int, switch: int) -> None:
    load(
        [
            connection(T0 - 1000),
            call(f"C{switch}", 1, switchid=switch),
            party(f"P{switch}", 1, "ringing"),
            userdata(f"C{switch}", 2, f"A{switch}-1"),
        ],
        source="tserver",
        dbid=tserver,
    )


def switches(load: Loader) -> set[str]:
    """The chains that each outbound table has rows of."""
    tables = ("go_chain", "go_chainrec_hist", "go_record", "go_sec_fieldhist", "gox_chain_call")
    found = [{guid for (guid,) in load.rows(f"select distinct chainguid from idb.{t}")} for t in tables]
    found.append({att[:-2] for (att,) in load.rows("select callattid from idb.go_metrics") if att})
    assert all(guids == found[0] for guids in found)
    return {guid[1:] for guid in found[0]}


def filtered(load: Loader, source: str = "ocs") -> dict[str, int]:
    (by,) = load.one("select jsonb_agg(filtered_by) from ops.batch where source = :source", source=source)
    return dict(by)


def test_g34_one_icon_one_ocs_all_switches(load: Loader) -> None:
    site(load, ALL_SWITCHES)
    outbound(load)
    assert switches(load) == {"1", "2", "3", "4", "None"}
    assert filtered(load) == {}


def test_g35_t_servers_narrow_to_their_switches(load: Loader) -> None:
    site(load, TWO_OF_FOUR)
    outbound(load)
    assert switches(load) == {"1", "2", "None"}
    assert filtered(load) == {"switch": 2 * len(of_switch(3))}
    assert load.count("idb.go_metrics", "callattid is null") == 2
    assert load.count("idb.go_campaignhistory") == 3


def test_g35_without_the_ocs_no_outbound_data_and_the_rules_say_why(load: Loader) -> None:
    site(load, WITHOUT_OCS)
    outbound(load)
    calls(load, 201, 1)
    assert filtered(load) == {"connections": len(OF_NO_SWITCH) + 5 * len(of_switch(1))}
    assert filtered(load, "tserver") == {}
    stored = {name for name, rows in load.tables().items() if rows}
    assert not {name for name in stored if name.startswith("go")}
    with load.database.engine.connect() as connection_:
        (found,) = quality.find(connection_, quality.RULES["left_out"]).examples
    assert (found["source"], found["dbid"], found["reason"]) == ("ocs", 101, "connections")


def test_g33_one_icon_for_outbound_and_another_for_calls(load: Loader) -> None:
    site(load, SINGLE_SITE)
    outbound(load)
    calls(load, 201, 1)
    assert switches(load) == {"1", "2", "3", "4", "None"}
    assert load.count("idb.g_call") == 1
    calls(load, 203, 3)  # nobody is connected to it
    assert load.count("idb.g_call") == 1


def test_g33_the_feed_says_which_icon_received_a_batch(load: Loader) -> None:
    site(load, SINGLE_SITE)
    outbound(load, feed=302)
    assert switches(load) == set()
    assert filtered(load) == {"connections": len(OF_NO_SWITCH) + 5 * len(of_switch(1))}
    outbound(load, feed=301)
    assert switches(load) == {"1", "2", "3", "4", "None"}


@pytest.mark.parametrize("feeds", [(None,), (301, 302)])
def test_g36_two_icons_split_one_ocs_by_site(load: Loader, feeds: tuple[int | None, ...]) -> None:
    site(load, BY_SITE)
    for feed in feeds:
        outbound(load, **({"feed": feed} if feed else {}))
    for tserver, switch in ((201, 1), (202, 2), (203, 3)):
        calls(load, tserver, switch)
    assert switches(load) == {"1", "2", "None"}
    assert load.rows("select callid from idb.g_call order by 1") == [("C1",), ("C2",)]
    assert load.count("idb.go_campaign") == 1


def test_g13_one_icon_on_two_ocs(load: Loader) -> None:
    site(load, TWO_OCS)
    for ocsid in (101, 102, 103):
        load(chain("A", 1, 2, sessid=f"S{ocsid}"), dbid=ocsid)
    assert load.rows("select ocsid from idb.go_chain order by 1") == [(101,), (102,)]


def test_g31_outbound_data_is_stored_alike_whatever_the_deployment(load: Loader) -> None:
    found = []
    for deployment in (ALL_SWITCHES, SINGLE_SITE, TWO_OCS):
        load.clear()
        outbound(site(load, deployment))
        found.append(load.tables())
    assert found[0] == found[1] == found[2]


def test_a_role_takes_its_lines_only(load: Loader) -> None:
    site(
        load,
        Deployment((Icon(301, frozenset({"gcc"}), tservers={201: 1}), Icon(302, GOS, tservers={201: 1}))),
    )
    calls(load, 201, 1)
    assert filtered(load, "tserver") == {"role": 1}
    assert (load.count("idb.g_call"), load.count("idb.g_userdata_history")) == (1, 0)
    assert (load.count("idb.g_dss_gcc_provider"), load.count("idb.g_dss_gud_provider")) == (1, 0)
    load.config(batches.tracked(8001, 1))
    assert filtered(load, "config") == {"role": 1}


@pytest.mark.parametrize(("partition_type", "expected"), [(0, 20251122), (1, T0 // 1000 + 1), (2, 20251122)])
def test_partition_type_says_what_gsys_partition_holds(
    load: Loader, partition_type: int, expected: int
) -> None:
    site(load, Deployment((Icon(301, GOS, frozenset({101}), partition_type=partition_type),)))
    load([*chain("A", 1), record("A", 1)])
    for table in ("go_chain", "go_chainrec_hist", "go_record", "go_record_hist"):
        assert load.one(f"select gsys_partition from idb.{table}") == expected, table
