"""Field values: open, secure or not stored, and where they go when the configuration changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests import batches
from tests.batches import DAY, T0, chain, connection, field, record, tracked, userdata
from tests.loading import Loader

OPEN, SECURE = ("go_fieldhist", "go_custom_fields"), ("go_sec_fieldhist", "go_secure_fields")
LATER = T0 + DAY


def places(load: Loader) -> dict[str, list[str | None]]:
    """The value of every field row, by the pair of tables that it is in."""
    found = {
        "open": load.rows("select newvalue from idb.go_fieldhist order by fieldid, seq"),
        "secure": load.rows(
            "select newvalue || coalesce(newrest, '') from idb.go_sec_fieldhist order by fieldid, seq"
        ),
    }
    for history, current in (OPEN, SECURE):
        differ = load.rows(
            f"select from (select distinct on (fieldid) fieldid, newvalue, seq from idb.{history} "
            f"order by fieldid, seq desc) as h full join idb.{current} as c using (fieldid) "
            "where (h.newvalue, h.seq) is distinct from (c.value, c.lastseq)"
        )
        assert differ == []
    return {place: [value for (value,) in rows] for place, rows in found.items() if rows}


@pytest.mark.parametrize(
    ("attribute", "place"),
    [(1, {"open": ["x"]}), (2, {"secure": ["x"]}), (0, {}), (None, {}), (7, {"secure": ["x"]})],
)
@pytest.mark.parametrize("object_comes_late", [False, True])
def test_icon_attribute_decides_where_a_value_goes(
    load: Loader, attribute: int | None, place: dict[str, list[str]], object_comes_late: bool
) -> None:
    configured = batches.obj("field", dbid=8001, icon_attribute=attribute)
    if not object_comes_late:
        load.config(configured)
    drained = load([field("A", 1, "x")])
    if object_comes_late:
        assert places(load) == {"secure": ["x"]}  # a field that nobody has described
        load.config(configured)
    else:
        assert (drained.new, drained.filtered) == (len(place), 1 - len(place))
    assert places(load) == place


@pytest.mark.parametrize("value", [None, "", "x" * 255, "é" * 256, "x" * 4000])
def test_a_value_survives_the_move_as_it_was(load: Loader, value: str | None) -> None:
    line = field("A", 2, value, oldvalue=value)
    load([line])
    before = load.one("select * from idb.go_sec_fieldhist")
    load.config(tracked(8001, 1))
    assert load.rows("select oldvalue, newvalue, valuecut from idb.go_fieldhist") == [(value, value, 0)]
    assert load.one("select value from idb.go_custom_fields") == value
    assert load([line]).known == 1
    load.config(tracked(8001, 2, T0 - 2 * DAY))  # earlier: it was secure when first described
    after = load.one("select * from idb.go_sec_fieldhist")
    assert before[1:] == after[1:]


def test_long_values_of_255_4000_and_4001_characters(load: Loader) -> None:
    load.config(tracked(8001, 1), tracked(8002, 2))
    lengths = (255, 4000, 4001)
    for fieldid in (8001, 8002):
        load([field("A", seq, "ä" * n, fieldid=fieldid) for seq, n in enumerate(lengths, 1)])
    wanted = [(255, 0), (4000, 0), (4000, 1)]
    assert load.rows("select length(newvalue), valuecut from idb.go_fieldhist order by seq") == wanted
    secure = "select length(newvalue || coalesce(newrest, '')), valuecut from idb.go_sec_fieldhist"
    assert load.rows(f"{secure} order by seq") == wanted
    assert load.one("select length(value), valuecut from idb.go_custom_fields") == (4000, 1)
    assert load.one("select length(value), length(valuerest), valuecut from idb.go_secure_fields") == (
        255,
        3745,
        1,
    )


def test_a_change_takes_effect_when_icon_starts_again(load: Loader) -> None:
    load([connection(T0 - 1000)])
    load.config(tracked(8001, 1), tracked(8001, 2, T0 + 10_000))
    load([field("A", 20, "before")])
    assert places(load) == {"open": ["before"]}
    load([connection(T0 + 25_000, dsconn_type=2)])  # a reconnect reads no fields
    load([field("A", 30, "reconnected")])
    assert places(load) == {"open": ["before", "reconnected"]}
    load([connection(T0 + 35_000), field("A", 40, "restarted")])
    assert places(load) == {"open": ["before", "reconnected"], "secure": ["restarted"]}


def test_a_start_that_becomes_known_late_moves_what_came_after_it(load: Loader) -> None:
    load([connection(T0 - 1000), *(field("A", seq, str(seq)) for seq in (10, 20))])
    load.config(tracked(8001, 1), tracked(8001, 2, T0 + 5000))
    assert places(load) == {"open": ["10", "20"]}
    load([connection(T0 + 15_000)])
    assert places(load) == {"open": ["10"], "secure": ["20"]}


def test_a_change_concerns_the_ocs_and_feed_that_started_again(load: Loader) -> None:
    load.config(tracked(8001, 1), tracked(8001, 2, T0))
    for ocsid in (101, 102):
        load([connection(T0 - 1000)], dbid=ocsid)
    load([connection(T0 + 1000), field("A", 5, "of 101")])
    load([field("A", 5, "of 102")], dbid=102)
    assert places(load) == {"open": ["of 102"], "secure": ["of 101"]}


def test_moved_rows_mark_the_day_of_their_chain(load: Loader) -> None:
    load([*chain("A", 1, 2, 3, 0), field("A", 1, "x")])
    with load.database.connect(autocommit=True) as database:
        database.execute("update ops.dirty_day set finalized_at = now()")
    load.config(tracked(8001, 1))
    assert load.rows("select entity, reason from ops.dirty_day where finalized_at is null") == [
        ("chain", "field")
    ]


@pytest.mark.parametrize("together", [True, False])
def test_a_field_line_whose_key_is_in_the_other_pair_is_a_conflict(load: Loader, together: bool) -> None:
    """The same number before and after the restart that made the field secure."""
    load.config(tracked(8001, 1), tracked(8001, 2, T0 + 10_000))
    load([connection(T0 - 1000), connection(T0 + 20_000)])
    late = field("A", 1, "late", ts=T0 + 30_000)
    lines: list[dict[str, Any]] = [late, field("A", 1, "early"), late]
    for events in [lines] if together else [[line] for line in lines]:
        load(events)
    assert [found[1:] for found in load.quarantine()] == [("field", "conflict")]
    assert places(load) == {"secure": ["late"]}


def test_the_same_line_of_two_feeds_with_other_starts_is_known(load: Loader) -> None:
    """One ICON of a pair has read the change, the other has not: the value stays where it came first."""
    load.config(tracked(8001, 1), tracked(8001, 2, T0 - 2000))
    for feed, start in ((301, T0 - 1000), (302, T0 - 3000)):
        load([connection(start)], feed=feed)
    first = load([field("A", 1, "x")], feed=301)
    second = load([field("A", 1, "x")], feed=302)
    assert (first.new, second.known, second.quarantined) == (1, 1, 0)
    assert places(load) == {"secure": ["x"]}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("secure_first", [True, False])
def test_user_data_that_is_secure_once_and_open_once_is_a_conflict(
    load: Loader, together: bool, secure_first: bool
) -> None:
    first = userdata("C1", 2, "x", secure=secure_first)
    other = userdata("C1", 2, "x", secure=not secure_first)
    lines = [first, other, first]
    for events in [lines] if together else [[line] for line in lines]:
        load.tserver(*events)
    assert [found[1:] for found in load.quarantine()] == [("userdata", "conflict")]
    where = "g_secure_userdata_history" if secure_first else "g_userdata_history"
    assert load.count(f"idb.{where}") == 1
    assert load.one("select sum(known) from ops.batch") == 1


def test_secure_values_are_in_no_other_table(load: Loader) -> None:
    load.config(tracked(8002, 2))
    secret = "S3CRET-" + "9" * 300
    load([*chain("A", 1, 2), record("A", 1), field("A", 1, secret, oldvalue=secret, fieldid=8002)])
    load.tserver(userdata("C1", 2, secret[:200], secure=True))
    for table, rows in load.tables().items():
        if table not in ("go_sec_fieldhist", "go_secure_fields", "g_secure_userdata_history"):
            assert "S3CRET" not in repr(rows), table
    for table in ("batch", "quarantine", "landing_file", "dirty_day"):
        assert "S3CRET" not in repr(load.rows(f"select * from ops.{table}"))


def test_an_attempt_of_64_characters_is_kept_as_50_in_the_field_histories(load: Loader) -> None:
    """The vendor's widths differ; whoever joins the two compares 50."""
    load.config(tracked(8001, 1))
    attempt = "A" * 64
    load([{**chain("A", 2)[0], "callattid": attempt}, field("A", 1, "x", callattid=attempt)])
    assert load.one(
        "select count(*) from idb.go_fieldhist as f inner join idb.go_chainrec_hist as h "
        "on left(h.callattid, 50) = left(f.callattid, 50)"
    ) == 1  # fmt: skip
