"""dbt as the marts asset runs it, against a database of its own, over batches in a landing zone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from icon_assets.contract.landing import Landing
from icon_assets.database import Database
from icon_assets.finalize.close import close_lost
from icon_assets.finalize.days import finalize
from icon_assets.finalize.dirty import dirty_days, ranges
from icon_assets.ingest.deployment import EVERYTHING, Deployment
from icon_assets.ingest.drain import drain
from icon_assets.instance import DBT, DBT_PROJECT, environment
from icon_assets.marts.window import close_window, open_window
from icon_assets.settings import Settings
from tests.databases import Asked
from tests.dbt.simulated import Simulated, build


class Marts(Asked):
    """One database, its landing zone, and dbt over it."""

    def __init__(self, database: Database, landing: Path, var: Path) -> None:
        self.database = database
        self.landing = landing
        self.settings = Settings(var=var, landing_url=str(landing))
        self.is_built = False

    def dbt(self, *arguments: str) -> str:
        """Runs dbt; returns what it printed, fails the test where it failed."""
        done = subprocess.run(
            [DBT, "--no-use-colors", *arguments, "--project-dir", DBT_PROJECT],
            env={**os.environ, **environment(self.settings, self.database)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr
        return done.stdout

    def load(self, files: Sequence[Path] = ()) -> None:
        """Puts files into the landing zone, and loads and finalizes what waits there."""
        for file in files:
            shutil.copy(file, self.landing / f"{file.parent.name}-{file.name}")
        self.drain(self.landing)
        self.finalize()

    def drain(self, folder: Path, deployment: Deployment = EVERYTHING) -> None:
        """Loads what waits in a folder."""
        drain(self.database.loader, Landing(str(folder)), deployment=deployment)

    def finalize(self) -> None:
        """Closes what lost its end, and finalizes the days that wait."""
        close_lost(self.database.finalizer)
        for entity, days in dirty_days(self.database.engine).items():
            for first, last in ranges(days):
                finalize(self.database.finalizer, entity, first, last)

    def build(self, *arguments: str, tested: bool = True) -> None:
        """A marts run: the window opened, everything built (and tested), the window closed.

        Staging and seeds are made by the first run only, as commands make them when the code changes.
        """
        window = open_window(self.database.builder)
        left_out = ["unit_test"] if tested else ["unit_test", "test"]
        of_the_code = ["--exclude", "path:models/staging", "resource_type:seed"] if self.is_built else []
        self.dbt("build", "--exclude-resource-type", *left_out, *of_the_code, *arguments)
        close_window(self.database.builder, window)
        self.is_built = True


@pytest.fixture(scope="session")
def dbt_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests, so that dbt parses the project once."""
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def marts(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory, dbt_var: Path
) -> Marts:
    """An empty database, for the tests of one module in their order."""
    return Marts(new_database(), tmp_path_factory.mktemp("landing"), dbt_var)


@pytest.fixture(scope="session")
def simulated(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory, dbt_var: Path
) -> Simulated:
    """The marts of a simulated contact centre; for reading only."""
    marts = Marts(new_database(), tmp_path_factory.mktemp("landing"), dbt_var)
    return build(marts, tmp_path_factory.mktemp("simulated"))
