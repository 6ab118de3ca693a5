"""A proxy before the server, a parent of the processes that are killed, and what must come of it all."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from icon_assets.database import Database
from icon_assets.server import EmbeddedServer
from tests.faults import world
from tests.faults.proxy import Moment, Proxy
from tests.faults.work import Worker, finish, load

# Every step takes half an hour on two cores; by default a sample is tried.
EVERY_STEP = bool(os.environ.get("ICON_EVERY_STEP"))


def steps(stride: int) -> Iterator[tuple[int, Moment]]:
    """Steps 1, 2, 3 ..., or one in `stride`; the moment in turns.

    To the server, a client that dies after a step is one that dies before the next.
    """
    stride = 1 if EVERY_STEP else stride
    for turn in itertools.count(1):
        yield turn * stride, list(Moment)[turn % 3]


@pytest.fixture
def proxy(server: EmbeddedServer) -> Iterator[Proxy]:
    conninfo = server.conninfo()
    proxy = Proxy(conninfo["host"], conninfo["port"])
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def through(proxy: Proxy) -> Iterator[Callable[[Database], Database]]:
    """The same database, reached through the proxy."""
    made: list[Database] = []

    def through(database: Database) -> Database:
        made.append(Database({**database.conninfo, **proxy.conninfo}, database.passwords))
        return made[-1]

    yield through
    for database in made:
        database.dispose()


Copy = Callable[[Database], Database]


@pytest.fixture(autouse=True)
def idle(made: list[Database]) -> Iterator[None]:
    """Leaves no connection to the next test: the copies of a module are more than the server lets in."""
    yield
    for database in made:
        database.dispose()


@pytest.fixture(scope="session")
def copy(template: Database, made: list[Database]) -> Copy:
    """Copies a database that nobody is connected to, without its roles (40 ms)."""

    def copy(source: Database) -> Database:
        name = f"fault_{secrets.token_hex(4)}"  # the model's tests have these fixtures once more
        source.dispose()
        with template.connect("postgres", autocommit=True) as connection:
            connection.execute(f"create database {name} template {source.name} strategy file_copy")
        made.append(Database({**template.conninfo, "dbname": name}, template.passwords))
        return made[-1]

    return copy


@dataclass(frozen=True)
class Course:
    """The undisturbed course of things.

    loaded: the state after each batch, the first being empty. late: a database with its first batches
    finalized, and late ones loaded after that. before, after: its state, and that when it is finalized again.
    """

    landing: Path
    loaded: list[world.State]
    late: Database
    before: world.State
    after: world.State


@pytest.fixture(scope="session")
def course(template: Database, copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> Course:
    landing = tmp_path_factory.mktemp("course")
    plain, late = copy(template), copy(template)
    loaded = [world.state(plain.engine)]
    for name, write in world.WRITE.items():
        write(landing)
        load(plain, str(landing))
        load(late, str(landing))
        loaded.append(world.state(plain.engine))
        if name == world.FINISHED_AFTER:
            finish(late, str(landing))
    again = copy(late)
    finish(again, str(landing))
    return Course(landing, loaded, late, world.state(late.engine), world.state(again.engine))
