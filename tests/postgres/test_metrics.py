"""GO_METRICS: fourteen figures, repeats by option, and the packets that did not come."""

from __future__ import annotations

from typing import Any

import pytest

from icon_assets.finalize.close import close_lost
from icon_assets.ingest.deployment import Deployment, Icon
from tests.batches import T0, campaign, chain, metric
from tests.loading import Events, Loader

TEN = 600_000
LIST, GROUP, CALL = (
    {"callinglistid": 3},
    {"campaignid": 1, "groupid": 2},
    {"callattid": "A-1", "callid": "C1"},
)
COUNTS = ("records_total", "chains_total", "records_not_processed", "chains_not_processed")


def packet(ts: int) -> Events:
    """What OCS sends of one group and its list every ten minutes."""
    of: tuple[dict[str, Any], ...] = (LIST, GROUP)
    return [
        *(metric(name, 10, ts, **which) for name in COUNTS for which in of),
        metric("ports_busy", 1, ts, **GROUP),
        metric("ports_engaged", 2, ts, **GROUP),
    ]


ALL = [
    *packet(T0),
    metric("overdialed", 1, **GROUP, **CALL),
    *(metric(f"{name}_time_ms", 1234, **CALL) for name in ("dialing", "transfer", "cpd")),
]


def missing(load: Loader) -> list[int]:
    return [n for (n,) in load.rows("select packets from ops.missing_metric_packet order by after_ts")]


def test_all_fourteen(load: Loader) -> None:
    assert len(ALL) == 14
    assert load(ALL).new == 14
    assert load.count("idb.go_metrics", "value is null") == 0


@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_gos_write_duplicate_metrics(load: Loader, on: bool, together: bool) -> None:
    load.deployment = Deployment((Icon(301, frozenset({"gos"}), frozenset({101}), duplicate_metrics=on),))
    lines = [{**metric("records_total", 5), "dsseq": n} for n in (1, 2, 2)]
    for events in [lines] if together else [[line] for line in lines]:
        load(events)
    assert load.one("select sum(new), sum(known) from ops.batch") == ((2, 1) if on else (1, 2))
    assert load.count("idb.go_metrics") == (2 if on else 1)


def test_packets_that_all_came(load: Loader) -> None:
    load(campaign("S1", 1, 2))
    for n in range(1, 5):
        load(packet(T0 + n * TEN))
    assert missing(load) == []


def test_a_missing_packet_is_reported_until_it_comes(load: Loader) -> None:
    load([*campaign("S1", 1, 2), *packet(T0 + TEN), *packet(T0 + 4 * TEN)])
    assert missing(load) == [2]
    load(packet(T0 + 2 * TEN))
    assert missing(load) == [1]
    load(packet(T0 + 3 * TEN))
    assert missing(load) == []


def test_packets_are_missed_to_the_end_of_the_session_and_no_further(load: Loader) -> None:
    load([*campaign("S1", 1), *packet(T0 + TEN)])
    load([{**campaign("S1", 1, 0)[1], "ts": T0 + 3 * TEN + 120_000}])
    load(chain("A", 1, start=T0 + 9 * TEN))
    assert missing(load) == [2]


def test_the_standby_that_takes_over_sends_the_packets_from_then_on(load: Loader) -> None:
    load([*campaign("S1", 1), *packet(T0 + TEN)])
    taken_over = {**campaign("S1", 1)[0], "ts": T0 + TEN + 60_000}
    load([taken_over, *packet(T0 + 2 * TEN), *packet(T0 + 4 * TEN)], dbid=151)
    assert missing(load) == [1]


def test_packets_are_due_to_an_end_that_was_made_up(load: Loader) -> None:
    load([*campaign("S1", 1), *packet(T0 + TEN), *chain("A", 1, start=T0 + 3 * TEN)])
    load(chain("B", 1, 0, start=T0 + 300 * TEN, sessid="S2"))
    assert missing(load) == [298]
    close_lost(load.database.finalizer)
    assert missing(load) == [1]


def test_what_is_sent_at_each_call_is_no_packet(load: Loader) -> None:
    load([*campaign("S1", 1, 2), metric("overdialed", 1, T0 + TEN, **GROUP), *packet(T0 + 2 * TEN)])
    assert missing(load) == [1]


def test_no_group_is_missed_that_is_not_active(load: Loader) -> None:
    load([*campaign("S1", 1, 0), *chain("A", 1, start=T0 + 9 * TEN)])
    assert missing(load) == []


def test_a_packet_without_engaged_ports_is_whole(load: Loader) -> None:
    load(campaign("S1", 1, 2))
    for n in (1, 2):
        load([line for line in packet(T0 + n * TEN) if line["metric"] != "ports_engaged"])
    assert missing(load) == []
    assert load.count("idb.go_metrics", "metric = 'ports_engaged'") == 0
