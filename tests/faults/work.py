"""What the crash tests let die: each work of the program, in processes of their own that start in 5 ms.

Run as a program it imports everything once, then forks a child for each line that it reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock

import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.contract.reasons import Reason
from icon_assets.database import Database
from icon_assets.finalize.close import close_lost
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days
from icon_assets.finalize.purge import purge
from icon_assets.finalize.reconcile import reconcile
from icon_assets.idb import locks
from icon_assets.ingest.cti import copy_calls
from icon_assets.ingest.deployment import Deployment, Icon
from icon_assets.ingest.drain import drain
from icon_assets.ingest.quarantine import entries, replay
from icon_assets.marts.window import close_window, open_window
from icon_assets.retention import trim
from tests import batches

NO_USER_DATA = Deployment(
    (Icon(1, frozenset({"gos", "gcc", "cfg"}), frozenset({batches.OCS}), {batches.TSERVER: 1}),)
)


def load(database: Database, landing: str) -> None:
    """Everything that waits, by one loader: the steps of two have no order, nor has it who comes first."""
    with mock.patch("icon_assets.ingest.drain._LOADERS", 1):
        drain(database.engine, Landing(landing))


def load_until_done(database: Database, landing: str) -> None:
    """Loads; where the fault hit the book-keeping around a batch, which is not retried, once more."""
    try:
        load(database, landing)
    except sa.exc.DBAPIError:
        load(database, landing)


def load_at_once(database: Database, landing: str) -> None:
    """Everything that waits, as the program does it."""
    drain(database.engine, Landing(landing))


def finish(database: Database, landing: str) -> None:
    """Closes what was lost, and finalizes what changed."""
    close_lost(database.engine, chain_silence=timedelta(hours=1), session_silence=timedelta(hours=2))
    finish_dirty(database, landing)


def finish_dirty(database: Database, landing: str) -> None:
    """Finalizes what changed."""
    for entity, days in dirty_days(database.engine).items():
        if days:
            finalize(database.engine, entity, days[0], days[-1], days=days)


def build(database: Database, landing: str) -> None:
    """What a build of the marts notes of itself, dbt left out."""
    close_window(database.engine, open_window(database.engine))


def purge_all(database: Database, landing: str) -> None:
    """Everything that may go, however young."""
    purge(database.engine, -1)


def load_oddities(database: Database, landing: str) -> None:
    """What seldom comes, each line sent by itself, and no file waited for: one that is cut is refused."""
    with (
        mock.patch("icon_assets.ingest.stage._FLUSH_BYTES", 1),
        mock.patch("icon_assets.ingest.sequence._FLUSH_RUNS", 1),
        mock.patch("icon_assets.contract.reader.BLOCK", 1_000),
        mock.patch("icon_assets.ingest.drain._LOADERS", 1),
    ):
        for _ in range(2):  # the first finds it waiting
            drain(database.engine, Landing(landing), wait=timedelta(0), deployment=NO_USER_DATA)


def load_in_a_race(database: Database, landing: str) -> None:
    """Another loader brings everything in while this one, which has staged it, waits for its turn."""
    hold, others = locks.hold, [Database(database.conninfo, {})]

    def late(*wanted: Any) -> None:
        while others:
            other = others.pop()
            load(other, landing)
            other.dispose()
        hold(*wanted)

    with mock.patch("icon_assets.idb.locks.hold", late):
        load(database, landing)


def finish_oddities(database: Database, landing: str) -> None:
    """As `finish`, with an early end of patience for long histories."""
    with mock.patch("icon_assets.finalize.ended.LONGEST_HISTORY", 6):
        finish(database, landing)


def mend(database: Database, landing: str) -> None:
    """Replays every line that is bad in itself."""
    waiting = [found for found in entries(database.engine) if found.reason != Reason.CONFLICT]
    line = json.dumps(batches.chain("M", 1)[0]).encode()
    if waiting:
        replay(database.engine, {found.quarantine_id: line for found in waiting}, "somebody")


def look_back(database: Database, landing: str) -> None:
    """Compares all days with idb."""
    reconcile(database.engine, date(2025, 11, 1), date(2026, 1, 31))


def forget(database: Database, landing: str) -> None:
    """Everything that ops need not keep, however young."""
    trim(database.engine, Landing(landing), datetime.now(UTC) + timedelta(days=1))


def lose_calls(database: Database, url: str) -> None:
    """The other database of calls is away."""
    copy_calls(database.engine, f"{url}_gone")


def take_calls(database: Database, url: str) -> None:
    """Its calls, and that it is back."""
    copy_calls(database.engine, url)


def hasty(work: Callable[[Database, str], None], limit: str) -> Callable[[Database, str], None]:
    """The work with a second in the place of one of its limits."""

    def run(database: Database, landing: str) -> None:
        with mock.patch(f"icon_assets.idb.locks.{limit}", "1s"):
            work(database, landing)

    return run


WORK = {
    "load": load,
    "load at once": load_at_once,
    "load oddities": load_oddities,
    "load in a race": load_in_a_race,
    "finish oddities": finish_oddities,
    "mend": mend,
    "look back": look_back,
    "forget": forget,
    "lose calls": lose_calls,
    "take calls": take_calls,
    "finish": finish,
    "finish dirty": finish_dirty,
    "build": build,
    "purge": purge_all,
    "load idle for a second": hasty(load, "IDLE"),
    "load for a second": hasty(load, "LONGEST"),
    "finish idle for a second": hasty(finish, "IDLE"),
}


class Worker:
    """Runs work in child processes."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, work: str, conninfo: Mapping[str, str], landing: str) -> int:
        """Starts a child, which waits for `go`; its pid."""
        self._say({"work": work, "conninfo": dict(conninfo), "landing": landing})
        return int(self._hear())

    def go(self) -> None:
        """Lets the child that was started last begin."""
        self._say("go")

    def wait(self) -> int:
        """How the child ended: 0, or minus the signal that killed it."""
        return int(self._hear())

    def close(self) -> None:
        """Ends the parent of the children."""
        self._parent.communicate()

    def _say(self, what: object) -> None:
        assert self._parent.stdin
        self._parent.stdin.write(json.dumps(what) + "\n")
        self._parent.stdin.flush()

    def _hear(self) -> str:
        assert self._parent.stdout
        return self._parent.stdout.readline()


def _serve() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        ready, go = os.pipe()
        pid = os.fork()
        if not pid:
            os.read(ready, 1)
            WORK[task["work"]](Database(task["conninfo"], {}), task["landing"])
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.write(go, b"!")
        os.close(go)
        os.close(ready)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    assert threading.active_count() == 1, "a fork takes one thread along"
    _serve()
