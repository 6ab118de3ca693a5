"""What a user waits for: `process` on an empty database, and a batch dropped until its row is in the mart."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from benchmarks.measure import PAIRS, Figure, Notes, say, seconds
from icon_assets.database import Database, embedded_server, open_database
from icon_assets.settings import Settings

_COMMAND = (sys.executable, "-c", "from icon_assets.cli import main; main()")
_PROCESS_SECONDS = 300
_WAIT_SECONDS = 60
_RUNS = 3  # of process: minutes each
_PATIENCE = 600


def figures(landing: Path, var: Path) -> list[Figure]:
    """Process on an empty database; then the daemon, with what the last of them left."""
    settings = replace(Settings.from_env(), var=var / "bench-process", database_url=None)
    taken: list[float] = []
    notes: Notes = {}
    for _ in range(_RUNS):
        _remove(settings)
        taken.append(seconds(lambda: _run(settings, landing, "process")))
        notes = _parts(settings)
        say(f"  process: {taken[-1]:.0f} s, {notes}")
    waits, parts = _waits(settings, var)
    _remove(settings)
    return [
        Figure(
            f"{_PROCESS_SECONDS} s / process on an empty database",
            [_PROCESS_SECONDS / one for one in taken],
            1,
            {"seconds": round(median(taken)), **notes},
        ),
        Figure(
            f"{_WAIT_SECONDS} s / batch dropped to mart row",
            [_WAIT_SECONDS / one for one in waits],
            1,
            {"seconds": round(median(waits), 1), **parts},
        ),
    ]


def _environment(settings: Settings, landing: Path) -> dict[str, str]:
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ICON_", "DAGSTER_", "DBT_"))
    }
    return {**own, "ICON_VAR": str(settings.var.absolute()), "ICON_LANDING_URL": str(landing.absolute())}


def _run(settings: Settings, landing: Path, *arguments: str) -> None:
    subprocess.run(
        [*_COMMAND, *arguments],
        env=_environment(settings, landing),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _remove(settings: Settings) -> None:
    if settings.var.exists():
        embedded_server(settings).stop()
        shutil.rmtree(settings.var)


def _parts(settings: Settings) -> Notes:
    """Seconds of loading, finalizing and dbt, by the ledgers and dbt's own report."""
    database = open_database(settings)
    query = (
        "select extract(epoch from max(loaded_at) - min(loaded_at))::float, "
        "(select extract(epoch from max(f.finalized_at) - max(b.loaded_at))::float from ops.final_day as f) "
        "from ops.batch as b"
    )
    with database.engine.connect() as connection:
        load, finalize = connection.execute(sa.text(query)).one()
    database.dispose()
    return {"load": round(load), "finalize": round(finalize), "dbt": round(_dbt_seconds(settings))}


def _dbt_seconds(settings: Settings) -> float:
    """Of the last build."""
    results = (settings.var / "dbt" / "builds").glob("*/run_results.json")
    newest = max(results, key=lambda path: path.stat().st_mtime)
    elapsed: float = json.loads(newest.read_text())["elapsed_time"]
    return elapsed


def _waits(settings: Settings, var: Path) -> tuple[list[float], Notes]:
    """Seconds of each drop, and the medians of their parts."""
    landing = var / "bench-dropped"
    shutil.rmtree(landing, ignore_errors=True)
    landing.mkdir()
    waits, parts = [], []
    with _daemon(settings, landing):
        database = open_database(settings)
        for number in range(PAIRS + 1):
            began = time.time()
            _drop(landing, f"WAIT{began:.3f}")
            _until_there(database, f"WAIT{began:.3f}")
            if number:  # the first one waits for whatever the daemon does at its start
                waits.append(time.time() - began)
                parts.append(_parts_of_wait(settings, database, began))
                say(f"  waited {waits[-1]:.1f} s: {parts[-1]}")
            _until_idle(database)
        database.dispose()
    return waits, {name: round(median(part[name] for part in parts), 1) for name in parts[0]}


@contextmanager
def _daemon(settings: Settings, landing: Path) -> Iterator[None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (settings.var / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [*_COMMAND, "dev", "--port", str(port)],
            env=_environment(settings, landing),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _drop(landing: Path, guid: str) -> None:
    """A chain that is selected, dialled, answered and finalised."""
    now = int(time.time() * 1000) - 10_000
    lines = [
        {
            "type": "chain", "ts": now + seq, "chainguid": guid, "sessid": "WAIT", "campaignid": 5001,
            "groupid": 5101, "callinglistid": 6001, "seq": seq, "state": state, "recordhandle": 1,
            **({"callattid": f"{guid}-1"} if state in (2, 3) else {}),
        }
        for seq, state in enumerate((1, 2, 3, 0), 1)
    ]  # fmt: skip
    header = {
        "type": "batch", "contract": "ocs-events/1", "batch": guid, "source": "ocs", "dbid": 101,
        "release": "8.1.5", "events": len(lines),
    }  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in (header, *lines))
    part = landing / f".{guid}"
    part.write_bytes(gzip.compress(text.encode()))
    part.rename(landing / f"{guid}.jsonl.gz")


def _until_there(database: Database, guid: str) -> None:
    query = sa.text("select count(*) from marts.fct_contact_attempt where chain_guid = :guid")
    _until(database, query, guid, 1)


def _until_idle(database: Database) -> None:
    deadline = time.monotonic() + _PATIENCE
    query = "select count(*) from runs where status not in ('SUCCESS', 'FAILURE', 'CANCELED')"
    with database.connect(database.dagster_name, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise TimeoutError("a run does not end")
            time.sleep(0.5)


def _until(database: Database, query: sa.TextClause, guid: str, expected: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        with database.engine.connect() as connection:
            if connection.execute(query, {"guid": guid}).scalar_one() == expected:
                return
        if time.monotonic() > deadline:
            raise TimeoutError("the row does not come; see dev.log")
        time.sleep(0.1)


def _parts_of_wait(settings: Settings, database: Database, began: float) -> dict[str, float]:
    """Until the sensor asks for a run, until the run works, until the batch is loaded, and dbt's build."""
    with database.engine.connect() as connection:
        loaded: datetime = connection.execute(sa.text("select max(loaded_at) from ops.batch")).scalar_one()
    query = (
        "select extract(epoch from create_timestamp)::float, start_time from runs order by id desc limit 1"
    )
    with database.connect(database.dagster_name) as connection_:
        row = connection_.execute(query).fetchone()
    assert row is not None
    asked, started = row
    return {
        "noticed": asked - began,
        "started": started - asked,
        "loaded": loaded.timestamp() - started,
        "dbt": _dbt_seconds(settings),
    }
