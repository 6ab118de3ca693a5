"""The life-cycle of one embedded server: make, start, stop, and say whether it runs.

Layout of its directory: data/ (the cluster), log/, port, password, lock (held while starting or stopping) and
alive (locked by the server itself, see `_lives`).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from icon_assets.errors import UserError
from icon_assets.files import locked, make_directory, write_private
from icon_assets.server.configuration import configuration
from icon_assets.server.runner import Runner, choose_runner

SUPERUSER = "postgres"
HOST = "127.0.0.1"
# Replay of the log after a crash in a large load may take minutes.
PATIENCE_SECONDS = 120
_PORT_TRIES = 3


@dataclass(frozen=True)
class Status:
    """What `EmbeddedServer.status` found."""

    running: bool
    port: int | None
    directory: Path

    @property
    def down(self) -> str:
        """What to say, and to do, where it does not run."""
        if self.port is None:
            return f"There is no database in {self.directory} yet. Make it: icon-assets db start"
        return f"The database in {self.directory} does not run. Start it: icon-assets db start"


@dataclass(frozen=True)
class EmbeddedServer:
    """One server in `directory`. It outlives the process that started it, until `stop`."""

    directory: Path
    durable: bool = True  # False: for tests, whose data a power cut may take

    def start(self) -> dict[str, str]:
        """Starts the server unless it runs; returns how to connect to it as its superuser."""
        if not self._connects():
            self._make_directory()
            with locked(self._lock):
                if not self._connects():
                    self._start()
        return self.conninfo()

    def stop(self) -> bool:
        """Stops the server, after rolling back what is open; False where none ran."""
        if not self.directory.exists():
            return False
        with locked(self._lock):
            if not self._connects() and not self._lives():
                return False
            done = self._runner.run(
                "pg_ctl", "stop", "-D", self._data, "-m", "fast", "-w", "-t", str(PATIENCE_SECONDS)
            )
            if done.returncode != 0:
                raise UserError(
                    f"The server in {self.directory} did not stop: {done.stderr.strip()} See {self._log}."
                )
            self._wait(lambda: not self._lives())
            return True

    def status(self) -> Status:
        """Whether the server takes connections, and where."""
        return Status(self._connects(), self._port(), self.directory)

    def conninfo(self) -> dict[str, str]:
        """Parameters of libpq for the superuser; the server must have been started once."""
        return {
            "host": HOST,
            "port": str(self._port()),
            "user": SUPERUSER,
            "password": self._password.read_text().strip(),
            "dbname": "postgres",
        }

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    @property
    def _lock(self) -> Path:
        return self.directory / "lock"

    @property
    def _password(self) -> Path:
        return self.directory / "password"

    @cached_property
    def _runner(self) -> Runner:
        return choose_runner(self.directory)

    def _port(self) -> int | None:
        try:
            return int((self.directory / "port").read_text())
        except FileNotFoundError:
            return None

    def _connects(self) -> bool:
        # SCRAM proves both sides: no other server that may have taken the port knows our password.
        try:
            probe = {**self.conninfo(), "require_auth": "scram-sha-256", "connect_timeout": "3"}
            psycopg.connect(make_conninfo(**probe)).close()
            return True
        except (FileNotFoundError, psycopg.OperationalError):
            return False

    def _lives(self) -> bool:
        """Whether any process of the server lives, told without pids, which a restart of a container reuses.

        The server inherits a descriptor that locks the file `alive`; the kernel drops the lock with its last
        process, be that a backend that outlived a killed postmaster, or one in another container.
        """
        with (self.directory / "alive").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _make_directory(self) -> None:
        make_directory(self.directory, 0o700)
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise UserError(
                f"{self.directory} belongs to another user. Run icon-assets as that user, "
                "or set ICON_VAR to a directory of your own."
            )

    def _start(self) -> None:
        if self._lives():
            # It starts or stops just now, or recovers after a crash.
            self._wait(lambda: self._connects() or not self._lives())
            if self._connects():
                return
        if not self._data.exists():
            self._initialise()
        elif not self._password.exists():
            raise UserError(
                f"{self._password} is gone, and nobody can connect without it. Restore it from a backup, "
                "or start over with ICON_VAR set to another directory."
            )
        self._disown_stale_pid()
        for attempt in range(_PORT_TRIES):
            port = self._choose_port(new=attempt > 0)
            if self._launch(port):
                self._runner.give(*(self.directory / name for name in ("lock", "alive", "port", "password")))
                return
        raise UserError(f"No free port on {HOST} after {_PORT_TRIES} tries. See {self._log}.")

    def _initialise(self) -> None:
        """Makes the cluster beside its place and moves it there, so that half a cluster is never met."""
        self._log.mkdir(mode=0o700, exist_ok=True)
        self._runner.give(self.directory, self._log)
        new = self.directory / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        write_private(self._password, secrets.token_urlsafe(32) + "\n")
        self._runner.give(self._password)
        done = self._runner.run(
            "initdb",
            *("-D", new, "-U", SUPERUSER, f"--pwfile={self._password}", "--auth=scram-sha-256"),
            # The builtin provider sorts and folds alike on every machine, whatever its C library.
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--data-checksums", *([] if self.durable else ["--no-sync"])),
        )
        if done.returncode != 0:
            raise UserError(f"initdb failed in {self.directory}: {(done.stderr or done.stdout).strip()}")
        with (new / "postgresql.conf").open("a") as file:
            file.write("\ninclude 'icon.conf'\n")
        new.rename(self._data)

    def _disown_stale_pid(self) -> None:
        """Keeps the server from mistaking a process that reuses its old pid for itself.

        No process of the old server lives. The rest of the file stays: its shared memory key lets the server
        make sure of that in its own way.
        """
        path = self._data / "postmaster.pid"
        if path.exists():
            _, *rest = path.read_text().splitlines(keepends=True)
            path.write_text("".join(["2147483647\n", *rest]))  # beyond any system's highest pid

    def _choose_port(self, new: bool) -> int:
        port = self._port()
        if new or port is None or not _is_free(port):
            port = free_port()
            write_private(self.directory / "port", f"{port}\n")
        return port

    def _launch(self, port: int) -> bool:
        """Starts the server on `port` and waits; False where another program was quicker to take it."""
        settings = self._data / "icon.conf"
        write_private(settings, configuration(HOST, port, self.durable))
        self._runner.give(settings)
        start_log = self._log / "start.log"
        start_log.unlink(missing_ok=True)
        with self._alive() as descriptor:
            done = self._runner.run(
                "pg_ctl",
                *("start", "-D", self._data, "-l", start_log, "-w", "-t", str(PATIENCE_SECONDS)),
                keep_open=(descriptor,),
            )
        if done.returncode == 0 and self._connects():
            return True
        said = start_log.read_text(errors="replace") if start_log.exists() else done.stderr
        if "could not create any TCP/IP sockets" in said:
            return False
        raise UserError(
            f"The server in {self.directory} did not start: {said.strip()[-500:]} See {self._log}."
        )

    @contextmanager
    def _alive(self) -> Iterator[int]:
        with (self.directory / "alive").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file.fileno()

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until():
            if time.monotonic() > deadline:
                raise UserError(
                    f"The server in {self.directory} runs but takes no connections after "
                    f"{PATIENCE_SECONDS} s. Does another container use this directory? See {self._log}."
                )
            time.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
