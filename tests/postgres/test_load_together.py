"""Batches that share a transaction: each is known, refused, counted and quarantined as if it came alone."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from icon_assets.contract.landing import Landing, LandingFile
from icon_assets.contract.reasons import Reason, Unreadable
from icon_assets.idb import locks
from icon_assets.ingest import drain as module
from icon_assets.ingest import retries
from icon_assets.ingest.retries import LoadError
from icon_assets.marts.window import close_window, due, open_window
from tests import batches
from tests.batches import (
    T0,
    call,
    campaign,
    chain,
    chain_call,
    connection,
    field,
    party,
    record,
    tracked,
    write,
)
from tests.loading import Events, Loader


def lay(load: Loader, **files: Events) -> None:
    """Lays batches into the landing zone, to be loaded by one drain."""
    for name, events in files.items():
        write(load.landing, name, events)


def ledger(load: Loader) -> dict[str, tuple[Any, ...]]:
    """By batch: lines that were new, known and quarantined."""
    return {
        name: tuple(counts)
        for name, *counts in load.rows("select batch, new, known, quarantined from ops.batch order by 1")
    }


def transactions(load: Loader) -> int:
    return int(load.one("select count(distinct xmin::text) from ops.batch"))


def test_small_batches_of_one_source_share_a_transaction(load: Loader) -> None:
    lay(load, **{f"b{number}": chain(f"C{number}", 1, 2, 3, 0) for number in range(5)})
    assert (load.drain().batches, transactions(load)) == (5, 1)
    assert ledger(load) == {f"b{number}": (4, 0, 0) for number in range(5)}
    assert load.rows(
        "select b.batch, count(*) from idb.go_chainrec_hist as h "
        "inner join ops.batch as b on b.batch_id = h.gsys_seq group by 1 order by 1"
    ) == [(f"b{number}", 4) for number in range(5)]
    assert load.count("ops.dirty_day", "batch_id is not null and reason = 'ended'") == 5


@pytest.mark.parametrize("limit", ["_TOGETHER", "_FILES_TOGETHER"])
def test_large_or_many_ones_do_not(load: Loader, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(module, limit, 1)
    lay(load, a=chain("A", 1), b=chain("B", 1))
    assert (load.drain().batches, transactions(load)) == (2, 2)


def test_sources_that_share_a_folder_do_not_share_a_transaction(load: Loader) -> None:
    lay(load, a=chain("A", 1), c=chain("C", 1))
    write(load.landing, "b", [call("C1", 1)], source="tserver", dbid=batches.TSERVER)
    write(load.landing, "d", chain("D", 1), feed=301)
    assert (load.drain().batches, transactions(load)) == (4, 4)
    assert (load.count("idb.go_chain"), load.count("idb.g_call")) == (3, 1)


def test_a_drain_of_some_files_takes_calls_and_outbound_data_alike(load: Loader) -> None:
    """So that the days of a backlog become complete one after the other."""
    for folder, header in (("ocs", {}), ("tserver", {"source": "tserver", "dbid": batches.TSERVER})):
        (load.landing / folder).mkdir()
        for day in range(4):
            lines = chain(f"C{day}", 1) if folder == "ocs" else [call(f"K{day}", 1)]
            write(load.landing / folder, f"{day}", lines, **header)
    assert load.drain(limit=4).batches == 4
    assert load.rows("select chainguid from idb.go_chain order by 1") == [("C0",), ("C1",)]
    assert load.rows("select callid from idb.g_call order by 1") == [("K0",), ("K1",)]


@pytest.mark.threat("F1")
@pytest.mark.parametrize("flush", [1, 1 << 20])
def test_a_broken_file_in_the_middle_leaves_nothing_and_keeps_none_out(
    load: Loader, monkeypatch: pytest.MonkeyPatch, flush: int
) -> None:
    """Whether or not its first lines had been sent to the stage already."""
    monkeypatch.setattr("icon_assets.ingest.stage._FLUSH_BYTES", flush)
    monkeypatch.setattr("icon_assets.contract.reader.BLOCK", 1_000)
    lay(load, a=chain("A", 1, 2), c=chain("C", 1, 2))
    whole = batches.batch("b", [*chain("B", 1, 2, 3, 0), {"type": "nonsense"}, record("B", 1)] * 50)
    load.landing.joinpath("b.jsonl.gz").write_bytes(gzip.compress(whole)[:-20])
    drained = load.drain()
    assert (drained.batches, drained.waiting, drained.new, drained.quarantined) == (2, 1, 4, 0)
    assert load.rows("select chainguid from idb.go_chain order by 1") == [("A",), ("C",)]
    assert load.count("ops.quarantine") == 0


def test_the_first_of_two_that_contradict_stays(load: Loader) -> None:
    other = [{**line, "state": 33} for line in chain("A", 1, 2)]
    lay(load, a=chain("A", 1), b=other, c=chain("A", 1, 2, 3))
    load.drain()
    assert ledger(load) == {"a": (1, 0, 0), "b": (1, 0, 1), "c": (1, 1, 1)}
    assert load.rows(
        "select b.batch, q.line, q.reason from ops.quarantine as q "
        "inner join ops.batch as b on b.batch_id = q.batch_id order by 1"
    ) == [("b", 2, "conflict"), ("c", 3, "conflict")]
    assert load.rows("select seq, state from idb.go_chainrec_hist order by 1") == [(1, 1), (2, 33), (3, 3)]


def test_a_batch_that_comes_twice_in_one_drain_is_known(load: Loader) -> None:
    lay(load, a=chain("A", 1, 2))
    load.landing.joinpath("b.jsonl.gz").write_bytes(load.landing.joinpath("a.jsonl.gz").read_bytes())
    write(load.landing, "c", chain("A", 1, 2, 3)).write_bytes(
        gzip.compress(batches.batch("a", chain("X", 1)))
    )
    drained = load.drain()
    assert (drained.batches, drained.known_batches) == (1, 1)
    assert [(refusal.path, refusal.reason) for refusal in drained.refused] == [
        ("c.jsonl.gz", "other_content")
    ]
    assert load.rows("select status from ops.landing_file order by path") == [
        ("loaded",),
        ("known",),
        ("refused",),
    ]


def test_what_another_loader_brought_in_meanwhile_is_known(load: Loader) -> None:
    """Both have staged the batch before either has its turn."""
    lay(load, a=chain("A", 1, 2), b=chain("B", 1))
    with load.database.connect() as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.OUTBOUND])
        drains = [pool.submit(load.drain) for _ in range(2)]
        waiting(load, 2)
        holder.rollback()
        done = [drain.result() for drain in drains]
    assert sorted((drained.batches, drained.known_batches) for drained in done) == [(0, 2), (2, 0)]
    assert sum(drained.new for drained in done) == load.count("idb.go_chainrec_hist") == 3


def test_what_is_only_told_again_marks_no_day(load: Loader) -> None:
    load([*chain("A", 1, 2, 3, 0), *campaign("S", 1, 2, 0)])
    marks = load.count("ops.dirty_day")
    lay(load, again=[*chain("A", 1, 2, 3, 0), *campaign("S", 1, 2, 0)], new=chain("B", 1))
    assert load.drain().known == 7
    assert load.count("ops.dirty_day") == marks


def test_what_only_contradicts_marks_no_day_and_changes_no_row(load: Loader) -> None:
    """Nor does it where the batches beside it bring something new."""
    load(chain("A", 1, 2, 3, 0), "first")
    marks = load.count("ops.dirty_day")
    lay(load, a=chain("A", 1, 2, sessid="S2"), b=chain("B", 1))
    assert load.drain().quarantined == 2
    assert load.count("ops.dirty_day") == marks
    assert written_by(load, "go_chain", "chainguid") == [("A", "first", "first"), ("B", "b", "b")]


def written_by(load: Loader, table: str, key: str) -> list[tuple[Any, ...]]:
    """The rows of a table: key, which batch made the row, which changed it last."""
    return load.rows(
        f"select t.{key}, made.batch, changed.batch from idb.{table} as t "
        "inner join ops.batch as made on made.batch_id = t.gsys_seq "
        "inner join ops.batch as changed on changed.batch_id = t.gsys_useq order by 1"
    )


@pytest.mark.parametrize("together", [1, 1 << 20])
def test_a_row_says_who_made_it_in_which_session_and_who_changed_it(
    load: Loader, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """As if the batches came one by one; a batch that only tells again or contradicts changed nothing."""
    monkeypatch.setattr(module, "_TOGETHER", together)
    monkeypatch.setattr(module, "_LOADERS", 1)
    later = T0 + 500_000
    lay(
        load,
        a=[connection(T0), *chain("A", 1, 2), *campaign("S", 1), record("A", 1), field("A", 1, "x")],
        b=[
            connection(later, dsconn_type=3),
            *chain("A", 1, 2, 3, ts=later)[2:],
            {**campaign("S", 1, 2)[1], "ts": later},
            {**record("A", 2), "ts": later},
            {**field("A", 2, "y"), "ts": later},
        ],
        c=[*chain("A", 1, 2), *chain("A", 1, 2, sessid="S2"), *campaign("S", 9), *chain("B", 1)],
    )
    load.drain()
    for table in ("go_chain", "go_campaign", "go_record", "go_secure_fields"):
        key = "sessid" if table == "go_campaign" else "chainguid"
        assert written_by(load, table, key)[0][1:] == ("a", "b"), table
        assert load.rows(
            f"select p.dsconn_type from idb.{table} as t "
            f"inner join idb.g_dss_gos_provider as p on p.dss_id = t.gsys_domain where t.{key} <> 'B'"
        ) == [(1,)], table


@pytest.mark.parametrize("together", [1, 1 << 20])
def test_calls_say_who_made_them_and_who_changed_them(
    load: Loader, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(module, "_TOGETHER", together)
    monkeypatch.setattr(module, "_LOADERS", 1)
    for name, lines in {
        "a": [call("C1", 1), party("P1", 1, "ringing")],
        "b": [call("C1", 2, irid="I1"), party("P1", 2, "connected")],
        "c": [call("C1", 3, "terminated"), call("C1", 1)],
    }.items():
        write(load.landing, name, lines, source="tserver", dbid=batches.TSERVER)
    load.drain()
    assert written_by(load, "g_call", "callid") == [("C1", "a", "c")]
    assert written_by(load, "g_party", "partyid") == [("P1", "a", "b")]
    assert written_by(load, "g_ir", "irid") == [("I1", "b", "c")]


@pytest.mark.parametrize("together", [1, 1 << 20])
def test_a_value_stays_where_its_own_feed_places_it_when_its_source_connects_anew(
    load: Loader, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """The other ICON has read a change that makes the field secure; ours does after the value came."""
    monkeypatch.setattr(module, "_TOGETHER", together)
    monkeypatch.setattr(module, "_LOADERS", 1)
    load.config(tracked(8001, 1), tracked(8001, 2, T0 - 2000))
    load([connection(T0 - 1000)], feed=302)
    write(load.landing, "a", [field("A", 1, "x")], feed=301)
    write(load.landing, "b", [connection(T0 - 3000), connection(T0 + 90_000)], feed=301)
    load.drain()
    assert (load.count("idb.go_custom_fields"), load.count("idb.go_secure_fields")) == (1, 0)


def test_numbers_have_the_times_of_their_own_lines(load: Loader) -> None:
    """Not of a connection, which is ICON's own and may have none."""
    one = [{**line, "dsseq": seq} for seq, line in enumerate(chain("A", 1, 2), 1)]
    lay(load, a=[*one, connection(T0 + 60_000)], b=[{**chain("B", 1)[0], "dsseq": 5}])
    load.drain()
    assert load.rows(
        "select first_dsseq, last_dsseq, extract(epoch from last_ts - first_ts)::integer "
        "from ops.sequence_run order by 1"
    ) == [(1, 2, 1), (5, 5, 0)]


