"""Calls of another database: copied batch by batch, once, whatever happens to it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.ingest.cti import copy_calls, why_copy
from tests.batches import DAY, T0, call, chain, connection, party, userdata
from tests.finals import Site, day
from tests.loading import Loader

CALLS = ("g_call", "g_call_history", "g_party", "g_party_history", "g_ir")
USER_DATA = ("g_userdata_history", "g_secure_userdata_history")


def traffic(callid: str, attempt: str, *, start: int = T0, **more: Any) -> list[dict[str, Any]]:
    """One call with everything that a T-Server says of it."""
    customer, agent = f"{callid}-c", f"{callid}-a"
    return [
        call(callid, 1, ts=start, calltype=3, connid="00ff", irid=f"{callid}-ir", media="voice"),
        userdata(callid, 2, attempt, ts=start, **more),
        userdata(callid, 3, 'quote " backslash \\ tab \t é', ts=start, keyname="note"),
        party(
            *(customer, 1, "dialing"),
            callid=callid,
            ts=start,
            role="destination",
            endpointdn="+351900000001",
        ),
        party(customer, 2, "connected", callid=callid, ts=start, role="destination"),
        party(agent, 1, "connected", callid=callid, ts=start + 1, role="agent", agentid=9),
        party(agent, 2, "acw", callid=callid, ts=start + 5, agentid=9),
        party(customer, 3, "released", callid=callid, ts=start),
        call(callid, 9, "merged", ts=start, mergecallid=f"{callid}-other"),
        call(callid, 10, "terminated", ts=start),
    ]


class Cti:
    """The database that holds the calls, with what it loads; and its URL, which may lead nowhere."""

    def __init__(self, database: Database, landing: Path) -> None:
        landing.mkdir()
        self.load = Loader(database, landing)
        self.database = database
        self.url = database.url("secure_reader")


@pytest.fixture
def cti(new_database: Callable[[], Database], tmp_path: Path) -> Cti:
    return Cti(new_database(), tmp_path / "cti")


def test_what_is_copied_equals_what_came_by_file(cti: Cti, load: Loader, tmp_path: Path) -> None:
    told = [connection(T0, dsseq=1), *traffic("K1", "A-1"), *traffic("K2", "B-1", secure=True)]
    cti.load.tserver(*told[:9], release="8.5.1", first_dsseq=1, last_dsseq=9)
    cti.load.tserver(*told[9:], release="8.5.2", first_dsseq=10, last_dsseq=21)
    cti.load.tserver(call("I1", 1, media="interaction"), source="ixn", dbid=401)
    cti.load(chain("A", 1, 2, 3, 0))

    copied = copy_calls(load.database.loader, cti.url)
    assert (copied.fault, copied.loaded.batches, copied.loaded.quarantined) == (None, 3, 0)
    assert copied.loaded.new == len(told) + 1
    here, there = load.tables(), cti.load.tables()
    for table in (*CALLS, *USER_DATA, "g_dss_connection", "g_dss_gcc_provider", "g_timecode"):
        assert here[table] == there[table], table
        assert here[table], table
    assert not here["go_chain"]
    of_source = "source, dbid, release, first_dsseq, last_dsseq, first_ts, last_ts"
    assert load.rows(f"select {of_source} from ops.batch order by batch_id") == cti.load.rows(
        f"select {of_source} from ops.batch where source <> 'ocs' order by batch_id"
    )
    # Only the connection has a number of its own.
    runs = load.rows("select first_dsseq, last_dsseq from ops.sequence_run order by 1")
    assert runs == [(1, 9), (10, 21)]


def test_again_copies_only_what_is_new(cti: Cti, load: Loader) -> None:
    engine = load.database.loader
    assert why_copy(engine, cti.url) is None
    cti.load.tserver(*traffic("K1", "A-1"))
    assert why_copy(engine, cti.url) == "batches of calls: 1"
    assert copy_calls(engine, cti.url).loaded.batches == 1
    assert why_copy(engine, cti.url) is None
    assert copy_calls(engine, cti.url).loaded.batches == 0
    cti.load.tserver(*traffic("K2", "B-1", start=T0 + DAY))
    copied = copy_calls(engine, cti.url)
    assert (copied.loaded.batches, copied.loaded.new) == (1, 10)
    assert copied.through_ts is not None
    assert copied.through_ts.timestamp() * 1000 == T0 + DAY + 10_000


def test_what_came_by_file_too_is_known(cti: Cti, load: Loader) -> None:
    for loader in (cti.load, load):
        loader.tserver(*traffic("K1", "A-1"))
    before = load.tables()
    copied = copy_calls(load.database.loader, cti.url)
    assert (copied.loaded.new, copied.loaded.known) == (0, 10)
    assert load.tables() == before


def test_an_older_copy_of_it_is_read_anew_and_nothing_twice(cti: Cti, load: Loader) -> None:
    cti.load.tserver(*traffic("K1", "A-1"))
    cti.load.tserver(*traffic("K2", "B-1"))
    copy_calls(load.database.loader, cti.url)
    with cti.database.connect() as connection:
        connection.execute("delete from ops.landing_file; delete from ops.batch where batch_id > 1")
        connection.execute("delete from idb.g_call_history where gsys_seq > 1")
    cti.load.tserver(*traffic("K3", "C-1"))
    copied = copy_calls(load.database.loader, cti.url)
    # The first batch is in our ledger; the third came with a number after the last that was copied.
    assert (copied.fault, copied.loaded.known_batches) == (None, 1)
    assert load.count("idb.g_call") == 3


def test_a_lost_note_costs_a_look_and_no_rows(cti: Cti, load: Loader) -> None:
    cti.load.tserver(*traffic("K1", "A-1"))
    copy_calls(load.database.loader, cti.url)
    with load.database.connect() as connection:
        connection.execute("delete from ops.cti_database")
    copied = copy_calls(load.database.loader, cti.url)
    assert (copied.loaded.batches, copied.loaded.known_batches) == (0, 1)


def test_two_that_copy_each_other_come_to_an_end(cti: Cti, load: Loader) -> None:
    cti.load.tserver(*traffic("K1", "A-1"))
    load.tserver(*traffic("K2", "B-1"), source="ixn")
    ours = load.database.url("secure_reader")
    for expected in (1, 0):
        assert copy_calls(load.database.loader, cti.url).loaded.batches == expected
        assert copy_calls(cti.database.loader, ours).loaded.batches == expected
    assert load.count("idb.g_call") == cti.load.count("idb.g_call") == 2


def test_a_connection_lost_in_the_middle_leaves_whole_batches_and_is_taken_up(cti: Cti, load: Loader) -> None:
    for number in range(4):
        cti.load.tserver(*traffic(f"K{number}", f"A-{number}"))

    def cut(done: int, total: int) -> None:
        assert total == 4
        if done == 2:
            with cti.database.connect() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname = current_database() and pid <> pg_backend_pid()"
                )

    first = copy_calls(load.database.loader, cti.url, progress=cut)
    assert first.fault is not None
    assert first.loaded.batches == load.count("idb.g_call") == 2
    rest = copy_calls(load.database.loader, cti.url)
    assert (rest.fault, rest.loaded.batches, rest.loaded.known_batches) == (None, 2, 0)
    assert load.tables()["g_call_history"] == cti.load.tables()["g_call_history"]


def test_what_cannot_be_read_says_why(cti: Cti, load: Loader) -> None:
    engine = load.database.loader
    nowhere = cti.url.replace(f":{cti.database.conninfo['port']}/", ":1/")
    cti.load.tserver(*traffic("K1", "A-1"))
    owner = cti.database.dagster_url.replace("+psycopg2", "")
    assert why_copy(engine, nowhere) == "the CTI database cannot be read"
    for url, said in (
        (nowhere, "refused"),
        (owner.replace(cti.database.dagster_name, "postgres"), "no IDB of this release"),
        (load.database.url("secure_reader"), "own database"),
        (cti.database.url("operator"), "no IDB of this release of icon-assets, or its role may not read it"),
    ):
        copied = copy_calls(engine, url)
        assert copied.fault is not None
        assert said in copied.fault
        assert cti.database.passwords["secure_reader"] not in repr(copied)
    assert load.one("select missing_since::text, fault is null from ops.cti_database") == ("-infinity", False)
    # That it cannot be read is known.
    assert why_copy(engine, nowhere) is None
    assert why_copy(engine, cti.url) == "batches of calls: 1"


def test_days_whose_calls_are_missing_are_marked_when_they_go_and_when_they_come(
    cti: Cti, database: Database, landing: Path
) -> None:
    site = Site(database, landing)
    nowhere = cti.url.replace(f":{cti.database.conninfo['port']}/", ":1/")
    cti.load.tserver(*traffic("K1", "B-1", start=T0 + DAY))
    for n, guid in enumerate("ABC"):
        site.load(*chain(guid, 1, 2, 3, 0, start=T0 + n * DAY))
    copy_calls(site.database.loader, cti.url)
    site.finalize()

    def marked() -> list[Any]:
        return sorted(site.dirty()["chain"])

    assert copy_calls(site.database.loader, nowhere).days == 2
    assert marked() == [day(1), day(2)]
    site.finalize()
    assert copy_calls(site.database.loader, nowhere).days == 0  # it is known
    cti.load.tserver(*traffic("K0", "A-1"))
    copied = copy_calls(site.database.loader, cti.url)
    assert (copied.loaded.batches, copied.days) == (1, 2)
    # The late call marks its own day, as one that comes by file.
    assert marked() == [day(0), day(1), day(2)]
    assert all(done.changed for done in site.finalize())
