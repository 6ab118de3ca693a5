"""The library's loader in a process of its own, so that its peak memory is the loader's alone; no Dagster.

python -m benchmarks.loader LANDING [SECONDS] < URL: drains once, or again and again for so many seconds.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.ingest.drain import drain

Loaded = dict[str, float]


def start(database: Database, landing: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts a loader; its URL goes to its standard input, for a command line can be read by everybody."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.loader", landing, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(database.loader.url.render_as_string(hide_password=False) + "\n")
    process.stdin.flush()
    return process


def result(process: subprocess.Popen[str]) -> Loaded:
    """What a loader says at its end: seconds, events, seconds of CPU and peak memory in MB."""
    told, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    loaded: Loaded = json.loads(told)
    return loaded


def load(database: Database, landing: str) -> Loaded:
    """Drains the landing zone once."""
    return result(start(database, landing))


def _main(url: str, where: str, for_seconds: float = 0) -> None:
    engine = sa.create_engine(url, connect_args={"options": "-c timezone=UTC"})
    landing = Landing(where)
    began = time.perf_counter()
    events = drain(engine, landing).events
    while time.perf_counter() - began < for_seconds:
        time.sleep(1)
        events += drain(engine, landing).events
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "seconds": time.perf_counter() - began,
        "events": events,
        "cpu": used.ru_utime + used.ru_stime,
        "memory_mb": _peak_memory_mb(),
    }
    sys.stdout.write(json.dumps(told))


def _peak_memory_mb() -> int:
    """Not ru_maxrss, which a process takes over from the one that started it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


if __name__ == "__main__":
    _main(sys.stdin.readline().strip(), sys.argv[1], *map(float, sys.argv[2:]))