def test_one_that_the_database_refuses_is_named_and_the_ones_before_it_are_in(load: Loader) -> None:
    lay(load, a=chain("A", 1), b=[record("B", 1, contactinfo="bad")], c=chain("C", 1))
    with load.database.connect(autocommit=True) as connection:
        connection.execute("alter table idb.go_record add constraint test check (contactinfo <> 'bad')")
        try:
            with pytest.raises(LoadError, match=r"^'b\.jsonl\.gz': CheckViolation, SQLSTATE 23514$"):
                load.drain()
        finally:
            connection.execute("alter table idb.go_record drop constraint test")
    assert list(ledger(load)) == ["a"]
    assert load.rows(
        "select f.path, f.status, b.batch from ops.landing_file as f "
        "inner join ops.batch as b on b.batch_id = f.batch_id"
    ) == [("a.jsonl.gz", "loaded", "a")]


def test_the_one_that_the_database_refuses_is_found_in_few_attempts(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt stages its batches anew: one less at a time would be a thousand batches here."""
    staged: list[int] = []
    done = retries.load

    def counted(connection: Any, sources: Any, **more: Any) -> Any:
        staged.append(len(sources))
        return done(connection, sources, **more)

    monkeypatch.setattr(retries, "load", counted)
    lay(load, **{f"b{number:02}": chain(f"C{number}", 1) for number in range(40)})
    write(load.landing, "b40", [record("B", 1, contactinfo="bad")])
    with load.database.connect(autocommit=True) as connection:
        connection.execute("alter table idb.go_record add constraint test check (contactinfo <> 'bad')")
        try:
            with pytest.raises(LoadError, match=r"^'b40\.jsonl\.gz'"):
                load.drain()
        finally:
            connection.execute("alter table idb.go_record drop constraint test")
    assert len(ledger(load)) == 40
    assert sum(staged) < 41 * 5


def test_a_large_file_that_stalls_leaves_the_others_for_the_next_drain(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the last, and the only one, of its portion."""
    opened: list[str] = []

    def stall(_: Landing, file: LandingFile) -> Any:
        opened.append(file.path)
        time.sleep(0.05)
        raise Unreadable(Reason.STALLED, "0 s")

    monkeypatch.setattr(module, "_TOGETHER", 1)
    monkeypatch.setattr(Landing, "open", stall)
    lay(load, **{f"b{number:02}": chain(f"C{number}", 1) for number in range(30)})
    assert load.drain().waiting == len(opened) < 15


def test_a_server_that_is_away_is_waited_for_twice_whatever_waits(
    load: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all of them, and for the first alone, which the error names."""
    pauses: list[float] = []

    def away(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError

    monkeypatch.setattr(retries, "load", away)
    monkeypatch.setattr("icon_assets.ingest.retries.time.sleep", pauses.append)
    lay(load, **{f"b{number:02}": chain(f"C{number}", 1) for number in range(40)})
    with pytest.raises(LoadError, match=r"^'b00\.jsonl\.gz': OperationalError"):
        load.drain()
    assert sum(pauses) == 2 * 7.5


@pytest.mark.parametrize("theirs", ["a", "c", "bc"])
def test_what_another_loader_brought_in_of_a_group_leaves_the_others_their_numbers(
    load: Loader, theirs: str
) -> None:
    """The first, the last and more than one are left out after all were staged."""
    whole = {name: [*chain(name, 1, 2, 3, 0), {"type": name}] for name in "abc"}
    lay(load, **whole)
    other = load.landing / "other"
    other.mkdir()
    with load.database.connect() as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.OUTBOUND])
        for name in theirs:
            write(other, name, whole[name])
        first = pool.submit(module.drain, load.database.loader, Landing(str(other)))
        waiting(load, 1)
        for path in other.iterdir():
            path.unlink()
        second = pool.submit(load.drain)
        waiting(load, 2)
        holder.rollback()
        assert first.result().batches == len(theirs)
        assert (second.result().batches, second.result().known_batches) == (3 - len(theirs), len(theirs))
    assert ledger(load) == dict.fromkeys("abc", (4, 0, 1))
    assert written_by(load, "go_chain", "chainguid") == [(name, name, name) for name in "abc"]
    for table in ("ops.dirty_day", "ops.quarantine", "ops.sequence_run"):
        query = f"select b.batch, count(*) from {table} inner join ops.batch as b using (batch_id) group by 1"
        assert load.rows(f"{query} order by 1") in ([], [(name, 1) for name in "abc"]), table


def test_tiny_files_share_a_transaction_in_bounds() -> None:
    """A backlog of a day: what each batch costs is bounded, as what each line does."""
    files = [LandingFile(f"{number}.jsonl", 100, "v") for number in range(50_000)]
    portions = module._portions(files)
    assert [file for portion in portions for file in portion] == files
    assert max(map(len, portions)) <= 1_000


def test_an_identity_that_another_loader_brought_in_is_judged_by_what_is_in_the_ledger(load: Loader) -> None:
    """Of two files of one identity the second is what the other loader had."""
    lay(load, a=chain("A", 1))
    theirs = batches.batch("a", chain("X", 1))
    load.landing.joinpath("b.jsonl.gz").write_bytes(gzip.compress(theirs))
    with load.database.connect() as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.OUTBOUND])
        other = load.landing / "other"
        other.mkdir()
        other.joinpath("c.jsonl.gz").write_bytes(gzip.compress(theirs))
        first = pool.submit(module.drain, load.database.loader, Landing(str(other)))
        waiting(load, 1)
        other.joinpath("c.jsonl.gz").unlink()
        second = pool.submit(load.drain)
        waiting(load, 2)
        holder.rollback()
        assert first.result().batches == 1
        assert [refusal.path for refusal in second.result().refused] == ["a.jsonl.gz"]
        assert second.result().known_batches == 1


def waiting(load: Loader, loaders: int) -> None:
    """Until so many wait for a turn."""
    query = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while load.one(query) < loaders:
        time.sleep(0.01)


@pytest.mark.threat("R12")
@pytest.mark.parametrize("first", ["ocs", "tserver"])
def test_a_call_and_its_chain_that_are_merged_at_once_mark_the_day(load: Loader, first: str) -> None:
    """Neither sees the other; who enters the ledger last does, and marks what was finalized in between."""
    load(chain("A", 1, 2, 3, 0))
    assert load.rows("delete from ops.dirty_day returning day")
    files = {
        "ocs": {"events": [chain_call("A", "C1"), field("Z", 1, "x")]},
        "tserver": {"events": [call("C1", 1)], "source": "tserver", "dbid": batches.TSERVER},
    }
    with load.database.connect() as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.LEDGER])
        drains = []
        for n, source in enumerate(sorted(files, key=lambda name: name != first), 1):
            folder = load.landing / source
            folder.mkdir()
            write(folder, source, **files[source])  # type: ignore[arg-type]
            drains.append(pool.submit(module.drain, load.database.loader, Landing(str(folder))))
            waiting(load, n)
        holder.rollback()
        for drain in drains:
            drain.result()
    last = load.one(
        "select string_agg(reason, ',' order by reason) from ops.dirty_day where batch_id = "
        "(select max(batch_id) from ops.batch)"
    )
    assert last == ("call" if first == "ocs" else "chain_call")


def test_a_batch_that_enters_the_ledger_late_is_due_for_the_marts(load: Loader) -> None:
    """Its number was drawn before that of a batch which the marts have taken in."""
    engine = load.database.engine
    for folder in ("ocs", "tserver"):
        (load.landing / folder).mkdir()
    write(load.landing / "ocs", "slow", chain("A", 1))
    write(load.landing / "tserver", "quick", [call("C1", 1)], source="tserver", dbid=batches.TSERVER)
    with load.database.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("lock table idb.go_chain in share mode")  # who writes waits, who reads does not
        slow = pool.submit(module.drain, load.database.loader, Landing(str(load.landing / "ocs")))
        while not load.one("select exists (select from pg_locks where not granted)"):
            time.sleep(0.01)
        module.drain(load.database.loader, Landing(str(load.landing / "tserver")))
        close_window(engine, open_window(engine))
        assert not due(engine)
        holder.rollback()
        slow.result()
    numbers = load.rows("select batch from ops.batch order by batch_id")
    assert numbers == [("slow",), ("quick",)]
    assert due(engine)
    close_window(engine, open_window(engine))
    assert not due(engine)
