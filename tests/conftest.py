"""One throw-away server a session, and a fresh database a test, cloned from a migrated template."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from icon_assets import database as databases
from icon_assets.database import Database
from icon_assets.idb import roles
from icon_assets.server import EmbeddedServer
from tests.databases import TEMPLATE, Clone, drop
from tests.hanging import HangingFileSystem
from tests.loading import Loader
from tests.threats import ThreatTable


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ThreatTable())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server without fsync."""
    server = EmbeddedServer(tmp_path_factory.mktemp("server") / "postgres", durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A database that is up to date and that nobody writes to."""
    passwords = roles.passwords(tmp_path_factory.mktemp("passwords"))
    template = Database({**server.conninfo(), "dbname": TEMPLATE}, passwords)
    databases.set_up(template)
    return template


@pytest.fixture(scope="session")
def made() -> list[Database]:
    """Every database that a test asked for."""
    return []


@pytest.fixture(scope="module", autouse=True)
def idle_connections(made: list[Database]) -> Iterator[None]:
    """Closes them after each module: a session has more databases than the server takes connections."""
    yield
    for database in made:
        database.dispose()


@pytest.fixture(scope="session")
def new_database(template: Database, made: list[Database]) -> Callable[[], Database]:
    """Makes one more database as fresh as the template, with its roles (30 ms; Dagster's is left out)."""
    numbers = itertools.count(1)

    def new() -> Database:
        database = Clone({**template.conninfo, "dbname": f"test_{next(numbers)}"}, template.passwords)
        with template.connect("postgres", autocommit=True) as connection:
            connection.execute(f"create database {database.name} template {TEMPLATE} strategy file_copy")
            connection.execute(f"grant create on database {database.name} to {TEMPLATE}_owner")
        made.append(database)
        return database

    return new


@pytest.fixture
def database(new_database: Callable[[], Database]) -> Iterator[Database]:
    """A fresh database, gone after the test."""
    database = new_database()
    yield database
    drop(database)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """An empty landing zone."""
    path = tmp_path / "landing"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def loader_database(new_database: Callable[[], Database]) -> Database:
    """One database for all tests that only load: to empty it costs a tenth of a fresh one."""
    return new_database()


@pytest.fixture
def load(loader_database: Database, landing: Path) -> Loader:
    """Loads batches into an empty database."""
    loader = Loader(loader_database, landing)
    loader.clear()
    return loader


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingFileSystem]:
    """A storage that stops to answer, and nobody who waits long for it."""
    fsspec.register_implementation("hanging", HangingFileSystem, clobber=True)
    for seconds in ("PIECE_SECONDS", "LISTING_SECONDS"):
        monkeypatch.setattr(f"icon_assets.contract.patience.{seconds}", 0.3)
    HangingFileSystem.answers.clear()
    yield HangingFileSystem()
    HangingFileSystem.answers.set()
    HangingFileSystem.store.clear()
