"""Ingest against what a user would otherwise pick, on the same files."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.landings import some_of
from benchmarks.loader import load
from benchmarks.measure import Figure, Notes, pairs, say, seconds
from icon_assets.database import Database
from icon_assets.server import EmbeddedServer

Events = dict[str, list[dict[str, Any]]]
"""Event type to its events, as rows of plain values."""

_EVENTS = 200_000
# What the contract says makes two lines the same event; where it has columns that may be null, which dlt
# refuses in a key, the time and the line instead.
_KEYS = {
    "connection": ["ts", "state"],
    "campaign": ["sessid", "seq"],
    "campaignproperty": ["sessid", "seq"],
    "chain": ["chainguid", "seq"],
    "record": ["chainguid", "recordhandle", "chainseq"],
    "field": ["chainguid", "recordhandle", "fieldid", "seq"],
    "chaincall": ["chainguid", "callattid"],
    "metric": ["metric", "ts", "line"],
    "call": ["callid", "cseq"],
    "party": ["partyid", "pseq"],
    "userdata": ["callid", "cseq", "keyname"],
    "object": ["kind", "ts", "line"],
}


def figures(server: EmbeddedServer, landing: Path, var: Path) -> list[Figure]:
    """From files to committed rows. Theirs check nothing and keep no ledger, quarantine or current state."""
    part = var / "bench-part"
    shutil.rmtree(part, ignore_errors=True)
    some_of(landing, part, _EVENTS)
    count = sum(map(len, _read(part).values()))
    own: list[float] = []

    def ours() -> float:
        with fresh(server, var) as database:
            done = load(database, str(part))
        own.append(done["events"] / done["seconds"])
        return own[-1]

    def figure(name: str, bar: float, way: Callable[[Database, Events], None]) -> Figure:
        say(f" {name}")
        reading: list[float] = []

        def work(database: Database) -> None:
            began = time.perf_counter()
            events = _read(part)
            reading.append(time.perf_counter() - began)
            way(database, events)

        def theirs() -> float:
            with fresh(server, var) as database:
                return count / seconds(lambda: work(database))

        ratios = pairs(ours, theirs)
        notes: Notes = {"events": count, "events_a_second": int(own[-1])}
        return Figure(f"ingest / {name}", ratios, bar, notes | {"their_reading_s": round(reading[-1], 1)})

    return [
        figure("SQLAlchemy Core executemany", 2.5, _core),
        figure("dlt merge from Arrow", 2, lambda database, events: _dlt(database, _arrow(events), var)),
        figure("dlt merge from dicts", 10, lambda database, events: _dlt(database, events, var)),
        figure("pandas to_sql", 20, _pandas),
    ]


def _read(landing: Path) -> Events:
    """The events of all files by type, as a few lines of Python read them; each has all names of its type."""
    found: Events = defaultdict(list)
    for path in sorted(landing.rglob("*.jsonl.gz")):
        with gzip.open(path) as lines:
            next(lines)
            for number, line in enumerate(lines, 2):
                row = json.loads(line)
                found[row.pop("type").replace("_", "")].append({"line": number, **row})
    for type_, rows in found.items():
        names = list(dict.fromkeys(name for row in rows for name in row))
        found[type_] = [{name: row.get(name) for name in names} for row in rows]
    return found


def _arrow(events: Events) -> dict[str, pa.Table]:
    return {type_: pa.Table.from_pylist(rows) for type_, rows in events.items()}


def _dlt(database: Database, events: dict[str, Any], var: Path) -> None:
    """A merge by the contract's key, as dlt's documentation has it, with its defaults."""
    working = var / "bench-dlt"
    shutil.rmtree(working, ignore_errors=True)
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    url = database.engine.url.set(drivername="postgresql")
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(working),
        destination=dlt.destinations.postgres(url.render_as_string(hide_password=False)),
        dataset_name="rival",
    )
    pipeline.run(
        [
            dlt.resource(rows, name=type_, write_disposition="merge", primary_key=_KEYS[type_])
            for type_, rows in events.items()
        ]
    )


def _type(values: list[Any]) -> sa.types.TypeEngine[Any]:
    told = next((value for value in values if value is not None), "")
    types: dict[type, sa.types.TypeEngine[Any]] = {bool: sa.Boolean(), int: sa.BigInteger()}
    return types.get(type(told), sa.Text())


def _core(database: Database, events: Events) -> None:
    metadata = sa.MetaData()
    tables = {
        type_: sa.Table(
            f"rival_{type_}",
            metadata,
            *(sa.Column(name, _type([row[name] for row in rows])) for name in rows[0]),
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
