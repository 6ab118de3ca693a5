"""The definitions over a real database, with the marts' manifest made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from icon_assets.database import Database
from icon_assets.instance import environment
from icon_assets.marts.dbt_cli import prepare_dbt
from icon_assets.orchestration.jobs import FINALIZE
from icon_assets.orchestration.partitions import range_tags
from icon_assets.settings import Settings

_HERE = Path(__file__).parent
# What Dagster and dbt themselves warn of.
_THEIRS = (
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::dagster_shared.utils.warnings.BetaWarning",
    "ignore::dagster_shared.utils.warnings.SupersessionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            for warning in _THEIRS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def prepared(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, Database]:
    """Settings and database of the session, its manifest, staging views and seeds made; for reading only."""
    var = tmp_path_factory.mktemp("var")
    settings, database = Settings(var=var, landing_url=str(var / "landing")), new_database()
    prepare_dbt(settings, database.builder, environment(settings, database))
    return settings, database


@pytest.fixture
def settings(prepared: tuple[Settings, Database], landing: Path) -> Settings:
    """Settings of a test: the session's manifest, a landing zone of its own."""
    return replace(prepared[0], landing_url=str(landing))


@pytest.fixture
def defs(settings: Settings, database: Database) -> dg.Definitions:
    """All definitions over the test's own database."""
    # Imported here: at collection the warnings of the libraries behind it would be errors.
    from icon_assets.definitions import build_defs

    return build_defs(settings, database=database)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def finalize_two_days(defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the job over 22 and 23 November 2025, or has it fail on them."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    def run(instance: dg.DagsterInstance, *, fails: bool = False) -> None:
        tags = range_tags(date(2025, 11, 22), date(2025, 11, 23))
        with monkeypatch.context() as patched:
            if fails:
                patched.setattr("icon_assets.orchestration.assets.final.finalize", fail)
            done = defs.resolve_job_def(FINALIZE).execute_in_process(
                instance=instance, tags=tags, raise_on_error=False
            )
        assert done.success is not fails

    return run


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with its storage and logs on disk, as the real one, which schedules ask for."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance
