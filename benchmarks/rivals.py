"""Ingest against what a user would otherwise pick, on the same events."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import msgspec
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import sqlalchemy as sa

from benchmarks.databases import fresh
from benchmarks.landings import some_of
from benchmarks.loader import load
from benchmarks.measure import Figure, pairs, say, seconds
from icon_assets.contract.decode import Decoder
from icon_assets.contract.landing import Landing
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
    """Theirs begin with events decoded and checked, and keep neither ledger, quarantine nor current state."""
    part = var / "bench-part"
    shutil.rmtree(part, ignore_errors=True)
    some_of(landing, part, _EVENTS)
    events = _events(part)
    count = sum(map(len, events.values()))
    tables = {type_: pa.Table.from_pylist(rows) for type_, rows in events.items()}
    own: list[float] = []

    def ours() -> float:
        with fresh(server, var) as database:
            done = load(database, str(part))
        own.append(done["events"] / done["seconds"])
        return own[-1]

    def figure(name: str, bar: float, way: Callable[[Database], None]) -> Figure:
        say(f" {name}")

        def theirs() -> float:
            with fresh(server, var) as database:
                return count / seconds(lambda: way(database))

        ratios = pairs(ours, theirs)
        return Figure(f"ingest / {name}", ratios, bar, {"events": count, "events_a_second": int(own[-1])})

    return [
        figure("SQLAlchemy Core executemany", 2.5, lambda database: _core(database, events)),
        figure("dlt merge from Arrow", 2, lambda database: _dlt(database, tables, var)),
        figure("dlt merge from dicts", 10, lambda database: _dlt(database, events, var)),
        figure("pandas to_sql", 20, lambda database: _pandas(database, events)),
    ]


def _events(landing: Path) -> Events:
    found: Events = defaultdict(list)
    zone = Landing(str(landing))
    for file in zone.list():
        with zone.open(file) as batch:
            for chunk in Decoder(batch, datetime.now(UTC)).chunks():
                for line, event in chunk.events:
                    row = {"line": line, **msgspec.structs.asdict(event)}
                    found[type(event).__name__.lower()].append(row)
    return found


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
