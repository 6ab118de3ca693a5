"""A durable server of the benchmarks' own, and fresh databases in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from icon_assets import database as databases
from icon_assets.database import Database
from icon_assets.idb import roles
from icon_assets.server import EmbeddedServer

_numbers = itertools.count(1)


@contextmanager
def running_server(var: Path) -> Iterator[EmbeddedServer]:
    """The embedded server as users have it: fsync and synchronous_commit on."""
    server = EmbeddedServer(var / "bench-postgres")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def fresh(server: EmbeddedServer, var: Path) -> Iterator[Database]:
    """A migrated, empty database; dropped afterwards."""
    name = f"bench_{next(_numbers)}"
    database = Database({**server.conninfo(), "dbname": name}, roles.passwords(var))
    databases.set_up(database)
    try:
        yield database
    finally:
        database.engine.dispose()
        with database.connect("postgres", autocommit=True) as connection:
            for made in (name, database.dagster_name):
                connection.execute(f"drop database if exists {made} with (force)")
