"""Faults of the server and around it: backends ended, restart, crash, locks, several loaders, lost memory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import psycopg
import pytest
import sqlalchemy as sa

from icon_assets import database as databases
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.errors import UserError
from icon_assets.finalize.days import finalize
from icon_assets.idb import locks, roles
from icon_assets.idb.migrate import SETUP_LOCK, head
from icon_assets.ingest.drain import drain
from icon_assets.ingest.retries import LoadError
from icon_assets.server import EmbeddedServer
from tests.batches import chain, write
from tests.databases import drop
from tests.faults import world
from tests.faults.conftest import EVERY_STEP, Copy, Course
from tests.faults.proxy import Link, Moment, Proxy
from tests.faults.work import Worker, finish, load, load_at_once, load_until_done
from tests.finals import TODAY
from tests.tables import fingerprints

Through = Callable[[Database], Database]


@pytest.mark.threat("R3", "R4", "R11")
def test_a_backend_that_is_terminated_at_any_step(
    proxy: Proxy, through: Through, course: Course, copy: Copy, template: Database
) -> None:
    """57P01 comes with the next step, as from an administrator, or from the kernel out of memory."""

    def terminate(link: Link) -> None:
        with template.connect("postgres", autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(%s, 5000)", [link.backend_pid])
        link.drop()

    for step in range(3, 400, 1 if EVERY_STEP else 61):
        database = copy(template)
        proxy.arm(step, Moment.BEFORE, terminate)
        load_until_done(through(database), str(course.landing))
        if proxy.struck is None:
            break
        assert world.state(database.engine) == course.loaded[-1], proxy.struck
        drop(database)
    else:
        raise AssertionError("never done")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedServer, Database]]:
    """A server that may be crashed, with a database that is up to date."""
    server = EmbeddedServer(tmp_path_factory.mktemp("own") / "postgres", durable=False)
    server.start()
    database = Database(
        {**server.conninfo(), "dbname": "icon"}, roles.passwords(tmp_path_factory.mktemp("own"))
    )
    databases.set_up(database)
    database.dispose()
    yield server, database
    database.dispose()
    server.stop()


def restart(server: EmbeddedServer) -> None:
    server.stop()
    server.start()


def crash(server: EmbeddedServer) -> None:
    """No farewell: the log is replayed at the next start, and unlogged tables come back empty."""
    postmaster = int((server.directory / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGQUIT)
    while server.status().running:
        time.sleep(0.05)
    server.start()


@pytest.mark.threat("R4", "R13")
@pytest.mark.parametrize("fault", [restart, crash], ids=["restart", "crash"])
def test_a_server_that_goes_in_mid_load(
    own_server: tuple[EmbeddedServer, Database],
    course: Course,
    fault: Callable[[EmbeddedServer], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, source = own_server
    name = f"{fault.__name__}ed"
    with source.connect("postgres", autocommit=True) as connection:
        connection.execute(f"create database {name} template icon")
    database = Database({**source.conninfo, "dbname": name}, source.passwords)
    proxy = Proxy(database.conninfo["host"], database.conninfo["port"])
    through = Database({**database.conninfo, **proxy.conninfo}, {})
    gone = threading.Event()

    def strike(link: Link) -> None:
        link.drop()
        fault(server)
        gone.set()

    proxy.arm("insert into ops.batch", Moment.AFTER, strike)
    monkeypatch.setattr("icon_assets.ingest.drain._LOADERS", 1)
    drain(through.engine, Landing(str(course.landing)))
    assert gone.is_set()
    through.dispose()
    proxy.close()
    assert world.state(database.engine) == course.loaded[-1]
    assert tables_not_logged(database) == []
    database.dispose()


def tables_not_logged(database: Database) -> list[str]:
    query = "select oid::regclass::text from pg_class where relpersistence = 'u'"
    with database.engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


@pytest.mark.threat("R8")
def test_a_lock_that_is_not_given_is_asked_for_again(
    course: Course, copy: Copy, template: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = copy(template)
    hasty = Database({**database.conninfo, "options": "-c lock_timeout=50ms"}, {})
    waits: list[float] = []
    with database.connect() as holder:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.OUTBOUND])

        def give_way(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                holder.rollback()

        monkeypatch.setattr("icon_assets.ingest.retries.time.sleep", give_way)
        load(hasty, str(course.landing))
    hasty.dispose()
    assert waits[:2] == [0.5, 1.0]
    assert world.state(database.engine) == course.loaded[-1]


@pytest.mark.threat("R8")
def test_a_lock_that_is_never_given_stops_the_load(
    course: Course, copy: Copy, template: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = copy(template)
    hasty = Database({**database.conninfo, "options": "-c lock_timeout=20ms"}, {})
    monkeypatch.setattr("icon_assets.ingest.retries.time.sleep", lambda seconds: None)
    with database.connect() as holder:
        holder.execute("select pg_advisory_xact_lock(%s)", [locks.OUTBOUND])
        with pytest.raises(LoadError, match="SQLSTATE 55P03"):
            load(hasty, str(course.landing))
    hasty.dispose()
    assert world.state(database.engine) == course.loaded[0]


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """Twenty batches, each with lines of others, and none that contradicts another."""
    landing = tmp_path / "crowd"
    landing.mkdir()
    for number in range(20):
        guids = [f"C{(number + place) % 20}" for place in range(3)]
        lines = [line for guid in guids for line in chain(guid, 1, 2, 3, 0)]
        write(landing, f"{number:02}", lines[number % 5 :])
    return landing


@pytest.mark.threat("R9", "R15", "R25")
@pytest.mark.parametrize("loaders", [2, 4])
def test_several_loaders_at_once(
    course: Course, copy: Copy, template: Database, crowd: Path, loaders: int
) -> None:
    alone, together = copy(template), copy(template)
    load(alone, str(crowd))
    finish(alone, str(crowd))
    others = [Database(together.conninfo, {}) for _ in range(loaders)]
    with ThreadPoolExecutor(loaders) as pool:
        for done in [pool.submit(load_at_once, database, str(crowd)) for database in others]:
            done.result()
        for done in [pool.submit(finish, database, str(crowd)) for database in others]:
            done.result()
    for database in others:
        database.dispose()
    assert fingerprints(together.engine, ["idb", "final"]) == fingerprints(alone.engine, ["idb", "final"])
    counted = "select count(*), sum(events), sum(new) from ops.batch"
    with together.engine.connect() as one, alone.engine.connect() as other:
        assert one.execute(sa.text(counted)).one() == other.execute(sa.text(counted)).one()


@pytest.mark.threat("R19")
def test_a_lost_memory_of_files_costs_a_look_and_no_rows(course: Course, copy: Copy) -> None:
    database = copy(course.late)
    with database.engine.begin() as connection:
        connection.execute(sa.text("delete from ops.landing_file"))
    drained = drain(database.engine, Landing(str(course.landing)))
    assert (drained.batches, drained.known_batches) == (0, len(world.WRITE))
    assert world.state(database.engine) == course.before


@pytest.mark.threat("R23")
def test_a_restored_older_database_takes_exactly_what_it_lacks(
    course: Course, copy: Copy, template: Database, tmp_path: Path
) -> None:
    database = copy(template)
    backups: list[Database] = []
    for write_one in world.WRITE.values():
        backups.append(copy(database))
        write_one(tmp_path)
        load(database, str(tmp_path))
    for lacking, backup in enumerate(reversed(backups), 1):
        with mock.patch("icon_assets.ingest.drain._LOADERS", 1):
            drained = drain(backup.engine, Landing(str(tmp_path)))
        assert (drained.batches, drained.known_batches) == (lacking, 0)
        assert world.state(backup.engine) == course.loaded[-1]


@pytest.mark.threat("R2")
def test_a_loader_told_to_end_rolls_back(
    proxy: Proxy, worker: Worker, course: Course, copy: Copy, template: Database
) -> None:
    """SIGTERM while the batch is merged: nothing of it stays, and the file does."""
    database = copy(template)
    pid = worker.start("load", {**database.conninfo, **proxy.conninfo}, str(course.landing))
    proxy.arm("insert into ops.batch", Moment.AFTER, lambda link: os.kill(pid, signal.SIGTERM))
    worker.go()
    assert worker.wait() == -signal.SIGTERM
    load(database, str(course.landing))
    assert world.state(database.engine) == course.loaded[-1]


def stopped(
    proxy: Proxy, worker: Worker, database: Database, landing: Path, work: str, step: str
) -> Callable[[], int]:
    """Starts the work, which stops (SIGSTOP) at a step; what goes on with it, and says how it ended."""
    pid = worker.start(work, {**database.conninfo, **proxy.conninfo}, str(landing))
    has_stopped = threading.Event()

    def stop(link: Link) -> None:
        os.kill(pid, signal.SIGSTOP)
        has_stopped.set()

    proxy.arm(step, Moment.BEFORE, stop)
    worker.go()
    assert has_stopped.wait(30)

    def go_on() -> int:
        os.kill(pid, signal.SIGCONT)
        return worker.wait()

    return go_on


@pytest.mark.threat("R22")
@pytest.mark.parametrize("work", ["load idle for a second", "load for a second"])
def test_a_loader_that_is_stopped_with_its_locks_loses_them(
    proxy: Proxy, worker: Worker, course: Course, copy: Copy, template: Database, work: str
) -> None:
    """The server ends its transaction, so that another can load; when it goes on, it asks the ledger."""
    database = copy(template)
    go_on = stopped(proxy, worker, database, course.landing, work, "insert into ops.batch")
    load(database, str(course.landing))
    assert world.state(database.engine) == course.loaded[-1]
    assert go_on() == 0
    assert world.state(database.engine) == course.loaded[-1]


@pytest.mark.threat("R22")
@pytest.mark.parametrize("step", ["select final.swap", "select ended::date, count"])
def test_a_finalizer_that_is_stopped_with_its_lock_loses_it(
    proxy: Proxy, worker: Worker, course: Course, copy: Copy, step: str
) -> None:
    """In a transaction or between two; when it goes on, it has lost its work with the lock."""
    database = copy(course.late)
    go_on = stopped(proxy, worker, database, course.landing, "finish idle for a second", step)
    finish(database, str(course.landing))
    assert world.state(database.engine) == course.after
    assert go_on() == 1
    assert world.state(database.engine) == course.after


@pytest.mark.threat("R14", "R29")
def test_a_migration_and_a_load_wait_for_each_other(course: Course, copy: Copy, template: Database) -> None:
    """Whoever comes second waits; a loader, or finalizer, that waited for another schema changes nothing."""
    database = copy(template)
    with ThreadPoolExecutor(1) as pool:
        with database.connect() as migration:
            migration.execute("select pg_advisory_xact_lock(%s)", [SETUP_LOCK])
            loading = pool.submit(load, database, str(course.landing))
            wait_for_lock(migration)
            migration.execute("update ops.alembic_version set version_num = '9999'")
        with pytest.raises(UserError, match="schema 9999 now, and this program was made for"):
            loading.result()
        with pytest.raises(UserError, match="schema 9999 now"):
            finish_one_day(database)
        assert world.state(database.engine) == course.loaded[0]
        with database.connect() as other:
            other.execute("update ops.alembic_version set version_num = %s", [head()])
        with database.connect() as loader:
            locks.hold(loader.execute, locks.OUTBOUND)
            migrating = pool.submit(databases.set_up, database)
            wait_for_lock(loader)
        migrating.result()
    load(database, str(course.landing))
    assert world.state(database.engine) == course.loaded[-1]


def finish_one_day(database: Database) -> None:
    finalize(database.engine, "chain", TODAY, TODAY)


def wait_for_lock(connection: psycopg.Connection) -> None:
    """Waits until another connection to the same database waits for an advisory lock."""
    query = """
        select count(*) from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())
    """
    deadline = time.monotonic() + 30
    while connection.execute(query).fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.threat("R28")
@pytest.mark.parametrize("change", [{"password": "rotated-away"}, {"user": "nobody_here"}, {"port": "1"}])
def test_what_a_refused_login_says_holds_no_secret(template: Database, change: dict[str, str]) -> None:
    refused = Database({**template.conninfo, **change}, {})
    with pytest.raises((databases.UserError, psycopg.OperationalError)) as said:
        databases.is_current(refused)
    assert template.conninfo["password"] not in str(said.value)
    assert "rotated-away" not in str(said.value)
