"""Ingest, end to end and exactly once, against COPY of the rows it left and other ways to load them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.measure import Figure, pairs, seconds
from icon_assets.contract.decode import Decoder
from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.server import EmbeddedServer

Events = dict[str, list[dict[str, Any]]]

_PAIRS = 5
_RIVAL_EVENTS = 200_000
# Run in a process of its own, so that its peak memory is the loader's alone.
_LOADER = """
import json, resource, sys, time
import sqlalchemy as sa
from icon_assets.contract.landing import Landing
from icon_assets.ingest.drain import drain
engine = sa.create_engine(sys.stdin.readline().strip(), connect_args={"options": "-c timezone=UTC"})
landing = Landing(sys.argv[1])
start = time.perf_counter()
drained = drain(engine, landing)
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "events": drained.events,
    "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""
_TABLES = """
    select table_name from information_schema.tables
    where
        table_schema = 'idb' and table_type = 'BASE TABLE'
        and table_name not in ('g_dictionary', 'g_timecode')
    order by 1
"""


def load(database: Database, landing: str) -> dict[str, float]:
    """Drains the landing zone with the library's loader; seconds, events and peak memory in MB."""
    url = database.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", _LOADER, landing], input=url, capture_output=True, text=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def against_copy(server: EmbeddedServer, landing: str, var: Path) -> Figure:
    """Rows a second that a load leaves in idb, history and current, against raw COPY of the same rows."""
    notes: dict[str, float | int | str] = {}

    with fresh(server, var) as source:
        first = load(source, landing)
        files = _export(source, var / "bench-copy")
        rows = sum(n for _, n in files.values())
        notes |= {"events": int(first["events"]), "rows": rows, "memory_mb": int(first["memory_mb"])}

        def copy() -> float:
            return rows / seconds(lambda: _copy(source, files))

        def ours() -> float:
            with fresh(server, var) as database:
                done = load(database, landing)
            notes["events_a_second"] = int(done["events"] / done["seconds"])
            return rows / done["seconds"]

        ratios = pairs(ours, copy, _PAIRS)
    return Figure("ingest / raw COPY of the same rows", ratios, bar=0.5, notes=notes)


def _export(database: Database, folder: Path) -> dict[str, tuple[Path, int]]:
    """Each idb table as COPY text; file and rows by table."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, tuple[Path, int]] = {}
    with database.connect() as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            path = folder / table
            with path.open("wb") as out, connection.cursor() as cursor:
                with cursor.copy(f"copy idb.{table} to stdout") as copy:
                    for block in copy:
                        out.write(block)
                if cursor.rowcount > 0:
                    files[table] = (path, cursor.rowcount)
    return files


def _copy(database: Database, files: dict[str, tuple[Path, int]]) -> None:
    """The limit: text COPY into the same tables, logged, without indexes, one connection, one transaction."""
    with database.connect() as connection:
        connection.execute("drop schema if exists raw_copy cascade")
        connection.execute("create schema raw_copy")
        for table, (path, _) in files.items():
            connection.execute(f"create table raw_copy.{table} (like idb.{table})")
            with (
                path.open("rb") as stored,
                connection.cursor() as cursor,
                cursor.copy(f"copy raw_copy.{table} from stdin") as copy,
            ):
                while block := stored.read(1 << 20):
                    copy.write(block)
        connection.commit()


def against_rivals(server: EmbeddedServer, landing: str, var: Path) -> list[Figure]:
    """The same events into a table a type, by ways that neither deduplicate nor keep a current state."""
    events = _events(landing)
    count = sum(map(len, events.values()))

    def ours() -> float:
        with fresh(server, var) as database:
            done = load(database, landing)
        return done["events"] / done["seconds"]

    def rate(way: Callable[[Database, Events], None]) -> Callable[[], float]:
        def theirs() -> float:
            with fresh(server, var) as database:
                return count / seconds(lambda: way(database, events))

        return theirs

    return [
        Figure("ingest / SQLAlchemy Core executemany", pairs(ours, rate(_core), _PAIRS), bar=2.5),
        Figure("ingest / pandas to_sql", pairs(ours, rate(_pandas), _PAIRS), bar=20),
    ]


def _events(landing: str) -> Events:
    """The first 200,000 decoded events by type; a slow rival needs no more for its rate."""
    found: Events = defaultdict(list)
    zone = Landing(landing)
    count = 0
    for file in zone.list():
        with zone.open(file) as batch:
            for chunk in Decoder(batch, datetime.now(UTC)).chunks():
                for line, event in chunk.events:
                    found[type(event).__name__.lower()].append(
                        {"line": line, **msgspec.structs.asdict(event)}
                    )
                count += len(chunk.events)
        if count >= _RIVAL_EVENTS:
            break
    return found


def _core(database: Database, events: Events) -> None:
    metadata = sa.MetaData()
    tables = {
        type_: sa.Table(
            f"rival_{type_}",
            metadata,
            *(
                sa.Column(name, sa.BigInteger if any(isinstance(row[name], int) for row in rows) else sa.Text)
                for name in rows[0]
            ),
        )
        for type_, rows in events.items()
    }
    with database.engine.begin() as connection:
        metadata.create_all(connection)
        for type_, rows in events.items():
            connection.execute(tables[type_].insert(), rows)


def _pandas(database: Database, events: Events) -> None:
    for type_, rows in events.items():
        frame = pd.DataFrame(rows)
        frame.to_sql(f"rival_{type_}", database.engine, index=False, method="multi", chunksize=1_000)


def bank_batches(var: Path) -> str | None:
    """The real campaign, made by the tool that ICON_BANK_TOOL names; None without it."""
    tool = os.environ.get("ICON_BANK_TOOL")
    out = var / "bench-bank"
    if not tool:
        return None
    if not (out / "truth.json").exists():
        subprocess.run([sys.executable, tool, str(out)], check=True, stdout=subprocess.DEVNULL)
    return str(out)
