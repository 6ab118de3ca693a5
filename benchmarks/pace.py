"""Requirement 43: a thousand notices a second as they come, and the share of the machine that it takes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import sqlalchemy as sa

from benchmarks import loader
from benchmarks.databases import fresh
from benchmarks.landings import cut
from benchmarks.measure import Figure, say
from icon_assets.server import EmbeddedServer

_RATE = 1_000
_SECONDS = 60
_LATE_SECONDS = 10  # a loader that looks once a second, and keeps the pace, is never later


def figures(server: EmbeddedServer, landing: Path, var: Path) -> list[Figure]:
    """Files of about a thousand notices, one a second for a minute, to a loader that looks once a second."""
    waiting, arriving = var / "bench-waiting", var / "bench-arriving"
    for folder in (waiting, arriving):
        shutil.rmtree(folder, ignore_errors=True)
    arriving.mkdir()
    files = cut(landing, waiting, _RATE, _SECONDS)
    with fresh(server, var) as database:
        busy = _busy_seconds()
        loading = loader.start(database, str(arriving), str(_SECONDS + _LATE_SECONDS))
        dropped = {}
        began = time.time()
        for number, file in enumerate(files):
            time.sleep(max(0, began + number - time.time()))
            file.rename(arriving / file.name)
            dropped[file.name] = time.time()
        time.sleep(max(0, began + _SECONDS - time.time()))
        busy = _busy_seconds() - busy
        loaded = loader.result(loading)
        with database.engine.connect() as connection:
            ledger = connection.execute(sa.text("select path, loaded_at from ops.batch")).tuples().all()
    late = sorted(loaded_at.timestamp() - dropped[path] for path, loaded_at in ledger)
    share = busy / (_SECONDS * (os.cpu_count() or 1))
    say(f"  {loaded['events']:,.0f} notices, {len(late)} batches, at most {late[-1]:.1f} s late")
    return [
        Figure(
            f"{_LATE_SECONDS} s / longest time from drop to ledger at {_RATE:,} notices a second",
            [_LATE_SECONDS / late[-1]],
            1,
            {
                "notices": int(loaded["events"]),
                "share_of_the_machine": round(share, 2),
                "loader_cpu_s": round(loaded["cpu"], 1),
                "latest_s": round(late[-1], 1),
            },
        )
    ]


def _busy_seconds() -> float:
    """CPU seconds that the machine has worked since it started, for whomever."""
    user, nice, system, _idle, _iowait, irq, softirq = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
