"""The life-cycle of the embedded server, and what may go wrong in it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from icon_assets.errors import UserError
from icon_assets.server import EmbeddedServer, runner

START = """
import sys
from pathlib import Path
from icon_assets.server import EmbeddedServer
print(EmbeddedServer(Path(sys.argv[1]), durable=False).start()["port"])
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of the test's own, not started."""
    server = EmbeddedServer(tmp_path / "postgres", durable=False)
    yield server
    server.stop()


def postmaster(server: EmbeddedServer) -> int:
    return int((server.directory / "data" / "postmaster.pid").read_text().split()[0])


def starts(server: EmbeddedServer) -> int:
    logs = [log.read_text() for log in (server.directory / "log").glob("postgresql-*.log")]
    return sum(log.count("starting PostgreSQL") for log in logs)


def kill(server: EmbeddedServer) -> None:
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    while server.status().running:
        time.sleep(0.01)


def put(server: EmbeddedServer) -> None:
    with psycopg.connect(**server.conninfo()) as connection:
        connection.execute("create table kept as select 1 as x")


def kept(server: EmbeddedServer) -> bool:
    with psycopg.connect(**server.conninfo()) as connection:
        return connection.execute("select x from kept").fetchall() == [(1,)]


def test_processes_that_start_it_at_once_get_one_server_that_outlives_them(own: EmbeddedServer) -> None:
    command = [sys.executable, "-c", START, str(own.directory)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    ports = {process.communicate()[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert ports == {f"{own.status().port}\n"}
    assert own.status().running
    assert starts(own) == 1


@pytest.mark.threat("S18", "S16")
def test_it_is_safe_as_made(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    try:
        with psycopg.connect(**server.start()) as connection:
            wanted = {
                "data_checksums": "on",
                "fsync": "on",
                "full_page_writes": "on",
                "listen_addresses": "127.0.0.1",
                "password_encryption": "scram-sha-256",
                "server_encoding": "UTF8",
                "TimeZone": "UTC",
                "unix_socket_directories": "",
            }
            assert {name: connection.execute(f"show {name}").fetchone()[0] for name in wanted} == wanted
            rules = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
            assert rules == [("scram-sha-256",)]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**{**server.conninfo(), "password": "guess"})
    finally:
        server.stop()
    assert stat.S_IMODE((server.directory / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((server.directory / "data").stat().st_mode) == 0o700


def test_stop_and_start_keep_the_data_and_the_port(own: EmbeddedServer) -> None:
    assert not own.stop()
    first = own.start()
    put(own)
    assert own.stop()
    assert not own.status().running
    assert not own.stop()
    assert own.start() == first
    assert kept(own)


@pytest.mark.threat("R30")
def test_a_killed_postmaster_is_started_again(own: EmbeddedServer) -> None:
    own.start()
    put(own)
    kill(own)
    own.start()
    assert kept(own)


@pytest.mark.threat("R30")
def test_a_stale_pid_that_another_process_has_now(own: EmbeddedServer) -> None:
    own.start()
    put(own)
    kill(own)
    pid_file = own.directory / "data" / "postmaster.pid"
    _, *rest = pid_file.read_text().splitlines(keepends=True)
    # The test's own parent: a live process, and no relation of the server's that PostgreSQL would forgive.
    pid_file.write_text("".join([f"{os.getppid()}\n", *rest]))
    own.start()
    assert kept(own)
    assert postmaster(own) != os.getppid()


def test_stop_after_a_stale_pid_harms_nobody(own: EmbeddedServer) -> None:
    own.start()
    kill(own)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        pid_file = own.directory / "data" / "postmaster.pid"
        _, *rest = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text("".join([f"{bystander.pid}\n", *rest]))
        deadline = time.monotonic() + 10
        while own._lives() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not own.stop()
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.threat("R30")
def test_a_backend_that_outlives_its_postmaster_is_waited_for(own: EmbeddedServer) -> None:
    own.start()
    put(own)
    busy = "select count(*) from generate_series(1, 4000000) where md5(generate_series::text) = 'x'"

    def work() -> None:
        with psycopg.connect(**own.conninfo(), autocommit=True) as connection:
            started.set()
            connection.execute(busy)

    started = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    time.sleep(0.3)
    kill(own)
    assert own._lives()
    own.start()  # PostgreSQL refuses to start while the backend lives
    thread.join()
    assert kept(own)


def test_a_port_that_another_program_has_taken(own: EmbeddedServer) -> None:
    before = own.start()["port"]
    own.stop()
    with socket.create_server(("127.0.0.1", int(before))):  # and says nothing
        after = own.start()["port"]
    assert after != before
    assert own.status().running


def test_a_port_that_another_postgresql_has_taken(own: EmbeddedServer, server: EmbeddedServer) -> None:
    own.start()
    own.stop()
    taken = server.status().port
    (own.directory / "port").write_text(f"{taken}\n")
    assert not own.status().running
    assert own.start()["port"] != str(taken)


def test_half_a_cluster_is_made_anew(own: EmbeddedServer) -> None:
    (own.directory / "data.new").mkdir(parents=True)
    (own.directory / "data.new" / "PG_VERSION").write_text("18\n")
    own.start()
    assert own.status().running


def test_a_lost_password_is_named(own: EmbeddedServer) -> None:
    own.start()
    own.stop()
    (own.directory / "password").unlink()
    with pytest.raises(UserError, match="Restore it from a backup"):
        own.start()


def test_a_server_that_cannot_start_says_why(own: EmbeddedServer) -> None:
    own.start()
    own.stop()
    (own.directory / "data" / "global" / "pg_control").unlink()
    with pytest.raises(UserError, match="pg_control"):
        own.start()


def test_modes_of_directories_above_stay(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    above = [home, *home.parents]
    modes = [path.stat().st_mode for path in above]
    server = EmbeddedServer(home / "project" / "var" / "postgres", durable=False)
    server.start()
    server.stop()
    assert [path.stat().st_mode for path in above] == modes


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="icon-assets-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@as_root
def test_without_user_namespaces_root_uses_an_account(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_namespaces_work", lambda: False)
    if not runner._may_enter(runner._known_account(), runner.binaries()):
        pytest.skip("the project lies where other users may not enter")
    server = EmbeddedServer(open_directory / "postgres", durable=False)
    try:
        server.start()
        owner = (server.directory / "data").stat().st_uid
        assert owner != 0
        assert {path.stat().st_uid for path in server.directory.iterdir()} == {owner}
        assert server.stop()
        server.start()
    finally:
        server.stop()


@as_root
def test_without_user_namespaces_under_a_closed_home_root_is_told_what_to_do(
    own: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_namespaces_work", lambda: False)
    own.directory.parent.chmod(0o700)
    with pytest.raises(UserError, match="Run icon-assets as an ordinary user"):
        own.start()


@as_root
def test_an_ordinary_user_under_a_closed_home(open_directory: Path) -> None:
    account = runner._known_account()
    if not runner._may_enter(account, runner.binaries()):
        pytest.skip("the project lies where other users may not enter")
    home = open_directory / "home"
    home.mkdir(mode=0o700)
    os.chown(home, account.user, account.group)
    server = EmbeddedServer(home / "var" / "postgres", durable=False)

    def start_as_that_user() -> None:
        os.setgroups([])
        os.setgid(account.group)
        os.setuid(account.user)
        server.start()

    try:
        # Forked: that user may not be let in to this interpreter.
        child = multiprocessing.get_context("fork").Process(target=start_as_that_user)
        child.start()
        child.join()
        assert child.exitcode == 0
        assert server.status().running  # root may use it as well,
        assert server.stop()
        server.start()  # and what root writes stays the user's
        assert {path.stat().st_uid for path in server.directory.iterdir()} == {account.user}
    finally:
        server.stop()
